"""What a run reads of a meta-model's folder, and where base models' weights are said to be."""

from __future__ import annotations

import pytest
from splicecore.artifacts.store import write_json
from splicecore.errors import ConfigError, ContractError
from splicecore.features.contract import FeatureColumn, FeatureContract, FeatureModel, FeatureSetUse
from splicecore.inference.plan import weights_of
from splicecore.inference.served_model import CallThresholds, ServedModel
from splicecore.training.model_directory import seal


@pytest.fixture
def write(tmp_path):
    """Write a folder that looks like a model's; returns it opened."""
    contract = FeatureContract(
        columns=(FeatureColumn(name="x", dtype="float"),),
        sets=(FeatureSetUse(name="probability"),),
        models=(FeatureModel(name="one", fingerprint="a"), FeatureModel(name="two", fingerprint="b")),
        flank="real",
        build="sim",
    )

    def make(base=("one", "two", "mean"), **files):
        folder = tmp_path / "model"
        (folder / "model").mkdir(parents=True)
        write_json(folder / "contract.json", contract.to_json())
        record = {"choice": {"name": "m", "settings": {}}, "provider": "p 1", "columns": ["x"], "seed": 1}
        write_json(folder / "model.json", {**record, "class_weights": [1.0, 1.0, 1.0]})
        write_json(folder / "calibration.json", {"base": {name: {} for name in base}})
        for name, value in files.items():
            write_json(folder / f"{name}.json", value)
        seal(folder, {})
        return ServedModel.open(folder)

    return make


def test_thresholds_are_those_of_the_mode_or_one_half(write):
    point = {"best_f1": {"threshold": 0.25}}
    modes = {"hybrid": {"acceptor": point, "donor": {"best_f1": {"threshold": None}}}}
    model = write(operating_points={"modes": modes})
    assert model.calls("hybrid") == CallThresholds(acceptor=0.25, donor=0.5)
    assert model.calls("meta_only") == CallThresholds(acceptor=0.5, donor=0.5)


def test_a_model_without_operating_points_or_genes_is_served(write):
    model = write()
    assert model.calls("hybrid") == CallThresholds()
    assert model.seen == frozenset()
    assert model.base_models == ("one", "two")
    assert model.calibrated_base == "mean"
    model.check_base_model("")
    model.check_base_model("one")
    with pytest.raises(ConfigError, match="leave --base-model out"):
        model.check_base_model("two")


@pytest.mark.parametrize(("base", "found"), [(("two", "one"), "one"), (("two",), None), ((), None)])
def test_which_base_scores_are_calibrated(write, base, found):
    model = write(base)
    if found is None:
        with pytest.raises(ContractError, match="no calibration of its base models"):
            _ = model.calibrated_base
    else:
        assert model.calibrated_base == found


def test_genes_seen_are_those_of_training_and_validation(write):
    sides = {"train": ["A", "B"], "valid": ["C"]}
    assert write(training={"model_genes": sides}).seen == {"A", "B", "C"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("/w", {"one": "/w"}),
        ("a=b/c", {"one": "a=b/c"}),
        ("two=/w", {"two": "/w"}),
        ("one=/v, two=/w", {"one": "/v", "two": "/w"}),
    ],
)
def test_weights_of_base_models(text, expected):
    assert weights_of(text, ("one", "two")) == expected


@pytest.mark.parametrize("text", ["one=", "one=/a,one=/b", "one=/a,three=/b", "two=/a,/b"])
def test_weights_that_make_no_sense(text):
    with pytest.raises(ConfigError, match="NAME=PATH"):
        weights_of(text, ("one", "two"))
