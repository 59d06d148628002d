"""What decides the labels of a base-model pass and which true negatives are kept."""

from __future__ import annotations

import math
from typing import Literal, get_args

import attrs

from splicecore.errors import ConfigError

__all__ = ["AssessConfig", "NegativeMode"]

NegativeMode = Literal["random", "proximity", "window", "none"]


@attrs.frozen(kw_only=True)
class AssessConfig:
    """Settings of the labels TP, FP, FN and TN; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    threshold
        Lowest probability that calls a site, in (0, 1]; compared in float32, the precision of the scores.
    consensus_window
        Bases to either side of an annotated site within which a call finds it.
    error_window
        Bases to either side of an error that ``window_start`` and ``window_end`` span.
    negatives
        Which true negatives to keep: ``"random"`` any alike, ``"proximity"`` the likelier the nearer to a TP, FP or FN,
        ``"window"`` mostly those within ``negative_window`` of one, ``"none"``: no sampling, all are kept.
    negative_ratio
        True negatives for every TP, FP and FN of a gene; 0 for none at all.
    negative_window
        Bases: the reach of ``"window"``, and the distance at which ``"proximity"`` has halved.
    seed
        Of the sampling; a gene's sample depends on it and on the gene alone.
    sequence_flank
        Bases before and after a position in the analysis sequences.
    """

    threshold: float = attrs.field(default=0.5)
    consensus_window: int = attrs.field(default=2)
    error_window: int = attrs.field(default=500)
    negatives: NegativeMode = attrs.field(default="random")
    negative_ratio: float = attrs.field(default=1.2)
    negative_window: int = attrs.field(default=50)
    seed: int = attrs.field(default=42)
    sequence_flank: int = attrs.field(default=250)

    @threshold.validator
    def _check_threshold(self, _: object, value: float) -> None:
        if not 0 < value <= 1:
            raise ConfigError(f"threshold is {value:g}; it must be a probability above 0")

    @consensus_window.validator
    @error_window.validator
    @negative_window.validator
    @seed.validator
    def _check_not_negative(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value < 0:
            raise ConfigError(f"{attribute.name} is {value}; it cannot be negative")

    @sequence_flank.validator
    def _check_flank(self, _: object, value: int) -> None:
        if value < 1:
            raise ConfigError(f"sequence_flank is {value}; it must be at least 1")

    @negative_ratio.validator
    def _check_ratio(self, _: object, value: float) -> None:
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"negative_ratio is {value:g}; it must be a number from 0 on")

    @negatives.validator
    def _check_negatives(self, _: object, value: str) -> None:
        if value not in get_args(NegativeMode):
            raise ConfigError(f"negatives is {value!r}", hint=f"choose one of {', '.join(get_args(NegativeMode))}")
