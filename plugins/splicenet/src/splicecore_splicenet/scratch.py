"""Memory to compute in, kept from call to call: it is as large as the largest tile took, and no larger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Scratch"]

T = TypeVar("T")

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
        self._prepared: WeakKeyDictionary[object, Any] = WeakKeyDictionary()

    def take(self, name: str, *shape: int) -> Tensor:
        """Return a contiguous tensor of this shape with any content; it is valid until the name is taken again."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            self._buffers.pop(name, None)
            self._prepared.clear()  # they may refer to the buffer that is given up
            buffer = torch.empty(-(-size // _GRAIN) * _GRAIN, dtype=torch.float32, device=self._device)
            self._buffers[name] = buffer
        return buffer[:size].view(shape)

    def prepared(self, user: object, prepare: Callable[[Scratch], T]) -> T:
        """Return what ``prepare(self)`` made of buffers for a user; kept while the user lives, until a buffer grows.

        Users are told apart by identity (or by their ``__eq__``). What is made may not refer to its user, who would
        live as long as it then.
        """
        made: T | None = self._prepared.get(user)
        if made is None:
            made = prepare(self)  # may itself clear what is kept
            self._prepared[user] = made
        return made
