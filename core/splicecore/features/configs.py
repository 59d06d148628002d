"""Settings of the core's feature sets, and which sets a matrix is made of. Light: no array library is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["COMPOSITION", "STRUCTURAL", "FeatureConfig", "SequenceConfig", "StructuralConfig"]

COMPOSITION = ("gc_content", "sequence_length", "sequence_complexity")
"""Columns of the set ``sequence`` beside the k-mer counts."""

STRUCTURAL = (
    "gene_start",
    "gene_end",
    "gene_length",
    "tx_start",
    "tx_end",
    "transcript_length",
    "num_exons",
    "avg_exon_length",
    "median_exon_length",
    "total_exon_length",
    "total_intron_length",
    "n_splice_sites",
    "num_overlaps",
    "chrom",
    "strand_sign",
    "num_transcripts",
    "gene_type",
    "absolute_position",
    "distance_to_start",
    "distance_to_end",
)
"""Columns of the set ``structural``."""

_MAX_K = 8
_MAX_WINDOW = 32_767  # counts fit int16


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _sizes(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(values)


def _columns(known: tuple[str, ...]) -> Any:
    """Validate a choice of columns; the order is the user's."""

    def check(_: object, attribute: attrs.Attribute[tuple[str, ...]], names: tuple[str, ...]) -> None:
        for name in names:
            if name not in known:
                near = near_names(name, known)
                hint = f"did you mean {near[0]}?" if near else f"choose from: {', '.join(known)}"
                raise ConfigError(f"{attribute.name}: there is no column {name!r}", hint=hint)
        if len(set(names)) < len(names):
            raise ConfigError(f"{attribute.name}: a column is named twice: {', '.join(names)}")

    return check


@attrs.frozen(kw_only=True)
class SequenceConfig:
    """Settings of the set ``sequence``.

    Attributes
    ----------
    kmer_sizes
        Lengths k of the words to count, 1 to 8; 4**k columns each. Empty for none.
    window
        Bases of the window: the offsets ``[-(window // 2), window - window // 2)`` around a position, in transcript
        orientation.
    composition
        Which columns beside the counts, of :data:`COMPOSITION`.
    """

    kmer_sizes: tuple[int, ...] = attrs.field(default=(3,), converter=_sizes)
    window: int = attrs.field(default=500)
    composition: tuple[str, ...] = attrs.field(default=COMPOSITION, converter=_names, validator=_columns(COMPOSITION))

    @kmer_sizes.validator
    def _check_kmer_sizes(self, _: object, sizes: tuple[int, ...]) -> None:
        for k in sizes:
            if not 1 <= k <= _MAX_K:
                raise ConfigError(f"kmer_sizes: {k} is not from 1 to {_MAX_K}; there are 4**k columns for each")
        if len(set(sizes)) < len(sizes):
            raise ConfigError(f"kmer_sizes: a size is named twice: {', '.join(map(str, sizes))}")

    @window.validator
    def _check_window(self, _: object, window: int) -> None:
        least = max(self.kmer_sizes, default=1)
        if not least <= window <= _MAX_WINDOW:
            raise ConfigError(f"window is {window} bases; it must be from {least} to {_MAX_WINDOW}")


@attrs.frozen(kw_only=True)
class StructuralConfig:
    """Settings of the set ``structural``: which columns, of :data:`STRUCTURAL`."""

    columns: tuple[str, ...] = attrs.field(default=STRUCTURAL, converter=_names, validator=_columns(STRUCTURAL))


def _settings(value: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: dict(settings) for name, settings in value.items()}


@attrs.frozen(kw_only=True)
class FeatureConfig:
    """Which feature sets make up a matrix, in which order, with which settings; JSON-able.

    Attributes
    ----------
    sets
        Names of feature sets, in the order of their columns.
    settings
        Set's name -> its settings, as its ``config_cls`` is structured from. Sets without an entry take defaults.
    """

    sets: tuple[str, ...] = attrs.field(converter=_names)
    settings: dict[str, dict[str, Any]] = attrs.field(factory=dict, converter=_settings)

    @sets.validator
    def _check_sets(self, _: object, sets: tuple[str, ...]) -> None:
        if not sets:
            raise ConfigError("no feature set is chosen")
        if len(set(sets)) < len(sets):
            raise ConfigError(f"a feature set is named twice: {', '.join(sets)}")

    @settings.validator
    def _check_settings(self, _: object, settings: Mapping[str, Any]) -> None:
        for name in settings:
            if name not in self.sets:
                near = near_names(name, self.sets)
                hint = f"did you mean {near[0]}?" if near else f"the sets are: {', '.join(self.sets)}"
                raise ConfigError(f"settings for the feature set {name!r}, which is not among the sets", hint=hint)

    def with_settings(self, name: str, **settings: Any) -> FeatureConfig:
        """Return the same with some settings of one set replaced."""
        merged = {**self.settings.get(name, {}), **settings}
        return attrs.evolve(self, settings={**self.settings, name: merged})

    def with_sets(self, names: Iterable[str]) -> FeatureConfig:
        """Return the same with more sets after the others; those that are there already stay where they are."""
        return attrs.evolve(self, sets=tuple(dict.fromkeys((*self.sets, *names))))
