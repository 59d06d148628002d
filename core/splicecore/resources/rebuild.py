"""Make a bound annotation of the feature tables again, without its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.genome.annotation import BoundAnnotation
from splicecore.genome.gene_models import EXONS, GENES, TRANSCRIPTS

if TYPE_CHECKING:
    import pyarrow as pa

    from splicecore.resources.resource_set import ResourceSet

__all__ = ["rebuild_annotation"]


def rebuild_annotation(resources: ResourceSet) -> BoundAnnotation:
    """Return what reading and binding the annotation gave when the resources were derived.

    Raises
    ------
    ResourceNotFoundError
        If gene_features, transcript_features or exon_features were not derived.
    ChecksumError
        If one of their files is damaged.
    """
    return BoundAnnotation(
        path=resources.annotation_path,
        format=resources.manifest.annotation_format,
        genes=_table(resources, "gene_features", GENES),
        transcripts=_table(resources, "transcript_features", TRANSCRIPTS),
        exons=_table(resources, "exon_features", EXONS),
        reference_contigs=resources.contigs,
        build=resources.build,
        unmatched=dict(resources.manifest.unmatched),
        unmatched_genes=_table(resources, "unmatched_genes", GENES),
        reference_name=str(resources.fasta),
    )


def _table(resources: ResourceSet, kind: str, schema: pa.Schema) -> pa.Table:
    return resources.table(kind, schema.names).cast(schema)
