"""The rules' own rules."""

from __future__ import annotations

import json

import attrs
import pytest
from splicecore.errors import ConfigError
from splicecore.variants.rules import VariantRules


def test_the_default_is_spliceais():
    assert VariantRules.of() == VariantRules()
    assert attrs.asdict(VariantRules()) == {
        "distance": 50,
        "mask": False,
        "compat": "spliceai",
        "score_mnv": False,
        "pad_ends": False,
        "long_deletions": False,
        "longest_ref": 50_000,
        "indel_alignment": "spliceai",
        "normalise": False,
        "flank": "n",
    }


def test_extended_rules_set_every_option_that_is_not_given():
    rules = VariantRules.of("extended", distance=500, score_mnv=False, mask=None)
    assert (rules.distance, rules.score_mnv, rules.mask, rules.flank) == (500, False, False, "n")
    assert rules.pad_ends
    assert rules.long_deletions
    assert rules.normalise
    assert rules.indel_alignment == "max"


def test_rules_are_json():
    rules = VariantRules.of("extended", flank="real")
    assert VariantRules(**json.loads(json.dumps(attrs.asdict(rules)))) == rules


@pytest.mark.parametrize(
    "given",
    [
        {"distance": 0},
        {"distance": 10_001},
        {"compat": "x"},
        {"flank": "x"},
        {"indel_alignment": "x"},
        {"longest_ref": 0},
    ],
)
def test_values_out_of_range_are_refused(given):
    with pytest.raises(ConfigError):
        VariantRules(**given)


def test_window():
    assert VariantRules(distance=50).window(100) == 101
    assert VariantRules(distance=50).window(101) == 201
    assert VariantRules(distance=50, indel_alignment="max").window(4) == 104
