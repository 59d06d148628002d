"""Do annotation and genome belong together? The dinucleotides beside annotated splice sites tell.

Annotations of two builds have the same contig names, and most of their genes end before the other build's contigs do.
At wrong coordinates GT follows one position in sixteen; at right ones it follows 98-99 % of the donors.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers
from splicecore.genome.sites import motifs, splice_sites

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    import pyarrow as pa

    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.reference import Reference

__all__ = ["MotifShare", "check_motifs", "sample_motifs"]

_LOG = logging.getLogger(__name__)
_MOTIFS = {"donor": ("GT", "GC"), "acceptor": ("AG",)}
_SITES = 2_000
_GENES = 2_000
_ENOUGH = 20
_LOWEST = 0.7


@attrs.frozen
class MotifShare:
    """How many of some splice sites have the motif of their type (GT or GC after donors, AG before acceptors).

    Attributes
    ----------
    known
        Sites whose two bases are not N.
    matching
        Those of them with the motif.
    """

    known: int
    matching: int

    @property
    def share(self) -> float:
        """Matching among the known; NaN if none is known."""
        return self.matching / self.known if self.known else float("nan")

    @property
    def informative(self) -> bool:
        """Whether there are enough known sites to judge by (20)."""
        return self.known >= _ENOUGH

    @property
    def plausible(self) -> bool:
        """Whether the share is one of right coordinates (70 %; it is over 95 % in every well-made annotation)."""
        return self.share >= _LOWEST


def sample_motifs(reference: Reference, annotation: BoundAnnotation, genes: Iterable[int] | None = None) -> MotifShare:
    """Look at the motifs of up to 2,000 annotated splice sites of up to 2,000 genes, spread evenly.

    Parameters
    ----------
    reference
        The genome.
    annotation
        Bound to it.
    genes
        Rows of ``annotation.genes``; None for all. The same genes give the same sample.
    """
    rows = np.arange(len(annotation.genes)) if genes is None else np.unique(np.fromiter(genes, dtype=np.int64))
    sites = _unique(splice_sites(annotation.only(_spread(rows, _GENES))))
    known = matching = 0
    for row in motifs(reference, sites.take(_spread(np.arange(len(sites)), _SITES))).to_pylist():
        if "N" not in row["motif"]:
            known += row["count"]
            matching += row["count"] if row["motif"] in _MOTIFS[row["site_type"]] else 0
    return MotifShare(known, matching)


def check_motifs(reference: Reference, annotation: BoundAnnotation, genes: Iterable[int] | None = None) -> None:
    """Refuse an annotation whose splice sites are not splice sites in the genome.

    Some genes may look wrong by themselves, as pseudogenes do; so the whole annotation is looked at before it is
    refused, and also where the chosen genes have fewer than 20 sites in known sequence. Where the whole annotation has
    fewer, nothing can be said.

    Parameters
    ----------
    reference
        The genome.
    annotation
        Bound to it.
    genes
        Rows of ``annotation.genes`` that are about to be used; None for all.

    Raises
    ------
    AnnotationError
        If fewer than 70 % of the sampled sites have GT or GC (donors) or AG (acceptors).
    """
    chosen = sample_motifs(reference, annotation, genes)
    if chosen.informative and chosen.plausible:
        return
    found = chosen if genes is None else sample_motifs(reference, annotation)
    if found.informative and found.plausible:
        if chosen.informative:
            _LOG.warning(
                "only %.0f %% of %d splice sites of the chosen genes have GT, GC or AG beside them, but %.0f %% of the "
                "whole annotation's: are they pseudogenes?",
                100 * chosen.share,
                chosen.known,
                100 * found.share,
            )
        return
    worst = found if found.informative else chosen
    if worst.informative:
        raise AnnotationError(
            f"{annotation.path} and {annotation.reference_name} do not belong together: of {worst.known:,} sampled "
            f"splice sites only {100 * worst.share:.0f} % have GT or GC (donors) or AG (acceptors) beside them, "
            "and more than 95 % should",
            hint="is the annotation of another build than the genome, or are its coordinates shifted?",
        )
    _LOG.info("too few splice sites in known sequence to tell whether annotation and genome belong together")


def _spread(values: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Take up to ``count`` of the values, evenly spread."""
    if len(values) <= count:
        return values
    return values[np.linspace(0, len(values) - 1, count).astype(np.int64)]


def _unique(sites: pa.Table) -> pa.Table:
    """Sites, each once, by position on each contig, strand and type."""
    contig = pc.dictionary_encode(sites.column("contig").combine_chunks()).indices.to_numpy().astype(np.int64)
    flags = [
        pc.equal(sites.column(name), value).to_numpy() for name, value in (("strand", "-"), ("site_type", "donor"))
    ]
    keys = (contig * 4 + flags[0] * 2 + flags[1]) << 40 | numbers(sites, "position")
    return sites.take(np.unique(keys, return_index=True)[1])
