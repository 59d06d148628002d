"""Weights of one network as plain NumPy arrays: what every loader returns and every engine starts from."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore_splicenet.architecture import Architecture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BatchNorm", "BlockWeights", "Convolution", "NetworkWeights"]

FloatArray = npt.NDArray[np.float32]


def _frozen_array(value: Any) -> FloatArray:
    array = np.array(value, dtype=np.float32, order="C")
    array.setflags(write=False)
    return array


@attrs.frozen(eq=False)
class Convolution:
    """A convolution: ``kernel`` (taps, inputs, outputs) and ``bias`` (outputs,), float32, read-only."""

    kernel: FloatArray = attrs.field(converter=_frozen_array)
    bias: FloatArray = attrs.field(converter=_frozen_array)


@attrs.frozen(eq=False)
class BatchNorm:
    """A batch norm of trained statistics: four float32 arrays of shape (channels,), read-only."""

    gamma: FloatArray = attrs.field(converter=_frozen_array)
    beta: FloatArray = attrs.field(converter=_frozen_array)
    mean: FloatArray = attrs.field(converter=_frozen_array)
    variance: FloatArray = attrs.field(converter=_frozen_array)

    def affine(self, epsilon: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return (scale, shift), float64 of shape (channels,), such that the norm of x is ``x * scale + shift``."""
        scale = self.gamma.astype(np.float64) / np.sqrt(self.variance.astype(np.float64) + epsilon)
        return scale, self.beta - self.mean * scale


@attrs.frozen(eq=False)
class BlockWeights:
    """A residual block, in the order of computation."""

    norm1: BatchNorm
    conv1: Convolution
    norm2: BatchNorm
    conv2: Convolution


def _block_tuple(value: Iterable[BlockWeights]) -> tuple[BlockWeights, ...]:
    return tuple(value)


def _skip_tuple(value: Iterable[Convolution]) -> tuple[Convolution, ...]:
    return tuple(value)


@attrs.frozen(eq=False, slots=False)
class NetworkWeights:
    """All weights of one network.

    Attributes
    ----------
    architecture
        What the arrays belong to; shapes are checked against it.
    stem, output
        First and last 1x1 convolution. The stem's inputs are A, C, G, T.
    blocks
        One entry a residual block.
    skips
        1x1 convolutions from the stem and after each group.

    Raises
    ------
    ValueError
        If an array has another shape than the architecture asks for, is not finite, or a variance is negative; the
        message names the array.
    """

    architecture: Architecture
    stem: Convolution
    blocks: tuple[BlockWeights, ...] = attrs.field(converter=_block_tuple)
    skips: tuple[Convolution, ...] = attrs.field(converter=_skip_tuple)
    output: Convolution

    def __attrs_post_init__(self) -> None:
        if len(self.blocks) != len(self.architecture.blocks) or len(self.skips) != self.architecture.n_skips:
            raise ValueError(
                f"{len(self.blocks)} blocks and {len(self.skips)} skips do not make a network of "
                f"{len(self.architecture.blocks)} blocks and {self.architecture.n_skips} skips"
            )
        expected = self._shapes()
        for name, array in self.arrays():
            if array.shape != expected[name]:
                raise ValueError(f"{name} has shape {array.shape}, not {expected[name]}")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds values that are not finite")
            if name.endswith("variance") and (array < 0).any():
                raise ValueError(f"{name} holds negative values")

    def arrays(self) -> Iterator[tuple[str, FloatArray]]:
        """Yield (name, array) of every array in one fixed order, that of computation."""
        yield from _named("stem", self.stem)
        yield from _named("skips.0", self.skips[0])
        for index, block in enumerate(self.blocks):
            for part in ("norm1", "conv1", "norm2", "conv2"):
                yield from _named(f"blocks.{index}.{part}", getattr(block, part))
            if self.architecture.ends_group(index):
                skip = (index + 1) // self.architecture.group
                yield from _named(f"skips.{skip}", self.skips[skip])
        yield from _named("output", self.output)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the architecture and every array with its name, shape and little-endian bytes."""
        digest = hashlib.sha256(json.dumps(attrs.asdict(self.architecture), sort_keys=True).encode())
        for name, array in self.arrays():
            digest.update(f"\n{name} {array.shape}\n".encode())
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        width = self.architecture.channels
        shapes: dict[str, tuple[int, ...]] = {}

        def convolution(name: str, taps: int, inputs: int, outputs: int) -> None:
            shapes[f"{name}.kernel"] = (taps, inputs, outputs)
            shapes[f"{name}.bias"] = (outputs,)

        convolution("stem", 1, 4, width)
        convolution("output", 1, width, self.architecture.outputs)
        for index in range(self.architecture.n_skips):
            convolution(f"skips.{index}", 1, width, width)
        for index, block in enumerate(self.architecture.blocks):
            for part in ("conv1", "conv2"):
                convolution(f"blocks.{index}.{part}", block.kernel, width, width)
            for part in ("norm1", "norm2"):
                for field in attrs.fields(BatchNorm):
                    shapes[f"blocks.{index}.{part}.{field.name}"] = (width,)
        return shapes


def _named(prefix: str, layer: Convolution | BatchNorm) -> Iterator[tuple[str, FloatArray]]:
    for field in attrs.fields(type(layer)):
        yield f"{prefix}.{field.name}", getattr(layer, field.name)
