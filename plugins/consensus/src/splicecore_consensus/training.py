"""Training genes from a reference genome and its annotation."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
from typing import TYPE_CHECKING

import numpy as np
from splicecore.api import GeneCatalog, SiteIndex

from splicecore_consensus.learn import TrainingGene, learn_from_genes
from splicecore_consensus.parameters import FLANK, ConsensusModelParameters, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from splicecore.api import Annotation, Gene, Reference

__all__ = ["AnnotatedGenes", "learn"]

_LOG = logging.getLogger(__name__)


class AnnotatedGenes:
    """Genes of an annotation, read from the reference one at a time, each time they are gone through.

    A gene's sites are those of every gene that overlaps it on its strand: they are sites, whoever's they are.

    Parameters
    ----------
    reference
        The opened genome; it has to stay open.
    annotation
        Its annotation.
    exclude_contigs
        Contigs to leave out, by any of their names; one that the reference lacks is reported and makes no difference.
    """

    def __init__(self, reference: Reference, annotation: Annotation, exclude_contigs: Iterable[str] = ()) -> None:
        self._reference = reference
        bound = annotation.bind(reference.contigs, reference.build, reference_name=str(reference.path))
        excluded = {name: reference.contigs.resolve(name) for name in exclude_contigs}
        absent = sorted(name for name, contig in excluded.items() if contig is None)
        if absent:
            _LOG.warning("%s has no contig %s to exclude", reference.path, ", ".join(absent))
        self._genes = [gene for gene in GeneCatalog(bound).all() if gene.contig not in excluded.values()]
        self._sites = SiteIndex(bound)

    def __len__(self) -> int:
        return len(self._genes)

    def __iter__(self) -> Iterator[TrainingGene]:
        for gene in self._genes:
            yield self._read(gene)

    def _read(self, gene: Gene) -> TrainingGene:
        codes = self._reference.fetch_oriented(gene.contig, gene.start - FLANK, gene.end + FLANK, gene.strand)
        acceptors, donors = (np.flatnonzero(mask) for mask in self._sites.site_masks(gene, scope="strand"))
        return TrainingGene(codes=codes, acceptors=acceptors, donors=donors)


def learn(
    reference: Reference, annotation: Annotation, *, exclude_contigs: Iterable[str] = ()
) -> ConsensusModelParameters:
    """Learn the consensus model from the genes of an annotation.

    Parameters
    ----------
    reference
        The opened genome.
    annotation
        Its annotation, as :func:`splicecore.api.read_annotation` returns it.
    exclude_contigs
        Contigs kept for tests, by any of their names.

    Raises
    ------
    ContigError, AnnotationError
        If annotation and genome do not belong together.
    InputError
        If there are too few splice sites.
    """
    excluded = tuple(sorted(set(exclude_contigs)))
    provenance = Provenance(
        annotation=annotation.path.name,
        annotation_sha256=_sha256(annotation.path),
        reference=reference.path.name,
        build=reference.build.name,
        excluded_contigs=excluded,
        tool=f"splicecore-consensus {importlib.metadata.version('splicecore-consensus')}",
    )
    return learn_from_genes(AnnotatedGenes(reference, annotation, excluded), provenance)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
