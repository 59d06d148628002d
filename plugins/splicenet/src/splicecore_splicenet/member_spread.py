"""How far apart the members of an ensemble are: the outputs that follow the three mean probabilities. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
from splicecore.api import OUTPUTS, BaseModelSpec, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SPREADS", "MemberSpread", "with_member_spread"]

SPREADS: tuple[str, str] = ("acceptor_spread", "donor_spread")
"""Outputs: population standard deviation over the members of the probability of acceptor and of donor, 0 to 0.5."""

_SITES = slice(1, 3)


@attrs.frozen(eq=False)
class MemberSpread:
    """Sums from which the standard deviation over the members of an ensemble is made.

    They are sums of deviations from the first member, which is exact where members agree and loses at most a digit
    where the first is the odd one out.

    Attributes
    ----------
    first, total, square
        float32, shape (2, L), NumPy arrays or torch tensors: the first member's probabilities of acceptor and donor,
        and the sums of the others' deviations and of their squares; ``total`` and ``square`` begin as zeros.
    """

    first: Any
    total: Any
    square: Any

    @classmethod
    def zeros(cls, length: int, make: Callable[[tuple[int, int]], Any] | None = None) -> MemberSpread:
        """Begin: ``make(shape)`` gives an array of zeros, float32; NumPy's without it."""
        make = make or (lambda shape: np.zeros(shape, dtype=np.float32))
        return cls(*(make((2, length)) for _ in range(3)))

    def add(self, member: int, probabilities: Any, rows: slice = slice(None)) -> None:
        """Add a member's probabilities of some positions, shape (3, rows); member 0 comes before the others."""
        sites = probabilities[_SITES]
        if member == 0:
            self.first[:, rows] = sites
            return
        deviation = sites - self.first[:, rows]
        self.total[:, rows] += deviation
        self.square[:, rows] += deviation * deviation

    def deviation(
        self, members: int, to_numpy: Callable[[Any], npt.NDArray[np.float32]] = np.asarray
    ) -> npt.NDArray[np.float32]:
        """Return the population standard deviation over ``members``: float32, shape (L, 2)."""
        total, square = to_numpy(self.total).astype(np.float64), to_numpy(self.square).astype(np.float64)
        variance = square / members - (total / members) ** 2
        return np.sqrt(np.maximum(variance, 0.0)).T.astype(np.float32)


def with_member_spread(spec: BaseModelSpec, members: Sequence[object]) -> BaseModelSpec:
    """Return the descriptor of a model that gives :data:`SPREADS` after its three probabilities.

    Raises
    ------
    ConfigError
        If the ensemble has one member.
    """
    if len(members) < 2:
        raise ConfigError(
            f"{spec.name}: member_spread needs an ensemble; there is one network",
            hint="average several networks, or leave member_spread out",
        )
    return attrs.evolve(spec, outputs=(*OUTPUTS, *SPREADS))
