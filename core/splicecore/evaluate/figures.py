"""All figures of one model for many weightings of genes: the whole, chromosomes, strands, bootstrap replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from splicecore.evaluate.calibration_curve import Reliability, reliability_table
from splicecore.evaluate.pooled import CLASSES
from splicecore.evaluate.ranking import RankedCounts, rank_figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.evaluate.pooled import Pool

__all__ = ["BOTH", "FigureArrays", "calibration_errors", "figure_arrays", "reliability_of"]

BOTH = "both"
"""The two classes together: means of ranking figures and calibration errors, sums of counts, joint losses."""

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
FigureArrays = dict[str, dict[str, _Floats]]
"""Class (or ``"both"``) -> figure -> float64, shape (weightings,). Figures at a threshold are called figure@point."""

_RANKING = ("average_precision", "auroc", "top_k", "average_precision_error", "auroc_error")
_COUNTS = ("true_positives", "false_positives", "false_negatives")


def figure_arrays(
    pool: Pool, points: Mapping[str, tuple[float, float]], weights: _Floats, group: _Ints | None = None
) -> FigureArrays:
    """Compute everything but the calibration error.

    Parameters
    ----------
    pool
        What was kept of the model's scores.
    points
        Name of an operating point -> threshold of acceptors and of donors.
    weights
        float64, shape (weightings, groups): how often each group counts.
    group
        int64, shape (genes,): each gene's group; None for each gene its own.
    """
    group = np.arange(len(pool.genes)) if group is None else group
    positions = weights @ _by_group(pool.positions, group)
    result: FigureArrays = {}
    for k, name in enumerate(CLASSES):
        ranked = rank_figures(RankedCounts.of(pool, name, group), weights)
        figures = {figure: getattr(ranked, figure) for figure in _RANKING}
        sites = pool.sites(name)
        figures["sites"] = weights @ _by_group(sites, group)
        figures["log_loss"] = _ratio(weights @ _by_group(pool.log_loss[:, k + 1], group), positions)
        figures["brier"] = _ratio(weights @ _by_group(pool.brier[:, k + 1], group), positions)
        for point, thresholds in points.items():
            true, false = pool.calls(name, thresholds[k])
            counts = [weights @ _by_group(count, group) for count in (true, false, sites - true)]
            figures |= _at_point(point, *counts)
        result[name] = figures
    result[BOTH] = _both(result, points)
    result[BOTH]["log_loss"] = _ratio(weights @ _by_group(pool.log_loss[:, 0], group), positions)
    result[BOTH]["brier"] = _ratio(weights @ _by_group(pool.brier[:, 0], group), positions)
    return result


def _at_point(point: str, true: _Floats, false: _Floats, missed: _Floats) -> dict[str, _Floats]:
    figures = {
        "true_positives": true,
        "false_positives": false,
        "false_negatives": missed,
        "precision": _ratio(true, true + false),
        "recall": _ratio(true, true + missed),
        "f1": _ratio(2 * true, 2 * true + false + missed),
    }
    return {f"{figure}@{point}": values for figure, values in figures.items()}


def _both(classes: FigureArrays, points: Mapping[str, tuple[float, float]]) -> dict[str, _Floats]:
    acceptor, donor = (classes[name] for name in CLASSES)
    figures = {figure: (acceptor[figure] + donor[figure]) / 2 for figure in _RANKING}
    figures["sites"] = acceptor["sites"] + donor["sites"]
    for point in points:
        counts = [acceptor[f"{count}@{point}"] + donor[f"{count}@{point}"] for count in _COUNTS]
        figures |= _at_point(point, *counts)
    return figures


def reliability_of(pool: Pool, name: str, genes: npt.NDArray[np.bool_] | None = None) -> Reliability:
    """Return the reliability table of a class over some genes (bool, shape (genes,); None for all)."""
    kept = pool.classes[name]
    sites, others = kept.sites, kept.others
    if genes is not None:
        sites, others = sites[genes[kept.site_gene]], others[genes[kept.other_gene]]
    labels = np.repeat([True, False], [len(sites), len(others)])
    return reliability_table(labels, np.concatenate([sites, others]))


def calibration_errors(pool: Pool, weights: _Floats, group: _Ints) -> dict[str, _Floats]:
    """Compute expected calibration errors of weightings in the bins of the whole; class -> float64, (weightings,)."""
    result = {}
    n_groups = weights.shape[1]
    for name in CLASSES:
        table, kept = reliability_of(pool, name), pool.classes[name]
        n_bins = len(table.high)
        total, gap = np.zeros((2, n_groups, n_bins))
        for scores, owner, label in ((kept.sites, kept.site_gene, 1.0), (kept.others, kept.other_gene, 0.0)):
            chosen = scores >= (table.low[0] if n_bins else np.inf)
            place = np.searchsorted(table.high, scores[chosen].astype(np.float64), side="left")
            cell = group[owner[chosen]] * n_bins + place
            size = n_groups * n_bins
            total += np.bincount(cell, minlength=size).reshape(total.shape)
            gap += np.bincount(cell, weights=scores[chosen] - label, minlength=size).reshape(gap.shape)
        result[name] = _ratio(np.abs(weights @ gap).sum(axis=1), (weights @ total).sum(axis=1))
    result[BOTH] = (result[CLASSES[0]] + result[CLASSES[1]]) / 2
    return result


def _by_group(values: npt.NDArray[np.int64] | _Floats, group: _Ints) -> _Floats:
    return np.bincount(group, weights=values).astype(np.float64)


def _ratio(part: _Floats, whole: _Floats) -> _Floats:
    ratio: _Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio
