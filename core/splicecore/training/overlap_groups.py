"""Genes that belong together: those that share bases, and everything that is linked through them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["connected_groups", "links", "overlap_groups", "overlap_pairs"]

_Ints = npt.NDArray[np.int64]
_CONTIG_BITS = 40


def overlap_pairs(contig: _Ints, start: _Ints, end: _Ints, margin: int = 0) -> tuple[_Ints, _Ints]:
    """Find the pairs of intervals that share a base or have fewer than ``margin`` bases between them.

    Parameters
    ----------
    contig
        int64, shape (n,): number of each interval's contig, from 0; strand plays no part.
    start, end
        int64, shape (n,): 0-based, half-open; in any order.
    margin
        Bases.

    Returns
    -------
    first, second : int64, shape (pairs,)
        Numbers of intervals, first < second, sorted by first, then second.
    """
    order, low, high = _sorted(contig, start, end, margin)
    rank = np.arange(len(order), dtype=np.int64)
    # With starts sorted, all intervals that start before this one's end, from the next one on, overlap it.
    counts = np.searchsorted(low, high, side="left") - (rank + 1)
    before = np.repeat(rank, counts)
    offset = np.arange(len(before)) - np.repeat(np.cumsum(counts) - counts, counts)
    one, other = order[before], order[before + 1 + offset]
    first, second = np.minimum(one, other), np.maximum(one, other)
    by_row = np.lexsort((second, first))
    return first[by_row], second[by_row]


def overlap_groups(contig: _Ints, start: _Ints, end: _Ints, margin: int = 0) -> _Ints:
    """Find the groups of intervals that hang together by overlaps; parameters as of :func:`overlap_pairs`.

    Returns
    -------
    int64, shape (n,)
        The same number for the intervals of a group; two intervals that overlap are of one group, and so is everything
        between that links them. Groups are numbered from 0 along the contigs.
    """
    order, low, high = _sorted(contig, start, end, margin)
    groups = np.empty(len(order), dtype=np.int64)
    if len(order):
        reach = np.maximum.accumulate(high)
        groups[order] = np.concatenate([[0], np.cumsum(low[1:] >= reach[:-1])])
    return groups


def connected_groups(count: int, first: _Ints, second: _Ints) -> _Ints:
    """Find the connected components of a graph, by union of the smallest members and pointer jumping.

    Parameters
    ----------
    count
        Number of nodes.
    first, second
        int64, shape (edges,): nodes that each edge joins.

    Returns
    -------
    int64, shape (count,)
        The smallest node of each node's component.
    """
    root = np.arange(count, dtype=np.int64)
    while True:
        one, other = root[first], root[second]
        apart = one != other
        if not apart.any():
            return root
        np.minimum.at(root, np.maximum(one, other)[apart], np.minimum(one, other)[apart])
        while not np.array_equal(jumped := root[root], root):
            root = jumped


def links(labels: _Ints) -> tuple[_Ints, _Ints]:
    """Edges that join all nodes of one label to its first node; nodes with a label below 0 have none.

    Parameters
    ----------
    labels
        int64, shape (n,).

    Returns
    -------
    first, second : int64, shape (labelled nodes,)
    """
    nodes = np.flatnonzero(labels >= 0)
    _, representative, inverse = np.unique(labels[nodes], return_index=True, return_inverse=True)
    return nodes[representative[inverse]], nodes


def _sorted(contig: _Ints, start: _Ints, end: _Ints, margin: int) -> tuple[_Ints, _Ints, _Ints]:
    """Order by contig and start, and the sorted starts and ends in a space that keeps contigs apart."""
    base = np.asarray(contig, dtype=np.int64) << _CONTIG_BITS
    low, high = base + start, base + end + margin
    order = np.lexsort((high, low))
    return order, low[order], high[order]
