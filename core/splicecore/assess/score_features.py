"""Features of a position's three scores and its four neighbors, as the TSV files of positions hold them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["SCORE_FEATURES", "score_features"]

_EPSILON = 1e-10
_PEAK = 1e-3
_WEIGHTS = (0.1, 0.2, 0.4, 0.2, 0.1)

_Floats = npt.NDArray[np.float64]

_OF_TYPE = (
    "diff_m1",
    "diff_m2",
    "diff_p1",
    "diff_p2",
    "surge_ratio",
    "is_local_peak",
    "weighted_context",
    "peak_height_ratio",
    "second_derivative",
    "signal_strength",
    "context_diff_ratio",
)

SCORE_FEATURES = (
    "relative_donor_probability",
    "splice_probability",
    "donor_acceptor_diff",
    "splice_neither_diff",
    "donor_acceptor_logodds",
    "splice_neither_logodds",
    "probability_entropy",
    "context_neighbor_mean",
    "context_asymmetry",
    "context_max",
    *(f"donor_{name}" for name in _OF_TYPE),
    *(f"acceptor_{name}" for name in _OF_TYPE),
    "donor_acceptor_peak_ratio",
    "type_signal_difference",
    "score_difference_ratio",
    "signal_strength_ratio",
)
"""Names, in the order of the columns."""


def score_features(neither: _Floats, acceptor: _Floats, donor: _Floats, context: _Floats) -> dict[str, _Floats]:
    """Compute the features.

    Parameters
    ----------
    neither, acceptor, donor
        float64, shape (k,): probabilities at the positions.
    context
        float64, shape (k, 4): one class's probabilities at -2, -1, +1, +2; NaN beyond the gene.

    Returns
    -------
    Name of :data:`SCORE_FEATURES` -> float64, shape (k,)
        NaN where a neighbor is needed and missing. With ``e = 1e-10``, the sum and the larger of donor and acceptor
        ``s`` and ``h``, and the neighbors m2, m1, p1, p2: ``relative_donor_probability = donor / (s + e)``,
        ``splice_probability = s / (s + neither + e)``, ``donor_acceptor_diff = (donor - acceptor) / (h + e)``,
        ``splice_neither_diff = (h - neither) / (max(h, neither) + e)``, the log odds are natural and of ``x + e``, the
        entropy is ``-sum(p ln(p + e))``, ``context_asymmetry = (m1 + m2) - (p1 + p2)``. Of one type: see the code.
    """
    both, higher = donor + acceptor, np.maximum(donor, acceptor)
    values = {
        "relative_donor_probability": donor / (both + _EPSILON),
        "splice_probability": both / (both + neither + _EPSILON),
        "donor_acceptor_diff": (donor - acceptor) / (higher + _EPSILON),
        "splice_neither_diff": (higher - neither) / (np.maximum(higher, neither) + _EPSILON),
        "donor_acceptor_logodds": np.log(donor + _EPSILON) - np.log(acceptor + _EPSILON),
        "splice_neither_logodds": np.log(both + _EPSILON) - np.log(neither + _EPSILON),
        "probability_entropy": -sum(p * np.log(p + _EPSILON) for p in (donor, acceptor, neither)),
        "context_neighbor_mean": context.mean(axis=1),
        "context_asymmetry": context[:, :2].sum(axis=1) - context[:, 2:].sum(axis=1),
        "context_max": context.max(axis=1),
        "score_difference_ratio": (donor - acceptor) / (both + _EPSILON),
    }
    for name, score in (("donor", donor), ("acceptor", acceptor)):
        values |= {f"{name}_{feature}": value for feature, value in _of_type(score, context).items()}
    strengths = values["donor_signal_strength"], values["acceptor_signal_strength"]
    heights = values["donor_peak_height_ratio"], values["acceptor_peak_height_ratio"]
    values["donor_acceptor_peak_ratio"] = heights[0] / (heights[1] + _EPSILON)
    values["type_signal_difference"] = strengths[0] - strengths[1]
    values["signal_strength_ratio"] = strengths[0] / (strengths[1] + _EPSILON)
    return {name: values[name] for name in SCORE_FEATURES}


def _of_type(score: _Floats, context: _Floats) -> dict[str, _Floats]:
    m2, m1, p1, p2 = context.T
    mean, highest = context.mean(axis=1), context.max(axis=1)
    peak = ((score > m1) & (score > p1) & (score > _PEAK)).astype(np.float64)
    return {
        "diff_m1": score - m1,
        "diff_m2": score - m2,
        "diff_p1": score - p1,
        "diff_p2": score - p2,
        "surge_ratio": score / (m1 + p1 + _EPSILON),
        "is_local_peak": np.where(np.isnan(m1) | np.isnan(p1), np.nan, peak),
        "weighted_context": sum(w * x for w, x in zip(_WEIGHTS, (m2, m1, score, p1, p2), strict=True)),
        "peak_height_ratio": score / (mean + _EPSILON),
        "second_derivative": 2 * score - m1 - p1,
        "signal_strength": score - mean,
        "context_diff_ratio": score / (highest + _EPSILON),
    }
