"""Settings of the base model ``openspliceai``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
from splicecore.api import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONTEXTS", "DEFAULT_CONTEXT", "DEFAULT_SPECIES", "OpenSpliceAIConfig", "species_name"]

CONTEXTS: tuple[int, int, int, int] = (80, 400, 2000, 10_000)
"""Bases of context (both sides together) that OpenSpliceAI's networks come with."""

DEFAULT_CONTEXT = 10_000
DEFAULT_SPECIES = "mane"

_SAME_SPECIES = {"human": "mane", "thale-cress": "arabidopsis"}


def species_name(value: str) -> str:
    """Return the name that a species' folder goes by: lower case, ``mane`` for human."""
    name = value.strip().lower().replace("_", "-").replace(" ", "-")
    return _SAME_SPECIES.get(name, name)


def _species(value: Any) -> Any:
    return species_name(value) if isinstance(value, str) else value


def _members(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class OpenSpliceAIConfig:
    """Settings of OpenSpliceAI.

    They choose among the checkpoints below the weights folder. A folder that holds ``.pt`` files itself needs none;
    what is set is then compared with the weights.

    Attributes
    ----------
    context
        Bases of context, both sides together: 80, 400, 2000 or 10000. None takes 10000 where there is a choice.
    species
        ``mane`` (human), ``mouse``, ``zebrafish``, ``honeybee``, ``arabidopsis``, or the name of a folder of yours.
        None takes ``mane`` where there is a choice.
    members
        Which of the folder's files to average: seeds (``10``: the last number of the file's name) or file names. None
        for all of them.
    convolutions
        How they are computed: ``"fast"``, as Fourier transforms where that is faster, or ``"direct"``, none. Scores
        differ by about 1e-6; the fingerprint is the same, the key of a run's scores is not.
    """

    context: int | None = attrs.field(default=None)
    species: str | None = attrs.field(default=None, converter=_species)
    members: tuple[int | str, ...] | None = attrs.field(default=None, converter=_members)
    convolutions: Literal["fast", "direct"] = attrs.field(default="fast")

    @context.validator
    def _check_context(self, _: object, value: int | None) -> None:
        if value is not None and (type(value) is not int or value not in CONTEXTS):
            raise ConfigError(f"openspliceai: context is {value!r}", hint=f"one of {', '.join(map(str, CONTEXTS))}")

    @species.validator
    def _check_species(self, _: object, value: str | None) -> None:
        if value is not None and (not isinstance(value, str) or not value):
            raise ConfigError(f"openspliceai: species is {value!r}", hint="a name such as mane or arabidopsis")

    @members.validator
    def _check_members(self, _: object, value: tuple[int | str, ...] | None) -> None:
        if value is None:
            return
        known = isinstance(value, tuple) and all(type(member) in {int, str} for member in value)
        if not known or not value or len(set(value)) != len(value):
            raise ConfigError(
                f"openspliceai: members is {value!r}", hint="a list of seeds or file names, each once, such as [10, 11]"
            )

    @convolutions.validator
    def _check_convolutions(self, _: object, value: object) -> None:
        if value not in ("fast", "direct"):
            raise ConfigError(f"openspliceai: convolutions is {value!r}", hint="fast or direct")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> OpenSpliceAIConfig:
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
                f"openspliceai: unknown setting {', '.join(unknown)}", hint=f"its settings are {', '.join(names)}"
            )
        return cls(**values)
