"""Which models make the same mistakes: counts of false and missed calls by the set of models that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.evaluate.pooled import CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ErrorOverlap"]


class ErrorOverlap:
    """Counts positions by the set of models that call them wrongly, or miss them.

    Parameters
    ----------
    names
        The models, at most 60.
    thresholds
        Of each model, for acceptor and donor: what scores at least as much is called.

    Attributes
    ----------
    counts
        (class, ``"false_positives"`` or ``"false_negatives"``) -> set of models as bits -> positions.
    """

    def __init__(self, names: Sequence[str], thresholds: Sequence[tuple[float, float]]) -> None:
        self.names = tuple(names)
        self.thresholds = tuple(thresholds)
        self.counts: dict[tuple[str, str], dict[int, int]] = {
            (name, kind): {} for name in CLASSES for kind in ("false_positives", "false_negatives")
        }

    def add(self, sites: npt.NDArray[np.bool_], scores: Sequence[npt.NDArray[np.float32]]) -> None:
        """Add positions: bool (n, 2) true acceptors and donors, and of each model float32 (n, 3)."""
        for k, name in enumerate(CLASSES):
            false = np.zeros(len(sites), dtype=np.int64)
            for bit, (score, limits) in enumerate(zip(scores, self.thresholds, strict=True)):
                wrong = (score[:, k + 1] >= np.float64(limits[k])) != sites[:, k]
                false[wrong] |= 1 << bit
            self._count(name, "false_positives", false[~sites[:, k]])
            self._count(name, "false_negatives", false[sites[:, k]])

    def _count(self, name: str, kind: str, codes: npt.NDArray[np.int64]) -> None:
        counts = self.counts[name, kind]
        for code, number in zip(*np.unique(codes[codes > 0], return_counts=True), strict=True):
            counts[int(code)] = counts.get(int(code), 0) + int(number)

    def to_json(self) -> dict[str, Any]:
        """Return class -> kind -> list of {models, count}, the largest first."""
        result: dict[str, Any] = {name: {} for name in CLASSES}
        for (name, kind), counts in self.counts.items():
            rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            result[name][kind] = [{"models": self._set(code), "count": count} for code, count in rows]
        return result

    def _set(self, code: int) -> list[str]:
        return [name for bit, name in enumerate(self.names) if code >> bit & 1]
