"""Logistic regression of a class on its log-odds (Platt 1999); the temperature of three classes (Guo et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LEAST", "LogisticCurve", "fit_temperature"]

LEAST = 1e-12
"""Probabilities below this count as this in logarithms."""

_Floats = npt.NDArray[np.float64]

_STEPS = 100
_INVERSE_RANGE = (0.01, 100.0)


@attrs.frozen
class LogisticCurve:
    """The curve 1 / (1 + exp(-(slope * z + intercept))) of log-odds z.

    Attributes
    ----------
    slope, intercept
        Real; 1 and 0 change nothing.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, log_odds: _Floats, is_class: npt.NDArray[np.bool_], weights: _Floats) -> Self:
        """Fit by maximum likelihood with Platt's targets (n + 1) / (n + 2) and 1 / (n' + 2), by Newton's method.

        Parameters
        ----------
        log_odds
            float64, shape (k,).
        is_class
            bool, shape (k,): whether the position is of the class.
        weights
            float64, shape (k,), above 0; n and n' are the total weights of the class and of the others.
        """
        hits = float(weights[is_class].sum())
        others = float(weights[~is_class].sum())
        target = np.where(is_class, (hits + 1) / (hits + 2), 1 / (others + 2))
        share = weights / (hits + others)
        design = np.stack([log_odds, np.ones_like(log_odds)])
        point = np.array([1.0, 0.0])
        loss = _loss(point @ design, target, share)
        for _ in range(_STEPS):
            p = _sigmoid(point @ design)
            gradient = design @ (share * (p - target))
            hessian = (design * (share * p * (1 - p))) @ design.T
            step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
            size = 1.0
            while (new := _loss((point - size * step) @ design, target, share)) > loss and size > 1e-12:
                size /= 2
            gained, point, loss = loss - new, point - size * step, new
            if gained <= 1e-15 * max(1.0, abs(loss)) and np.abs(size * step).max() <= 1e-9:
                break
        return cls(float(point[0]), float(point[1]))

    def __call__(self, log_odds: _Floats) -> _Floats:
        """Calibrate: float64, any shape."""
        return _sigmoid(self.slope * log_odds + self.intercept)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return attrs.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` made; KeyError, TypeError or ValueError if it did not make it."""
        curve = cls(float(values["slope"]), float(values["intercept"]))
        if not (curve.slope > 0 and np.isfinite([curve.slope, curve.intercept]).all()):
            raise ValueError("the slope must be above 0, and both numbers finite")
        return curve


def fit_temperature(log_probabilities: _Floats, labels: npt.NDArray[np.int64], weights: _Floats) -> float:
    """Find the T, from 0.01 to 100, with which softmax(log p / T) is likeliest.

    The loss is convex in 1 / T; Newton's method, within bounds that its slope narrows.

    Parameters
    ----------
    log_probabilities
        float64, shape (k, 3).
    labels
        int64, shape (k,): 0, 1, 2.
    weights
        float64, shape (k,), above 0.
    """
    share = weights / weights.sum()
    own = np.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0]
    (low, high), inverse = _INVERSE_RANGE, 1.0
    for _ in range(_STEPS):
        p = np.exp(inverse * (log_probabilities - log_probabilities.max(axis=1, keepdims=True)))
        p /= p.sum(axis=1, keepdims=True)
        mean = (p * log_probabilities).sum(axis=1)
        gradient = float(share @ (mean - own))
        curvature = float(share @ ((p * log_probabilities**2).sum(axis=1) - mean**2))
        low, high = (low, inverse) if gradient > 0 else (inverse, high)
        new = inverse - gradient / curvature if curvature > 0 else inverse
        if not low <= new <= high:
            new = float(np.sqrt(low * high))
        if abs(new - inverse) <= 1e-12 * inverse:
            break
        inverse = new
    return 1.0 / inverse


def _sigmoid(z: _Floats) -> _Floats:
    return np.asarray(np.exp(-np.logaddexp(0.0, -z)), dtype=np.float64)


def _loss(z: _Floats, target: _Floats, share: _Floats) -> float:
    return float(share @ (np.logaddexp(0.0, z) - target * z))
