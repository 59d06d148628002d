"""Tiles: the stretches of a gene that a base model scores in one call.

The geometry follows from the model's descriptor alone and is anchored to the gene's 5' end, so it never depends on
memory, workers, other genes or variants; it is part of every score's key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.plugins.specs import BaseModelSpec

__all__ = ["Tiling"]


@attrs.frozen(kw_only=True)
class Tiling:
    """How genes are cut.

    Attributes
    ----------
    tile
        Positions that a tile scores.
    batch
        Tiles that one call is given at most.
    exact
        Whether the model scores exactly ``tile`` positions; the last tile then reaches beyond the gene, and what it
        says there is dropped.
    """

    tile: int = attrs.field(validator=attrs.validators.ge(1))
    batch: int = attrs.field(validator=attrs.validators.ge(1))
    exact: bool

    @classmethod
    def of(cls, spec: BaseModelSpec) -> Tiling:
        """Geometry for a model: the longest tile that it allows, or as many of its fixed windows as it allows."""
        if spec.output_length is None:
            return cls(tile=spec.max_positions, batch=1, exact=False)
        return cls(tile=spec.output_length, batch=max(1, spec.max_positions // spec.output_length), exact=True)

    def spans(self, length: int) -> Iterator[tuple[int, int]]:
        """Half-open spans of scored positions that cover 0..length once; with ``exact`` the last one may end beyond."""
        for start in range(0, length, self.tile):
            yield start, start + self.tile if self.exact else min(start + self.tile, length)

    def batches(self, length: int) -> Iterator[list[tuple[int, int]]]:
        """Yield the spans of a gene in groups of one size and at most ``batch`` members."""
        group: list[tuple[int, int]] = []
        for span in self.spans(length):
            same_size = not group or span[1] - span[0] == group[0][1] - group[0][0]
            if len(group) == self.batch or not same_size:
                yield group
                group = []
            group.append(span)
        if group:
            yield group
