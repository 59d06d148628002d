"""Figures and tables of `meta_model.py`: models side by side with intervals, each at thresholds of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from splicecore.evaluate.bootstrap import bootstrap_weights, overlap_groups, percentile_interval
from splicecore.evaluate.comparison import compare, nested
from splicecore.evaluate.config import OperatingPoint
from splicecore.evaluate.pooled import CLASSES
from splicecore.training.pool_files import join_pools
from splicecore.training.position_scores import MEAN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.evaluate.pooled import Pool

__all__ = ["figures", "markdown"]

HALF = "0.5"
COUNTS = ("false_positives", "false_negatives")
Part = tuple[dict[str, "Pool"], dict[str, dict[str, tuple[float, float]]]]
"""Model -> its pool, and point -> model -> the thresholds that were chosen for these genes."""


def figures(parts: list[Part], replicates: int, seed: int) -> dict[str, Any]:
    """Figures of all models, and differences from base models and their mean; parts have their own thresholds."""
    names = list(parts[0][0])
    pools = {name: join_pools([part[name] for part, _ in parts]) for name in names}
    bases = [name for name in pools if not name.startswith("meta(")]
    comparison = compare(
        pools, [OperatingPoint(HALF, dict.fromkeys(names, (0.5, 0.5)))], bases[0], replicates=replicates, seed=seed
    )
    first = next(iter(pools.values()))
    better = max(
        (name for name in bases if name != MEAN),
        key=lambda name: comparison.figures[name]["both"]["average_precision"],
    )
    result: dict[str, Any] = {
        "genes": len(first.genes),
        "positions": int(first.positions.sum()),
        "sites": {kind: int(first.sites(kind).sum()) for kind in first.classes},
        "thresholds": [limits for _, limits in parts],
        "better_base": better,
        "models": {
            name: {kind: nested(values) for kind, values in kinds.items()} for name, kinds in comparison.figures.items()
        },
        "intervals": {
            name: {
                kind: nested({figure: list(comparison.interval(name, kind, figure) or ()) for figure in values})
                for kind, values in kinds.items()
            }
            for name, kinds in comparison.replicates.items()
        },
    }
    for point in parts[0][1]:
        for name, (counts, intervals) in _calls(point, names, parts, replicates, seed).items():
            result["models"][name]["both"]["operating_points"][point] = counts
            if replicates:
                result["intervals"][name]["both"]["operating_points"][point] = intervals
    told = ("average_precision", "top_k", *(f"{count}@{HALF}" for count in COUNTS))
    result["differences"] = {
        reference: {
            name: nested(
                {each: attrs.evolve(comparison, reference=reference).difference(name, "both", each) for each in told}
            )
            for name in names
            if name != reference
        }
        for reference in bases
    }
    return result


def _calls(
    point: str, names: list[str], parts: list[Part], replicates: int, seed: int
) -> dict[str, tuple[dict[str, int], dict[str, list[float]]]]:
    """Add up each model's calls at the parts' own thresholds; intervals are over groups of overlapping genes."""
    genes = [gene for pools, _ in parts for gene in pools[names[0]].genes]
    group = overlap_groups(genes)
    weights = bootstrap_weights(int(group.max()) + 1, replicates, seed)[:, group] if replicates else None
    found = {}
    for name in names:
        errors: dict[str, list[Any]] = {count: [] for count in COUNTS}
        for pools, limits in parts:
            calls = [pools[name].calls(kind, limits[point][name][k]) for k, kind in enumerate(CLASSES)]
            sites = sum(pools[name].sites(kind) for kind in CLASSES)
            errors["false_positives"].append(calls[0][1] + calls[1][1])
            errors["false_negatives"].append(sites - calls[0][0] - calls[1][0])
        by_gene = {count: np.concatenate(values) for count, values in errors.items()}
        totals = {count: int(values.sum()) for count, values in by_gene.items()}
        drawn = {} if weights is None else {count: weights @ values for count, values in by_gene.items()}
        found[name] = totals, {count: list(percentile_interval(values)) for count, values in drawn.items()}
    return found


def markdown(title: str, values: dict[str, Any]) -> Iterator[str]:
    """Yield a table."""
    yield f"\n### {title}\n"
    sites = ", ".join(f"{count:,} {kind}s" for kind, count in values["sites"].items())
    yield f"{values['positions']:,} positions of {values['genes']:,} genes, {sites}; better: {values['better_base']}\n"
    points = [*values["thresholds"][0], HALF]
    heads = [f"{letters} {point}" for point in points for letters in ("FP", "FN")]
    yield f"| model | AP | 1 - AP lower by | top-k | ECE | {' | '.join(heads)} |"
    yield "|---" * (5 + len(heads)) + "|"
    for name in values["models"]:
        yield "| " + " | ".join(_cells(name, values)) + " |"


def _cells(name: str, values: dict[str, Any]) -> Iterator[str]:
    both = values["models"][name]["both"]
    inside = values["intervals"].get(name, {}).get("both", {})
    yield name
    yield _cell(both["average_precision"], inside.get("average_precision"), ".4f")
    if name == values["better_base"]:
        yield "-"
    else:
        found = values["differences"][values["better_base"]][name]["average_precision"]
        yield _cell(found["error_reduction"], found["error_reduction_interval"], "+.1%")
    yield _cell(both["top_k"], inside.get("top_k"), ".4f")
    yield _cell(both["expected_calibration_error"], inside.get("expected_calibration_error"), ".4f")
    for point in (*values["thresholds"][0], HALF):
        for count in COUNTS:
            pair = inside.get("operating_points", {}).get(point, {}).get(count)
            yield _cell(both["operating_points"][point][count], pair, ",.0f")


def _cell(value: float, pair: Any, form: str) -> str:
    text = format(value, form)
    return text + (f" [{format(pair[0], form)}, {format(pair[1], form)}]" if pair and None not in pair else "")
