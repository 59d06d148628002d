"""Settings of the core's uncertainty strategies, and of a selection. Light: no array library is imported."""

from __future__ import annotations

from typing import Any

import attrs

from splicecore.errors import ConfigError

__all__ = [
    "ConfidenceConfig",
    "DisagreementConfig",
    "EntropyConfig",
    "HybridConfig",
    "SelectionConfig",
]

LOW, HIGH = 0.02, 0.80
"""Defaults of the zone of site scores in which a base model is unsure."""


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _within(low: float, high: float, *, low_too: bool = False, high_too: bool = True) -> Any:
    """Validate a number between two others."""
    left, right = "[" if low_too else "(", "]" if high_too else ")"

    def check(_: object, attribute: attrs.Attribute[float], value: float) -> None:
        inside = type(value) is float and (low < value < high or (low_too and value == low))
        if not inside and not (high_too and value == high):
            raise ConfigError(f"{attribute.name} is {value!r}; it must be in {left}{low:g}, {high:g}{right}")

    return check


def _check_zone(low: float, high: float) -> None:
    if not low < high:
        raise ConfigError(
            f"the uncertainty thresholds are crossed: low is {low:g} and high is {high:g}",
            hint="positions with low <= score < high are unsure, so low must be the smaller one",
        )


@attrs.frozen(kw_only=True)
class ConfidenceConfig:
    """Settings of ``confidence_only``: sites with ``low <= max(donor, acceptor) < high`` are unsure (0 to 1)."""

    low: float = attrs.field(default=LOW, converter=_number, validator=_within(0, 1, low_too=True))
    high: float = attrs.field(default=HIGH, converter=_number, validator=_within(0, 1, low_too=True))

    def __attrs_post_init__(self) -> None:
        _check_zone(self.low, self.high)


@attrs.frozen(kw_only=True)
class EntropyConfig:
    """Settings of ``entropy_only``: positions with a normalized entropy of at least ``entropy`` are unsure (0 to 1)."""

    entropy: float = attrs.field(default=0.6, converter=_number, validator=_within(0, 1))


@attrs.frozen(kw_only=True)
class HybridConfig:
    """Settings of ``hybrid_entropy``: positions that meet one of its criteria are unsure.

    Attributes
    ----------
    low, high
        ``low <= max(donor, acceptor) < high``; 0 to 1.
    entropy
        Normalized entropy of at least this; 0 to 1.
    spread
        Largest minus second largest probability below this; 0 to 1.
    variance
        Normalized variance of the class of at least this; 0 to 1.
    """

    low: float = attrs.field(default=LOW, converter=_number, validator=_within(0, 1, low_too=True))
    high: float = attrs.field(default=HIGH, converter=_number, validator=_within(0, 1, low_too=True))
    entropy: float = attrs.field(default=0.6, converter=_number, validator=_within(0, 1))
    spread: float = attrs.field(default=0.2, converter=_number, validator=_within(0, 1, high_too=False))
    variance: float = attrs.field(default=0.64, converter=_number, validator=_within(0, 1))

    def __attrs_post_init__(self) -> None:
        _check_zone(self.low, self.high)


@attrs.frozen(kw_only=True)
class DisagreementConfig:
    """Settings of ``ensemble_disagreement``: a standard deviation of at least ``disagreement`` is unsure (0 to 0.5)."""

    disagreement: float = attrs.field(default=0.02, converter=_number, validator=_within(0, 0.5))


@attrs.frozen(kw_only=True)
class SelectionConfig:
    """Which positions are selected for the meta-model.

    Attributes
    ----------
    strategy
        Name of an uncertainty strategy.
    settings
        Its settings, without ``low`` and ``high``.
    low, high
        The zone of site scores in which a base model is unsure, for strategies whose settings have them (0 to 1).
    target_rate
        Share of all positions to select, the least sure ones; None to select by the strategy's own threshold.
    """

    strategy: str = "hybrid_entropy"
    settings: dict[str, Any] = attrs.field(factory=dict)
    low: float = attrs.field(default=LOW, converter=_number)
    high: float = attrs.field(default=HIGH, converter=_number)
    target_rate: float | None = attrs.field(
        default=None, converter=_number, validator=attrs.validators.optional(_within(0, 1))
    )

    @low.validator
    @high.validator
    def _check_probability(self, attribute: attrs.Attribute[float], value: float) -> None:
        if type(value) is not float or not 0 <= value <= 1:
            raise ConfigError(
                f"uncertainty_{attribute.name} is {value!r}; it is compared with probabilities, from 0 to 1"
            )

    def __attrs_post_init__(self) -> None:
        _check_zone(self.low, self.high)
