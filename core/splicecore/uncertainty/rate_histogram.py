"""How many positions have which uncertainty, in a form that shards can count apart and put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from splicecore.errors import ContractError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RateHistogram"]

_SHIFT = 12  # bits of a float32 that a bin leaves open: 11 of the 23 of the fraction are kept, 2,048 bins an octave
_BINS = 0x7F800000 >> _SHIFT  # all finite floats from 0 on
_LEAST = float(np.nextafter(np.float32(0), np.float32(1)))


class RateHistogram:
    """Exact counts of uncertainty scores in bins that are fixed once and for all.

    A bin holds the float32 numbers that share sign, exponent and the first 11 bits of the fraction, so it is 0.05 %
    wide at most, and bins are in the order of the scores. Scores of 0 are counted apart: they are never selected.
    Counts are integers and bins depend on nothing, so the order in which scores are added, and how they are shared
    among histograms that are merged, makes no difference.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self._zeros = 0

    @property
    def total(self) -> int:
        """Number of positions, those with a score of 0 among them."""
        return self._zeros + int(self._counts.sum())

    def add(self, scores: npt.NDArray[np.float32]) -> None:
        """Count scores: float32, shape (L,), in any order.

        Raises
        ------
        ContractError
            If one is negative or not finite.
        """
        values = np.asarray(scores, dtype=np.float32)
        if values.size and not (np.isfinite(values).all() and values.min() >= 0):
            raise ContractError("an uncertainty score is negative or not finite")
        positive = values[values > 0]
        self._zeros += values.size - positive.size
        if positive.size:
            bins = positive.view(np.int32) >> _SHIFT
            first = int(bins.min())
            counts = np.bincount(bins - first)
            self._counts[first : first + len(counts)] += counts

    def merge(self, other: RateHistogram) -> Self:
        """Add the counts of another histogram to this one, and return this one."""
        self._counts += other._counts
        self._zeros += other._zeros
        return self

    def threshold(self, rate: float) -> float:
        """Find the threshold that selects the share of positions nearest to a rate.

        Whole bins are selected from the least sure position on, so positions of the same score are selected together
        or not at all. Of two thresholds that miss the rate by as much, the higher one is taken. At least one bin is
        selected where there is a score above 0. The share that is reached is within 10 % of ``rate`` unless more than a
        fifth of the positions asked for have scores in the one bin at the edge, or fewer positions have a score
        above 0.

        Parameters
        ----------
        rate
            Share of all positions counted, in (0, 1].

        Returns
        -------
        A float32 number above 0: positions with a score of at least this are selected.

        Raises
        ------
        InputError
            If nothing was counted.
        """
        if not 0 < rate <= 1:
            raise ValueError(f"rate is {rate}; it must be in (0, 1]")
        if self.total == 0:
            raise InputError("no position was counted, so there is no threshold", hint="give genes with scores")
        bins = np.flatnonzero(self._counts)[::-1]
        if bins.size == 0:
            return _LEAST
        selected = np.cumsum(self._counts[bins])
        nearest = int(np.abs(selected - rate * self.total).argmin())  # the first of equals: the higher threshold
        return _lower_edge(int(bins[nearest]))

    def selected(self, threshold: float) -> int:
        """Count the positions that a threshold of :meth:`threshold` selects."""
        first = int(np.float32(threshold).view(np.int32)) >> _SHIFT
        return int(self._counts[first:].sum())

    def to_json(self) -> dict[str, Any]:
        """Return the counts as a JSON value."""
        bins = np.flatnonzero(self._counts)
        return {
            "zeros": self._zeros,
            "shift": _SHIFT,
            "bins": bins.tolist(),
            "counts": self._counts[bins].tolist(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made.

        Raises
        ------
        InputError
            If it is something else, or of other bins.
        """
        found = cls()
        try:
            bins, counts = (np.array(value[name], dtype=np.int64) for name in ("bins", "counts"))
            zeros, shift = value["zeros"], value["shift"]
            valid = shift == _SHIFT and type(zeros) is int and zeros >= 0 and bins.shape == counts.shape
            valid = valid and (counts > 0).all() and (np.diff(bins) > 0).all()
            valid = valid and (bins.size == 0 or bool(bins[0] >= 0 and bins[-1] < _BINS))
        except (KeyError, TypeError, ValueError, OverflowError):
            valid = False
        if not valid:
            raise InputError("not a histogram of uncertainty scores of this version", hint="run the first pass again")
        found._counts[bins] = counts
        found._zeros = zeros
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RateHistogram):
            return NotImplemented
        return self._zeros == other._zeros and np.array_equal(self._counts, other._counts)

    __hash__ = None  # type: ignore[assignment]


def _lower_edge(number: int) -> float:
    return max(float(np.int32(number << _SHIFT).view(np.float32)), _LEAST)
