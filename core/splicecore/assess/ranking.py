"""Average precision and top-k accuracy over all exact positions of a gene, without sorting them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.evaluate.metrics import average_precision, top_k_accuracy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.assess.labels import ClassLabels

__all__ = ["Ranking", "rank_positions"]

_RARE = 1e-3  # few positions score as much
_COUNTED = 16  # number of levels below that for which counting is faster than sorting

_Floats = npt.NDArray[np.float32]


@attrs.frozen(eq=False)
class Ranking:
    """Scores of one class at exact positions, apart from those that are sites of other genes.

    Attributes
    ----------
    sites
        float32, shape (n,): at the gene's sites.
    rest
        float32, shape (L,): at the positions that are no site; -inf at all others, so that they rank below everything.
    """

    sites: _Floats
    rest: _Floats

    @classmethod
    def of(cls, labels: ClassLabels, scores: _Floats) -> Ranking:
        """Make the ranking of a class's labels and its scores, shape (L,)."""
        rest = scores.copy()
        rest[labels.sites] = -np.inf
        rest[labels.others] = -np.inf
        return cls(scores[labels.sites], rest)

    def at_least(self, levels: _Floats) -> npt.NDArray[np.int64]:
        """Count the positions that are no sites and score at least each level (rising, one or more)."""
        low = int(np.searchsorted(levels, np.float32(_RARE)))
        if low > _COUNTED:
            low, least = 0, levels[0]
        else:
            least = np.float32(_RARE)
        counted = [np.count_nonzero(self.rest >= level) for level in levels[:low]]
        ranked = np.sort(self.rest[self.rest >= least])
        sorted_out = len(ranked) - np.searchsorted(ranked, levels[low:])
        return np.concatenate([np.array(counted, dtype=np.int64), sorted_out])


def rank_positions(classes: Sequence[Ranking]) -> dict[str, float | None]:
    """Measure how high the sites rank among the positions of one or several classes; None without sites.

    Average precision depends on the thresholds that sites set and on how many positions reach each of them: those
    between two thresholds enter as one, weighted by their number. Top-k accuracy depends on nothing below the k-th
    position.
    """
    sites = np.concatenate([ranking.sites for ranking in classes])
    if len(sites) == 0:
        return {"average_precision": None, "top_k": None}
    levels = np.unique(sites)
    reached = np.sum([ranking.at_least(levels) for ranking in classes], axis=0)
    average = average_precision(
        np.arange(len(sites) + len(levels)) < len(sites),
        np.concatenate([sites, levels]),
        np.concatenate([np.ones(len(sites)), -np.diff(reached, append=0)]),
    )
    rest = _highest(sites, classes)
    top_k = top_k_accuracy(np.arange(len(sites) + len(rest)) < len(sites), np.concatenate([sites, rest]))
    return {"average_precision": average, "top_k": top_k}


def _highest(sites: _Floats, classes: Sequence[Ranking]) -> _Floats:
    """Scores of positions that are no sites: all that can be among the ``len(sites)`` highest of all positions."""
    rest = sites[:0]
    for least in (0.1, _RARE, sites.min()):
        rest = np.concatenate([ranking.rest[ranking.rest >= np.float32(least)] for ranking in classes])
        if len(rest) + np.count_nonzero(sites >= np.float32(least)) >= len(sites):
            break
    return rest
