"""One gene's scores against its annotation: labeled positions, errors, measures. A pure function of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import pyarrow as pa

from splicecore.assess.labels import label_class
from splicecore.assess.negatives import gene_generator, sample_negatives
from splicecore.assess.performance import performance_rows
from splicecore.assess.positions import GeneNames, error_rows, position_rows
from splicecore.assess.schemas import PERFORMANCE
from splicecore.assess.sites import own_sites
from splicecore.errors import InputError
from splicecore.genome.sites import ACCEPTOR, DONOR

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore.assess.config import AssessConfig
    from splicecore.assess.labels import ClassLabels
    from splicecore.assess.sites import OwnSites
    from splicecore.genome.genes import Gene
    from splicecore.genome.sites import SiteIndex
    from splicecore.predict.blocks import Block

__all__ = ["GeneAssessment", "assess_gene"]

_CHANNELS = {"acceptor": ACCEPTOR, "donor": DONOR}


@attrs.frozen(eq=False, kw_only=True)
class GeneAssessment:
    """What :func:`assess_gene` finds.

    Attributes
    ----------
    positions, errors, performance
        Tables of the schemas of :mod:`splicecore.assess.schemas`.
    counts
        Of the gene: positions, sites, tp, fp, fn, tn (before sampling), overlap_sites, overlap_calls (all as in the
        row "both" of ``performance``), negatives_kept (TN rows), unlabeled (positions that are neither a true negative
        nor at a TP, FP or FN: beside sites, and around those of other genes).
    """

    positions: pa.Table
    errors: pa.Table
    performance: pa.Table
    counts: dict[str, int]


def assess_gene(
    block: Block,
    sites: SiteIndex,
    gene_sites: pa.Table,
    config: AssessConfig,
    *,
    gene_biotype: str | None = None,
) -> GeneAssessment:
    """Label the positions of a gene by its annotated sites and the calls of the first base model of the block.

    Parameters
    ----------
    block
        The gene and its scores.
    sites
        Sites of all genes: those of others on the strand excuse calls.
    gene_sites
        The gene's own sites and their transcripts, of the schema :data:`~splicecore.assess.sites.GENE_SITES`; no rows
        if it has none.
    config
        Threshold, windows, sampling.
    gene_biotype
        As in the annotation.

    Raises
    ------
    InputError
        If the scores are not of the gene's length or a site lies outside the gene.
    """
    gene = block.gene
    scores = _primary_scores(block)
    own = own_sites(gene, gene_sites)
    labels = _labels(gene, scores, sites, own, config)
    available = np.flatnonzero(~(labels["acceptor"].settled | labels["donor"].settled))
    events = np.unique(
        np.concatenate([part for found in labels.values() for part in (found.sites, found.false_positives)])
    )
    n_events = sum(len(found.sites) + len(found.false_positives) for found in labels.values())
    kept = sample_negatives(available, events, config, gene_generator(config.seed, gene), n_events=n_events)
    names = GeneNames(
        build=block.build,
        contig=gene.contig,
        strand=gene.strand,
        gene_id=gene.gene_id,
        gene_name=gene.gene_name,
        gene_biotype=gene_biotype,
    )
    positions = position_rows(gene, names, scores, labels, own=own, negatives=kept, window=config.consensus_window)
    tracks = {name: scores[:, channel] for name, channel in _CHANNELS.items()}
    rows = performance_rows(labels, tracks, threshold=config.threshold, negatives=len(available))
    total = rows[-1]
    counts = {name: value for name, value in total.items() if isinstance(value, int)}
    counts["negatives_kept"] = len(kept.position)
    counts["unlabeled"] = gene.length - len(available) - len(events)
    return GeneAssessment(
        positions=positions,
        errors=error_rows(positions, gene, window=config.error_window),
        performance=pa.Table.from_pylist([attrs.asdict(names) | row for row in rows], schema=PERFORMANCE),
        counts=counts,
    )


def _primary_scores(block: Block) -> npt.NDArray[np.float32]:
    """Scores of the block's first model."""
    scores = next(iter(block.scores.values()), None)
    if scores is None or scores.ndim != 2 or scores.shape[0] != block.gene.length or scores.shape[1] < 3:
        found = "none" if scores is None else f"of shape {scores.shape}"
        raise InputError(f"gene {block.gene.gene_id} has {block.gene.length} positions, but its scores are {found}")
    return scores


def _labels(
    gene: Gene, scores: npt.NDArray[np.float32], sites: SiteIndex, own: OwnSites, config: AssessConfig
) -> dict[str, ClassLabels]:
    """Labels by class. Sites of other genes count up to a window beyond the gene's ends."""
    window = config.consensus_window
    around = attrs.evolve(gene, start=gene.start - window, end=gene.end + window)
    strand = dict(zip(_CHANNELS, sites.site_masks(around, scope="strand"), strict=True))
    return {
        name: label_class(
            np.ascontiguousarray(scores[:, channel]),
            own.rel_position[own.channel == channel],
            np.flatnonzero(strand[name]) - window,
            threshold=config.threshold,
            window=window,
        )
        for name, channel in _CHANNELS.items()
    }
