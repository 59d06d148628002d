"""What a network computed on its way through a tile, kept for the edits of that tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore_splicenet.scratch import Scratch
from splicecore_splicenet.stage import Stage, portion_rows, portions

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from splicecore_splicenet.architecture import Architecture

__all__ = ["Activations"]


class Activations:
    """One network's activations of one tile; the next network's overwrite them.

    Parameters
    ----------
    architecture
        The network's.
    device
        Where they are.

    Attributes
    ----------
    inputs
        For every block, and at last for what leaves the last one, float32 (rows, channels): its input. Row 0 is the
        first position that has the context for it.
    middles
        For every block, float32 (rows, channels): what its second convolution reads.
    """

    def __init__(self, architecture: Architecture, device: torch.device) -> None:
        self._architecture = architecture
        self._memory = Scratch(device)
        self.inputs: list[Tensor] = []
        self.middles: list[Tensor] = []

    def resize(self, length: int, spill: int) -> None:
        """Make room for a tile of this many bases, context included; what is written beyond its rows is ignored."""
        channels, reached = self._architecture.channels, 0
        self.inputs, self.middles = [], []
        for index, block in enumerate(self._architecture.blocks):
            self.inputs.append(self._memory.take(f"x{index}", length - 2 * reached, channels))
            self.middles.append(self._memory.take(f"h{index}", length - 2 * reached + spill, channels))
            reached += block.radius
        self.inputs.append(self._memory.take("x", length - 2 * reached, channels))

    def keep(self, index: int, x: Tensor) -> Stage:
        """Copy the input of a block."""
        target = self.inputs[index]

        def run(portion: int, _: Scratch) -> None:
            rows = portion_rows(portion, len(x))
            target[rows] = x[rows]

        return Stage(portions(len(x)), run)
