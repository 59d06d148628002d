"""A model's folder: read back as it was written, refused when anything of it is not."""

from __future__ import annotations

import json
import pickle

import pytest
from splicecore.artifacts.store import write_json
from splicecore.errors import ChecksumError, ConfigError, ContractError, PluginError, ResourceNotFoundError
from splicecore.features.contract import FeatureColumn, FeatureContract, FeatureModel, FeatureSetUse
from splicecore.inference.meta_model_spec import MetaModelChoice
from splicecore.training.fold_training import save_model
from splicecore.training.model_directory import ModelDirectory, ModelRecord, seal

CONTRACT = FeatureContract(
    columns=(FeatureColumn(name="a", dtype="float"), FeatureColumn(name="b", dtype="float", near_label=True)),
    sets=(FeatureSetUse(name="probability"),),
    models=(FeatureModel(name="one", fingerprint="ff"),),
    flank="real",
    build="GRCh38",
)
RECORD = ModelRecord(choice=MetaModelChoice(name="fake", settings={"depth": 2}), provider="tests 1", columns=("b",))


@pytest.fixture
def folder(tmp_path):
    """A whole model, with a fold of its own."""
    for place in (tmp_path, tmp_path / "folds" / "fold_0"):
        (place / "model").mkdir(parents=True)
        (place / "model" / "weights.ubj").write_bytes(b"weights" * 100)
        write_json(place / "model.json", RECORD.to_json())
        write_json(place / "contract.json", CONTRACT.to_json())
        write_json(place / "calibration.json", {"version": 1, "method": "none", "fitted_on": {}})
    seal(tmp_path / "folds" / "fold_0", {"key": "k"})
    (tmp_path / "run.log").write_text("times")
    seal(tmp_path, {"key": "k"})
    return tmp_path


def test_reads_what_was_written(folder):
    directory = ModelDirectory.open(folder)
    assert directory.record == RECORD
    assert directory.contract == CONTRACT
    assert directory.verify() == []
    assert "folds/fold_0/manifest.json" in directory.manifest["files"]
    assert "run.log" not in directory.manifest["files"]
    assert directory.fingerprint == ModelDirectory.open(folder / "folds" / "fold_0").fingerprint


def test_the_fingerprint_follows_what_decides_scores(folder):
    before = ModelDirectory.open(folder).fingerprint
    (folder / "MODEL_CARD.md").write_text("words")
    seal(folder, {"key": "k"})
    assert ModelDirectory.open(folder).fingerprint == before
    write_json(folder / "calibration.json", {"version": 1, "method": "none", "fitted_on": {"rows": 3.0}})
    seal(folder, {"key": "k"})
    assert ModelDirectory.open(folder).fingerprint != before


@pytest.mark.parametrize("name", ["model/weights.ubj", "contract.json", "calibration.json", "model.json"])
def test_a_changed_or_missing_file_is_refused(folder, name):
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ChecksumError, match="truncated or changed"):
        ModelDirectory.open(folder)
    path.unlink()
    with pytest.raises(ChecksumError, match="missing"):
        ModelDirectory.open(folder)


def test_a_file_that_was_put_there_later_is_refused(folder):
    (folder / "model" / "model.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(ChecksumError, match=r"model\.pkl is not of the model"):
        ModelDirectory.open(folder)


def test_what_is_no_model_folder_is_refused(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ResourceNotFoundError, match="no finished meta-model"):
        ModelDirectory.open(empty)
    with pytest.raises(ResourceNotFoundError, match="does not exist"):
        ModelDirectory.open(empty / "nowhere")
    pickled = empty / "model.pkl"
    pickled.write_bytes(pickle.dumps({}))
    with pytest.raises(ResourceNotFoundError, match="pickles"):
        ModelDirectory.open(pickled)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": "splicecore-meta-model/9"}))
    with pytest.raises(ChecksumError, match="meta-model/9"):
        ModelDirectory.open(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ChecksumError, match="damaged"):
        ModelDirectory.open(folder)


def test_an_edited_contract_or_record_is_refused_even_when_sealed(folder):
    values = CONTRACT.to_json()
    write_json(folder / "contract.json", {**values, "columns": values["columns"][:1]})
    seal(folder, {})
    with pytest.raises(ContractError, match="schema_hash"):
        _ = ModelDirectory.open(folder).contract
    write_json(folder / "model.json", {**RECORD.to_json(), "trust": True})
    seal(folder, {})
    with pytest.raises(ConfigError, match="trust"):
        _ = ModelDirectory.open(folder).record


def test_a_model_that_writes_a_pickle_or_nothing_is_refused(tmp_path):
    class Pickles:
        def save(self, directory):
            (directory / "model.bin").write_bytes(pickle.dumps([1]))

    class Silent:
        def save(self, directory):
            pass

    with pytest.raises(PluginError, match="pickle"):
        save_model(Pickles(), tmp_path / "a")
    with pytest.raises(PluginError, match="no file"):
        save_model(Silent(), tmp_path / "b")
