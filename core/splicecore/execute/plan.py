"""Cutting work into shards: deterministic, balanced by bases, independent of who runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SHARD_BASES", "plan_shards"]

SHARD_BASES = 10_000
"""Bases that a shard holds at least, unless there is no more work.

Large enough to hide the cost of handing it over, small enough to show progress and to keep all workers busy to the end.
"""

Unit = TypeVar("Unit")


def plan_shards(units: Sequence[Unit], bases: Sequence[int], target: int = SHARD_BASES) -> list[list[Unit]]:
    """Group units into shards, longest shard first.

    Parameters
    ----------
    units
        What is to be done, in a fixed order.
    bases
        Size of each unit in bases.
    target
        A shard is closed once it holds this many bases.

    Returns
    -------
    Every unit in exactly one shard, neighbors together, and the shards by falling size (ties: in the order of the
    units), so that the last shard to finish is a short one.
    """
    shards: list[list[Unit]] = []
    sizes: list[int] = []
    open_shard = False
    for unit, size in zip(units, bases, strict=True):
        if not open_shard:
            shards.append([])
            sizes.append(0)
        shards[-1].append(unit)
        sizes[-1] += size
        open_shard = sizes[-1] < target
    order = sorted(range(len(shards)), key=lambda i: (-sizes[i], i))
    return [shards[i] for i in order]
