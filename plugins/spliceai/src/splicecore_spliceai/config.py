"""Settings of the base model ``spliceai``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
from splicecore.api import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MEMBERS", "SpliceAIConfig"]

MEMBERS: tuple[int, ...] = (1, 2, 3, 4, 5)
"""Numbers of the five networks that SpliceAI averages; network i is the file ``spliceai<i>.h5``."""


def _sorted_members(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, list | tuple) and all(type(m) is int for m in value) else value


@attrs.frozen(kw_only=True)
class SpliceAIConfig:
    """Settings of SpliceAI.

    Attributes
    ----------
    members
        Which of the five networks to average; all of them by default, as SpliceAI does. Fewer are faster and give other
        scores, so the choice is part of the model's fingerprint. Their order does not matter.
    convolutions
        How the engine ``torch`` computes them: ``"fast"``, as Fourier transforms where that is faster, or ``"direct"``,
        none. Scores differ by about 1e-6; the fingerprint is the same, the key of a run's scores is not.
    """

    members: tuple[int, ...] = attrs.field(default=MEMBERS, converter=_sorted_members)
    convolutions: Literal["fast", "direct"] = attrs.field(default="fast")

    @members.validator
    def _check_members(self, _: object, value: tuple[int, ...]) -> None:
        if not isinstance(value, tuple) or not value or len(set(value)) != len(value) or not set(value) <= set(MEMBERS):
            raise ConfigError(f"spliceai: members is {value!r}", hint="give one or more of 1, 2, 3, 4, 5, each once")

    @convolutions.validator
    def _check_convolutions(self, _: object, value: object) -> None:
        if value not in ("fast", "direct"):
            raise ConfigError(f"spliceai: convolutions is {value!r}", hint="fast or direct")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SpliceAIConfig:
        """Make a config from JSON-able values.

        Raises
        ------
        ConfigError
            For an unknown key or a value that makes no sense.
        """
        names = [field.name for field in attrs.fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ConfigError(
                f"spliceai: unknown setting {', '.join(unknown)}", hint=f"its settings are {' and '.join(names)}"
            )
        return cls(**values)
