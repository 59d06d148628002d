"""Isotonic regression of a class on its probability, by pooling adjacent violators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IsotonicCurve", "pool_adjacent_violators"]

_Floats = npt.NDArray[np.float64]

_ROUNDS = 30
_TOP_SLOPE = 0.1


def pool_adjacent_violators(values: _Floats, weights: _Floats) -> tuple[_Floats, npt.NDArray[np.int64]]:
    """Find the rising sequence that is nearest to ``values`` in weighted squares (Ayer et al. 1955).

    Neighbours that do not rise are pooled, in any order, with the same result; whole runs of them are pooled at a time,
    and what little that leaves one by one.

    Parameters
    ----------
    values
        float64, shape (n,).
    weights
        float64, shape (n,), above 0.

    Returns
    -------
    levels : float64, shape (blocks,)
        Strictly rising: the weighted mean of each block.
    first : int64, shape (blocks,)
        Where each block begins.
    """
    first = np.arange(len(values), dtype=np.int64)
    mass, total = weights.astype(np.float64), values * weights
    for _ in range(_ROUNDS):
        level = total / mass
        rises = level[1:] > level[:-1]
        if rises.all():
            return level, first
        heads = np.concatenate([[0], np.flatnonzero(rises) + 1])
        mass, total, first = np.add.reduceat(mass, heads), np.add.reduceat(total, heads), first[heads]
    return _one_by_one(total, mass, first)


def _one_by_one(total: _Floats, mass: _Floats, first: npt.NDArray[np.int64]) -> tuple[_Floats, npt.NDArray[np.int64]]:
    totals: list[float] = []
    masses: list[float] = []
    heads: list[int] = []
    for t, m, head in zip(total.tolist(), mass.tolist(), first.tolist(), strict=True):
        new_total, new_mass, new_head = t, m, head
        while totals and totals[-1] / masses[-1] >= new_total / new_mass:
            new_total, new_mass, new_head = totals.pop() + new_total, masses.pop() + new_mass, heads.pop()
        totals.append(new_total)
        masses.append(new_mass)
        heads.append(new_head)
    return np.array(totals) / np.array(masses), np.array(heads, dtype=np.int64)


@attrs.frozen(eq=False)
class IsotonicCurve:
    """A strictly rising curve from [0, 1] to [0, 1]: centered isotonic regression (Oron and Flournoy 2017).

    The share of the class in every block of the isotonic regression is set at the block's weighted mean probability;
    between these points the curve is straight, so that positions keep their order within a block. Below the first
    point it is straight to (0, 0), which keeps the block's mean. Above the last one the distance to 1 shrinks by at
    most a tenth: the data say nothing of higher shares. A share of 0 or 1 in the first or last block, of weight W,
    becomes 0.5 / (W + 1) or 1 minus that.

    Attributes
    ----------
    x, y
        float64, shape (points,): both strictly rising.
    """

    x: _Floats
    y: _Floats

    @classmethod
    def fit(cls, probability: _Floats, is_class: npt.NDArray[np.bool_], weights: _Floats) -> Self:
        """Fit the curve.

        Parameters
        ----------
        probability
            float64, shape (k,): of the class.
        is_class
            bool, shape (k,): whether the position is of the class; at least one is, and one is not.
        weights
            float64, shape (k,), above 0: how many positions each one stands for.
        """
        order = np.argsort(probability, kind="stable")
        x, mass, hits = probability[order], weights[order], (weights * is_class)[order]
        heads = np.flatnonzero(np.concatenate([[True], x[1:] != x[:-1]]))
        x, mass, hits = x[heads], np.add.reduceat(mass, heads), np.add.reduceat(hits, heads)
        levels, first = pool_adjacent_violators(hits / mass, mass)
        block_mass = np.add.reduceat(mass, first)
        centers = np.add.reduceat(mass * x, first) / block_mass
        return cls(centers, _within_bounds(levels, block_mass))

    def __call__(self, probability: _Floats) -> _Floats:
        """Calibrate probabilities: float64, any shape."""
        x, y = self.x, self.y
        result = np.interp(probability, x, y)
        low, high = probability < x[0], probability > x[-1]
        result[low] = y[0] * (probability[low] / x[0])
        beyond = (probability[high] - x[-1]) / (1 - x[-1])
        result[high] = 1 - (1 - y[-1]) * (1 - _TOP_SLOPE * beyond)
        return np.asarray(result, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; numbers come back the same."""
        return {"x": self.x.tolist(), "y": self.y.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made; KeyError, TypeError or ValueError if it did not make it."""
        x, y = (np.array(values[name], dtype=np.float64) for name in ("x", "y"))
        rising = (
            x.ndim == 1 and len(x) > 0 and x.shape == y.shape and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all()
        )
        if not (rising and x[0] >= 0 and x[-1] <= 1 and y[0] >= 0 and y[-1] <= 1):
            raise ValueError("points of a curve must rise, within 0 and 1")
        return cls(x, y)


def _within_bounds(levels: _Floats, mass: _Floats) -> _Floats:
    levels = levels.copy()
    if levels[0] <= 0:
        levels[0] = min(0.5 / (mass[0] + 1), levels[1] / 2 if len(levels) > 1 else 1.0)
    if levels[-1] >= 1:
        levels[-1] = 1 - min(0.5 / (mass[-1] + 1), (1 - levels[-2]) / 2 if len(levels) > 1 else 1.0)
    return levels
