"""Names that look like a name which was not found."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["near_names"]

_MAX_LENGTH_DIFFERENCE = 3
_MAX_COMPARED = 20_000


def near_names(name: str, names: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Names that resemble ``name``, best first.

    Names that differ only in case come first. Of the others only those of about the same length are compared, and at
    most 20,000 of them (those with the same first letter first), so that a search among 60,000 gene names stays short.

    Parameters
    ----------
    name
        What was asked for.
    names
        What there is.
    count
        How many to return at most.
    """
    wanted = name.casefold()
    first: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    same: dict[str, None] = {}
    for candidate in names:
        folded = candidate.casefold()
        if folded == wanted:
            same.setdefault(candidate)
        elif abs(len(folded) - len(wanted)) <= _MAX_LENGTH_DIFFERENCE:
            (first if folded[:1] == wanted[:1] else others).append((folded, candidate))
    spelling: dict[str, str] = {}
    for folded, candidate in (first + others)[:_MAX_COMPARED]:
        spelling.setdefault(folded, candidate)
    close = difflib.get_close_matches(wanted, spelling, n=count, cutoff=0.7)
    return tuple([*same, *(spelling[folded] for folded in close)][:count])
