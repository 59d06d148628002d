"""Which calls of one class find annotated sites, which are false, and which cannot be judged."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

__all__ = ["ClassLabels", "covered", "label_class"]

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float32]


@attrs.frozen(eq=False, kw_only=True)
class ClassLabels:
    """One class, acceptor or donor, of one gene; transcript orientation throughout.

    Attributes
    ----------
    sites
        int64, shape (n,): the gene's own sites, rising.
    found
        bool, shape (n,): true positives; the others are false negatives.
    best
        int64, shape (n,): position of the highest score in the site's window.
    window_score
        float32, shape (n,): that score.
    false_positives
        int64, shape (k,): called positions in no window.
    settled
        bool, shape (L,): positions that cannot be a true negative: in a window or called.
    others
        int64, shape (m,): sites of other genes that lie in this gene and are none of its own.
    overlap_calls
        Number of called positions in windows of sites of other genes alone.
    negatives
        Number of positions of this class in no window and not called.
    """

    sites: _Ints
    found: _Bools
    best: _Ints
    window_score: _Floats
    false_positives: _Ints
    settled: _Bools
    others: _Ints
    overlap_calls: int
    negatives: int


def label_class(scores: _Floats, sites: _Ints, others: _Ints, *, threshold: float, window: int) -> ClassLabels:
    """Label the sites and the positions of a gene for one class.

    A window is the positions within ``window`` bases of a site and in the gene. Where the windows of two sites of the
    gene overlap, each position belongs to the nearer site, one halfway to the site 5' of it; so a call finds one site
    at most. A site is found if a position of its window scores at least ``threshold``. A called position outside all
    windows is false, unless it is in the window of another gene's site: that is neither true nor false.

    Parameters
    ----------
    scores
        float32, shape (L,): the class's probability, transcript orientation.
    sites
        int64, shape (n,): the gene's sites, rising, each once, within 0..L - 1.
    others
        int64, shape (m,): sites of other genes on the strand; may lie outside the gene; the gene's own are ignored.
    threshold
        Lowest score that calls, compared in float32.
    window
        Bases to either side.
    """
    length = len(scores)
    called = scores >= np.float32(threshold)
    best = _best(scores, sites, window)
    own = covered(sites, window, length)
    foreign = np.setdiff1d(others, sites)
    overlap = covered(foreign, window, length) & ~own
    settled = own | overlap
    false = called & ~settled
    overlap_calls = int(np.count_nonzero(called & overlap))
    settled |= called
    return ClassLabels(
        sites=sites,
        found=called[best],
        best=best,
        window_score=scores[best],
        false_positives=np.flatnonzero(false),
        settled=settled,
        others=foreign[(foreign >= 0) & (foreign < length)],
        overlap_calls=overlap_calls,
        negatives=length - int(np.count_nonzero(settled)),
    )


def covered(positions: _Ints, window: int, length: int) -> _Bools:
    """Mask, shape (length,), of what lies within ``window`` bases of any of the positions (which may be outside)."""
    mask = np.zeros(length, dtype=np.bool_)
    for offset in range(-window, window + 1):
        shifted = positions + offset
        mask[shifted[(shifted >= 0) & (shifted < length)]] = True
    return mask


def _best(scores: _Floats, sites: _Ints, window: int) -> _Ints:
    """Position of the highest score in each site's window; of equals the nearest to the site, then the 5' one."""
    reach = np.diff(sites, prepend=-2 * window - 1, append=len(scores) + 2 * window)
    before = np.minimum((reach[:-1] - 1) // 2, window)
    after = np.minimum(reach[1:] // 2, window)
    best = sites.copy()
    highest = scores[best]
    for distance in range(1, window + 1):
        for offset, room in ((-distance, before), (distance, after)):
            rows = np.flatnonzero((room >= distance) & (sites + offset >= 0) & (sites + offset < len(scores)))
            better = rows[scores[sites[rows] + offset] > highest[rows]]
            best[better] = sites[better] + offset
            highest[better] = scores[best[better]]
    return best
