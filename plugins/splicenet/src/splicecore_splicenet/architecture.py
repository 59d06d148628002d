"""The SpliceAI family of networks, described without any framework.

All have one shape: a 1x1 stem, residual blocks (batch norm, activation, dilated convolution, twice), and 1x1 skip
convolutions from the stem and after every group of four blocks, whose sum goes through a last 1x1 convolution and a
softmax (Jaganathan et al., Cell 2019, figure 1 and methods). Members differ in their blocks, activation and epsilon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CONTEXTS", "Architecture", "Block", "spliceai_architecture"]

CONTEXTS: tuple[int, int, int, int] = (80, 400, 2000, 10_000)
"""Bases of context (both sides together) that published members of the family were trained with."""

_GROUPS: tuple[tuple[int, int], ...] = ((11, 1), (11, 4), (21, 10), (41, 25))


def _tuple(value: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(value)


@attrs.frozen
class Block:
    """A residual block: both of its convolutions have ``kernel`` taps (odd), ``dilation`` bases apart."""

    kernel: int = attrs.field(validator=attrs.validators.ge(1))
    dilation: int = attrs.field(validator=attrs.validators.ge(1))

    @kernel.validator
    def _check_odd(self, _: object, value: int) -> None:
        if value % 2 == 0:
            raise ValueError(f"a block needs an odd kernel to be centered, not {value}")

    @property
    def radius(self) -> int:
        """Bases on either side that an output of the block depends on; also what it crops from either end."""
        return (self.kernel - 1) * self.dilation


@attrs.frozen(kw_only=True)
class Architecture:
    """One network of the family.

    Attributes
    ----------
    blocks
        Residual blocks in order; their number is a multiple of ``group``.
    activation
        ``"relu"``, or ``"leaky_relu"`` with ``negative_slope``.
    epsilon
        Added to the variance in every batch norm: 1e-3 in Keras, 1e-5 in torch.
    channels
        Width of every layer but the last.
    group
        Blocks between two skip convolutions.
    outputs
        Width of the last layer.
    """

    blocks: tuple[Block, ...] = attrs.field(converter=_tuple)
    activation: Literal["relu", "leaky_relu"] = attrs.field(
        default="relu", validator=attrs.validators.in_(("relu", "leaky_relu"))
    )
    negative_slope: float = 0.1
    epsilon: float = attrs.field(default=1e-3, validator=attrs.validators.gt(0))
    channels: int = attrs.field(default=32, validator=attrs.validators.ge(1))
    group: int = attrs.field(default=4, validator=attrs.validators.ge(1))
    outputs: int = attrs.field(default=3, validator=attrs.validators.ge(1))

    def __attrs_post_init__(self) -> None:
        if len(self.blocks) % self.group:
            raise ValueError(f"{len(self.blocks)} blocks cannot be divided into groups of {self.group}")

    @property
    def radius(self) -> int:
        """Bases of context on either side of a position: the sum of (kernel - 1) * dilation over the blocks.

        Each of a block's two convolutions reaches half as far.
        """
        return sum(block.radius for block in self.blocks)

    @property
    def n_skips(self) -> int:
        """Number of skip convolutions, the stem's included."""
        return len(self.blocks) // self.group + 1

    def ends_group(self, index: int) -> bool:
        """Whether a skip convolution follows the block of this index (from 0)."""
        return (index + 1) % self.group == 0


def spliceai_architecture(
    context: int = 10_000, *, activation: Literal["relu", "leaky_relu"] = "relu", epsilon: float = 1e-3
) -> Architecture:
    """Return the published member of the family with ``context`` bases of context (one of :data:`CONTEXTS`).

    Raises
    ------
    ValueError
        If no member has this context.
    """
    if context not in CONTEXTS:
        raise ValueError(f"no network of the SpliceAI family has a context of {context}; there are {CONTEXTS}")
    groups = _GROUPS[: CONTEXTS.index(context) + 1]
    blocks = tuple(Block(kernel, dilation) for kernel, dilation in groups for _ in range(4))
    return Architecture(blocks=blocks, activation=activation, epsilon=epsilon)
