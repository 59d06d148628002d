"""A step of the work on one tile, in portions that threads share."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from splicecore_splicenet.scratch import Scratch

__all__ = ["Stage", "portion_rows", "portions"]

_ROWS = 8192  # of a portion of the stages that only read and write


@attrs.frozen
class Stage:
    """Work on one tile: ``run(portion, scratch)`` for every portion in ``range(portions)``, in any order."""

    portions: int
    run: Callable[[int, Scratch], None]


def portions(rows: int) -> int:
    """Return the number of portions of a stage that only reads and writes this many rows."""
    return -(-rows // _ROWS)


def portion_rows(portion: int, rows: int) -> slice:
    """Return the rows of one of its portions."""
    return slice(portion * _ROWS, min((portion + 1) * _ROWS, rows))
