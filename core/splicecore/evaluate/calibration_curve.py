"""Are probabilities right? Reliability tables in bins of equal numbers, and the expected calibration error."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError

__all__ = ["LOWEST", "Reliability", "reliability_table"]

LOWEST = 0.01
BINS = 15
_Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Reliability:
    """Predicted and observed frequencies; all arrays have one entry a bin, by rising probability.

    Attributes
    ----------
    low, high
        float64: lowest and highest probability in the bin.
    count, sites
        int64: positions, and true sites among them.
    predicted, observed
        float64: mean probability, and share of true sites.
    """

    low: _Floats
    high: _Floats
    count: npt.NDArray[np.int64]
    sites: npt.NDArray[np.int64]
    predicted: _Floats
    observed: _Floats

    @property
    def expected_calibration_error(self) -> float:
        """Mean absolute difference of predicted and observed, weighted by positions (ECE); NaN without positions."""
        if not self.count.sum():
            return float("nan")
        return float(np.sum(self.count * np.abs(self.predicted - self.observed)) / self.count.sum())


def reliability_table(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, *, bins: int = BINS, lowest: float = LOWEST
) -> Reliability:
    """Sort positions into bins of (nearly) equal numbers by probability.

    Almost all positions of a gene have a probability next to nothing, rightly; with them every model is well
    calibrated. Only those with at least ``lowest`` are looked at. Equal probabilities are never parted: a bin
    ends where the next probability differs, so there may be fewer bins.

    Parameters
    ----------
    labels
        bool, shape (n,): true sites.
    probabilities
        Real, shape (n,).
    bins
        How many are wanted.
    lowest
        Least probability that is looked at.

    Raises
    ------
    InputError
        If shapes differ or there is not even one bin.
    """
    truth, values = np.asarray(labels, dtype=np.bool_), np.asarray(probabilities)
    if truth.shape != values.shape or truth.ndim != 1 or bins < 1:
        raise InputError(f"labels {truth.shape} and probabilities {values.shape} differ, or {bins} bins")
    chosen = values >= np.float64(lowest)
    values, truth = values[chosen], truth[chosen]
    order = np.argsort(values, kind="stable")
    values, truth = values[order], truth[order]
    wanted = np.linspace(0, len(values), bins + 1).round().astype(np.int64)[1:]
    ends = np.unique(np.searchsorted(values, values[wanted - 1], side="right")) if len(values) else wanted[:0]
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(ends)]
    count = ends - starts
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    hits = np.concatenate([[0], np.cumsum(truth)])
    sites = hits[ends] - hits[starts]
    return Reliability(
        low=values[starts].astype(np.float64),
        high=values[ends - 1].astype(np.float64),
        count=count,
        sites=sites,
        predicted=(sums[ends] - sums[starts]) / count,
        observed=sites / count,
    )
