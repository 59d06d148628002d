from __future__ import annotations

import itertools

import pytest
from splicecore.errors import ConfigError, PluginNotFoundError
from splicecore.features.configs import FeatureConfig, SequenceConfig, StructuralConfig
from splicecore.features.presets import MENDED, PRESETS, feature_preset

RAW = ["donor_score", "acceptor_score", "neither_score"]
PROBABILITY = [
    "relative_donor_probability",
    "splice_probability",
    "donor_acceptor_diff",
    "splice_neither_diff",
    "donor_acceptor_logodds",
    "splice_neither_logodds",
    "probability_entropy",
]
CONTEXT = [
    "context_score_m2",
    "context_score_m1",
    "context_score_p1",
    "context_score_p2",
    "context_neighbor_mean",
    "context_asymmetry",
    "context_max",
]
TYPE = [
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
]
CROSS = ["donor_acceptor_peak_ratio", "type_signal_difference", "score_difference_ratio", "signal_strength_ratio"]
SCORES = [
    *RAW,
    *PROBABILITY,
    *CONTEXT,
    *(f"donor_{name}" for name in TYPE),
    *(f"acceptor_{name}" for name in TYPE),
    *CROSS,
]
SEQUENCE = ["gc_content", "sequence_length", "sequence_complexity"]
PARTNERS = [
    name
    for kind in ("acceptor", "donor")
    for name in (
        f"{kind}_mean_logodds",
        *(f"{kind}_best_{side}_{w}" for w in (10, 50, 200, 500) for side in ("before", "after")),
        *(f"{kind}_sum_{side}_{w}" for w in (2_000, 10_000, 50_000) for side in ("before", "after")),
        *(
            f"{grade}_{kind}_{side}_{what}"
            for grade in ("possible", "likely")
            for side in ("before", "after")
            for what in ("distance", "logodds")
        ),
    )
]
KMERS = [f"3mer_{''.join(word)}" for word in itertools.product("ACGT", repeat=3)]
STRUCTURAL = [
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
]


def test_seed_has_its_124_features_by_name(open_sets):
    names = open_sets("seed").schema.names
    assert names == [*SCORES, *SEQUENCE, *KMERS, *STRUCTURAL, "chrom"]
    assert (len(SCORES), len(names)) == (43, 124)


def test_default_is_sequence_and_base_scores_only(open_sets):
    pipeline = open_sets("default")
    assert pipeline.schema.names == [*SCORES, *PARTNERS, "gc_content", "sequence_complexity", *KMERS]
    assert pipeline.requires == ()
    assert not any(field.metadata[b"near_label"] == b"true" for field in pipeline.schema)


def test_what_was_mended_is_of_the_seed():
    names = [name for names in MENDED for name in names]
    assert len(set(names)) == len(names)
    assert set(names) <= {*SCORES, *SEQUENCE, *STRUCTURAL, "3mer_*", "chrom"}


def test_presets_are_found_by_name():
    assert {name: preset.name for name, preset in PRESETS.items()} == {"default": "default", "seed": "seed"}
    with pytest.raises(ConfigError, match="no feature preset 'defalt'") as caught:
        feature_preset("defalt")
    assert caught.value.hint == "did you mean default?"
    with pytest.raises(ConfigError) as caught:
        feature_preset("xyz")
    assert caught.value.hint == "there are: default, seed"


def test_settings_of_a_preset_can_be_changed(open_sets, host):
    config = feature_preset("default").with_settings("sequence", kmer_sizes=[1, 2])
    assert config.settings["sequence"] == {
        "kmer_sizes": [1, 2],
        "window": 500,
        "composition": ["gc_content", "sequence_complexity"],
    }
    more = config.with_sets(["context", "structural"])
    assert more.sets == ("probability", "context", "partners", "sequence", "structural")
    assert feature_preset("default").settings["sequence"]["kmer_sizes"] == [3]


def test_an_unknown_set_is_an_error_with_the_nearest_name(open_sets):
    with pytest.raises(PluginNotFoundError, match="no feature set 'sequnce'") as caught:
        open_sets("sequnce")
    assert caught.value.hint == "did you mean sequence?"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sequence": {"kmers": [3]}}, "settings of feature set sequence.*kmers"),
        ({"sequence": {"kmer_sizes": [9]}}, "kmer_sizes: 9 is not from 1 to 8"),
        ({"sequence": {"kmer_sizes": [3, 3]}}, "named twice"),
        ({"sequence": {"kmer_sizes": [6], "window": 5}}, "window is 5 bases; it must be from 6"),
        ({"sequence": {"window": 40_000}}, "to 32767"),
        ({"sequence": {"composition": ["gc_contents"]}}, "no column 'gc_contents'.*did you mean gc_content"),
        ({"structural": {"columns": ["chrom", "chrom"]}}, "named twice"),
        ({"context": {"window": 5}}, "context has no settings"),
        ({"sequences": {}}, "'sequences', which is not among the sets.*did you mean sequence"),
    ],
)
def test_settings_that_make_no_sense(open_sets, settings, message):
    with pytest.raises(ConfigError, match=message):
        open_sets("context", "sequence", "structural", **settings)


def test_defaults():
    assert SequenceConfig() == SequenceConfig(kmer_sizes=(3,), window=500)
    assert StructuralConfig().columns[:13] == tuple(STRUCTURAL)
    for sets in ((), ("context", "context")):
        with pytest.raises(ConfigError):
            FeatureConfig(sets=sets)
