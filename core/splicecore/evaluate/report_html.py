"""An evaluation as one HTML page: tables and plots, no script, nothing fetched, light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import write_text
from splicecore.evaluate.comparison import Comparison, whole_figures
from splicecore.evaluate.evaluation import strata
from splicecore.evaluate.figures import BOTH, reliability_of
from splicecore.evaluate.pooled import CLASSES
from splicecore.evaluate.report import head_lines, precision_recall, shown, worst_genes
from splicecore.evaluate.svg import N_COLORS, Series, interval_plot, line_plot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from splicecore.evaluate.evaluation import Evaluation

__all__ = ["html_page", "write_html"]

_LIGHT = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a5195", "#444444")
_DARK = ("#4aa8e0", "#ff8c42", "#2fd0a0", "#f0a0cc", "#f0c040", "#9fd8ff", "#b890e0", "#cccccc")
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d0d7de; --soft: #57606a;
  --band: #f4f6f8; LIGHT }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0f1318; --line: #333c46; --soft: #9aa6b2;
  --band: #181e25; DARK } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 74rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } p { margin: .2rem 0; }
.scroll { overflow-x: auto; } .plots { display: flex; flex-wrap: wrap; gap: 1rem; max-width: 48rem; }
table { border-collapse: collapse; margin: .6rem 0 1rem; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tbody tr:nth-child(even) { background: var(--band); }
td { vertical-align: top; } small { color: var(--soft); } td small { display: block; }
.warn { border-left: 4px solid #d55e00; padding-left: .8rem; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .title { font-weight: 600; font-size: 13px; } svg .tick { fill: var(--soft); font-size: 11px; }
svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .grid { stroke: var(--line); fill: none; } svg .axis { stroke: var(--soft); fill: none; }
svg .line { fill: none; stroke-width: 2; } svg .mark { stroke: none; } svg .dashed { stroke-dasharray: 5 3; }
.key span { margin-right: 1.4rem; } .key i { display: inline-block; width: 1.4rem; height: .25rem; margin-right: .4rem;
  vertical-align: middle; }
"""
_FIGURES = (
    ("average_precision", "AP"),
    ("auroc", "AUROC"),
    ("top_k", "top-k"),
    ("log_loss", "log loss"),
    ("brier", "Brier"),
    ("expected_calibration_error", "ECE"),
)
_CALLS = (
    ("false_positives", "FP"),
    ("false_negatives", "FN"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
)


def write_html(path: Path, evaluation: Evaluation) -> None:
    """Write the page, atomically."""
    write_text(path, html_page(evaluation))


def html_page(evaluation: Evaluation) -> str:
    """Return the page as text; the same evaluation gives the same bytes."""
    parts = ["<h1>Predictions against the annotation</h1>"]
    parts += [f"<p>{escape(line)}</p>" for line in head_lines(evaluation)]
    if evaluation.shifted:
        rows = ", ".join(f"{escape(m)} {s} {escape(n)} {b:+d}" for m, s, n, b in evaluation.shifted)
        parts.append(f'<p class="warn"><b>Coordinates do not agree.</b> Best offset is not 0: {rows}</p>')
    parts += _sections(evaluation)
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>splicecore evaluate</title><style>{_style()}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _style() -> str:
    def names(colors: Sequence[str]) -> str:
        return " ".join(f"--c{k}: {color};" for k, color in enumerate(colors))

    rules = "".join(
        f"svg .line.c{k} {{ stroke: var(--c{k}); }} svg .mark.c{k} {{ fill: var(--c{k}); }} "
        f".key .c{k} {{ background: var(--c{k}); }}\n"
        for k in range(N_COLORS)
    )
    return _STYLE.replace("LIGHT", names(_LIGHT)).replace("DARK", names(_DARK)) + rules


def _sections(evaluation: Evaluation) -> Iterable[str]:
    yield "<h2>Figures</h2>"
    for name in (*CLASSES, BOTH):
        yield _figures(evaluation, name)
    if len(evaluation.models) > 1:
        yield f"<h2>Against {escape(evaluation.comparison.reference)}</h2>"
        yield _reductions(evaluation)
    yield "<h2>Precision and recall</h2>"
    yield _key(evaluation)
    yield f'<div class="plots">{"".join(_curves(evaluation))}</div>'
    yield "<h2>Reliability</h2><p>Positions with a probability of at least 0.01, in bins of equal numbers.</p>"
    yield f'<div class="plots">{"".join(_reliabilities(evaluation))}</div>'
    if len(evaluation.models) > 1:
        yield "<h2>Errors that models share</h2>"
        for point in evaluation.points:
            yield _shared_errors(evaluation, point.name)
    yield "<h2>By chromosome, strand and gene type</h2>"
    yield _strata(evaluation)
    yield f"<h2>Genes with most errors at {evaluation.points[0].name}</h2><p>False positives + false negatives.</p>"
    yield _genes(evaluation)


def _figures(evaluation: Evaluation, name: str) -> str:
    comparison = evaluation.comparison
    header = [name, *(title for _, title in _FIGURES)]
    rows = [[escape(m), *(_cell(comparison, m, name, f) for f, _ in _FIGURES)] for m in evaluation.models]
    calls = []
    for point in evaluation.points:
        for model in evaluation.models:
            cells = [_cell(comparison, model, name, f"{figure}@{point.name}") for figure, _ in _CALLS]
            calls.append([escape(model), _limits(point.thresholds[model], name), *cells])
    return _table(header, rows) + _table([f"{name}, calls", "threshold", *(t for _, t in _CALLS)], calls)


def _limits(thresholds: Sequence[float], name: str) -> str:
    """Return the threshold of a class, or both where they differ."""
    own = thresholds if name == BOTH else (thresholds[CLASSES.index(name)],)
    return " / ".join(dict.fromkeys(f"{limit:.4g}" for limit in own))


def _cell(comparison: Comparison, model: str, name: str, figure: str) -> str:
    text = shown(figure, comparison.figures[model][name][figure])
    interval = comparison.interval(model, name, figure)
    return (
        text
        if interval is None
        else f"{text} <small>{shown(figure, interval[0])} to {shown(figure, interval[1])}</small>"
    )


def _reductions(evaluation: Evaluation) -> str:
    comparison, rows = evaluation.comparison, []
    for name in (*CLASSES, BOTH):
        for color, model in enumerate(evaluation.models):
            if model != comparison.reference:
                found = comparison.difference(model, name, "average_precision")
                interval = found["error_reduction_interval"]
                rows.append((f"{model}, {name}", found["error_reduction"], interval, color))
    known = [row for row in rows if row[1] == row[1] and (row[2] is None or row[2][0] == row[2][0])]
    return interval_plot("1 - AP is lower by this share of the reference's", known) if known else ""


def _key(evaluation: Evaluation) -> str:
    items = (f'<span><i class="c{k % N_COLORS}"></i>{escape(m)}</span>' for k, m in enumerate(evaluation.models))
    return f'<p class="key">{"".join(items)}</p>'


def _curves(evaluation: Evaluation) -> Iterable[str]:
    for name in CLASSES:
        series = []
        for color, model in enumerate(evaluation.models):
            curve = precision_recall(evaluation, model, name)
            series.append(Series(model, curve["recall"], curve["precision"], color))
        for low, title in ((0.0, f"{name}"), (0.8, f"{name}, from 0.8")):
            yield line_plot(title, ("recall", "precision"), series, low=low)


def _reliabilities(evaluation: Evaluation) -> Iterable[str]:
    for name in CLASSES:
        series = []
        for color, model in enumerate(evaluation.models):
            table = reliability_of(evaluation.pools[model], name)
            series.append(Series(model, table.predicted.tolist(), table.observed.tolist(), color, marks=True))
        yield line_plot(f"{name}, reliability", ("mean probability", "share of true sites"), series, diagonal=True)


def _shared_errors(evaluation: Evaluation, point: str) -> str:
    found = evaluation.overlap[point].to_json()
    tables = []
    for kind in ("false_positives", "false_negatives"):
        sets: dict[tuple[str, ...], dict[str, int]] = {}
        for name in CLASSES:
            for row in found[name][kind]:
                sets.setdefault(tuple(row["models"]), {})[name] = row["count"]
        rows = [
            [escape(" & ".join(models)), *(f"{counts.get(n, 0):,}" for n in CLASSES)] for models, counts in sets.items()
        ]
        tables.append(_table([f"{kind.replace('_', ' ')} at {point}", *CLASSES], rows))
    return "".join(tables)


def _strata(evaluation: Evaluation) -> str:
    point = evaluation.points[0]
    rows = []
    for kind, value, genes in strata(evaluation.pool):
        for model, pool in evaluation.pools.items():
            figures: dict[str, Any] = whole_figures(pool, {point.name: point.thresholds[model]}, genes)[BOTH]
            names = ("sites", *(f for f, _ in _FIGURES), *(f"{f}@{point.name}" for f, _ in _CALLS[:2]))
            cells = [shown(name, figures[name]) for name in names]
            rows.append([f"{kind.replace('_', ' ')} {escape(value)}", escape(model), *cells])
    header = ["genes of", "model", "sites", *(t for _, t in _FIGURES), f"FP at {point.name}", f"FN at {point.name}"]
    return _table(header, rows)


def _genes(evaluation: Evaluation) -> str:
    rows = []
    for gene in worst_genes(evaluation):
        place = f"{gene['contig']}:{gene['start'] + 1:,}-{gene['end']:,}"
        cells = [f"{one['false_positives']} + {one['false_negatives']}" for one in gene["models"].values()]
        rows.append([escape(gene["gene_name"]), escape(place), gene["strand"], f"{gene['sites']:,}", *cells])
    return _table(["gene", "place", "strand", "sites", *map(escape, evaluation.models)], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
