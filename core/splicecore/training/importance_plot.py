"""Importance of features as a picture: bars, self-contained SVG that follows a light or dark page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["importance_svg"]

_BARS = 25
_ROW, _LEFT, _WIDTH, _TOP = 18, 260, 360, 40
_COLORS = {"acceptor": "#3b82c4", "donor": "#d9822b"}


def importance_svg(importance: Mapping[str, Any]) -> str:
    """Draw the shares of the strongest features for acceptors and donors.

    Parameters
    ----------
    importance
        Of :func:`~splicecore.training.importance.importance_table`.
    """
    rows = importance["features"][:_BARS]
    highest = max((row[name] for row in rows for name in _COLORS), default=0.0) or 1.0
    height = _TOP + _ROW * len(rows) + 12
    width = _LEFT + _WIDTH + 70
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        'font-family="sans-serif" font-size="11">',
        "<style>text{fill:#222}@media (prefers-color-scheme:dark){text{fill:#ddd}}</style>",
        '<text x="8" y="16" font-weight="bold">mean absolute contribution to the margin</text>',
    ]
    for number, (name, color) in enumerate(_COLORS.items()):
        x = _LEFT + number * 90
        parts.append(
            f'<rect x="{x}" y="24" width="10" height="8" fill="{color}"/><text x="{x + 14}" y="32">{name}</text>'
        )
    for number, row in enumerate(rows):
        y = _TOP + _ROW * number
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 12}" text-anchor="end">{escape(row["feature"])}</text>')
        for place, (name, color) in enumerate(_COLORS.items()):
            length = row[name] / highest * _WIDTH
            parts.append(
                f'<rect x="{_LEFT}" y="{y + 1 + 7 * place}" width="{length:.1f}" height="6" fill="{color}">'
                f"<title>{escape(row['feature'])}, {name}: {row[name]:.4g}</title></rect>"
            )
    return "\n".join([*parts, "</svg>"]) + "\n"
