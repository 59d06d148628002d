from __future__ import annotations

import json

import attrs
import pytest
from splicecore.errors import ConfigError, ContractError
from splicecore.features.contract import FeatureColumn, FeatureContract


@pytest.fixture(scope="module")
def contract(open_sets):
    pipeline = open_sets("seed", models=("spliceai", "openspliceai"))
    return pipeline.contract(fingerprints={"spliceai": "f1", "openspliceai": "f2"}, flank="real", build="GRCh38")


def test_what_it_holds(contract):
    assert len(contract.columns) == 124 + 43
    assert contract.columns[0] == FeatureColumn(
        name="donor_score", dtype="float", feature_set="probability", model="spliceai"
    )
    assert contract.names[-1] == "openspliceai__signal_strength_ratio"
    assert contract.kmer_sizes == (3,)
    assert contract.near_label[0] == "gene_start"
    assert len(contract.near_label) == 13
    assert [used.name for used in contract.sets] == ["probability", "context", "sequence", "structural"]
    assert contract.sets[2].settings == {
        "kmer_sizes": [3],
        "window": 500,
        "composition": ["gc_content", "sequence_length", "sequence_complexity"],
    }


def test_it_survives_json(contract):
    text = json.dumps(contract.to_json())
    again = FeatureContract.from_json(json.loads(text))
    assert again == contract
    assert json.dumps(again.to_json()) == text
    contract.check(again)
    assert json.loads(text)["schema_hash"] == contract.schema_hash
    assert json.loads(text)["kmer_sizes"] == [3]


def test_the_same_pipeline_makes_the_same_contract(contract, open_sets):
    pipeline = open_sets("seed", models=("spliceai", "openspliceai"))
    again = pipeline.contract(fingerprints={"spliceai": "f1", "openspliceai": "f2"}, flank="real", build="GRCh38")
    assert again == contract


def changed(contract, name, **values):
    columns = tuple(attrs.evolve(column, **values) if column.name == name else column for column in contract.columns)
    return attrs.evolve(contract, columns=columns)


def test_differences_are_named(contract):
    columns = list(contract.columns)
    assert contract.differences(contract) == []

    fewer = attrs.evolve(contract, columns=tuple(columns[2:]))
    assert contract.differences(fewer) == ["missing columns donor_score, acceptor_score"]
    assert fewer.differences(contract) == ["extra columns donor_score, acceptor_score"]

    columns[0], columns[1] = columns[1], columns[0]
    swapped = attrs.evolve(contract, columns=tuple(columns))
    assert contract.differences(swapped) == ["columns in another order: donor_score, acceptor_score"]
    assert swapped.schema_hash != contract.schema_hash

    other = changed(contract, "gc_content", dtype="double", nullable=False)
    assert contract.differences(other) == ["columns of another type: gc_content (double, not float or null)"]


def test_long_lists_are_cut(contract):
    none = attrs.evolve(contract, columns=contract.columns[:1])
    (line,) = contract.differences(none)
    assert line.endswith(", ... (166 in all)")


@pytest.mark.parametrize(
    ("aspect", "change", "line"),
    [
        ("flank", {"flank": "n"}, "flank is n, not real"),
        ("build", {"build": "GRCh37"}, "build is GRCh37, not GRCh38"),
        ("sets", {"sets": ()}, "feature sets are , not probability, context, sequence, structural"),
        ("models", {"models": ()}, "base models are , not spliceai, openspliceai"),
    ],
)
def test_what_may_be_passed_over(contract, aspect, change, line):
    other = attrs.evolve(contract, **change)
    assert contract.differences(other) == [line]
    assert contract.differences(other, ignore=[aspect]) == []
    with pytest.raises(ContractError, match=line) as caught:
        contract.check(other)
    assert caught.value.hint
    contract.check(other, ignore=[aspect])


def test_settings_and_fingerprints_count(contract, open_sets):
    fingerprint = attrs.evolve(contract.models[1], fingerprint="f3")
    other = attrs.evolve(contract, models=(contract.models[0], fingerprint))
    assert contract.differences(other) == ["base model openspliceai has the fingerprint f3, not f2"]
    assert contract.differences(other, ignore=["fingerprints"]) == []

    pipelines = [open_sets("sequence", sequence={"window": window}) for window in (500, 400)]
    wide, narrow = (p.contract(fingerprints={"primary": "f"}, flank="n", build="b") for p in pipelines)
    assert wide.differences(narrow) == ["window of feature set sequence is 400, not 500"]


def test_a_changed_file_is_noticed(contract):
    values = contract.to_json()
    values["columns"][0]["name"] = "donor"
    with pytest.raises(ContractError, match="schema_hash"):
        FeatureContract.from_json(values)
    with pytest.raises(ContractError, match="version 2; this splicecore reads 1"):
        FeatureContract.from_json(contract.to_json() | {"version": 2})
    with pytest.raises(ConfigError, match=r"model\.json.*colour"):
        FeatureContract.from_json(contract.to_json() | {"colour": 1}, where="model.json")
