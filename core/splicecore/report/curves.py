"""Precision, recall and reliability of a run's scores against its annotation: figures and inline SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splicecore.evaluate.comparison import whole_figures
from splicecore.evaluate.figures import reliability_of
from splicecore.evaluate.pooled import CLASSES
from splicecore.evaluate.ranking import RankedCounts
from splicecore.evaluate.svg import Series, line_plot
from splicecore.report.html_parts import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.evaluate.pooled import Pool
    from splicecore.report.run_folder import Thresholds

__all__ = ["accuracy_section"]

POINTS = 300
_POINT = "call"
_FIGURES = (("average_precision", "AP"), ("top_k", "top-k"), ("expected_calibration_error", "ECE"))
_COUNTS = (("false_positives", "FP"), ("false_negatives", "FN"))
_RATES = (("precision", "precision"), ("recall", "recall"))


def accuracy_section(pools: Mapping[str, Pool], thresholds: tuple[Thresholds, Thresholds]) -> Iterator[str]:
    """Yield the section, part by part.

    Parameters
    ----------
    pools
        Kind of score -> its scores; each kind has a color.
    thresholds
        Of the base model's raw scores, and of the final ones (and the calibrated).
    """
    yield from _tables(pools, thresholds)
    yield (
        '<p class="key">'
        + "".join(f'<span><i class="c{color}"></i>{kind}</span>' for color, kind in enumerate(pools))
        + "</p>"
    )
    yield f'<div class="plots">{"".join(_curves(pools))}</div>'
    yield "<h3>Reliability</h3><p>Positions with a probability of at least 0.01, in bins of equal numbers.</p>"
    yield f'<div class="plots">{"".join(_reliabilities(pools))}</div>'


def _tables(pools: Mapping[str, Pool], thresholds: tuple[Thresholds, Thresholds]) -> Iterator[str]:
    titles = [title for _, title in (*_FIGURES, *_RATES, *_COUNTS)]
    figures = {
        kind: whole_figures(pool, {_POINT: thresholds[0 if kind == "base" else 1]}) for kind, pool in pools.items()
    }
    for k, name in enumerate(CLASSES):
        sites = int(next(iter(pools.values())).sites(name).sum())
        rows = []
        for kind, found in figures.items():
            limit = thresholds[0 if kind == "base" else 1][k]
            cells = [_number(found[name][figure]) for figure, _ in _FIGURES]
            cells += [_number(found[name][f"{figure}@{_POINT}"]) for figure, _ in _RATES]
            cells += [f"{found[name][f'{figure}@{_POINT}']:,.0f}" for figure, _ in _COUNTS]
            rows.append([kind, f"{limit:.4g}", *cells])
        yield table([f"{name}, {sites:,} sites", "called from", *titles], rows)


def _number(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "-"


def _curves(pools: Mapping[str, Pool]) -> Iterator[str]:
    for name in CLASSES:
        series = [
            Series(kind, *_precision_recall(pool, name), color) for color, (kind, pool) in enumerate(pools.items())
        ]
        for low, title in ((0.0, name), (0.8, f"{name}, from 0.8")):
            yield line_plot(title, ("recall", "precision"), series, low=low)


def _precision_recall(pool: Pool, name: str) -> tuple[list[float], list[float]]:
    """Recall and precision at no more than POINTS scores of true sites, from high to low."""
    true, false = RankedCounts.of(pool, name).curve()
    if not len(true):
        return [], []
    chosen = np.unique(np.linspace(0, len(true) - 1, POINTS).round().astype(np.int64))
    return (true / true[-1])[chosen].tolist(), (true / (true + false))[chosen].tolist()


def _reliabilities(pools: Mapping[str, Pool]) -> Iterator[str]:
    for name in CLASSES:
        series = []
        for color, (kind, pool) in enumerate(pools.items()):
            found = reliability_of(pool, name)
            series.append(Series(kind, found.predicted.tolist(), found.observed.tolist(), color, marks=True))
        yield line_plot(f"{name}, reliability", ("mean probability", "share of true sites"), series, diagonal=True)
