"""Multinomial-logistic calibration: from the two motif scores to three probabilities.

The logit of "acceptor" and of "donor", against "neither", is a bias and, for each of the two motifs, 0 where its score
is at the floor and ``c0 + c1 h + c2 h^2`` where it is h above. The step and the bend are what it takes to make the
probabilities right: the log-odds of bases that depend on each other add up to too much.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["N_FEATURES", "fit_softmax", "softmax"]

_Floats = npt.NDArray[np.float64]

N_FEATURES = 7
"""The bias, then for acceptor and donor: above the floor or not, height, height squared."""

_RIDGE = 1e-3
_STEPS = 100


def softmax(coefficients: _Floats, acceptor: _Floats, donor: _Floats) -> _Floats:
    """Probabilities of neither, acceptor and donor.

    Parameters
    ----------
    coefficients
        float64, shape (2, 7): of the classes acceptor and donor against "neither".
    acceptor, donor
        float64, any one shape: how far the scores of the two motifs are above their floors, 0 or more.

    Returns
    -------
    float64, that shape and a last axis of 3; sums to one
    """
    logits = np.zeros((*acceptor.shape, 3))
    for channel, (bias, *bends) in enumerate(coefficients.tolist(), start=1):
        logits[..., channel] = bias + _bend(bends[:3], acceptor) + _bend(bends[3:], donor)
    logits -= logits.max(axis=-1, keepdims=True)
    odds: _Floats = np.exp(logits)
    odds /= odds.sum(axis=-1, keepdims=True)
    return odds


def _bend(coefficients: list[float], height: _Floats) -> _Floats:
    constant, slope, curvature = coefficients
    return np.where(height > 0.0, constant + height * (slope + height * curvature), 0.0)


def fit_softmax(acceptor: _Floats, donor: _Floats, counts: _Floats) -> _Floats:
    """Fit the coefficients of :func:`softmax` to counted labels by Newton's method (maximum likelihood).

    Every position of the training genes counts once, so probabilities are right at the prevalence of sites in genes.

    Parameters
    ----------
    acceptor, donor
        float64, shape (m,): heights that a cell of the histogram stands for.
    counts
        float64, shape (m, 3): positions in the cell that are neither, acceptor, donor.

    Returns
    -------
    float64, shape (2, 7)
        A ridge of 0.001 keeps them finite where scores separate the classes completely.
    """
    columns = [np.ones_like(acceptor)]
    for height in (acceptor, donor):
        columns += [(height > 0.0).astype(np.float64), height, height**2]
    features = np.stack(columns, axis=1)
    share = np.maximum(counts.sum(axis=0), 0.5)
    coefficients = np.zeros((2, N_FEATURES))
    coefficients[:, 0] = np.log(share[1:] / share[0])
    loss = _loss(coefficients, features, counts)
    for _ in range(_STEPS):
        gradient, hessian = _derivatives(coefficients, features, counts)
        step = np.linalg.solve(hessian, gradient).reshape(coefficients.shape)
        size = 1.0
        while (smaller := _loss(coefficients - size * step, features, counts)) > loss and size > 1e-8:
            size /= 2
        if smaller >= loss - 1e-10 * abs(loss):
            break
        coefficients, loss = coefficients - size * step, smaller
    return coefficients


def _probabilities(coefficients: _Floats, features: _Floats) -> _Floats:
    logits = np.concatenate([np.zeros((len(features), 1)), features @ coefficients.T], axis=1)
    odds: _Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    return odds


def _loss(coefficients: _Floats, features: _Floats, counts: _Floats) -> float:
    likelihood = (counts * np.log(np.maximum(_probabilities(coefficients, features), 1e-300))).sum()
    return float(0.5 * _RIDGE * (coefficients**2).sum() - likelihood)


def _derivatives(coefficients: _Floats, features: _Floats, counts: _Floats) -> tuple[_Floats, _Floats]:
    """Gradient, shape (14,), and Hessian, shape (14, 14), of the loss."""
    totals = counts.sum(axis=1)
    probabilities = _probabilities(coefficients, features)[:, 1:]
    residual = totals[:, None] * probabilities - counts[:, 1:]
    gradient = (residual.T @ features).reshape(-1) + _RIDGE * coefficients.reshape(-1)
    blocks = np.empty((2, N_FEATURES, 2, N_FEATURES))
    for row in range(2):
        for column in range(2):
            curvature = totals * probabilities[:, row] * ((row == column) - probabilities[:, column])
            blocks[row, :, column] = features.T @ (curvature[:, None] * features)
    return gradient, blocks.reshape(len(gradient), -1) + _RIDGE * np.eye(len(gradient))
