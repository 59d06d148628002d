"""Feature configurations by name, and what was mended in the formulas that the preset ``seed`` takes its names from."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from splicecore.errors import ConfigError
from splicecore.features.configs import STRUCTURAL, FeatureConfig
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MENDED", "PRESETS", "Preset", "feature_preset"]


@attrs.frozen(kw_only=True)
class Preset:
    """A feature configuration with a name."""

    name: str
    summary: str
    config: FeatureConfig


_DEFAULT = Preset(
    name="default",
    summary="base scores at and around a position, likely sites in its neighborhood, and the sequence around it",
    config=FeatureConfig(
        sets=("probability", "context", "partners", "sequence"),
        settings={
            "sequence": {"kmer_sizes": [3], "window": 500, "composition": ["gc_content", "sequence_complexity"]},
        },
    ),
)
_SEED = Preset(
    name="seed",
    summary="124 features, 14 of them from the annotation and the chromosome's name",
    config=FeatureConfig(
        sets=("probability", "context", "sequence", "structural"),
        settings={
            "sequence": {
                "kmer_sizes": [3],
                "window": 500,
                "composition": ["gc_content", "sequence_length", "sequence_complexity"],
            },
            "structural": {"columns": list(STRUCTURAL[: STRUCTURAL.index("chrom") + 1])},
        },
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in (_DEFAULT, _SEED)})
"""Every preset by name."""

MENDED: Mapping[tuple[str, ...], str] = MappingProxyType(
    {
        ("donor_score", "acceptor_score", "neither_score"): (
            "The base model's scores at the position itself, on every row. Taking the best score of a window on rows "
            "that are known sites, and only there, tells the class."
        ),
        (
            "context_score_m2",
            "context_score_m1",
            "context_score_p1",
            "context_score_p2",
            "context_neighbor_mean",
            "context_asymmetry",
            "context_max",
        ): (
            "From max(donor, acceptor) on every row. Taking the scores of the class under evaluation, as is natural "
            "where rows are collected class by class, tells the class and cannot be had at inference."
        ),
        tuple(
            f"{kind}_{name}"
            for kind in ("donor", "acceptor")
            for name in (
                "diff_m1",
                "diff_m2",
                "diff_p1",
                "diff_p2",
                "surge_ratio",
                "is_local_peak",
                "weighted_context",
                "peak_height_ratio",
                "second_derivative",
                "signal_strength",
                "context_diff_ratio",
            )
        ): "The donor's neighbors are donor scores, the acceptor's are acceptor scores, on every row.",
        ("signal_strength_ratio",): (
            "The denominator keeps its sign and is at least 1e-10 away from zero, so that the ratio is always finite."
        ),
        ("gc_content", "sequence_complexity"): (
            "Shares of the known bases: N counts neither above nor below the line. Null where no base is known."
        ),
        ("sequence_length",): (
            "Number of known bases. The window goes on beyond the gene's ends as far as the base model's own view does "
            "(flank mode `real`); with flank mode `n` it ends there."
        ),
        ("3mer_*",): "Exactly 64 columns; words with N are not counted and have no columns. int16, not float64.",
        ("gene_start", "gene_end", "tx_start", "tx_end"): (
            "0-based, half-open. `tx_*` is the span of all transcripts of the gene, which is the gene's: taking one "
            "transcript's is possible only on rows that are known sites."
        ),
        ("transcript_length",): "The span `tx_end - tx_start`, for the same reason.",
        ("num_exons", "avg_exon_length", "median_exon_length", "total_exon_length", "total_intron_length"): (
            "Aggregates over all transcripts of the gene, the same on each of its rows. Filling them from the "
            "transcript of a known site, and 0 elsewhere, gives the label away."
        ),
        ("n_splice_sites",): "Counted per gene, never per gene and class.",
        ("num_overlaps",): "Each overlapping gene counts once; as integer, never null.",
        ("chrom",): "From the canonical name: `chr1`, `1` and `NC_000001.11` are all 1.",
    }
)
"""Columns of the preset ``seed`` -> what differs from the formulas that the names come from. ``3mer_*`` stands for the
64 counts."""


def feature_preset(name: str) -> FeatureConfig:
    """Feature configuration by the name of a preset.

    Raises
    ------
    ConfigError
        If there is none of this name; names the nearest.
    """
    if name not in PRESETS:
        near = near_names(name, PRESETS)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(PRESETS)}"
        raise ConfigError(f"there is no feature preset {name!r}", hint=hint)
    return PRESETS[name].config
