"""The rules that variants are scored by: SpliceAI's own by default, each extension of them by an option."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from splicecore.config import FlankMode
from splicecore.errors import ConfigError

__all__ = ["Compat", "IndelAlignment", "VariantRules", "Windows"]

Compat = Literal["spliceai", "extended"]
IndelAlignment = Literal["spliceai", "max"]
Windows = Literal["tile", "allele"]

_MAX_DISTANCE = 10_000
_EXTENDED: dict[str, Any] = {
    "score_mnv": True,
    "pad_ends": True,
    "long_deletions": True,
    "indel_alignment": "max",
    "normalise": True,
}


@attrs.frozen(kw_only=True)
class VariantRules:
    """How alleles are scored. All values are JSON-able: ``attrs.asdict`` of it is part of a score's key.

    Attributes
    ----------
    distance
        Bases D on either side of POS in which gains and losses are looked for, 1 to 10,000.
    mask
        Set gains of annotated sites and losses of others to 0: a gain at the exon boundary nearest to POS, a loss
        anywhere else.
    compat
        ``"spliceai"``: what SpliceAI does, but for the options below that are set; ``"extended"``: REF may also be
        lower case. :meth:`of` sets the options that belong to it.
    score_mnv
        Score alleles with several bases in REF and in ALT.
    pad_ends
        Score alleles whose window reaches beyond the contig, with N there.
    long_deletions
        Score alleles whose REF is longer than 2 D, up to ``longest_ref``; they are always aligned by ``"max"``.
    longest_ref
        Longest REF that ``long_deletions`` scores, in bases.
    indel_alignment
        How the bases of ALT are laid beside those of REF; see :func:`splicecore.variants.delta.align`.
    normalise
        Trim and left-align the allele first, so that equivalent records have the same scores.
    flank
        What the model sees beyond the transcript's ends: ``"n"`` N, ``"real"`` the genome.
    windows
        What is given to a model at once: the alleles of a ``"tile"`` of the transcript, or each ``"allele"`` with what
        is around it. Scores are equal to 1e-6. Tiles are cheaper where there are several alleles in each.

    Raises
    ------
    ConfigError
        If a value is out of range or unknown.
    """

    distance: int = attrs.field(default=50)
    mask: bool = False
    compat: Compat = attrs.field(default="spliceai")
    score_mnv: bool = False
    pad_ends: bool = False
    long_deletions: bool = False
    longest_ref: int = attrs.field(default=50_000)
    indel_alignment: IndelAlignment = attrs.field(default="spliceai")
    normalise: bool = False
    flank: FlankMode = attrs.field(default="n")
    windows: Windows = attrs.field(default="tile")

    @distance.validator
    def _check_distance(self, _: object, value: int) -> None:
        if not 1 <= value <= _MAX_DISTANCE:
            raise ConfigError(f"distance is {value}", hint=f"a number of bases from 1 to {_MAX_DISTANCE:,}")

    @longest_ref.validator
    def _check_longest(self, _: object, value: int) -> None:
        if value < 1:
            raise ConfigError(f"longest_ref is {value}; it must be at least 1")

    @compat.validator
    @indel_alignment.validator
    @flank.validator
    @windows.validator
    def _check_choice(self, attribute: attrs.Attribute[str], value: str) -> None:
        known = {
            "compat": ("spliceai", "extended"),
            "indel_alignment": ("spliceai", "max"),
            "flank": ("n", "real"),
            "windows": ("tile", "allele"),
        }
        if value not in known[attribute.name]:
            raise ConfigError(f"{attribute.name} is {value!r}", hint=f"one of {', '.join(known[attribute.name])}")

    @classmethod
    def of(cls, compat: Compat = "spliceai", **given: Any) -> VariantRules:
        """Rules of a compatibility mode, with the options that are given; an option that is None is the mode's.

        ``"extended"`` scores all that can be scored: MNVs, delins, contig ends, long deletions; normalised and aligned
        by ``"max"``.
        """
        preset = _EXTENDED if compat == "extended" else {}
        return cls(compat=compat, **(preset | {name: value for name, value in given.items() if value is not None}))

    @property
    def ref_limit(self) -> int:
        """Longest REF that is scored, in bases."""
        return max(self.longest_ref, 2 * self.distance) if self.long_deletions else 2 * self.distance

    def window(self, ref_length: int) -> int:
        """Bases of the window that gains and losses of an allele are looked for in, from D before POS on."""
        extended = self.indel_alignment == "max" or ref_length > 2 * self.distance
        return 2 * self.distance + (ref_length if extended else 1)
