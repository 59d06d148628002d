"""Models side by side: figures with bootstrap intervals, and paired differences from one of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.evaluate.bootstrap import bootstrap_weights, overlap_groups, percentile_interval
from splicecore.evaluate.figures import BOTH, FigureArrays, calibration_errors, figure_arrays, reliability_of
from splicecore.evaluate.pooled import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.evaluate.config import OperatingPoint
    from splicecore.evaluate.pooled import Pool

__all__ = ["Comparison", "compare", "nested", "whole_figures"]

LEVEL = 0.95
_COUNTS = ("sites", "true_positives", "false_positives", "false_negatives")
Figures = dict[str, dict[str, float]]
"""Class (or ``"both"``) -> figure -> value."""


@attrs.frozen(eq=False)
class Comparison:
    """Figures of models over all genes.

    Attributes
    ----------
    figures
        Model -> class -> figure -> value.
    replicates
        Model -> class -> figure -> float64, shape (replicates,); empty without a bootstrap.
    groups
        Number of groups of overlapping genes.
    reference
        Model that others are compared with.
    """

    figures: Mapping[str, Figures]
    replicates: Mapping[str, FigureArrays]
    groups: int
    reference: str

    def interval(self, model: str, name: str, figure: str) -> tuple[float, float] | None:
        """95 % interval of a figure, or None without a bootstrap."""
        if not self.replicates:
            return None
        return percentile_interval(self.replicates[model][name][figure], LEVEL)

    def difference(self, model: str, name: str, figure: str) -> dict[str, Any]:
        """Compare a figure with the reference's.

        Returns
        -------
        difference (model minus reference), interval, and share of the replicates in which it is above 0. For average
        precision also ``error_reduction``: by which share of it 1 - AP is lower, with its interval.
        """
        ours, theirs = self.figures[model][name][figure], self.figures[self.reference][name][figure]
        result: dict[str, Any] = {"difference": ours - theirs, "interval": None, "share_above_zero": None}
        with_reduction = figure == "average_precision"
        if with_reduction:
            result |= {"error_reduction": _reduction(ours, theirs), "error_reduction_interval": None}
        if self.replicates:
            drawn = self.replicates[model][name][figure], self.replicates[self.reference][name][figure]
            gap = drawn[0] - drawn[1]
            known = gap[np.isfinite(gap)]
            result["interval"] = percentile_interval(gap, LEVEL)
            result["share_above_zero"] = float(np.mean(known > 0)) if known.size else math.nan
            if with_reduction:
                share = np.full(gap.shape, np.nan)
                np.divide(drawn[0] - drawn[1], 1 - drawn[1], out=share, where=drawn[1] < 1)
                result["error_reduction_interval"] = percentile_interval(share, LEVEL)
        return result


def _reduction(ours: float, theirs: float) -> float:
    return (ours - theirs) / (1 - theirs) if theirs < 1 else math.nan


def compare(
    pools: Mapping[str, Pool], points: Sequence[OperatingPoint], reference: str, *, replicates: int, seed: int
) -> Comparison:
    """Compute all figures, and intervals by drawing groups of overlapping genes with replacement.

    Parameters
    ----------
    pools
        What was kept of each model's scores; of the same genes.
    points
        Thresholds.
    reference
        Model that others are compared with.
    replicates, seed
        Of the bootstrap; 0 replicates for none.
    """
    genes = next(iter(pools.values())).genes
    group = overlap_groups(genes)
    count = int(group.max()) + 1
    figures = {name: whole_figures(pool, _thresholds(points, name)) for name, pool in pools.items()}
    drawn: dict[str, FigureArrays] = {}
    if replicates:
        weights = bootstrap_weights(count, replicates, seed)
        for name, pool in pools.items():
            drawn[name] = figure_arrays(pool, _thresholds(points, name), weights, group)
            for kind, values in calibration_errors(pool, weights, group).items():
                drawn[name][kind]["expected_calibration_error"] = values
    return Comparison(figures, drawn, count, reference)


def _thresholds(points: Sequence[OperatingPoint], model: str) -> dict[str, tuple[float, float]]:
    return {point.name: point.thresholds[model] for point in points}


def whole_figures(
    pool: Pool, points: Mapping[str, tuple[float, float]], genes: np.ndarray[Any, np.dtype[np.bool_]] | None = None
) -> Figures:
    """Compute the figures of a model over some genes (bool, shape (genes,)), by default all.

    Parameters
    ----------
    pool
        What was kept of its scores.
    points
        Name of an operating point -> threshold of acceptors and of donors.
    """
    weights = np.ones((1, len(pool.genes))) if genes is None else genes.astype(np.float64)[None]
    figures = {
        name: {figure: float(values[0]) for figure, values in arrays.items()}
        for name, arrays in figure_arrays(pool, points, weights).items()
    }
    for name in CLASSES:
        error = reliability_of(pool, name, genes).expected_calibration_error
        figures[name]["expected_calibration_error"] = error
    figures[BOTH]["expected_calibration_error"] = sum(figures[n]["expected_calibration_error"] for n in CLASSES) / 2
    return figures


def nested(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``figure@point`` into point -> figure below ``"operating_points"``; counts into integers, NaN into None."""
    result: dict[str, Any] = {}
    for name, value in figures.items():
        figure, _, point = name.partition("@")
        target = result.setdefault("operating_points", {}).setdefault(point, {}) if point else result
        target[figure] = _plain(figure, value)
    return result


def _plain(figure: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain("", item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain("", item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return round(value) if figure in _COUNTS else value
    return value
