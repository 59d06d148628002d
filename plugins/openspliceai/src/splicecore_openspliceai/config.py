"""Settings of the base model ``openspliceai``."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from splicecore.api import ConfigError
from splicecore_splicenet.architecture import CONTEXTS
from splicecore_splicenet.config import EnsembleConfig

__all__ = ["CONTEXTS", "DEFAULT_CONTEXT", "DEFAULT_SPECIES", "OpenSpliceAIConfig", "species_name"]

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
class OpenSpliceAIConfig(EnsembleConfig):
    """Settings of OpenSpliceAI.

    They choose among the checkpoints below the weights folder. A folder that holds ``.pt`` files itself needs none;
    what is set is then compared with the weights.

    Beside those of every :class:`~splicecore_splicenet.config.EnsembleConfig`:

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
    """

    model: ClassVar[str] = "openspliceai"

    context: int | None = attrs.field(default=None)
    species: str | None = attrs.field(default=None, converter=_species)
    members: tuple[int | str, ...] | None = attrs.field(default=None, converter=_members)

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
