"""Which rows of which layer an edit changes and the wanted positions still need; plain integers, no torch.

A convolution of radius r widens what an edit has changed by r bases on either side and narrows what the outputs can
still see by as much. Only rows in both have to be computed: after layers of total radius C, for outputs ``[low, high)``
of a network of radius R, those of

    [max(start - C, low - (R - C)), min(stop + C, high + (R - C)))

where the edit's new bases are ``[start, stop)``. All positions are those of the edited sequence; rows to the right of
the new bases are, in the reference, ``shift`` positions to the left of where they are here.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
from splicecore.api import N

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.api import Edit

    from splicecore_splicenet.architecture import Architecture

__all__ = ["BlockRows", "EditRows", "Rows", "TrimmedEdit", "check_edits", "plan_rows", "trim"]

Rows = tuple[int, int]
"""First row and the one after the last, relative to the edit's first new base."""


@attrs.frozen(eq=False)
class TrimmedEdit:
    """An edit without the bases that it replaces by the same, and the positions that are wanted of it.

    Attributes
    ----------
    start, removed
        The edit takes ``codes[start : start + removed]`` away; ``start`` is also where its new bases are.
    bases
        uint8, the new bases.
    low, high
        Positions of the edited codes that are scored: [low, high). Empty if ``low >= high``.
    """

    start: int
    removed: int
    bases: npt.NDArray[np.uint8]
    low: int
    high: int

    @property
    def shift(self) -> int:
        """Bases by which everything behind the edit moves to the right."""
        return len(self.bases) - self.removed

    @property
    def unchanged(self) -> bool:
        """Whether the edited sequence is the same as before."""
        return self.removed == 0 and len(self.bases) == 0


@attrs.frozen
class BlockRows:
    """Rows of one residual block, relative to the edit.

    Attributes
    ----------
    before
        Input rows that the edit changed and that were computed.
    inputs, middle
        What the first convolution reads, and writes.
    inner, outputs
        What the second one reads, and writes.
    """

    before: Rows
    inputs: Rows
    middle: Rows
    inner: Rows
    outputs: Rows


@attrs.frozen
class EditRows:
    """Rows of all layers: ``blocks`` in order and ``skips``, the changed outputs of the layer before each skip."""

    blocks: tuple[BlockRows, ...]
    skips: tuple[Rows, ...]


def check_edits(length: int, edits: Sequence[Edit], radius: int, model: str) -> None:
    """Hold the caller of ``predict_edits`` to the contract.

    Parameters
    ----------
    length
        Number of codes, context included.
    edits, radius
        What it was given.
    model
        Its name.

    Raises
    ------
    ValueError
        If the radius is negative, an edit reaches beyond the codes, or its bases are not uint8 of shape (n,), 0 to 4.
    """
    if radius < 0:
        raise ValueError(f"{model} was asked for the scores of a radius of {radius}; it must be at least 0")
    for number, (start, end, new) in enumerate(edits):
        if not 0 <= start <= end <= length:
            raise ValueError(f"{model}: edit {number} replaces bases {start} to {end} of {length}")
        if not isinstance(new, np.ndarray) or new.dtype != np.uint8 or new.ndim != 1 or (new > N).any():
            raise ValueError(f"{model}: the new bases of edit {number} must be uint8 of shape (n,), 0 to 4")


def trim(codes: npt.NDArray[np.uint8], edit: Edit, radius: int, context: int) -> TrimmedEdit:
    """Take off what an edit does not change: common bases at the front, then at the back.

    Parameters
    ----------
    codes
        uint8, (context + L + context,).
    edit
        (start, end, new bases).
    radius
        Positions on either side of the new bases that are scored.
    context
        Bases that the network needs on either side of a position.
    """
    start, end, new = edit
    low = max(start - radius, context)
    high = min(start + len(new) + radius, len(codes) - (end - start) + len(new) - context)
    front = _common(codes[start:end], new)
    back = _common(codes[start + front : end][::-1], new[front:][::-1])
    bases = new[front : len(new) - back]
    return TrimmedEdit(start + front, end - start - front - back, bases, low, high)


@functools.lru_cache(maxsize=1024)
def plan_rows(architecture: Architecture, bases: int, low: int, high: int) -> EditRows | None:
    """Return the rows to compute for an edit, or None if none of its outputs can change.

    Parameters
    ----------
    architecture
        The network's.
    bases
        Number of new bases.
    low, high
        Wanted positions, relative to the edit's start.
    """
    radius = architecture.radius

    def rows(reached: int) -> Rows:
        left = radius - reached
        return max(-reached, low - left), min(bases + reached, high + left)

    if low >= high or rows(radius)[0] >= rows(radius)[1]:
        return None
    blocks: list[BlockRows] = []
    skips = [_within(rows(0), low, high)]
    reached = 0
    for index, block in enumerate(architecture.blocks):
        half = block.radius // 2
        middle, outputs = rows(reached + half), rows(reached + 2 * half)
        blocks.append(
            BlockRows(
                before=rows(reached),
                inputs=(middle[0] - half, middle[1] + half),
                middle=middle,
                inner=(outputs[0] - half, outputs[1] + half),
                outputs=outputs,
            )
        )
        reached += 2 * half
        if architecture.ends_group(index):
            skips.append(_within(outputs, low, high))
    return EditRows(tuple(blocks), tuple(skips))


def _within(rows: Rows, low: int, high: int) -> Rows:
    start = min(max(rows[0], low), high)
    return start, min(max(rows[1], start), high)


def _common(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> int:
    """Length of the longest common beginning."""
    shorter = min(len(first), len(second))
    different = np.flatnonzero(first[:shorter] != second[:shorter])
    return int(different[0]) if len(different) else shorter
