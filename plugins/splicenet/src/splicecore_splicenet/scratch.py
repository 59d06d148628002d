"""Memory to compute in, kept from call to call: it is as large as the largest tile took, and no larger."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["Scratch"]

_GRAIN = 1 << 16


class Scratch:
    """Named float32 buffers that grow and never shrink. Not for use by two threads at once.

    Parameters
    ----------
    device
        Where the buffers are.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Return a contiguous tensor of this shape with any content; it is valid until the name is taken again."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            self._buffers.pop(name, None)
            buffer = torch.empty(-(-size // _GRAIN) * _GRAIN, dtype=torch.float32, device=self._device)
            self._buffers[name] = buffer
        return buffer[:size].view(shape)
