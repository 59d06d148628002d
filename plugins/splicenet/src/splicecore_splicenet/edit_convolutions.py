"""Convolutions of windows of any number of rows, as the rescoring of an edit needs them.

Which way a window is convolved depends on the layer, the number of rows and the kind of device alone: constants, never
timings, as in :mod:`splicecore_splicenet.choices`.
"""

from __future__ import annotations

import copy
import threading
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


def split_window(block: Block, rows: int, convolutions: Convolutions = "fast", device: str = "cpu") -> Split | None:
    """Return how a window of ``rows`` outputs of a layer is transformed, or None where it is gathered instead."""
    if device != "cpu" or convolutions == "direct":
        return None
    wanted = -(-rows // block.dilation)
    direct = _GATHERED * rows * block.kernel * 1024
    best, least = None, direct
    for blocks in range(1, 1 + -(-wanted // 24)):
        size = -(-(-(-wanted // blocks) + block.kernel - 1) // 4) * 4
        cost = _STARTED + block.dilation * blocks * size * (_TRANSFORM * 32 * size + _PRODUCT * 2048 + _MOVED * 32)
        if cost < least:
            best, least = Split(size, blocks), cost
    return best


_GATHERED = 1.0
"""Cost of a multiplication in a gathered convolution; the unit of the others."""
_TRANSFORM = 0.8
_PRODUCT = 1.1
_MOVED = 20.0
"""Of a value in a block, for what is done to it besides multiplying."""
_STARTED = 3e6
"""Of the calls that a transform takes."""


class GatheredConvolution:
    """A valid dilated convolution of (rows, C) as one matrix product with the taps of every row side by side."""

    def __init__(
        self, kernel: npt.NDArray[np.floating], bias: npt.NDArray[np.floating], dilation: int, device: torch.device
    ) -> None:
        taps, channels, outputs = kernel.shape
        self._matrix = _tensor(kernel.reshape(taps * channels, outputs), device)
        self._bias = _tensor(bias, device)
        self._taps, self._dilation = taps, dilation

    def convolve(self, x: Tensor, out: Tensor, scratch: Scratch, *, add: bool = False) -> None:
        """Convolve (rows + reach, C), contiguous, into (rows, C'): written, or with ``add`` added to."""
        channels = x.shape[1]
        taken = scratch.take("gathered", len(out), self._taps, channels)
        taken.copy_(x.as_strided(taken.shape, (channels, self._dilation * channels, 1)))
        taps = taken.view(len(out), -1)
        if add:
            out.add_(self._bias).addmm_(taps, self._matrix)
        else:
            torch.addmm(self._bias, taps, self._matrix, out=out)


@attrs.frozen
class Window:
    """How to convolve windows of one size: ``rows`` outputs are written, as many as were asked for or more."""

    convolution: DFTConvolution | GatheredConvolution
    rows: int


class WindowConvolutions:
    """One layer's convolution for windows of all sizes. May be used by several threads.

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
        self._lock = threading.Lock()

    @property
    def reach(self) -> int:
        """Rows that an output is shorter than its input."""
        return self._block.radius

    def window(self, rows: int) -> Window:
        """Return the convolution for this many outputs."""
        split = split_window(self._block, rows, self._convolutions, self._device.type)
        if split is None:
            return Window(self._gathered, rows)
        with self._lock:
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
