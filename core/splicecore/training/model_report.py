"""What a training tells: figures over all folds, errors gene by gene, importance as a picture, the model card."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.artifacts.store import make_folder, read_json, write_json, write_text
from splicecore.training.fold_training import IMPORTANCE, METRICS, POOLS
from splicecore.training.importance_plot import importance_svg
from splicecore.training.model_card import base_model_facts, model_card
from splicecore.training.model_directory import MODEL, OPERATING_POINTS, TRAINING
from splicecore.training.pool_files import join_pools, read_pools
from splicecore.training.position_scores import META
from splicecore.training.test_figures import call_figures, delta_table, pool_figures

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from splicecore.plugins.host import PluginHost
    from splicecore.training.splits import Splits
    from splicecore.training.test_figures import Limits

__all__ = ["CARD", "REPLICATES", "write_reports"]

CARD = "MODEL_CARD.md"
REPLICATES = 200
"""Of the bootstrap over groups of genes in ``metrics/aggregate.json``."""


def write_reports(folder: Path, host: PluginHost, splits: Splits, *, seed: int) -> dict[str, Any]:
    """Write ``metrics/``, ``importance.svg`` and ``MODEL_CARD.md`` of a model's folder from what the folds left.

    Returns
    -------
    ``metrics/aggregate.json``
    """
    names = [fold.name for fold in splits.folds]
    metrics = make_folder(folder / "metrics")
    figures = {name: read_json(folder / "folds" / name / METRICS) for name in names}
    for name, values in figures.items():
        write_json(metrics / f"{name}.json", values)
    if all(values["positions"] == "all" for values in figures.values()):
        aggregate = _of_pools(folder, names, metrics, seed)
    else:
        aggregate = _of_rows(figures)
    write_json(metrics / "aggregate.json", aggregate)
    importance = read_json(folder / IMPORTANCE)
    if importance["features"]:
        write_text(folder / "importance.svg", importance_svg(importance))
        write_text(folder / "importance.csv", _csv(importance["features"]))
    training = read_json(folder / TRAINING)
    card = model_card(
        model=read_json(folder / MODEL),
        training=training,
        aggregate=aggregate,
        operating=read_json(folder / OPERATING_POINTS),
        calibration=read_json(folder / "calibration.json"),
        contract=read_json(folder / "contract.json"),
        alarms=read_json(folder / "alarms.json"),
        base_models=base_model_facts(read_json(folder / "contract.json"), host),
        importance=importance,
        ablation=read_json(folder / "ablation.json") if (folder / "ablation.json").exists() else None,
    )
    write_text(folder / CARD, card)
    return aggregate


def _of_pools(folder: Path, names: list[str], metrics: Path, seed: int) -> dict[str, Any]:
    parts: list[tuple[str, Any, Limits]] = []
    for name in names:
        pools = read_pools(folder / "folds" / name / POOLS)
        models = read_json(folder / "folds" / name / METRICS)["models"]
        limits: Limits = {model: tuple(values["thresholds"]["best_f1"]) for model, values in models.items()}
        parts.append((name, pools, limits))
    joined = {model: join_pools([pools[model] for _, pools, _ in parts]) for model in parts[0][1]}
    aggregate = pool_figures(joined, [(pools, limits) for _, pools, limits in parts], replicates=REPLICATES, seed=seed)
    write_text(metrics / "delta_vs_baseline.csv", _csv_of(delta_table(parts)))
    chromosomes = [
        {"contig": contig, "model": model, "class": kind, **_flat(values)}
        for model, each in aggregate["models"].items()
        for contig, kinds in each["strata"]["contig"].items()
        for kind, values in kinds.items()
    ]
    write_text(metrics / "per_chromosome.csv", _csv(chromosomes))
    return {"folds": names, **aggregate}


def _of_rows(figures: dict[str, Any]) -> dict[str, Any]:
    """Mean of the folds' estimates, and the sum of their counts."""
    folds = list(figures.values())
    models: dict[str, Any] = {}
    for model in folds[0]["models"]:
        each = [fold["models"][model]["figures"] for fold in folds if model in fold["models"]]
        kinds: dict[str, Any] = {}
        for kind in each[0]:
            values = [figures[kind]["average_precision"] for figures in each]
            known = [value for value in values if value is not None]
            points = {
                point: _summed([figures[kind]["operating_points"][point] for figures in each])
                for point in each[0][kind]["operating_points"]
            }
            kinds[kind] = {"average_precision": float(np.mean(known)) if known else None, "operating_points": points}
        models[model] = {"figures": kinds}
    ranked = {name: values["figures"]["both"]["average_precision"] or 0.0 for name, values in models.items()}
    others = [name for name in ranked if name != META]
    return {
        "folds": list(figures),
        "positions": "sampled",
        "rows": sum(fold.get("rows", 0) for fold in folds),
        "models": models,
        **({"baseline": max(others, key=lambda name: ranked[name])} if others else {}),
    }


def _summed(points: list[dict[str, Any]]) -> dict[str, Any]:
    counts = ("true_positives", "false_positives", "false_negatives")
    return call_figures(*(sum(point[name] for point in points) for name in counts))


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat = {name: value for name, value in values.items() if name != "operating_points"}
    for point, figures in values.get("operating_points", {}).items():
        flat |= {f"{name}@{point}": value for name, value in figures.items()}
    return flat


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _csv_of(table: pa.Table) -> str:
    return _csv(table.to_pylist()) if len(table) else ",".join(table.schema.names) + "\n"
