"""The rules' own rules."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest
from splicecore.errors import ConfigError
from splicecore.variants.alleles import Unscored
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
        "windows": "tile",
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


def test_every_rule_that_the_docs_name_has_its_test():
    folder = Path(__file__).parent
    text = (folder.parents[2] / "docs/concepts/variants_rules.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    written = set(
        re.findall(r"^def (test_\w+)", "".join(p.read_text() for p in folder.glob("test_*.py")), re.MULTILINE)
    )
    assert len(named) > 30
    assert named <= written


def test_the_docs_list_all_reasons():
    text = (Path(__file__).parents[3] / "docs/concepts/variants_rules.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", text, re.MULTILINE) == [str(reason) for reason in ORDER]


ORDER = (
    Unscored.MISSING_ALT,
    Unscored.BREAKEND,
    Unscored.SYMBOLIC_ALT,
    Unscored.STAR,
    Unscored.NOT_BASES,
    Unscored.UNKNOWN_CONTIG,
    Unscored.NO_GENE,
    Unscored.REF_MISMATCH,
    Unscored.OFF_CONTIG,
    Unscored.TOO_LONG,
    Unscored.MNV_NOT_SCORED,
)
