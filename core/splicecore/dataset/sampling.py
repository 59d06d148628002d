"""Which rows of a gene stay: all but easy true negatives, and of those a random share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import digest
from splicecore.assess.config import AssessConfig
from splicecore.assess.negatives import negative_budget

if TYPE_CHECKING:
    from splicecore.dataset.config import SamplingConfig
    from splicecore.genome.genes import Gene

__all__ = ["RowSample", "gene_generator", "sample_rows"]

_Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class RowSample:
    """The rows that stay.

    Attributes
    ----------
    rows
        int64, shape (k,): numbers of the rows, rising.
    inclusion_prob
        float64, shape (k,): probability with which each was kept, in (0, 1].
    """

    rows: _Ints
    inclusion_prob: npt.NDArray[np.float64]


def gene_generator(seed: int, gene: Gene) -> np.random.Generator:
    """Random numbers that depend on the seed and the gene alone, and on nothing that other samples are drawn with."""
    key = digest(["dataset rows", seed, gene.contig, gene.start, gene.end, gene.strand, gene.gene_id])
    return np.random.Generator(np.random.PCG64(int(key, 16)))


def sample_rows(
    rel_position: _Ints,
    negative: npt.NDArray[np.bool_],
    highest: npt.NDArray[np.float32],
    config: SamplingConfig,
    generator: np.random.Generator,
) -> RowSample:
    """Choose the rows of one gene that stay.

    Every TP, FP and FN stays, every true negative with a donor or acceptor score of ``hard_prob`` or more, and every
    true negative within ``window`` bases of a TP, FP or FN. Of the n others, the easy ones, a simple random sample of
    ``min(n, ceil(easy_ratio * m))`` stays, where m is the number of TP, FP and FN; for a gene without any of these it
    is :data:`~splicecore.assess.negatives.FLOOR` (0 if ``easy_ratio`` is 0). So no row has a probability of 0, and the
    inverse of a row's probability weights it rightly.

    Parameters
    ----------
    rel_position
        int64, shape (n,): rising.
    negative
        bool, shape (n,): true negatives.
    highest
        float32, shape (n,): the higher of donor and acceptor score.
    config
        Settings.
    generator
        See :func:`gene_generator`.
    """
    events = rel_position[~negative]
    hard = highest >= np.float32(config.hard_prob)
    easy = np.flatnonzero(negative & ~hard & ~_near(rel_position, events, config.window))
    wanted = AssessConfig(negative_ratio=config.easy_ratio)
    budget = negative_budget(wanted, events=len(events), available=len(easy))
    probability = np.ones(len(rel_position))
    kept = np.ones(len(rel_position), dtype=np.bool_)
    if budget < len(easy):
        kept[easy] = False
        kept[generator.choice(easy, budget, replace=False, shuffle=False)] = True
        probability[easy] = budget / len(easy)
    rows = np.flatnonzero(kept)
    return RowSample(rows, probability[rows])


def _near(positions: _Ints, events: _Ints, window: int) -> npt.NDArray[np.bool_]:
    """Whether each position is within ``window`` bases of an event; both rising."""
    first = np.searchsorted(events, positions - window, side="left")
    behind = np.searchsorted(events, positions + window, side="right")
    return np.asarray(behind > first)
