"""The summary of a dataset as one page with plots: no script, no other file, light and dark, opens offline."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import write_text
from splicecore.dataset.schema import CLASSES, PRED_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from splicecore.dataset.summary import DatasetSummary, GroupSummary

__all__ = ["summary_html", "write_summary_html"]

_STYLE = """
:root { color-scheme: light dark; --text: #1c2128; --soft: #59636e; --line: #d4d9df; --paper: #fff;
  --c0: #8c959f; --c1: #0969da; --c2: #bf5700; --c3: #8250df; --c4: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --soft: #9aa4af; --line: #3a424b; --paper: #14181d;
  --c0: #7d8590; --c1: #58a6ff; --c2: #f0883e; --c3: #bc8cff; --c4: #3fb950; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--paper); max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .3rem 0; color: var(--soft); overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: 1rem 0; }
.facts div { font-size: 1.4rem; } .facts span { display: block; font-size: .8rem; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem; }
th, td { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 600; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg .soft { fill: var(--soft); } svg line { stroke: var(--line); }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 1em; border-radius: 2px; }
.key:first-child { margin-left: 0; }
.alarm { color: var(--c2); } details { margin: .5rem 0; } summary { cursor: pointer; }
"""
_CLASS_COLORS = dict(zip(CLASSES, ("--c0", "--c1", "--c2"), strict=True))
_KIND_COLORS = dict(zip(PRED_TYPES, ("--c4", "--c2", "--c3", "--c0"), strict=True))
_WIDTH, _ROW, _LEFT, _RIGHT = 900, 22, 150, 90
_PANEL, _GAP, _PANEL_HEIGHT = 200, 24, 120
_SHOWN = 60


def write_summary_html(path: Path, summary: DatasetSummary) -> None:
    """Write the page, atomically."""
    write_text(path, summary_html(summary))


def summary_html(summary: DatasetSummary) -> str:
    """Make the page: well-formed XML that is HTML as well. The same summary, the same bytes."""
    name = html.escape(summary.folder.rstrip("/").rpartition("/")[2] or summary.folder)
    body = [
        f"<h1>Dataset {name}</h1>",
        _about(summary),
        _facts(summary),
        "<h2>Classes and kinds</h2>",
        _shares(summary.total),
        "<h2>Scores</h2>",
        _histograms(summary),
        "<h2>Chromosomes</h2>",
        _bars(summary.chromosomes),
        _groups("chromosome", summary.chromosomes),
        "<h2>Gene types</h2>",
        _bars(summary.gene_types),
        _groups("gene type", summary.gene_types),
        "<h2>Batches</h2>",
        _groups("batch", summary.batches),
        "<h2>Features</h2>",
        _alarms(summary),
        _features(summary),
    ]
    head = (
        f'<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>Dataset {name}</title><style>{_STYLE}</style></head>"
    )
    content = "\n".join(part for part in body if part)
    return f'<!DOCTYPE html>\n<html lang="en">{head}<body>\n{content}\n</body></html>\n'


def _about(summary: DatasetSummary) -> str:
    models = ", ".join(f"{name} ({fingerprint[:12]})" for name, fingerprint in summary.base_models.items())
    sets = "; ".join(
        name + (f" ({', '.join(f'{key} {_setting(value)}' for key, value in settings.items())})" if settings else "")
        for name, settings in summary.feature_sets.items()
    )
    statuses = ", ".join(f"{count:,} {name}" for name, count in summary.genes_by_status.items())
    lines = (
        f"build {summary.build}, flank mode {summary.flank}",
        f"base models: {models}",
        f"feature sets: {sets}",
        f"genes: {statuses}",
    )
    return "\n".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _setting(value: Any) -> str:
    """Return a setting's value as people write it: ``a + b`` for several, yes and no."""
    if isinstance(value, list | tuple):
        return " + ".join(map(_setting, value)) or "none"
    if isinstance(value, Mapping):
        return " + ".join(f"{name}: {_setting(one)}" for name, one in value.items()) or "none"
    if value is None:
        return "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _facts(summary: DatasetSummary) -> str:
    total = summary.total
    facts = (
        (f"{total.rows:,}", "rows"),
        (f"{total.genes:,}", "genes"),
        (f"{len(summary.columns):,}", "features"),
        (f"{total.positions:,.0f}", "positions that the rows stand for"),
        (f"{total.prevalence:.4%}", "of those are splice sites"),
    )
    return '<div class="facts">' + "".join(f"<div>{value}<span>{what}</span></div>" for value, what in facts) + "</div>"


def _key(colors: Mapping[str, str]) -> str:
    keys = (f'<span class="key" style="background:var({color})"></span>{name}' for name, color in colors.items())
    return f"<p>{''.join(keys)}</p>"


def _shares(total: GroupSummary) -> str:
    """Two stacked bars: rows by class, rows by kind."""
    parts = [_svg_open(2 * _ROW + 6)]
    for row, (what, counts, colors) in enumerate(
        (("class", total.classes, _CLASS_COLORS), ("kind", total.pred_types, _KIND_COLORS))
    ):
        parts.append(_stacked(row, what, counts, colors, most=total.rows))
    return "".join([*parts, "</svg>", _key(_CLASS_COLORS), _key(_KIND_COLORS), _counts(total)])


def _counts(total: GroupSummary) -> str:
    rows = [
        (name, f"{count:,}", f"{count / max(1, total.rows):.2%}")
        for counts in (total.classes, total.pred_types)
        for name, count in counts.items()
    ]
    return _table(("", "rows", "share"), rows)


def _svg_open(height: float, width: int = _WIDTH) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" width="{width}" role="img">'


def _stacked(row: int, label: str, counts: Mapping[str, int], colors: Mapping[str, str], *, most: int) -> str:
    """One bar: its parts, its name on the left, its number of rows on the right."""
    y, scale = row * _ROW + 4, (_WIDTH - _LEFT - _RIGHT) / max(1, most)
    rows = sum(counts.values())
    x = float(_LEFT)
    parts = [f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(_short(label))}</text>']
    for name, count in counts.items():
        width = count * scale
        if count:
            parts.append(
                f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{_ROW - 6}" fill="var({colors[name]})">'
                f"<title>{html.escape(label)}: {name} {count:,}</title></rect>"
            )
        x += width
    parts.append(f'<text class="soft" x="{x + 6:.2f}" y="{y + 13}">{rows:,}</text>')
    return "".join(parts)


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:19] + "\u2026"


def _bars(groups: Sequence[GroupSummary]) -> str:
    """Rows of each group by class."""
    shown = groups[:_SHOWN]
    most = max((group.rows for group in shown), default=1)
    bars = (_stacked(row, group.name, group.classes, _CLASS_COLORS, most=most) for row, group in enumerate(shown))
    return "".join([_svg_open(len(shown) * _ROW + 6), *bars, "</svg>", _key(_CLASS_COLORS)])


def _histograms(summary: DatasetSummary) -> str:
    """Rows of each kind by the higher of the two scores of sites; each panel has its own scale."""
    if not summary.histograms:
        return "<p>The score columns are not part of this dataset.</p>"
    parts = [_svg_open(_PANEL_HEIGHT + 46, len(summary.histograms) * (_PANEL + _GAP) + _GAP)]
    for panel, (kind, counts) in enumerate(summary.histograms.items()):
        x0, most = _GAP + panel * (_PANEL + _GAP), max(1, *counts)
        width, base = _PANEL / len(counts), _PANEL_HEIGHT + 20
        parts.append(f'<text x="{x0}" y="14">{kind} <tspan class="soft">{sum(counts):,}</tspan></text>')
        for number, count in enumerate(counts):
            height = count / most * (_PANEL_HEIGHT - 4)
            parts.append(
                f'<rect x="{x0 + number * width:.2f}" y="{base - height:.2f}" width="{width - 1:.2f}" '
                f'height="{height:.2f}" fill="var({_KIND_COLORS[kind]})">'
                f"<title>{number / len(counts):g} to {(number + 1) / len(counts):g}: {count:,}</title></rect>"
            )
        parts.append(f'<line x1="{x0}" y1="{base}" x2="{x0 + _PANEL}" y2="{base}"/>')
        parts.append(f'<text class="soft" x="{x0}" y="{base + 16}">0</text>')
        parts.append(f'<text class="soft" x="{x0 + _PANEL}" y="{base + 16}" text-anchor="end">1</text>')
    parts.append("</svg>")
    parts.append(
        "<p>Rows by the higher of acceptor and donor score of the primary model; each panel to its own scale.</p>"
    )
    return "".join(parts)


def _groups(title: str, groups: Sequence[GroupSummary]) -> str:
    header = (title, "genes", "rows", *CLASSES, *PRED_TYPES, "positions", "prevalence")
    rows = [
        (
            group.name,
            *(f"{n:,}" for n in (group.genes, group.rows, *group.classes.values(), *group.pred_types.values())),
            f"{group.positions:,.0f}",
            f"{group.prevalence:.3%}",
        )
        for group in groups
    ]
    return f"<details><summary>{len(rows):,} rows</summary>{_table(header, rows)}</details>"


def _alarms(summary: DatasetSummary) -> str:
    lines = [f"alarm: {one['column']} is {one['state']} in all of {one['rows']:,} rows" for one in summary.alarms]
    if summary.near_label:
        lines.append(f"near the label: {', '.join(summary.near_label)}")
    if not summary.with_nulls:
        lines.append("no feature has nulls")
    return "\n".join(
        f'<p class="{"alarm" if line.startswith("alarm") else "note"}">{html.escape(line)}</p>' for line in lines
    )


def _features(summary: DatasetSummary) -> str:
    rows = [
        (
            column.name,
            column.feature_set,
            column.model or "-",
            column.dtype,
            "yes" if column.near_label else "",
            f"{column.nulls:,}",
            *("" if value is None else f"{value:.6g}" for value in (column.low, column.mean, column.high)),
        )
        for column in summary.columns
    ]
    header = ("feature", "set", "model", "type", "near label", "nulls", "lowest", "mean", "highest")
    return f"<details><summary>{len(rows):,} features</summary>{_table(header, rows)}</details>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
