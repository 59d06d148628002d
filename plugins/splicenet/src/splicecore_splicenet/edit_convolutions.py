"""Convolutions of windows of any number of rows, as the rescoring of an edit needs them.

Which way a window is convolved depends on the layer, the number of rows and the kind of device alone: constants, never
timings, as in :mod:`splicecore_splicenet.choices`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import attrs
import numpy as np
import torch

from splicecore_splicenet.dft import DFTConvolution

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from splicecore_splicenet.architecture import Block
    from splicecore_splicenet.choices import Convolutions
    from splicecore_splicenet.scratch import Scratch

__all__ = ["GatheredConvolution", "Split", "Window", "WindowConvolutions", "split_window"]


@attrs.frozen
class Split:
    """A window by DFT: ``blocks`` blocks of ``rows`` rows of the dilated view."""

    rows: int
    blocks: int


def split_window(block: Block, rows: int, convolutions: Convolutions = "fast") -> Split | None:
    """Return how a window of ``rows`` outputs of a layer is transformed, or None where it is gathered instead."""
    if convolutions == "direct":
        return None
    wanted = -(-rows // block.dilation)  # rows of the dilated view
    best, least = None, float(rows * block.kernel)
    for size in _SIZES:
        valid = size - block.kernel + 1
        if valid > 0:
            blocks = -(-wanted // valid)
            work = blocks * block.dilation * (_TRANSFORM * size + _PRODUCT) + _MATRICES
            cost = _CALLS + size * work
            if cost < least:
                best, least = Split(size, blocks), cost
    return best


_SIZES = (24, 32, 40, 52, 64, 76, 88, 96, 104, 108, 116, 128)
"""Rows of a block. They are few, because the matrices of every layer and size are kept: 8 KB a row."""
_TRANSFORM, _PRODUCT, _MATRICES, _CALLS = 0.033, 2.0, 15.0, 1000.0
"""Cost of a transform, in rows and taps of a gathered convolution: 32 x 32 multiplications, 30 ns.

Per row of a block's sequences and row of the block; per row of its sequences; per row of the block, for reading the
matrices; and once. Measured on one thread of a 2-core AMD EPYC (Zen 4), torch 2.13, 2026, while the machine had other
work; off by 6 % on average over 120 sizes of block.
"""


class GatheredConvolution:
    """A valid dilated convolution of n windows, (n, rows, C), as a matrix product with the taps of a row side by side.

    Parameters
    ----------
    kernel, bias
        (taps, C, C') and (C',).
    dilation
        Rows between two taps.
    device
        Where to compute.
    """

    def __init__(
        self, kernel: npt.NDArray[np.floating], bias: npt.NDArray[np.floating], dilation: int, device: torch.device
    ) -> None:
        taps, channels, outputs = kernel.shape
        self._matrix = _tensor(kernel.reshape(taps * channels, outputs), device)
        self._bias = _tensor(bias, device)
        self._taps, self._dilation = taps, dilation

    def convolve(self, x: Tensor, out: Tensor, scratch: Scratch, *, add: bool = False) -> None:
        """Convolve (n, rows + reach, C) into (n, rows, C'): written, or with ``add`` added to.

        Each of the n is contiguous.
        """
        n, channels = len(x), x.shape[2]
        for start in range(0, out.shape[1], _GATHERED):
            part = out[:, start : start + _GATHERED]
            taken = scratch.take("gathered", n, part.shape[1], self._taps, channels)
            taken.copy_(x[:, start:].as_strided(taken.shape, (x.stride(0), channels, self._dilation * channels, 1)))
            product = torch.addmm(self._bias, taken.view(-1, self._taps * channels), self._matrix).view(part.shape)
            if add:
                part.add_(product)
            else:
                part.copy_(product)


_GATHERED = 4096
"""Rows of a window whose taps are gathered at a time."""


@attrs.frozen
class Window:
    """How to convolve windows of one size: ``rows`` outputs are written, as many as were asked for or more."""

    convolution: DFTConvolution | GatheredConvolution
    rows: int


class WindowConvolutions:
    """One layer's convolution for windows of all sizes. Not for use by two threads at once.

    Parameters
    ----------
    kernel, bias
        (taps, C, C') and (C',), float64.
    block
        The layer's dilation.
    convolutions, device
        As for :class:`~splicecore_splicenet.network.Network`.
    """

    def __init__(
        self,
        kernel: npt.NDArray[np.floating],
        bias: npt.NDArray[np.floating],
        block: Block,
        convolutions: Convolutions,
        device: torch.device,
    ) -> None:
        self._kernel, self._bias, self._block = kernel, bias, block
        self._convolutions, self._device = convolutions, device
        self._gathered = GatheredConvolution(kernel, bias, block.dilation, device)
        self._transformed: dict[Split, DFTConvolution] = {}

    def window(self, rows: int) -> Window:
        """Return the convolution for this many outputs."""
        split = split_window(self._block, rows, self._convolutions)
        if split is None:
            return Window(self._gathered, rows)
        if split not in self._transformed:
            self._transformed[split] = self._make(split)
        made = self._transformed[split]
        return Window(made, made.unit * made.units)

    def _make(self, split: Split) -> DFTConvolution:
        """Make a transform; those of the same rows share their matrices."""
        for made, convolution in self._transformed.items():
            if made.rows == split.rows:
                other = copy.copy(convolution)
                other.units = split.blocks
                return other
        dilation = self._block.dilation
        return DFTConvolution(self._kernel, self._bias, dilation, rows=split.rows, blocks=split.blocks).to(self._device)


def _tensor(array: npt.NDArray[np.floating], device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C")).to(device)
