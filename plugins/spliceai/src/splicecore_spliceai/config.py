"""Settings of the base model ``spliceai``."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from splicecore.api import ConfigError
from splicecore_splicenet.config import EnsembleConfig

__all__ = ["MEMBERS", "SpliceAIConfig"]

MEMBERS: tuple[int, ...] = (1, 2, 3, 4, 5)
"""Numbers of the five networks that SpliceAI averages; network i is the file ``spliceai<i>.h5``."""


def _sorted_members(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, list | tuple) and all(type(m) is int for m in value) else value


@attrs.frozen(kw_only=True)
class SpliceAIConfig(EnsembleConfig):
    """Settings of SpliceAI.

    Beside those of every :class:`~splicecore_splicenet.config.EnsembleConfig`:

    Attributes
    ----------
    members
        Which of the five networks to average; all of them by default, as SpliceAI does. Fewer are faster and give other
        scores, so the choice is part of the model's fingerprint. Their order does not matter.
    """

    model: ClassVar[str] = "spliceai"

    members: tuple[int, ...] = attrs.field(default=MEMBERS, converter=_sorted_members)

    @members.validator
    def _check_members(self, _: object, value: tuple[int, ...]) -> None:
        if not isinstance(value, tuple) or not value or len(set(value)) != len(value) or not set(value) <= set(MEMBERS):
            raise ConfigError(f"spliceai: members is {value!r}", hint="give one or more of 1, 2, 3, 4, 5, each once")
