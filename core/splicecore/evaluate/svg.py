"""Plots as inline SVG: lines and points in a square of two linear axes. Colors are CSS classes of the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import attrs

__all__ = ["N_COLORS", "Series", "interval_plot", "line_plot"]

N_COLORS = 8
_SIZE, _LEFT, _TOP, _RIGHT, _BOTTOM = 300, 48, 26, 12, 40
_TICK = 60


@attrs.frozen
class Series:
    """A line: its points, the number of its color, and whether points are marked."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: int
    marks: bool = False


def line_plot(
    title: str, labels: tuple[str, str], series: Sequence[Series], *, low: float = 0.0, diagonal: bool = False
) -> str:
    """Draw lines in the square from ``low`` to 1 of both axes; what lies outside is cut off.

    Parameters
    ----------
    title
        Above the plot.
    labels
        Of the horizontal and the vertical axis.
    series
        The lines.
    low
        Where both axes begin.
    diagonal
        Draw the line of equal values.
    """
    name = "clip-" + re.sub(r"\W+", "-", f"{title} {low}")
    parts = [_frame(title, labels, low, name)]
    if diagonal:
        parts.append(f'<path class="grid" d="M{_x(low, low)},{_y(low, low)}L{_x(1, low)},{_y(1, low)}"/>')
    for one in series:
        points = list(zip(one.x, one.y, strict=True))
        path = "L".join(f"{_x(x, low)},{_y(y, low)}" for x, y in points)
        color = f"c{one.color % N_COLORS}" + (" dashed" if one.color >= N_COLORS else "")
        if path:
            parts.append(f'<path class="line {color}" clip-path="url(#{name})" d="M{path}"/>')
        if one.marks:
            marks = (f'<circle class="mark {color}" cx="{_x(x, low)}" cy="{_y(y, low)}" r="3"/>' for x, y in points)
            parts.append(f'<g clip-path="url(#{name})">{"".join(marks)}</g>')
    return _svg(_LEFT + _SIZE + _RIGHT, _TOP + _SIZE + _BOTTOM, title, "".join(parts))


def interval_plot(title: str, rows: Sequence[tuple[str, float, tuple[float, float] | None, int]]) -> str:
    """Draw values with intervals, one below the other, beside a line at zero.

    Parameters
    ----------
    title
        Above the plot.
    rows
        Name, value, interval and number of the color of each.
    """
    values = [v for _, value, interval, _ in rows for v in (value, *(interval or ()))] + [0.0]
    low, high = min(values), max(values)
    pad = (high - low or 1.0) * 0.08
    low, high = low - pad, high + pad
    left, width, step = 190, 380, 24
    height = _TOP + step * len(rows) + 30

    def place(value: float) -> str:
        return f"{left + (value - low) / (high - low) * width:.1f}"

    bottom = _TOP + step * len(rows)
    parts = [f'<text class="title" x="{left}" y="16">{escape(title)}</text>']
    parts.append(f'<path class="axis" d="M{place(0)},{_TOP}V{bottom}"/>')
    ticks = _apart((0.0, low + pad, high - pad), _TICK * (high - low) / width)
    parts += [f'<text class="tick middle" x="{place(t)}" y="{bottom + 16}">{t:+.2%}</text>' for t in ticks]
    for number, (name, value, interval, color) in enumerate(rows):
        y = _TOP + step * number + step / 2
        parts.append(f'<text class="tick end" x="{left - 10}" y="{y + 4}">{escape(name)}</text>')
        if interval is not None:
            path = f"M{place(interval[0])},{y}H{place(interval[1])}"
            parts.append(f'<path class="line c{color % N_COLORS}" d="{path}"/>')
        parts.append(f'<circle class="mark c{color % N_COLORS}" cx="{place(value)}" cy="{y}" r="4"/>')
    return _svg(left + width + 40, height, title, "".join(parts))


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Return the values that are at least ``least`` away from those before them."""
    kept: list[float] = []
    for value in values:
        if all(abs(value - one) >= least for one in kept):
            kept.append(value)
    return kept


def _frame(title: str, labels: tuple[str, str], low: float, name: str) -> str:
    parts = [
        f'<clipPath id="{name}"><rect x="{_LEFT}" y="{_TOP - 4}" width="{_SIZE + 4}" height="{_SIZE + 4}"/></clipPath>',
        f'<text class="title" x="{_LEFT}" y="16">{escape(title)}</text>',
    ]
    for k in range(6):
        value = low + (1 - low) * k / 5
        x, y = _x(value, low), _y(value, low)
        parts.append(f'<path class="grid" d="M{x},{_TOP}V{_TOP + _SIZE}M{_LEFT},{y}H{_LEFT + _SIZE}"/>')
        parts.append(f'<text class="tick middle" x="{x}" y="{_TOP + _SIZE + 15}">{value:g}</text>')
        parts.append(f'<text class="tick end" x="{_LEFT - 6}" y="{float(y) + 4:.1f}">{value:g}</text>')
    middle = _TOP + _SIZE / 2
    parts.append(
        f'<text class="tick middle" x="{_LEFT + _SIZE / 2}" y="{_TOP + _SIZE + 33}">{escape(labels[0])}</text>'
    )
    turn = f"rotate(-90 12 {middle})"
    parts.append(f'<text class="tick middle" x="12" y="{middle}" transform="{turn}">{escape(labels[1])}</text>')
    return "".join(parts)


def _x(value: float, low: float) -> str:
    return f"{_LEFT + (value - low) / (1 - low) * _SIZE:.1f}"


def _y(value: float, low: float) -> str:
    return f"{_TOP + _SIZE - (value - low) / (1 - low) * _SIZE:.1f}"


def _svg(width: float, height: float, title: str, content: str) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title, quote=True)}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">{content}</svg>'
    )
