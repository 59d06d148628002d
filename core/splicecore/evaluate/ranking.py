r"""Average precision, area under the ROC curve and top-k of many weightings of genes at once.

All three follow from counts at the distinct scores of the true sites: with :math:`t_s` sites and :math:`e_s` other
positions that score exactly s, :math:`T_s` sites and :math:`F_s` others that score at least s, and :math:`P` sites and
:math:`N` others in all,

.. math::

    AP = \sum_s \frac{t_s}{P} \frac{T_s}{T_s + F_s} \qquad
    AUROC = \sum_s \frac{t_s (N - F_s + e_s / 2)}{P N} \qquad
    topk = \sum_s \frac{t_s}{P} \min(1, \max(0, \frac{P - (T_s - t_s) - (F_s - e_s)}{t_s + e_s}))

which are :func:`~splicecore.evaluate.metrics.average_precision`, the Mann-Whitney form with ties counted half, and
:func:`~splicecore.evaluate.metrics.top_k_accuracy`. Counts of a weighting (genes of one chromosome, a bootstrap
replicate) are sums over genes times their weights, so that a thousand replicates are one matrix product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.evaluate.pooled import bin_edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.evaluate.pooled import Pool

__all__ = ["RankFigures", "RankedCounts", "rank_figures"]

_CELLS = 4_000_000
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class _Counts:
    """Sparse counts by (edge, group), sorted by edge."""

    edge: _Ints
    group: _Ints
    count: _Floats

    @classmethod
    def of(cls, edge: _Ints, group: _Ints, count: npt.NDArray[np.int64] | None, n_groups: int) -> _Counts:
        keys, inverse = np.unique(edge * n_groups + group, return_inverse=True)
        total = np.bincount(inverse, weights=count, minlength=len(keys)).astype(np.float64)
        return cls(keys // n_groups, keys % n_groups, total)

    def dense(self, first: int, stop: int, n_groups: int) -> _Floats:
        """Return the counts of edges first .. stop - 1, shape (groups, stop - first)."""
        low, high = np.searchsorted(self.edge, (first, stop))
        width = stop - first
        cells = self.group[low:high] * width + self.edge[low:high] - first
        flat: _Floats = np.bincount(cells, weights=self.count[low:high], minlength=n_groups * width).astype(np.float64)
        return flat.reshape(n_groups, width)


@attrs.frozen(eq=False)
class RankedCounts:
    """One class's counts at the distinct scores of its true sites.

    Attributes
    ----------
    edges
        float32, shape (k,): the scores, falling.
    n_groups
        Number of groups of genes.
    sites_total, others_total
        float64, shape (groups,): true sites, and other positions whatever they score.
    binned
        Index of the first edge that stands for a bin of scores below the floor.
    """

    edges: npt.NDArray[np.float32]
    n_groups: int
    sites_total: _Floats
    others_total: _Floats
    binned: int
    _sites: _Counts
    _others: _Counts
    _ties: _Counts

    @classmethod
    def of(cls, pool: Pool, name: str, group: _Ints | None = None) -> RankedCounts:
        """Count a class.

        Parameters
        ----------
        pool
            What was gathered.
        name
            ``"acceptor"`` or ``"donor"``.
        group
            int64, shape (genes,): group of each gene, from 0 on; None for each gene its own.
        """
        group = np.arange(len(pool.genes)) if group is None else group
        n_groups = int(group.max()) + 1
        kept = pool.classes[name]
        low_edges = bin_edges(pool.floor)
        limit = np.float32(pool.floor)
        low = kept.sites < limit
        sites = kept.sites.copy()
        sites[low] = low_edges[np.searchsorted(low_edges, sites[low], side="right") - 1]
        edges = np.unique(sites)[::-1]
        rising = edges[::-1]
        gene, column = np.nonzero(kept.rest)
        score = np.concatenate([kept.others, low_edges[column]])
        owner = group[np.concatenate([kept.other_gene, gene])]
        count = np.concatenate([np.ones(len(kept.others), dtype=np.int64), kept.rest[gene, column].astype(np.int64)])
        place = np.searchsorted(rising, score, side="right")
        reached = place > 0
        edge = len(edges) - place[reached]
        score, owner, count = score[reached], owner[reached], count[reached]
        tied = edges[edge] == score
        positions = np.bincount(group, weights=pool.positions, minlength=n_groups)
        sites_total = np.bincount(group[kept.site_gene], minlength=n_groups).astype(np.float64)
        site_edge = len(edges) - 1 - np.searchsorted(rising, sites)
        return cls(
            edges=edges,
            n_groups=n_groups,
            sites_total=sites_total,
            others_total=positions - sites_total,
            binned=int(np.count_nonzero(edges >= limit)),
            sites=_Counts.of(site_edge, group[kept.site_gene], None, n_groups),
            others=_Counts.of(edge, owner, count, n_groups),
            ties=_Counts.of(edge[tied], owner[tied], count[tied], n_groups),
        )

    def blocks(self) -> Iterator[tuple[slice, _Floats, _Floats, _Floats]]:
        """Yield edges, and (groups, edges) counts of sites, of others that first reach an edge, of others equal."""
        width = max(64, min(1024, _CELLS // self.n_groups))
        for first in range(0, len(self.edges), width):
            stop = min(first + width, len(self.edges))
            sites, others, ties = (c.dense(first, stop, self.n_groups) for c in (self._sites, self._others, self._ties))
            yield slice(first, stop), sites, others, ties

    def curve(self) -> tuple[_Floats, _Floats]:
        """Return true and false calls, shape (k,) each, when everything that scores at least an edge is called."""
        sites = np.zeros(len(self.edges))
        others = np.zeros(len(self.edges))
        np.add.at(sites, self._sites.edge, self._sites.count)
        np.add.at(others, self._others.edge, self._others.count)
        return np.cumsum(sites), np.cumsum(others)


@attrs.frozen(eq=False)
class RankFigures:
    """Figures of several weightings; NaN where a weighting has no true site (or no other position, for the ROC).

    Attributes
    ----------
    average_precision, auroc, top_k
        float64, shape (weightings,), in [0, 1].
    average_precision_error, auroc_error
        How far off they may be at most; 0 if no true site scores below the floor.
    """

    average_precision: _Floats
    auroc: _Floats
    top_k: _Floats
    average_precision_error: _Floats
    auroc_error: _Floats


def rank_figures(counts: RankedCounts, weights: _Floats) -> RankFigures:
    """Compute the figures.

    Parameters
    ----------
    counts
        A class's counts.
    weights
        float64, shape (weightings, groups), not negative: how often each group is in.
    """
    parts = [_figures(counts, weights[first : first + 1024]) for first in range(0, len(weights), 1024)]
    columns = [np.concatenate([part[k] for part in parts]) for k in range(5)]
    return RankFigures(*columns)


def _figures(counts: RankedCounts, weights: _Floats) -> tuple[_Floats, ...]:
    k, n = (weights @ counts.sites_total)[:, None], (weights @ counts.others_total)[:, None]
    true, false = np.zeros((2, len(weights), 1))
    precision_sum, precision_error, auroc_sum, auroc_error, top = np.zeros((5, len(weights)))
    for edges, sites, others, ties in counts.blocks():
        t, f = weights @ sites, weights @ others
        e = weights @ ties if ties.any() else np.zeros_like(t)
        t_above, f_above = true + np.cumsum(t, axis=1), false + np.cumsum(f, axis=1)
        true, false = t_above[:, -1:], f_above[:, -1:]
        called = t_above + f_above
        precision = _divide(t_above, called)
        precision_sum += (t * precision).sum(axis=1)
        auroc_sum += (t * (n - f_above + e / 2)).sum(axis=1)
        top += (t * np.clip(_divide(k - (called - t - e), t + e), 0, 1)).sum(axis=1)
        if edges.stop > counts.binned:
            low = slice(max(counts.binned - edges.start, 0), None)
            t, e, known = t[:, low], e[:, low], precision[:, low]
            best = _divide(t_above[:, low], called[:, low] - e)
            first = t_above[:, low] - t + np.minimum(t, 1)
            worst = _divide(first, first + f_above[:, low])
            precision_error += (t * np.maximum(best - known, known - worst)).sum(axis=1)
            auroc_error += (t * e / 2).sum(axis=1)
    k, n = k[:, 0], n[:, 0]
    empty = np.where(k > 0, 1.0, np.nan)
    flat = np.where(k * n > 0, 1.0, np.nan)
    return (
        _divide(precision_sum, k) * empty,
        _divide(auroc_sum, k * n) * flat,
        _divide(top, k) * empty,
        _divide(precision_error, k) * empty,
        _divide(auroc_error, k * n) * flat,
    )


def _divide(part: _Floats, whole: _Floats) -> _Floats:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
