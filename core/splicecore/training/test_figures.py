"""Figures of the meta-model and of the base models on the same tested positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from splicecore.evaluate.calibration_curve import reliability_table
from splicecore.evaluate.comparison import Comparison, compare, nested, whole_figures
from splicecore.evaluate.config import OperatingPoint
from splicecore.evaluate.evaluation import strata
from splicecore.evaluate.figures import BOTH, reliability_of
from splicecore.evaluate.metrics import average_precision
from splicecore.evaluate.pooled import CLASSES, FLOOR, Pool, PooledScores
from splicecore.training.position_scores import META, gene_scores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from splicecore.genome.genes import Gene
    from splicecore.inference.scorer import MetaScorer
    from splicecore.training.operating_points import OperatingPoints
    from splicecore.training.position_scores import PositionScores
    from splicecore.training.scored_genes import ScoredGenes

__all__ = [
    "HALF",
    "TUNED",
    "baseline_of",
    "call_figures",
    "delta_table",
    "pool_figures",
    "pool_genes",
    "row_figures",
    "thresholds_of",
]

HALF, TUNED = "0.5", "best_f1"
"""Names of the operating points: one half for every model, and each model's own of the validation genes."""

Limits = dict[str, tuple[float, float]]
"""Model -> lowest acceptor and donor score that is called."""


def pool_genes(scorer: MetaScorer, scored: ScoredGenes, genes: Iterable[Gene]) -> dict[str, Pool]:
    """Gather the scores of every model, calibrated for the meta-model, over all positions of genes."""
    pooled: dict[str, PooledScores] = {}
    for gene in genes:
        truth = scored.truth(gene)
        scores, base = gene_scores(scorer, scored, gene)
        if not truth.counts.any():
            continue
        for name, values in {**base, META: scorer.calibrate(scores)}.items():
            pooled.setdefault(name, PooledScores()).add(truth.gene, truth.sites[truth.counts], values[truth.counts])
    return {name: each.pool for name, each in pooled.items()}


def thresholds_of(points: Mapping[str, OperatingPoints]) -> Limits:
    """Take each model's thresholds of the best F1; 0.5 where there is none."""
    limits: Limits = {}
    for name, each in points.items():
        acceptor, donor = each.acceptor.best_f1.threshold, each.donor.best_f1.threshold
        limits[name] = (_limit(acceptor), _limit(donor))
    return limits


def _limit(threshold: float | None) -> float:
    return max(0.5 if threshold is None else threshold, FLOOR)


def baseline_of(models: Sequence[str], figures: Mapping[str, Any]) -> str:
    """Name the model beside the meta-model that has the highest average precision over both classes."""
    others = [name for name in models if name != META]
    return max(others, key=lambda name: (figures[name][BOTH]["average_precision"], -others.index(name)))


def pool_figures(
    pools: Mapping[str, Pool],
    tuned: Sequence[tuple[Mapping[str, Pool], Limits]],
    *,
    replicates: int = 0,
    seed: int = 42,
) -> dict[str, Any]:
    """Compute everything that a report has of tested genes.

    Parameters
    ----------
    pools
        Model -> its scores over all tested genes.
    tuned
        Parts of these, each with the thresholds that belong to it: one for every fold.
    replicates, seed
        Of the bootstrap over groups of overlapping genes; 0 for no intervals.

    Returns
    -------
    JSON-able; ``models`` -> figures, intervals, strata, reliability; ``differences`` of the meta-model from the others.
    """
    names = list(pools)
    points = [OperatingPoint(HALF, dict.fromkeys(names, (0.5, 0.5)))]
    if len(tuned) == 1:
        points.append(OperatingPoint(TUNED, tuned[0][1]))
    first = next(iter(pools.values()))
    replicates = replicates if len(first.genes) > 1 else 0
    whole = compare(pools, points, names[0], replicates=replicates, seed=seed)
    models = {name: _model(pools[name], points, name, whole) for name in names}
    if len(tuned) > 1:
        for name in names:
            for kind, figures in _tuned(name, tuned).items():
                models[name]["figures"][kind]["operating_points"][TUNED] = figures
    result: dict[str, Any] = {
        "positions": "all",
        "genes": len(first.genes),
        "positions_evaluated": int(first.positions.sum()),
        "sites": {kind: int(first.sites(kind).sum()) for kind in CLASSES},
        "contigs": sorted({gene.key.contig for gene in first.genes}),
        "groups": whole.groups,
        "bootstrap": {"replicates": replicates, "seed": seed, "level": 0.95},
        "models": models,
    }
    if META in names and len(names) > 1:
        result["baseline"] = baseline_of(names, whole.figures)
        result["differences"] = {
            name: _differences(Comparison(whole.figures, whole.replicates, whole.groups, name))
            for name in names
            if name != META
        }
    return result


def _model(pool: Pool, points: Sequence[OperatingPoint], name: str, whole: Comparison) -> dict[str, Any]:
    limits = {point.name: point.thresholds[name] for point in points}
    layers: dict[str, dict[str, Any]] = {}
    for kind, value, genes in strata(pool):
        figures = whole_figures(pool, limits, genes)
        layers.setdefault(kind, {})[value] = {each: nested(values) for each, values in figures.items()}
    result: dict[str, Any] = {
        "thresholds": {point: list(pair) for point, pair in limits.items()},
        "figures": {kind: nested(values) for kind, values in whole.figures[name].items()},
        "strata": layers,
        "reliability": {kind: _reliability(reliability_of(pool, kind)) for kind in CLASSES},
    }
    if whole.replicates:
        result["intervals"] = {
            kind: nested({figure: list(whole.interval(name, kind, figure) or ()) for figure in values})
            for kind, values in whole.replicates[name].items()
        }
    return result


def _reliability(table: Any) -> list[dict[str, float]]:
    names = ("low", "high", "count", "sites", "predicted", "observed")
    columns = [getattr(table, name).tolist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _differences(comparison: Comparison) -> dict[str, Any]:
    skipped = ("sites", "average_precision_error", "auroc_error")
    return {
        kind: nested({f: comparison.difference(META, kind, f) for f in figures if f not in skipped})
        for kind, figures in comparison.figures[META].items()
    }


def _tuned(name: str, tuned: Sequence[tuple[Mapping[str, Pool], Limits]]) -> dict[str, dict[str, Any]]:
    """Add up the calls of one model at each fold's own thresholds."""
    totals: dict[str, npt.NDArray[np.int64]] = {kind: np.zeros(3, dtype=np.int64) for kind in (*CLASSES, BOTH)}
    for pools, limits in tuned:
        for k, kind in enumerate(CLASSES):
            true, false = pools[name].calls(kind, limits[name][k])
            counts = np.array([true.sum(), false.sum(), pools[name].sites(kind).sum() - true.sum()])
            totals[kind] += counts
            totals[BOTH] += counts
    return {kind: call_figures(*counts.tolist()) for kind, counts in totals.items()}


def call_figures(true: float, false: float, missed: float) -> dict[str, Any]:
    """Return counts of calls with precision, recall and F1; None where nothing is counted."""
    return {
        "true_positives": true,
        "false_positives": false,
        "false_negatives": missed,
        "precision": true / (true + false) if true + false else None,
        "recall": true / (true + missed) if true + missed else None,
        "f1": 2 * true / (2 * true + false + missed) if true + false + missed else None,
    }


def delta_table(parts: Sequence[tuple[str, Mapping[str, Pool], Limits]]) -> pa.Table:
    """Errors of every model in every tested gene, at its own thresholds and at 0.5.

    Parameters
    ----------
    parts
        Name, pools and thresholds of every fold.

    Returns
    -------
    Table, a row a gene
        fold, contig, strand, gene_id, gene_name, gene_type, start, end (0-based, half-open), positions, sites; for each
        model ``<model>_fp``, ``_fn`` (own thresholds), ``_fp_half``, ``_fn_half``, ``_log_loss`` (mean); and for each
        base model ``delta_errors_vs_<model>``: errors of the meta-model minus its own.
    """
    return pa.concat_tables([_delta(*part) for part in parts])


def _delta(fold: str, pools: Mapping[str, Pool], limits: Limits) -> pa.Table:
    first = next(iter(pools.values()))
    columns: dict[str, Any] = {"fold": [fold] * len(first.genes)}
    columns |= {name: [getattr(gene.key, name) for gene in first.genes] for name in ("contig", "strand", "gene_id")}
    columns |= {n: [getattr(gene, n) for gene in first.genes] for n in ("gene_name", "gene_type", "start", "end")}
    columns["positions"] = first.positions
    columns["sites"] = sum(first.sites(kind) for kind in CLASSES)
    errors: dict[str, Any] = {}
    for name, pool in pools.items():
        for suffix, pair in (("", limits[name]), ("_half", (0.5, 0.5))):
            false, missed = np.zeros((2, len(first.genes)), dtype=np.int64)
            for k, kind in enumerate(CLASSES):
                true, wrong = pool.calls(kind, pair[k])
                false += wrong
                missed += pool.sites(kind) - true
            columns |= {f"{name}_fp{suffix}": false, f"{name}_fn{suffix}": missed}
            if not suffix:
                errors[name] = false + missed
        columns[f"{name}_log_loss"] = pool.log_loss[:, 0] / pool.positions
    for name in pools:
        if name != META and META in pools:
            columns[f"delta_errors_vs_{name}"] = errors[META] - errors[name]
    return pa.table(columns)


def row_figures(scores: PositionScores, calibrated: npt.NDArray[np.float32], limits: Limits) -> dict[str, Any]:
    """Figures on a dataset's rows, each weighted by 1 / inclusion_prob; estimates of those on all positions."""
    models: dict[str, Any] = {}
    for name, values in {**scores.base, META: calibrated}.items():
        figures: dict[str, Any] = {}
        for k, kind in enumerate(CLASSES):
            truth, column = scores.labels == k + 1, values[:, k + 1]
            high = reliability_table(truth, column)
            figures[kind] = {
                "average_precision": average_precision(truth, column, scores.weights),
                "brier": float(np.average(np.square(column - truth, dtype=np.float64), weights=scores.weights)),
                "unweighted_expected_calibration_error": high.expected_calibration_error,
                "sites": int(truth.sum()),
                "operating_points": {
                    HALF: _weighted_calls(truth, column, scores.weights, 0.5),
                    TUNED: _weighted_calls(truth, column, scores.weights, limits[name][k]),
                },
            }
        figures[BOTH] = {
            "average_precision": float(np.mean([figures[kind]["average_precision"] for kind in CLASSES])),
            "operating_points": {
                point: call_figures(
                    *(
                        sum(figures[kind]["operating_points"][point][count] for kind in CLASSES)
                        for count in ("true_positives", "false_positives", "false_negatives")
                    )
                )
                for point in (HALF, TUNED)
            },
        }
        models[name] = {
            "thresholds": {HALF: [0.5, 0.5], TUNED: list(limits[name])},
            "figures": {kind: _finite(values) for kind, values in figures.items()},
        }
    return {
        "positions": "sampled",
        "rows": len(scores.labels),
        "positions_estimated": float(scores.weights.sum()),
        "models": models,
    }


def _weighted_calls(
    truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], limit: float
) -> dict[str, Any]:
    called = scores >= np.float64(limit)
    return call_figures(*(float(weights[rows].sum()) for rows in (called & truth, called & ~truth, ~called & truth)))


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(x, float) and not np.isfinite(x) else x for name, x in values.items()}
