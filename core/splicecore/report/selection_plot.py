"""Histogram of uncertainty as inline SVG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

__all__ = ["TOP", "uncertainty_histogram"]

TOP = 1
"""The last bin begins at two to this power, and has all that is above."""

_WIDTH, _LEFT, _TOP, _HEIGHT, _BOTTOM = 720, 70, 26, 170, 44


def uncertainty_histogram(counts: np.ndarray[Any, np.dtype[np.int64]]) -> str:
    """Draw positions by uncertainty, both axes logarithmic.

    Parameters
    ----------
    counts
        int64, shape (2, octaves): positions that were not selected, and that were; the last octave begins at
        :data:`TOP` as a power of two, the first bin is exactly 0.
    """
    bins = counts.shape[1]
    whole = counts.sum(axis=0)
    most = max(1, math.ceil(math.log10(max(10, int(whole.max())))))
    width = (_WIDTH - _LEFT - 10) / bins
    base = _TOP + _HEIGHT

    def low(k: int) -> float:
        return math.ldexp(1.0, k - bins + 1 + TOP)

    parts = [f'<text class="title" x="{_LEFT}" y="16">Positions by uncertainty</text>']
    for power in range(most + 1):
        y = base - power / most * _HEIGHT
        parts.append(f'<path class="grid" d="M{_LEFT},{y:.1f}H{_WIDTH - 10}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 6}" y="{y + 4:.1f}">{10**power:,}</text>')
    for k, (certain, chosen) in enumerate(counts.T.tolist()):
        x = _LEFT + k * width
        name = "0" if k == 0 else f"{low(k):.3g} to {low(k + 1):.3g}"
        hint = f"<title>{name}: {certain:,} not selected, {chosen:,} selected</title>"
        kinds = ("certain", certain), ("chosen", chosen)
        both = certain > 0 and chosen > 0
        for column, (kind, count) in enumerate(kinds):
            if count:
                height = max(2.0, math.log10(count) / most * _HEIGHT)
                bar = (width - 2) / (2 if both else 1)
                left = x + 1 + (bar if both and column else 0)
                parts.append(
                    f'<rect class="{kind}" x="{left:.1f}" y="{base - height:.1f}" width="{bar:.1f}" '
                    f'height="{height:.1f}">{hint}</rect>'
                )
        if (bins - 1 - k) % 4 == 0 or k == 0:
            label = "0" if k == 0 else f"{low(k):.2g}"
            parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 16}">{label}</text>')
    parts.append(
        f'<text class="tick" x="{_LEFT}" y="{base + 36}">uncertainty; '
        "each bin from the number below it to twice that</text>"
    )
    height = _TOP + _HEIGHT + _BOTTOM
    return (
        f'<svg role="img" aria-label="Positions by uncertainty" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}">{"".join(parts)}</svg>'
    )
