"""Which true negatives of a gene are kept, each with the probability with which it was."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import digest

if TYPE_CHECKING:
    from splicecore.assess.config import AssessConfig
    from splicecore.genome.genes import Gene

__all__ = ["FLOOR", "NEAR_SHARE", "NegativeSample", "gene_generator", "negative_budget", "sample_negatives"]

FLOOR = 10
"""True negatives kept of a gene without any TP, FP and FN."""

NEAR_SHARE = 0.8
"""Share of the sample that the mode ``window`` takes from the surroundings of TP, FP and FN."""

_CERTAIN = 1 - 1e-9
_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class NegativeSample:
    """The true negatives that are kept.

    Attributes
    ----------
    position
        int64, shape (k,): rising, a subset of those at hand.
    inclusion_prob
        float64, shape (k,): in (0, 1].
    """

    position: _Ints
    inclusion_prob: _Floats


def negative_budget(config: AssessConfig, *, events: int, available: int) -> int:
    """Return how many of ``available`` true negatives to keep of a gene with ``events`` TP, FP and FN.

    ``ceil(negative_ratio * events)`` in exact decimal arithmetic, ``FLOOR`` where there are no events (but 0 if the
    ratio is 0), never more than there are; all of them in the mode ``"none"``.
    """
    if config.negatives == "none":
        return available
    wanted = math.ceil(Decimal(repr(config.negative_ratio)) * events)
    if events == 0 and config.negative_ratio > 0:
        wanted = FLOOR
    return min(wanted, available)


def gene_generator(seed: int, gene: Gene) -> np.random.Generator:
    """Random numbers that depend on the seed and the gene alone, not on the order of genes, workers or shards."""
    key = digest([seed, gene.contig, gene.start, gene.end, gene.strand, gene.gene_id])
    return np.random.Generator(np.random.PCG64(int(key, 16)))


def sample_negatives(
    available: _Ints,
    events: _Ints,
    config: AssessConfig,
    generator: np.random.Generator,
    *,
    n_events: int | None = None,
) -> NegativeSample:
    """Draw a sample of fixed size without replacement; each position's inclusion probability is exact.

    With ``n`` of :func:`negative_budget`, ``N`` at hand and ``d`` the distance to the nearest event in bases:

    - ``"random"``: simple random sampling, probability n / N.
    - ``"proximity"``: in proportion to the size ``1 / (1 + d / max(negative_window, 1))``.
    - ``"window"``: ``NEAR_SHARE`` of the sample (up to rounding) from the positions with ``d <= negative_window``, the
      rest from the others; all alike where that would make the near ones rarer.
    - ``"none"``: all, probability 1.

    In proportion to size means ``n * size / sum(size)``; a position for which that reaches 1 is kept for certain and
    the others share what is left. The draw is systematic in random order (Madow, Ann. Math. Stat. 1949; Hartley and
    Rao, Ann. Math. Stat. 1962). No probability is 0, so the inverse of a row's probability weights it rightly.

    Parameters
    ----------
    available
        int64, shape (N,): positions of the true negatives, rising.
    events
        int64, any order: positions of TP, FP and FN, in the same coordinates.
    config
        Mode, ratio and window.
    generator
        See :func:`gene_generator`.
    n_events
        Number of TP, FP and FN for the budget, where several share a position; None: ``len(events)``.
    """
    count = len(events) if n_events is None else n_events
    budget = negative_budget(config, events=count, available=len(available))
    if budget == len(available):
        sample = NegativeSample(available, np.ones(len(available)))
    elif budget == 0:
        sample = NegativeSample(available[:0], np.empty(0))
    elif config.negatives == "random" or len(events) == 0:
        rows = np.sort(generator.choice(len(available), budget, replace=False, shuffle=False))
        sample = NegativeSample(available[rows], np.full(budget, budget / len(available)))
    else:
        distance = _distance(available, np.sort(events))
        near = distance <= config.negative_window
        if config.negatives == "proximity":
            sizes = 1 / (1 + distance / max(config.negative_window, 1))
        else:
            sizes = _window_sizes(near)
        rows, probability = _proportional(sizes, near, budget, generator)
        sample = NegativeSample(available[rows], probability)
    assert len(sample.position) == budget
    return sample


def _distance(positions: _Ints, events: _Ints) -> _Ints:
    """Distance of each position to the nearest event; both rising, at least one event."""
    after = np.searchsorted(events, positions)
    left = positions - events[np.maximum(after - 1, 0)]
    right = events[np.minimum(after, len(events) - 1)] - positions
    nearest: _Ints = np.minimum(np.abs(left), np.abs(right))
    return nearest


def _window_sizes(near: npt.NDArray[np.bool_]) -> _Floats:
    count = int(np.count_nonzero(near))
    far = len(near) - count
    if count == 0 or far == 0 or NEAR_SHARE / count <= (1 - NEAR_SHARE) / far:
        return np.ones(len(near))
    return np.where(near, NEAR_SHARE / count, (1 - NEAR_SHARE) / far)


def _proportional(
    sizes: _Floats, near: npt.NDArray[np.bool_], budget: int, generator: np.random.Generator
) -> tuple[_Ints, _Floats]:
    """Rows (rising) and inclusion probabilities of a sample of ``budget`` rows in proportion to size."""
    certain = np.zeros(len(sizes), dtype=np.bool_)
    left = budget
    while left:
        total = float(sizes[~certain].sum())
        reached = ~certain & (sizes * left >= _CERTAIN * total)
        if not reached.any():
            break
        certain |= reached
        left = budget - int(np.count_nonzero(certain))
    others = np.flatnonzero(~certain)
    chosen, probability = _systematic(others, sizes, near, left, generator)
    rows = np.concatenate([np.flatnonzero(certain), chosen])
    probability = np.concatenate([np.ones(len(rows) - len(chosen)), probability])
    order = np.argsort(rows)
    return rows[order], probability[order]


def _systematic(
    rows: _Ints, sizes: _Floats, near: npt.NDArray[np.bool_], count: int, generator: np.random.Generator
) -> tuple[_Ints, _Floats]:
    """Systematic sample of rows in random order, near ones first: equal steps along the cumulated sizes.

    The cumulated probabilities are rounded to a grid of whole numbers, on which start and steps lie too: a row's
    probability is the number of its grid points by those of a step, exactly.
    """
    if count == 0:
        return rows[:0], np.empty(0)
    order = generator.permutation(rows)
    order = np.concatenate([order[near[order]], order[~near[order]]])
    step = 1 << min(48, 62 - count.bit_length())
    cumulated = np.cumsum(sizes[order])
    ends = np.rint(cumulated * (count / cumulated[-1]) * step).astype(np.int64)
    ends[-1] = count * step
    points = np.arange(count, dtype=np.int64) * step + generator.integers(step)
    chosen = np.searchsorted(ends, points, side="right")
    starts = np.where(chosen > 0, ends[chosen - 1], 0)
    return order[chosen], (ends[chosen] - starts) / step
