"""The core's strategies that look at one base model's scores: confidence, entropy, and both with two more criteria.

A criterion is a measure with a threshold. Its term is the measure as a share of the threshold, in float32: 1 or more
exactly where the criterion is met, 0 for one-hot scores, and rising with the measure. A strategy's score is the largest
of its terms, so that a score of 1 or more says that one criterion is met, and a target rate ranks by the same number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splicecore.uncertainty.configs import ConfidenceConfig, EntropyConfig, HybridConfig
from splicecore.uncertainty.measures import ClassProbabilities, Float32, site_probability

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore.plugins.protocols import Scores
    from splicecore.predict.blocks import Block

__all__ = ["ConfidenceOnly", "EntropyOnly", "HybridEntropy"]

_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))


class ConfidenceOnly:
    """Unsure where ``low <= p < high`` with p = max(donor, acceptor) of the primary base model.

    The score is 0 at p = 0 and p = 1, rises linearly to 1 at ``low`` and on to 2 in the middle of the zone, and falls
    as it rose: to 1 at ``high`` and to 0 at p = 1. It ranks by the distance from being sure, on either side.
    """

    threshold = 1.0

    def __init__(self, config: ConfidenceConfig | None = None) -> None:
        self.config = config or ConfidenceConfig()

    def score(self, block: Block) -> Float32:
        """See :meth:`splicecore.api.UncertaintyStrategy.score`."""
        return self.terms(block)["confidence"]

    def terms(self, block: Block) -> dict[str, Float32]:
        """Return the score by the name of its only criterion: ``confidence``."""
        return {"confidence": _zone(site_probability(_primary(block)), self.config.low, self.config.high)}

    def criteria(self, block: Block) -> dict[str, Float32]:
        """Return ``site_probability``, max(donor, acceptor)."""
        return {"site_probability": site_probability(_primary(block))}


class EntropyOnly:
    """Unsure where the normalized entropy of the primary base model's probabilities is at least ``entropy``.

    The score is the normalized entropy itself, 0 to 1.
    """

    def __init__(self, config: EntropyConfig | None = None) -> None:
        self.config = config or EntropyConfig()
        self.threshold = self.config.entropy

    def score(self, block: Block) -> Float32:
        """See :meth:`splicecore.api.UncertaintyStrategy.score`."""
        return ClassProbabilities.of(_primary(block)).entropy().astype(np.float32)

    def terms(self, block: Block) -> dict[str, Float32]:
        """Return the score by the name of its only criterion: ``entropy``."""
        return {"entropy": self.score(block)}

    def criteria(self, block: Block) -> dict[str, Float32]:
        """Return ``entropy``, the normalized entropy."""
        return self.terms(block)


class HybridEntropy:
    """Unsure where one of four criteria is met: confidence, entropy, spread, variance.

    ==========  ==================================================  ===========================
    criterion   met where                                           term
    ==========  ==================================================  ===========================
    confidence  low <= p < high, p = max(donor, acceptor)           that of ``confidence_only``
    entropy     H / ln 3 >= entropy                                 (H / ln 3) / entropy
    spread      largest - second largest < spread                   (1 - spread of it) / (1 - spread)
    variance    normalized variance of the class >= variance        variance of it / variance
    ==========  ==================================================  ===========================
    """

    threshold = 1.0

    def __init__(self, config: HybridConfig | None = None) -> None:
        self.config = config or HybridConfig()

    def score(self, block: Block) -> Float32:
        """See :meth:`splicecore.api.UncertaintyStrategy.score`."""
        first, *others = self.terms(block).values()
        for term in others:
            np.maximum(first, term, out=first)
        return first

    def terms(self, block: Block) -> dict[str, Float32]:
        """Return the four terms by the names of the criteria; the score is their maximum."""
        config, scores = self.config, _primary(block)
        probabilities = ClassProbabilities.of(scores)
        entropy = probabilities.entropy().astype(np.float32)
        variance = probabilities.variance().astype(np.float32)
        closeness = probabilities.closeness()
        close = _spread(closeness) < np.float32(config.spread)
        return {
            "confidence": _zone(site_probability(scores), config.low, config.high),
            "entropy": _term(entropy / config.entropy, entropy >= np.float32(config.entropy)),
            "spread": _term(closeness / (1 - config.spread), close),
            "variance": _term(variance / config.variance, variance >= np.float32(config.variance)),
        }

    def criteria(self, block: Block) -> dict[str, Float32]:
        """Return ``site_probability``, ``entropy``, ``spread`` and ``variance``, the measures and not the terms."""
        scores = _primary(block)
        probabilities = ClassProbabilities.of(scores)
        return {
            "site_probability": site_probability(scores),
            "entropy": probabilities.entropy().astype(np.float32),
            "spread": _spread(probabilities.closeness()),
            "variance": probabilities.variance().astype(np.float32),
        }


def _primary(block: Block) -> Scores:
    return next(iter(block.scores.values()))


def _spread(closeness: npt.NDArray[np.float64]) -> Float32:
    return (1.0 - closeness).astype(np.float32)


def _zone(p: Float32, low: float, high: float) -> Float32:
    """Term of ``low <= p < high``: piecewise linear through (0, 0), (low, 1), (middle, 2), (high, 1) and (1, 0)."""
    corners = {0.0: 0.0, low: 1.0, (low + high) / 2: 2.0, high: 1.0} | ({1.0: 0.0} if high < 1 else {})
    met = (p >= np.float32(low)) & (p < np.float32(high))
    term = _term(np.interp(p, list(corners), list(corners.values())), met)
    term[(p <= 0) | (p >= 1)] = 0
    return term


def _term(value: npt.NDArray[np.floating], met: npt.NDArray[np.bool_]) -> Float32:
    """Round a share of a threshold to float32 without crossing 1: 1 or more exactly where the criterion is met."""
    rounded = value.astype(np.float32)
    return np.where(met, np.maximum(rounded, np.float32(1)), np.minimum(rounded, _BELOW_ONE))
