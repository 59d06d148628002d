"""A tiny uncertainty strategy that does everything right, and one with a single mistake for every conformance check."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.plugins.specs import UncertaintySpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from splicecore.predict.blocks import Block

__all__ = ["EVEN_ODDS_SPEC", "UNCERTAINTY_FAULTS", "EvenOdds", "EvenOddsSettings", "open_even_odds"]

Values = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True)
class EvenOddsSettings:
    """Settings of the strategy; ``fault`` is a key of :data:`UNCERTAINTY_FAULTS`."""

    fault: str | None = None


class EvenOdds:
    """Nearness of the primary model's site scores to one half: acceptor or donor, whichever is nearer."""

    threshold: Any = 0.5

    def __init__(self, config: EvenOddsSettings | None = None) -> None:
        self.config = config or EvenOddsSettings()

    def score(self, block: Block) -> Values:
        """See :meth:`splicecore.api.UncertaintyStrategy.score`."""
        acceptor, donor = self._nearness(block)
        return np.maximum(acceptor, donor)

    def terms(self, block: Block) -> dict[str, Values]:
        """Return the nearness of either site."""
        acceptor, donor = self._nearness(block)
        return {"acceptor": acceptor, "donor": donor}

    def criteria(self, block: Block) -> Any:
        """Return the larger site score."""
        return {"site_probability": next(iter(block.scores.values()))[:, 1:3].max(axis=1)}

    def _nearness(self, block: Block) -> tuple[Values, Values]:
        sites = np.clip(next(iter(block.scores.values()))[:, 1:3], 0, 1)
        near = (1 - 2 * np.abs(sites - np.float32(0.5))).astype(np.float32)
        return near[:, 0], near[:, 1]


EVEN_ODDS_SPEC = UncertaintySpec(
    name="fake-even-odds",
    factory="splicecore.testing.uncertainty_fakes:open_even_odds",
    config_cls=EvenOddsSettings,
    summary="nearness to one half: a stand-in for tests",
)
"""Descriptor of the good strategy."""

UNCERTAINTY_FAULTS: dict[str, Callable[[EvenOddsSettings], Any]] = {}
"""Strategies with one mistake each, by the mistake's name."""


def open_even_odds(config: EvenOddsSettings | None) -> Any:
    """Make the good strategy, or the faulty one that the settings name."""
    settings = config or EvenOddsSettings()
    return (EvenOdds if settings.fault is None else UNCERTAINTY_FAULTS[settings.fault])(settings)


def _fault(name: str) -> Callable[[type], type]:
    def register(strategy: type) -> type:
        UNCERTAINTY_FAULTS[name] = strategy
        return strategy

    return register


class _Bare(EvenOdds):
    """Without the members that a strategy may leave out, so that a mistake in the scores is the only one."""

    threshold = None
    terms = criteria = None  # type: ignore[assignment]


@_fault("no score")
class _NoScore:
    def __init__(self, config: EvenOddsSettings) -> None:
        self.config = config


@_fault("float64")
class _Float64(_Bare):
    def score(self, block: Block) -> Any:
        return super().score(block).astype(np.float64)


@_fault("not finite")
class _NotFinite(_Bare):
    """The log odds of a position without any chance of a site."""

    def score(self, block: Block) -> Values:
        found, highest = super().score(block), next(iter(block.scores.values())).max(axis=1)
        return np.where(highest > 1, np.float32(np.inf), found)


@_fault("selects the sure")
class _SelectsTheSure(_Bare):
    """The variance of the three scores, which is largest where a model is sure, among what raises the score."""

    def score(self, block: Block) -> Values:
        sure = next(iter(block.scores.values())).max(axis=1) == 1
        return np.where(sure, np.float32(1e-6), super().score(block))


@_fault("confidence")
class _Confidence(_Bare):
    """Larger where the model is surer."""

    def score(self, block: Block) -> Values:
        found = super().score(block)
        return np.where(found > 0, np.clip(1 - found, 0, 1), 0).astype(np.float32)


@_fault("ranks within a run")
class _RanksWithinARun(_Bare):
    """Scaled by the largest score seen so far: the order of the genes decides."""

    def __init__(self, config: EvenOddsSettings) -> None:
        super().__init__(config)
        self._seen = 0

    def score(self, block: Block) -> Values:
        self._seen += 1
        return super().score(block) / np.float32(self._seen)


@_fault("genomic order")
class _GenomicOrder(_Bare):
    def score(self, block: Block) -> Values:
        found = super().score(block)
        return found if block.gene.strand == "+" else found[::-1].copy()


@_fault("threshold of zero")
class _ThresholdOfZero(EvenOdds):
    threshold = 0.0


@_fault("criteria of sites")
class _CriteriaOfSites(EvenOdds):
    def criteria(self, block: Block) -> Any:
        return {"sites": next(iter(block.scores.values()))[:, 1:3]}


@_fault("sum of terms")
class _SumOfTerms(EvenOdds):
    def terms(self, block: Block) -> dict[str, Values]:
        return {name: values / np.float32(2) for name, values in super().terms(block).items()}


@_fault("normalizes in place")
class _NormalizesInPlace(_Bare):
    def score(self, block: Block) -> Values:
        for scores in block.scores.values():
            if scores.flags.writeable:
                np.divide(scores, scores.sum(axis=1, keepdims=True), out=scores)
        return super().score(block)


@_fault("prints")
class _Prints(_Bare):
    def score(self, block: Block) -> Values:
        sys.stdout.write("[info] 1 of 1\n")
        return super().score(block)


@_fault("seeds")
class _Seeds(_Bare):
    def score(self, block: Block) -> Values:
        random.seed(0)
        return super().score(block)
