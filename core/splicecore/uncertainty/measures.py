"""Measures of how undecided three probabilities are. All are 0 for a one-hot vector; larger is less sure.

They take the scores of one base model, float32 of shape (L, >= 3) in the order neither, acceptor, donor, and compute in
float64 on the probabilities divided by their sum, so that rounding and a sum that is not quite one do not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from splicecore.plugins.protocols import Scores

__all__ = ["ClassProbabilities", "site_probability"]

Float32: TypeAlias = npt.NDArray[np.float32]
Float64: TypeAlias = npt.NDArray[np.float64]

_TINY = np.finfo(np.float64).tiny


def site_probability(scores: Scores) -> Float32:
    """Return the larger one of the scores acceptor and donor, as the base model gives them: float32, shape (L,)."""
    larger: Float32 = np.maximum(scores[:, 1], scores[:, 2])
    return np.clip(larger, np.float32(0), np.float32(1))


@attrs.frozen(eq=False)
class ClassProbabilities:
    """The three probabilities of positions, each position's summing to one.

    Attributes
    ----------
    neither, acceptor, donor
        float64, shape (L,).
    """

    neither: Float64
    acceptor: Float64
    donor: Float64

    @classmethod
    def of(cls, scores: Scores) -> ClassProbabilities:
        """Normalize scores, float32 of shape (L, >= 3): what is below zero by rounding is zero."""
        parts = np.clip(scores[:, :3].T.astype(np.float64, order="C"), 0.0, None)
        parts /= np.maximum(parts.sum(axis=0), _TINY)
        return cls(*parts)

    def entropy(self) -> Float64:
        """Return H / ln 3 with H = -sum of p ln p and 0 ln 0 = 0: 0 to 1, shape (L,).

        Shannon, Bell Syst. Tech. J. 27 (1948) 379-423; the measure of "entropy sampling" in Settles, Active Learning
        Literature Survey (2009), section 3.1.
        """
        total = np.zeros_like(self.neither)
        for p in (self.neither, self.acceptor, self.donor):
            total -= p * np.log(np.maximum(p, _TINY))
        total /= np.log(3.0)
        return np.clip(total, 0.0, 1.0)

    def closeness(self) -> Float64:
        """Return 1 - (largest - second largest): 0 to 1, shape (L,).

        Largest minus second largest is the margin of "margin sampling": Scheffer et al., IDA 2001, 309-318; Settles
        (2009), section 3.1. Computed as twice the second plus the third, which keeps its digits where a model is sure.
        """
        larger, smaller = np.maximum(self.acceptor, self.donor), np.minimum(self.acceptor, self.donor)
        second = np.maximum(smaller, np.minimum(self.neither, larger))
        third = np.minimum(self.neither, smaller)
        close: Float64 = np.clip(2 * second + third, 0.0, 1.0)
        return close

    def variance(self) -> Float64:
        """Return 3 (n a + n d + a d), the normalized variance of the class: 0 to 1, shape (L,).

        The class as a one-hot vector has the total variance sum of p (1 - p) = 1 - sum of p^2 (the Gini index: Breiman
        et al., Classification and Regression Trees, 1984, section 4.3), 2/3 at most. The same number is 1 - v / (2/9)
        with the variance v of the three probabilities about their mean of 1/3: v is largest, 2/9, where the model is
        sure, so a large v is no sign of doubt, and what falls short of it is.
        """
        n, a, d = self.neither, self.acceptor, self.donor
        return np.clip(3.0 * (n * a + n * d + a * d), 0.0, 1.0)
