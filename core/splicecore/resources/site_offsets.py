"""The zero-offset self-test: a model must score annotated splice sites best at their own base, not beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.evaluate.metrics import OffsetScan, best_offset
from splicecore.genome.encoding import N
from splicecore.genome.genes import Gene
from splicecore.genome.sites import splice_sites
from splicecore.predict.blocks import GeneSequence
from splicecore.predict.task import score_gene

if TYPE_CHECKING:
    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.reference import Reference
    from splicecore.plugins.protocols import BaseModel

__all__ = ["LEAST_SITES", "MAX_OFFSET", "SITE_CLASSES", "SiteOffsets", "scan_site_offsets"]

MAX_OFFSET = 3
LEAST_SITES = 5
SITE_CLASSES: tuple[tuple[str, str], ...] = (("+", "acceptor"), ("+", "donor"), ("-", "acceptor"), ("-", "donor"))
"""Strand and type of the four classes that are tested apart."""

_CHANNELS = {"acceptor": 1, "donor": 2}


@attrs.frozen(kw_only=True)
class SiteOffsets:
    """Mean scores around the annotated sites of one strand and type.

    Attributes
    ----------
    strand, site_type
        Which sites.
    sites
        How many were scored.
    best
        Offset of the highest mean, in transcript orientation; None if there are fewer than ``LEAST_SITES`` sites.
    mean_scores
        Mean score at each offset from -3 to +3; empty without sites.
    """

    strand: str
    site_type: str
    sites: int
    best: int | None
    mean_scores: dict[int, float]

    @property
    def title(self) -> str:
        """Strand and type."""
        return f"{self.strand} {self.site_type}"


def scan_site_offsets(
    model: BaseModel, reference: Reference, annotation: BoundAnnotation, *, sites: int = 25
) -> tuple[SiteOffsets, ...]:
    """Score annotated sites and their neighbors with their real flanks, through the code that ``run`` uses.

    Parameters
    ----------
    model
        The open model.
    reference, annotation
        The genome, and the annotation bound to it.
    sites
        How many sites of each strand and type at most: evenly spaced among all, so the same each time. Sites with an
        unknown base within three bases are left out.

    Returns
    -------
    One item for each of ``SITE_CLASSES``.
    """
    chosen = _sample(annotation, sites)
    return tuple(_scan(model, reference, strand, kind, chosen[strand, kind]) for strand, kind in SITE_CLASSES)


def _sample(annotation: BoundAnnotation, count: int) -> dict[tuple[str, str], list[tuple[str, int]]]:
    table = splice_sites(annotation).group_by(["strand", "site_type", "contig", "position"]).aggregate([])
    columns = (table.column(name).to_pylist() for name in ("strand", "site_type", "contig", "position"))
    classes: dict[tuple[str, str], list[tuple[str, int]]] = {key: [] for key in SITE_CLASSES}
    for strand, kind, contig, position in zip(*columns, strict=True):
        classes[str(strand), str(kind)].append((str(contig), int(str(position))))
    return {key: _spread(sorted(sites), count) for key, sites in classes.items()}


def _spread(sites: list[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    if len(sites) <= count:
        return sites
    return [sites[index] for index in np.linspace(0, len(sites) - 1, count).round().astype(int)]


def _scan(model: BaseModel, reference: Reference, strand: str, kind: str, sites: list[tuple[str, int]]) -> SiteOffsets:
    scan: OffsetScan | None = None
    scored = 0
    for contig, position in sites:
        span = max(0, position - MAX_OFFSET), min(position + MAX_OFFSET + 1, reference.contigs.length(contig))
        around = Gene("site", "site", contig, "-" if strand == "-" else "+", *span, 0)
        sequence = GeneSequence(reference=reference, gene=around, flank="real")
        if (sequence.codes(0, around.length) == N).any():
            continue
        scores = np.concatenate(list(score_gene(model, sequence)))
        found = best_offset(around.to_relative([position]), scores[:, _CHANNELS[kind]], MAX_OFFSET)
        scan = found if scan is None else scan + found
        scored += 1
    if scan is None:
        return SiteOffsets(strand=strand, site_type=kind, sites=0, best=None, mean_scores={})
    means = {int(k): round(float(mean), 4) for k, mean in zip(scan.offsets, scan.means, strict=True)}
    best = scan.best if scored >= LEAST_SITES else None
    return SiteOffsets(strand=strand, site_type=kind, sites=scored, best=best, mean_scores=means)
