"""Configuration of ``splicecore saturate``. Light: no array library is imported."""

from __future__ import annotations

from typing import Any

import attrs

from splicecore.errors import ConfigError
from splicecore.variants.config import VariantsConfig

__all__ = ["MAX_DELETION", "SaturateConfig"]

MAX_DELETION = 4
"""Longest deletion that is made, in bases."""


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    items = value.split(",") if isinstance(value, str) else value
    return tuple(str(item).strip() for item in items if str(item).strip())


@attrs.frozen(kw_only=True)
class SaturateConfig(VariantsConfig):
    """What ``splicecore saturate`` does: what :class:`~splicecore.variants.config.VariantsConfig` says, without input.

    Attributes
    ----------
    gene
        Names or ids of genes: from the first to the last base of the transcripts that ``transcripts`` chooses of each.
    region
        ``chr1:1,000-2,000`` (1-based, both ends included); of genes or a region, one is given.
    snvs
        Make the three substitutions of every base.
    insertions
        Make the insertions of one base.
    deletions
        Make the deletions of 1 to this number of bases; 0 for none.
    """

    gene: tuple[str, ...] = attrs.field(default=(), converter=_names)
    region: str | None = None
    snvs: bool = True
    insertions: bool = False
    deletions: int = attrs.field(default=0)

    @deletions.validator
    def _check_deletions(self, _: object, value: int) -> None:
        if not 0 <= value <= MAX_DELETION:
            raise ConfigError(f"deletions is {value}", hint=f"bases of the longest deletion, 0 to {MAX_DELETION}")

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.input is not None:
            raise ConfigError("saturate takes no input", hint="`splicecore variants` scores the records of a VCF")
        if bool(self.gene) == (self.region is not None):
            raise ConfigError(
                "genes or a region must be given, and not both", hint="--gene NAME or --region CHR:FROM-TO"
            )
        if not (self.snvs or self.insertions or self.deletions):
            raise ConfigError("no kind of allele is asked for", hint="--snvs, --insertions, --deletions N")
