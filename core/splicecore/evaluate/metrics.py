"""Accuracy over labelled positions: ranking (average precision, top-k), calls at a threshold, the zero-offset check.

Splice sites are about one position in a thousand, so everything here looks at the sites and at what outranks them;
accuracy over all positions or the area under the ROC curve would be close to one for a useless model. All functions
treat equal scores alike: no result depends on the order of the positions.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError

__all__ = [
    "Confusion",
    "OffsetScan",
    "PrecisionRecall",
    "average_precision",
    "best_offset",
    "confusion_at",
    "precision_recall_curve",
    "top_k_accuracy",
]

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class PrecisionRecall:
    """Precision and recall when everything that scores at least ``thresholds[i]`` is called.

    Attributes
    ----------
    precision, recall, thresholds
        float64, shape (distinct scores,); thresholds fall, so recall never does. There is no made-up last point.
    """

    precision: _Floats
    recall: _Floats
    thresholds: _Floats


@attrs.frozen
class Confusion:
    """Counts at one threshold; a position is called if its score is at least the threshold."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        """Share of the calls that are true: TP / (TP + FP); NaN without calls."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the true sites that are called: TP / (TP + FN); NaN without sites."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN); NaN without calls and sites."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    def __add__(self, other: Confusion) -> Confusion:
        if not isinstance(other, Confusion):
            return NotImplemented
        if self.threshold != other.threshold:
            raise InputError(f"counts at thresholds {self.threshold} and {other.threshold} cannot be added")
        return Confusion(
            self.threshold,
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.true_negatives + other.true_negatives,
        )


@attrs.frozen(eq=False)
class OffsetScan:
    """Mean score around annotated sites, by offset in transcript orientation. Scans of parts add up with ``+``.

    Attributes
    ----------
    offsets
        int64, shape (2 * max_offset + 1,): -max_offset .. max_offset; positive is 3' of the annotated position.
    sums
        float64, same shape: sum of the scores at site + offset.
    counts
        int64, same shape: number of sites that have a score at that offset.
    """

    offsets: npt.NDArray[np.int64]
    sums: _Floats
    counts: npt.NDArray[np.int64]

    @property
    def means(self) -> _Floats:
        """Mean score at each offset; NaN where no site has a score."""
        means = np.full(self.sums.shape, np.nan)
        np.divide(self.sums, self.counts, out=means, where=self.counts > 0)
        return means

    @property
    def best(self) -> int | None:
        """Offset with the highest mean; of equal means the one nearest to 0, then the negative one. None if no mean."""
        means = self.means
        known = np.flatnonzero(np.isfinite(means))
        if known.size == 0:
            return None
        winners = self.offsets[known[means[known] == means[known].max()]]
        return min((int(offset) for offset in winners), key=lambda offset: (abs(offset), offset))

    def __add__(self, other: OffsetScan) -> OffsetScan:
        if not isinstance(other, OffsetScan):
            return NotImplemented
        if not np.array_equal(self.offsets, other.offsets):
            raise InputError("offset scans of different ranges cannot be added")
        return OffsetScan(self.offsets, self.sums + other.sums, self.counts + other.counts)


def average_precision(labels: npt.ArrayLike, scores: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    r"""Average precision: the area under the step-wise precision-recall curve.

    .. math:: AP = \sum_i (R_i - R_{i-1}) P_i

    over the distinct scores from high to low, with precision P and recall R of calling everything that scores at least
    as high. This is the uninterpolated form of Buckley and Voorhees (SIGIR 2000), which scikit-learn's
    ``average_precision_score`` also uses; positions of equal score enter together.

    Parameters
    ----------
    labels
        bool or 0/1, shape (n,): whether the position is a site.
    scores
        Real, shape (n,): larger is more likely a site. No NaN.
    weights
        Real and not negative, shape (n,): how many positions each one stands for (inverse inclusion probability after
        sampling); None for one each.

    Returns
    -------
    float
        In [0, 1]; NaN if there is no true site (of positive weight).

    Raises
    ------
    InputError
        If shapes differ, labels are not 0/1, a score is NaN, or a weight is negative or not finite.
    """
    curve = precision_recall_curve(labels, scores, weights)
    if curve.recall.size == 0 or np.isnan(curve.recall[-1]):
        return float("nan")
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))


def precision_recall_curve(
    labels: npt.ArrayLike, scores: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> PrecisionRecall:
    """Precision TP / (TP + FP) and recall TP / (TP + FN) at every distinct score.

    Parameters and errors are those of :func:`average_precision`. Without true sites all recalls are NaN; where the
    weights of all calls are zero the precision is 0.
    """
    truth, ranked = _checked(labels, scores)
    mass = _checked_weights(weights, truth.shape)
    order = np.argsort(-ranked, kind="stable")
    ranked, truth = ranked[order], truth[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if ranked.size else np.empty(0, dtype=np.intp)
    if mass is None:
        true = np.cumsum(truth, dtype=np.float64)[last]
        called = (last + 1).astype(np.float64)
    else:
        mass = mass[order]
        true = np.cumsum(mass * truth)[last]
        called = np.cumsum(mass)[last]
    total = true[-1] if true.size else 0.0
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    recall = true / total if total > 0 else np.full_like(true, np.nan)
    return PrecisionRecall(precision, recall, ranked[last].astype(np.float64))


def top_k_accuracy(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Share of true sites among the k best-scored positions, k being the number of true sites.

    The measure of the SpliceAI paper (Jaganathan et al., Cell 2019): precision at the threshold at which as many
    positions are called as there are sites, where precision and recall are equal. Where the k-th score is shared by
    several positions, the expected value over a random choice among them is returned:
    ``(T_above + (k - n_above) * T_tied / n_tied) / k``, T counting true sites and n positions.

    Parameters
    ----------
    labels
        bool or 0/1, shape (n,).
    scores
        Real, shape (n,). No NaN.

    Returns
    -------
    float
        In [0, 1]; NaN if there is no true site.

    Raises
    ------
    InputError
        If shapes differ, labels are not 0/1, or a score is NaN.
    """
    truth, ranked = _checked(labels, scores)
    k = int(np.count_nonzero(truth))
    if k == 0:
        return float("nan")
    threshold = np.partition(ranked, ranked.size - k)[ranked.size - k]
    above, tied = ranked > threshold, ranked == threshold
    chosen = k - int(np.count_nonzero(above))
    expected = np.count_nonzero(above & truth) + chosen * np.count_nonzero(tied & truth) / np.count_nonzero(tied)
    return float(expected / k)


def confusion_at(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> Confusion:
    """Count true and false calls when every position with a score of at least ``threshold`` is called.

    Parameters
    ----------
    labels
        bool or 0/1, shape (n,).
    scores
        Real, shape (n,). No NaN. Compared in double precision.
    threshold
        Lowest score that is called.

    Raises
    ------
    InputError
        If shapes differ, labels are not 0/1, or a score is NaN.
    """
    truth, ranked = _checked(labels, scores)
    called = ranked >= np.float64(threshold)
    hits = int(np.count_nonzero(called & truth))
    calls, sites = int(np.count_nonzero(called)), int(np.count_nonzero(truth))
    return Confusion(
        threshold=float(threshold),
        true_positives=hits,
        false_positives=calls - hits,
        false_negatives=sites - hits,
        true_negatives=truth.size - calls - sites + hits,
    )


def best_offset(site_positions: npt.ArrayLike, scores: npt.ArrayLike, max_offset: int = 5) -> OffsetScan:
    """Mean score at fixed offsets from annotated sites: the check that coordinates of scores and sites agree.

    With both right, the mean is highest at offset 0, and :attr:`OffsetScan.best` is 0. Another best offset means that
    one side is shifted (0-based against 1-based, exon side against intron side), which must be mended where it arises,
    never by shifting scores.

    Parameters
    ----------
    site_positions
        int, shape (k,): 0-based indices into ``scores`` of annotated sites of one type, in transcript orientation.
    scores
        Real, shape (L,): that type's score of consecutive positions, 5' to 3'. NaN = unknown, left out of the means.
    max_offset
        Largest distance looked at, in bases.

    Returns
    -------
    OffsetScan
        Offsets that reach beyond ``scores`` do not count for that site.

    Raises
    ------
    InputError
        If an array is not one-dimensional, a position is outside ``scores`` or not an integer, or ``max_offset`` < 0.
    """
    track = np.asarray(scores, dtype=np.float64)
    sites = np.asarray(site_positions)
    if sites.size == 0:
        sites = sites.astype(np.int64)
    if track.ndim != 1 or sites.ndim != 1 or not np.issubdtype(sites.dtype, np.integer):
        raise InputError("site positions must be one-dimensional integers and scores one-dimensional")
    if max_offset < 0:
        raise InputError(f"max_offset is {max_offset}; it cannot be negative")
    if sites.size and (int(sites.min()) < 0 or int(sites.max()) >= track.size):
        raise InputError(f"site positions reach from {sites.min()} to {sites.max()}, outside 0..{track.size - 1}")
    offsets = np.arange(-max_offset, max_offset + 1, dtype=np.int64)
    padded = np.pad(track, max_offset, constant_values=np.nan)
    around = padded[sites.astype(np.int64)[:, None] + max_offset + offsets[None, :]]
    known = np.isfinite(around)
    return OffsetScan(offsets, np.where(known, around, 0.0).sum(axis=0), known.sum(axis=0).astype(np.int64))


def _checked(labels: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[_Bools, npt.NDArray[np.floating[Any]]]:
    """Labels as booleans and scores as floats (float32 stays float32: it orders alike and takes half the memory)."""
    truth, ranked = np.asarray(labels), np.asarray(scores)
    if truth.ndim != 1 or truth.shape != ranked.shape:
        raise InputError(f"labels {truth.shape} and scores {ranked.shape} must be one-dimensional and of equal length")
    if truth.dtype != np.bool_:
        if not np.isin(truth, (0, 1)).all():
            raise InputError("labels must be booleans or 0 and 1", hint="pass `types == 2` for donors, for instance")
        truth = truth.astype(np.bool_)
    if ranked.dtype != np.float32:
        ranked = ranked.astype(np.float64)
    if np.isnan(ranked).any():
        raise InputError(f"{int(np.isnan(ranked).sum())} of {ranked.size} scores are NaN")
    return truth, ranked


def _checked_weights(weights: npt.ArrayLike | None, shape: tuple[int, ...]) -> _Floats | None:
    if weights is None:
        return None
    mass = np.asarray(weights, dtype=np.float64)
    if mass.shape != shape:
        raise InputError(f"weights {mass.shape} and labels {shape} must be of equal length")
    if not np.isfinite(mass).all() or (mass < 0).any():
        raise InputError("weights must be finite and not negative")
    return mass


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
