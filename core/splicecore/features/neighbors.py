"""Base scores at and around positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.predict.blocks import Block

__all__ = ["ACCEPTOR", "DONOR", "NEITHER", "scores_around"]

NEITHER, ACCEPTOR, DONOR = range(3)


def scores_around(
    block: Block, index: npt.NDArray[np.int64], channels: Sequence[int], offsets: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Scores of the block's first model at offsets from positions.

    The score of a position beyond the gene's ends is 0: no site of this gene lies there.

    Parameters
    ----------
    block
        One gene.
    index
        int64, shape (k,): positions, offsets in transcript orientation, 0-based.
    channels
        Channels of the model's output.
    offsets
        Offsets from the positions, in transcript orientation: -1 is the base before.

    Returns
    -------
    float64, shape (channels, offsets, k), each row contiguous
    """
    scores = next(iter(block.scores.values()))
    last = len(scores) - 1
    found = np.empty((len(channels), len(offsets), len(index)))
    for column, offset in enumerate(offsets):
        rows = index + offset
        outside = (rows < 0) | (rows > last) if offset else None
        taken = scores.take(np.clip(rows, 0, last) if offset else rows, axis=0)
        for row, channel in enumerate(channels):
            found[row, column] = taken[:, channel]
        if outside is not None and outside.any():
            found[:, column, outside] = 0.0
    return found
