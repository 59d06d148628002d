"""The set ``structural``: aggregates of the gene that a position belongs to, and the position's place in it.

Every value but the position's own is the same for all positions of a gene: nothing depends on the exons near a
position, or on the transcript that a known site was found in. All the same they come from the annotation, as the label
does: the set is marked ``near_label``.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from splicecore.errors import ResourceError
from splicecore.features.columns import Column, column_batch, column_schema
from splicecore.features.configs import StructuralConfig
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from splicecore.features.gene_record import GeneRecord
    from splicecore.genome.genes import Gene
    from splicecore.predict.blocks import Block

__all__ = ["GENE_TYPES", "UNKNOWN_CHROMOSOME", "Structural", "chromosome_code", "gene_type_code", "schema"]

UNKNOWN_CHROMOSOME = 100
_OTHER_GENE_TYPE = 99
_SEX_AND_MITOCHONDRION = {"chrX": 23, "chrY": 24, "chrM": 25}
_AUTOSOME = re.compile(r"chr([1-9]|1\d|2[0-2])")

GENE_TYPES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: ("protein_coding",),
        2: ("lncRNA", "lincRNA", "antisense", "sense_intronic", "sense_overlapping", "processed_transcript", "lnc_RNA"),
        3: ("miRNA",),
        4: ("snRNA",),
        5: ("snoRNA", "scaRNA"),
        6: ("rRNA", "Mt_rRNA"),
        7: ("tRNA", "Mt_tRNA"),
        8: ("misc_RNA", "ncRNA", "vault_RNA", "Y_RNA"),
    }
)
"""Codes of gene types. Beside them: 9 any ``*pseudogene``, 10 segments of immunoglobulin and T-cell receptor genes
(``IG_*``, ``TR_*``), 99 any other; null where the annotation gives none."""

_TYPE_CODES = {name: code for code, names in GENE_TYPES.items() for name in names}

_I8, _I16, _I32, _I64, _F = pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32()
_ANY = "0 or more"
_COLUMNS = (
    Column("gene_start", _I64, "first base of the gene, 0-based", "position", _ANY),
    Column("gene_end", _I64, "end of the gene, exclusive", "position", "1 or more"),
    Column("gene_length", _I32, "gene_end - gene_start", "bases", "1 or more"),
    Column("tx_start", _I64, "start of the span of the gene's transcripts, which is gene_start", "position", _ANY),
    Column("tx_end", _I64, "end of the span of the gene's transcripts, which is gene_end", "position", "1 or more"),
    Column("transcript_length", _I32, "tx_end - tx_start", "bases", "1 or more"),
    Column("num_exons", _I32, "different exons of all transcripts", "count", _ANY),
    Column("avg_exon_length", _F, "mean length of the different exons", "bases", "1 or more", nullable=True),
    Column("median_exon_length", _F, "median length of the different exons", "bases", "1 or more", nullable=True),
    Column("total_exon_length", _I32, "bases in an exon of any transcript", "bases", _ANY),
    Column("total_intron_length", _I32, "bases from the first exon to the last in no exon", "bases", _ANY),
    Column("n_splice_sites", _I32, "different splice sites (position and type) of the gene", "count", _ANY),
    Column("num_overlaps", _I32, "genes of either strand that overlap the gene", "count", _ANY),
    Column("chrom", _I16, "1 to 22, X 23, Y 24, M 25, others 100", "code", "1 to 100", near_label=False),
    Column("strand_sign", _I8, "+1 or -1", "sign", "-1 or 1", near_label=False),
    Column("num_transcripts", _I32, "transcripts of the gene", "count", "1 or more"),
    Column("gene_type", _I8, "code of the gene's biotype", "code", "1 to 99", nullable=True),
    Column("absolute_position", _I64, "genomic position, 0-based", "position", _ANY, near_label=False),
    Column("distance_to_start", _I32, "bases from the gene's 5' end", "bases", _ANY),
    Column("distance_to_end", _I32, "bases to the gene's 3' end", "bases", _ANY),
)
_BY_NAME = {column.name: column for column in _COLUMNS}


def chromosome_code(contig: str) -> int:
    """Return 1 to 22, 23 for X, 24 for Y, 25 for the mitochondrion, 100 for any other contig; by any of its names."""
    name = canonical_name(contig)
    match = _AUTOSOME.fullmatch(name)
    return int(match[1]) if match else _SEX_AND_MITOCHONDRION.get(name, UNKNOWN_CHROMOSOME)


def gene_type_code(biotype: str | None) -> int | None:
    """Code of a biotype, see :data:`GENE_TYPES`; None for None."""
    if biotype is None:
        return None
    if biotype in _TYPE_CODES:
        return _TYPE_CODES[biotype]
    if biotype.endswith("pseudogene"):
        return 9
    return 10 if biotype.startswith(("IG_", "TR_")) else _OTHER_GENE_TYPE


def schema(config: StructuralConfig) -> pa.Schema:
    """Columns of the set: what the config names, in its order."""
    return column_schema(_BY_NAME[name] for name in config.columns)


class Structural:
    """Repeat what is known of the gene for each position; ``resources["gene_features"]`` is its GeneRecord."""

    reach = 0

    def __init__(self, config: StructuralConfig | None = None) -> None:
        self.config = StructuralConfig() if config is None else config
        self._schema = schema(self.config)

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:
        """See :meth:`splicecore.api.FeatureSet.compute`.

        Raises
        ------
        ResourceError
            If the record is another gene's, or the gene lies elsewhere in it.
        """
        record: GeneRecord = resources["gene_features"]
        gene = block.gene
        if not record.describes(gene):
            raise ResourceError(
                f"the gene features given for {_place(gene)} are those of {_place(record)}",
                hint="derive the genomic resources from the annotation that is in use",
            )
        of_position = {
            "absolute_position": gene.to_genomic(index),
            "distance_to_start": index,
            "distance_to_end": gene.length - 1 - index,
        }
        of_gene = _of_gene(record)
        columns = {
            name: of_position[name] if name in of_position else _repeat(of_gene[name], len(index), _BY_NAME[name])
            for name in self.config.columns
        }
        return column_batch(self._schema, columns)


def _place(gene: Gene | GeneRecord) -> str:
    return f"{gene.gene_id} ({gene.contig}:{gene.start + 1:,}-{gene.end:,}, {gene.strand})"


def _of_gene(record: GeneRecord) -> dict[str, float | None]:
    """Columns that are the same for all positions of a gene."""
    same = (
        "gene_length",
        "num_exons",
        "avg_exon_length",
        "median_exon_length",
        "total_exon_length",
        "total_intron_length",
        "n_splice_sites",
        "num_overlaps",
        "num_transcripts",
    )
    return {name: getattr(record, name) for name in same} | {
        "gene_start": record.start,
        "gene_end": record.end,
        "tx_start": record.start,
        "tx_end": record.end,
        "transcript_length": record.gene_length,
        "chrom": chromosome_code(record.contig),
        "strand_sign": 1 if record.strand == "+" else -1,
        "gene_type": gene_type_code(record.gene_biotype),
    }


def _repeat(value: float | None, count: int, column: Column) -> pa.Array[Any]:
    repeat: Any = pa.repeat
    repeated: pa.Array[Any] = repeat(pa.scalar(value, type=column.dtype), count)
    return repeated
