"""An evaluation as JSON and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.evaluate.comparison import nested, whole_figures
from splicecore.evaluate.config import STORED
from splicecore.evaluate.evaluation import strata
from splicecore.evaluate.figures import BOTH, reliability_of
from splicecore.evaluate.gene_figures import gene_figures
from splicecore.evaluate.pooled import CLASSES
from splicecore.evaluate.ranking import RankedCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.evaluate.evaluation import Evaluation

__all__ = ["SCHEMA", "evaluation_json", "head_lines", "precision_recall", "report_lines", "shown", "worst_genes"]

SCHEMA = "splicecore-evaluation/1"
CURVE_POINTS = 300


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything as a JSON value; what is not a number (a ratio of nothing) is null."""
    comparison, pool = evaluation.comparison, evaluation.pool
    others = [name for name in evaluation.models if name != comparison.reference]
    return {
        "schema": SCHEMA,
        "build": evaluation.build,
        "annotation": evaluation.annotation,
        "labels": {"kind": evaluation.config.labels, "scope": evaluation.config.scope},
        "contigs": sorted({gene.key.contig for gene in pool.genes}),
        "genes": len(pool.genes),
        "positions": int(pool.positions.sum()),
        "sites": {name: int(pool.sites(name).sum()) for name in CLASSES},
        "mask": evaluation.mask.to_json(),
        "facts": dict(evaluation.facts),
        "tables": {name: dict(facts) for name, facts in evaluation.tables.items()},
        "means": {name: list(members) for name, members in evaluation.means.items()},
        "operating_points": {
            point.name: {name: list(pair) for name, pair in point.thresholds.items()} for point in evaluation.points
        },
        "stored_thresholds": {name: attrs.asdict(stored) for name, stored in evaluation.stored.items()},
        "bootstrap": {
            "replicates": evaluation.config.bootstrap,
            "seed": evaluation.config.seed,
            "groups": comparison.groups,
            "level": 0.95,
        },
        "models": {name: _model(evaluation, name) for name in evaluation.models},
        "reference": comparison.reference,
        "differences": {name: _differences(evaluation, name) for name in others},
        "error_overlap": {point: overlap.to_json() for point, overlap in evaluation.overlap.items()},
        "worst_genes": worst_genes(evaluation),
    }


def _model(evaluation: Evaluation, model: str) -> dict[str, Any]:
    comparison, pool = evaluation.comparison, evaluation.pools[model]
    points = {point.name: point.thresholds[model] for point in evaluation.points}
    by_stratum: dict[str, dict[str, Any]] = {}
    for kind, value, genes in strata(pool):
        figures = whole_figures(pool, points, genes)
        by_stratum.setdefault(kind, {})[value] = {name: nested(values) for name, values in figures.items()}
    result: dict[str, Any] = {
        "figures": {name: nested(values) for name, values in comparison.figures[model].items()},
        "intervals": None,
        "strata": by_stratum,
        "reliability": {name: _reliability(evaluation, model, name) for name in CLASSES},
        "precision_recall": {name: precision_recall(evaluation, model, name) for name in CLASSES},
        "offsets": _offsets(evaluation, model),
    }
    if comparison.replicates:
        drawn = comparison.replicates[model]
        result["intervals"] = {
            name: nested({figure: list(comparison.interval(model, name, figure) or ()) for figure in values})
            for name, values in drawn.items()
        }
    return result


def _differences(evaluation: Evaluation, model: str) -> dict[str, Any]:
    comparison = evaluation.comparison
    skipped = ("sites", "average_precision_error", "auroc_error")
    return {
        name: nested({f: comparison.difference(model, name, f) for f in figures if f not in skipped})
        for name, figures in comparison.figures[model].items()
    }


def _reliability(evaluation: Evaluation, model: str, name: str) -> list[dict[str, float]]:
    table = reliability_of(evaluation.pools[model], name)
    columns = {
        "low": table.low,
        "high": table.high,
        "count": table.count,
        "sites": table.sites,
        "predicted": table.predicted,
        "observed": table.observed,
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def precision_recall(evaluation: Evaluation, model: str, name: str) -> dict[str, list[float]]:
    """Return threshold, recall and precision at no more than CURVE_POINTS scores of true sites, from high to low."""
    counts = RankedCounts.of(evaluation.pools[model], name)
    true, false = counts.curve()
    if not len(true):
        return {"threshold": [], "recall": [], "precision": []}
    chosen = np.unique(np.linspace(0, len(true) - 1, CURVE_POINTS).round().astype(np.int64))
    return {
        "threshold": counts.edges[chosen].astype(np.float64).tolist(),
        "recall": (true / true[-1])[chosen].tolist(),
        "precision": (true / (true + false))[chosen].tolist(),
    }


def _offsets(evaluation: Evaluation, model: str) -> list[dict[str, Any]]:
    return [
        {
            "strand": strand,
            "type": name,
            "sites": int(scan.counts[len(scan.counts) // 2]),
            "best": scan.best,
            "means": {
                str(offset): None if np.isnan(mean) else float(mean)
                for offset, mean in zip(scan.offsets.tolist(), scan.means.tolist(), strict=True)
            },
        }
        for (strand, name), scan in evaluation.offsets[model].items()
    ]


def worst_genes(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the genes with most errors at the first operating point, over both classes and all models together."""
    point = evaluation.points[0]
    tables = {name: gene_figures(pool, point.thresholds[name]) for name, pool in evaluation.pools.items()}
    counts = {
        name: {
            kind: np.sum([table.column(f"{one}_{kind}").to_numpy() for one in CLASSES], axis=0)
            for kind in ("false_positives", "false_negatives")
        }
        for name, table in tables.items()
    }
    total = np.sum([values for kinds in counts.values() for values in kinds.values()], axis=0)
    order = np.argsort(-total, kind="stable")[: evaluation.config.worst]
    genes = evaluation.pool.genes
    sites = np.sum([evaluation.pool.sites(name) for name in CLASSES], axis=0)
    return [
        {
            "gene_id": genes[row].key.gene_id,
            "gene_name": genes[row].gene_name,
            "contig": genes[row].key.contig,
            "strand": genes[row].key.strand,
            "start": genes[row].start,
            "end": genes[row].end,
            "gene_type": genes[row].gene_type,
            "sites": int(sites[row]),
            "models": {name: {kind: int(v[row]) for kind, v in kinds.items()} for name, kinds in counts.items()},
        }
        for row in order.tolist()
        if total[row]
    ]


def report_lines(evaluation: Evaluation) -> Iterator[str]:
    """Yield the report for people, line by line."""
    yield from head_lines(evaluation)
    for name in (*CLASSES, BOTH):
        yield ""
        yield from _figure_table(evaluation, name)
    if len(evaluation.models) > 1:
        yield ""
        yield from _difference_table(evaluation)
        yield ""
        yield from _overlap(evaluation)
    yield ""
    yield from _worst(evaluation)
    if evaluation.shifted:
        yield ""
        yield "COORDINATES DO NOT AGREE: the mean score around sites is higher at another offset than 0"
        for model, strand, name, best in evaluation.shifted:
            yield f"  {model}: {strand} {name} {best:+d}"


def head_lines(evaluation: Evaluation) -> Iterator[str]:
    """Yield what was compared: positions, labels, what was left out, tables."""
    pool, config, mask = evaluation.pool, evaluation.config, evaluation.mask.to_json()
    contigs = list(dict.fromkeys(gene.key.contig for gene in pool.genes))
    shown = ", ".join(contigs[:8]) + (f", ... ({len(contigs)} in all)" if len(contigs) > 8 else "")
    yield (
        f"{int(pool.positions.sum()):,} positions of {len(pool.genes):,} genes "
        f"({evaluation.comparison.groups:,} groups that do not overlap) on {shown} of {evaluation.build}"
    )
    sites = ", ".join(f"{int(pool.sites(name).sum()):,} {name}s" for name in CLASSES)
    which = "all transcripts" if config.labels == "all" else "one canonical transcript a gene"
    where = "of any gene on the strand" if config.scope == "strand" else "of the row's own gene"
    yield f"labels: {sites}; {which} of {evaluation.annotation}, sites {where}"
    reasons = [f"{v['positions']:,} {k.replace('_', ' ')}" for k, v in mask["reasons"].items() if v["rows"]]
    details = f" ({', '.join(reasons)})" if reasons else ""
    yield f"left out: {mask['positions']:,} positions, {mask['rows']:,} rows{details}"
    for name, facts in evaluation.tables.items():
        model = f", {facts['base_model']}, flank {facts.get('flank')}" if "base_model" in facts else ""
        yield f"{name}: {facts['rows']:,} rows, {facts['genes']:,} genes, {facts['genes_left_out']:,} left out{model}"
    for name, members in evaluation.means.items():
        yield f"{name}: mean of {', '.join(members)}"
    for name, facts in evaluation.tables.items():
        if facts["genes_seen"]:
            yield (
                f"{name}: NOT HONEST, its meta-model was trained on {facts['genes_seen']:,} of these genes "
                "(--unseen leaves them out)"
            )
    yield from _thresholds(evaluation)
    if evaluation.facts["incomplete_genes"]:
        missing, count = evaluation.facts["positions_missing"], evaluation.facts["incomplete_genes"]
        yield f"{count:,} genes are compared in part; {missing:,} positions inside them lack a score"
    if config.bootstrap:
        yield f"with 95 % intervals of {config.bootstrap:,} bootstrap replicates over groups of genes"


def _thresholds(evaluation: Evaluation) -> Iterator[str]:
    for name, stored in evaluation.stored.items():
        if stored.acceptor is None or stored.donor is None:
            yield f"{name}: thresholds of 0.5, its meta-model's are not at hand: {stored.source}"
        else:
            yield f"{name}: thresholds {stored.acceptor:.4g} (acceptor), {stored.donor:.4g} (donor): {stored.source}"
    others = [name for name in evaluation.models if name not in evaluation.stored]
    if others and evaluation.points[0].name == STORED:
        yield f"{', '.join(others)}: thresholds of 0.5, none are stored"


_COLUMNS = (("average_precision", "AP"), ("auroc", "AUROC"), ("top_k", "top-k"), ("log_loss", "log loss"))
_MORE = (("brier", "Brier"), ("expected_calibration_error", "ECE"))
_AT = (
    ("false_positives", "FP"),
    ("false_negatives", "FN"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
)


def _figure_table(evaluation: Evaluation, name: str) -> Iterator[str]:
    columns = (*_COLUMNS, *_MORE)
    rows = [[name, *(title for _, title in columns)]]
    rows += [
        [model, *(_with_interval(evaluation, model, name, figure) for figure, _ in columns)]
        for model in evaluation.models
    ]
    yield from aligned(rows)
    rows = [[f"{name}, calls", "threshold", *(title for _, title in _AT)]]
    for point in evaluation.points:
        for model in evaluation.models:
            limits = point.thresholds[model]
            limit = f"{limits[0]:g}" if limits[0] == limits[1] else f"{limits[0]:g}/{limits[1]:g}"
            if name in CLASSES:
                limit = f"{limits[CLASSES.index(name)]:g}"
            cells = [_with_interval(evaluation, model, name, f"{figure}@{point.name}") for figure, _ in _AT]
            rows.append([model, limit, *cells])
    yield from aligned(rows)


def _with_interval(evaluation: Evaluation, model: str, name: str, figure: str) -> str:
    value = evaluation.comparison.figures[model][name][figure]
    interval = evaluation.comparison.interval(model, name, figure)
    text = shown(figure, value)
    if interval is None:
        return text
    return f"{text} [{shown(figure, interval[0])}, {shown(figure, interval[1])}]"


def shown(figure: str, value: float) -> str:
    """Write a figure with as many digits as it deserves."""
    if not np.isfinite(value):
        return "-"
    if figure.startswith(("false", "true", "sites")):
        return f"{value:,.0f}"
    return f"{value:.2e}" if figure in {"log_loss", "brier"} else f"{value:.4f}"


def _difference_table(evaluation: Evaluation) -> Iterator[str]:
    comparison = evaluation.comparison
    point = evaluation.points[0].name
    yield f"against {comparison.reference} (model minus {comparison.reference}; 1 - AP: by which share it is lower)"
    rows = [["class", "model", "AP", "1 - AP lower by", "top-k", f"FP at {point}", f"FN at {point}"]]
    for name in (*CLASSES, BOTH):
        for model in evaluation.models:
            if model == comparison.reference:
                continue
            precision = comparison.difference(model, name, "average_precision")
            cells = [_gap("average_precision", precision["difference"], precision["interval"])]
            cells.append(_share(precision["error_reduction"], precision["error_reduction_interval"]))
            for figure in ("top_k", f"false_positives@{point}", f"false_negatives@{point}"):
                found = comparison.difference(model, name, figure)
                cells.append(_gap(figure, found["difference"], found["interval"]))
            rows.append([name, model, *cells])
    yield from aligned(rows)


def _gap(figure: str, value: float, interval: tuple[float, float] | None) -> str:
    digits = 0 if figure.startswith("false") else 4
    text = f"{value:+,.{digits}f}"
    return text if interval is None else f"{text} [{interval[0]:+,.{digits}f}, {interval[1]:+,.{digits}f}]"


def _share(value: float, interval: tuple[float, float] | None) -> str:
    text = f"{value:+.1%}"
    return text if interval is None else f"{text} [{interval[0]:+.1%}, {interval[1]:+.1%}]"


def _overlap(evaluation: Evaluation) -> Iterator[str]:
    point = evaluation.points[0].name
    found = evaluation.overlap[point].to_json()
    yield f"errors at {point} by the set of models that make them"
    for kind in ("false_positives", "false_negatives"):
        sets: dict[tuple[str, ...], dict[str, int]] = {}
        for name in CLASSES:
            for row in found[name][kind]:
                sets.setdefault(tuple(row["models"]), {})[name] = row["count"]
        rows = [[kind.replace("_", " "), *CLASSES]]
        rows += [[" & ".join(models), *(f"{counts.get(n, 0):,}" for n in CLASSES)] for models, counts in sets.items()]
        yield from aligned(rows)


def _worst(evaluation: Evaluation) -> Iterator[str]:
    genes = worst_genes(evaluation)
    if not genes:
        yield f"no errors at {evaluation.points[0].name}"
        return
    yield f"genes with most errors at {evaluation.points[0].name} (false positives + false negatives)"
    rows = [["gene", "place", "strand", "sites", *evaluation.models]]
    for gene in genes:
        place = f"{gene['contig']}:{gene['start'] + 1:,}-{gene['end']:,}"
        cells = [f"{one['false_positives']} + {one['false_negatives']}" for one in gene["models"].values()]
        rows.append([gene["gene_name"], place, gene["strand"], str(gene["sites"]), *cells])
    yield from aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines with aligned columns, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells]).rstrip()
