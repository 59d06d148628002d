"""Settings that every base model of the family has. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs
from splicecore.api import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = ["EnsembleConfig", "NetworkConfig"]


@attrs.frozen(kw_only=True)
class NetworkConfig:
    """What a plugin derives its model's settings from.

    Attributes
    ----------
    model
        Name of the base model, for messages.
    convolutions
        How the engine ``torch`` computes them: ``"fast"``, as Fourier transforms where that is faster, or ``"direct"``,
        none. Scores differ by about 1e-6; the fingerprint is the same, the key of a run's scores is not.
    """

    model: ClassVar[str]
    convolutions: Literal["fast", "direct"] = attrs.field(default="fast")

    @convolutions.validator
    def _check_convolutions(self, _: object, value: object) -> None:
        if value not in ("fast", "direct"):
            raise ConfigError(f"{self.model}: convolutions is {value!r}", hint="fast or direct")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Make a config from JSON-able values.

        Raises
        ------
        ConfigError
            For an unknown key or a value that makes no sense.
        """
        names = [field.name for field in sorted(attrs.fields(cls), key=lambda field: field.inherited)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ConfigError(
                f"{cls.model}: unknown setting {', '.join(unknown)}", hint=f"its settings are {', '.join(names)}"
            )
        return cls(**values)


@attrs.frozen(kw_only=True)
class EnsembleConfig(NetworkConfig):
    """Settings of a model that is the mean of networks.

    Attributes
    ----------
    member_spread
        Give, after the three probabilities, the outputs ``acceptor_spread`` and ``donor_spread``: the population
        standard deviation over the networks. The probabilities stay the same to the bit, and so does the fingerprint;
        the key of a run's scores is another.
    """

    member_spread: bool = attrs.field(default=False)

    @member_spread.validator
    def _check_member_spread(self, _: object, value: object) -> None:
        if type(value) is not bool:
            raise ConfigError(f"{self.model}: member_spread is {value!r}", hint="true or false")
