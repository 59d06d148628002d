"""Loading refuses what is damaged, foreign or could run code, and says what to do."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import sys

import numpy as np
import pytest
import skops.io
from splicecore.api import (
    ChecksumError,
    ConfigError,
    MissingDependencyError,
    PluginError,
    ResourceNotFoundError,
    load_object,
)
from splicecore.config import structure
from splicecore_xgb_meta import skops_file
from splicecore_xgb_meta.config import SGDLogisticConfig, XGBoostConfig
from splicecore_xgb_meta.plugin import SPECS, splicecore_meta_models

FILES = {
    "xgboost": "model.ubj",
    "lightgbm": "model.txt",
    "hist_gradient_boosting": "model.skops",
    "logistic": "model.skops",
    "sgd_logistic": "model.skops",
}


@pytest.fixture(scope="session")
def models(fast, cut, tmp_path_factory):
    """A saved model of every kind, by name."""
    folders = {}
    for spec in SPECS:
        model = load_object(spec.factory)(spec.config_cls(**fast[spec.name]))
        model.fit(cut(0, 1200, 1200), None, 1)
        folders[spec.name] = tmp_path_factory.mktemp(spec.name)
        model.save(folders[spec.name])
    return folders


@pytest.fixture
def copied(models, tmp_path):
    def copy(name):
        return shutil.copytree(models[name], tmp_path / name)

    return copy


def sign(folder, name):
    """Make ``model.json`` vouch for the file as it is now."""
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["file"]["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_truncated_and_changed_files(copied, make, name, file):
    folder = copied(name)
    content = (folder / file).read_bytes()
    for damaged in (
        content[:-1],
        content[: len(content) // 3],
        b"",
        content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    ):
        (folder / file).write_bytes(damaged)
        with pytest.raises(ChecksumError, match="truncated or changed") as caught:
            make(name).load(folder)
        assert "train the model again" in caught.value.hint
    (folder / file).unlink()
    with pytest.raises(ChecksumError, match=f"{file} is missing"):
        make(name).load(folder)


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_files_that_are_vouched_for_and_still_damaged(copied, make, name, file):
    folder = copied(name)
    (folder / file).write_bytes((folder / file).read_bytes()[:200])
    sign(folder, file)
    with pytest.raises(ChecksumError):
        make(name).load(folder)


@pytest.mark.parametrize(("name", "file"), FILES.items())
def test_pickles(copied, make, name, file):
    folder = copied(name)
    (folder / file).write_bytes(pickle.dumps({"a": 1}))
    sign(folder, file)
    with pytest.raises(PluginError, match=f"{file} is a pickle") as caught:
        make(name).load(folder)
    assert "train the model again" in caught.value.hint
    assert not isinstance(caught.value, ChecksumError)


def test_a_folder_with_nothing_but_a_pickle(make, tmp_path):
    (tmp_path / "model_multiclass.pkl").write_bytes(pickle.dumps(1))
    with pytest.raises(PluginError, match=r"model_multiclass\.pkl is a pickle"):
        make("xgboost").load(tmp_path)
    (tmp_path / "model.json").write_bytes(pickle.dumps(1))
    with pytest.raises(PluginError, match=r"model\.json is a pickle"):
        make("xgboost").load(tmp_path)


def test_a_folder_without_a_model(make, tmp_path):
    with pytest.raises(ResourceNotFoundError, match="holds no model"):
        make("xgboost").load(tmp_path)
    with pytest.raises(ResourceNotFoundError):
        make("xgboost").load(tmp_path / "none")


@pytest.mark.parametrize("name", FILES)
def test_another_kind(models, make, name):
    for other in FILES:
        if other != name:
            with pytest.raises(PluginError, match=f"kind '{name}', not '{other}'") as caught:
                make(other).load(models[name])
            assert caught.value.hint == f"open it as '{name}'"


@pytest.mark.parametrize(
    ("key", "value"), [("schema", "other/1"), ("features", None), ("config", {"depth": 3}), ("config", 3)]
)
def test_a_description_that_makes_no_sense(copied, make, key, value):
    folder = copied("xgboost")
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps({**facts, key: value}), encoding="utf-8")
    with pytest.raises((PluginError, ChecksumError), match=r"model\.json|config"):
        make("xgboost").load(folder)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_description(copied, make, text):
    folder = copied("xgboost")
    (folder / "model.json").write_text(text, encoding="utf-8")
    with pytest.raises(ChecksumError, match=r"model\.json is damaged"):
        make("xgboost").load(folder)


class Foreign:
    """Stands for a type that could do anything when it is made."""

    def __init__(self):
        self.value = 1


def test_types_that_no_model_has(copied, make):
    folder = copied("logistic")
    (folder / "model.skops").write_bytes(skops.io.dumps({"estimator": Foreign()}))
    sign(folder, "model.skops")
    with pytest.raises(PluginError, match=r"not trusted: .*Foreign"):
        make("logistic").load(folder)


def test_another_estimator(copied, make, models):
    folder = copied("logistic")
    shutil.copy(models["sgd_logistic"] / "model.skops", folder)
    sign(folder, "model.skops")
    with pytest.raises(ChecksumError, match="SGDClassifier, not a LogisticRegression"):
        make("logistic").load(folder)


def test_trusted_types_are_those_that_the_models_need(models):
    needed = set()
    for name, file in FILES.items():
        if file == "model.skops":
            needed |= set(skops.io.get_untrusted_types(data=(models[name] / file).read_bytes()))
    assert needed == set(skops_file.TRUSTED)


def test_skops_files_of_equal_models_are_equal_and_hold_no_time_and_no_address(models):
    import zipfile

    shared = np.arange(3.0)
    first, second = skops_file.dump({"a": shared, "b": [shared]}), skops_file.dump({"a": np.arange(3.0), "b": [shared]})
    assert skops_file.dump({"a": shared, "b": [shared]}) == first
    np.testing.assert_array_equal(skops_file.restore(second, "here")["b"][0], shared)
    for name, file in FILES.items():
        if file == "model.skops":
            with zipfile.ZipFile(models[name] / file) as archive:
                assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
                assert all(len(entry.filename) < 15 for entry in archive.infolist())


def test_other_versions_are_pointed_out(copied, make, caplog):
    folder = copied("xgboost")
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["library"] = {"xgboost": "0.0.1"}
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    make("xgboost").load(folder)
    assert "written with xgboost 0.0.1" in caplog.text


# ------------------------------------------------------------------------------------------------------ the descriptors


def test_the_hook_yields_the_models():
    assert list(splicecore_meta_models()) == list(SPECS)
    assert {spec.name for spec in SPECS} == FILES.keys()
    assert {spec.name for spec in SPECS if spec.out_of_core} == {"xgboost", "sgd_logistic"}


def test_the_plugin_module_is_light():
    import subprocess

    heavy = ["numpy", "xgboost", "lightgbm", "sklearn", "skops", "pyarrow", "splicecore_xgb_meta.model"]
    code = f"import sys, splicecore_xgb_meta.plugin; print([name for name in {heavy[1:]} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_a_library_that_is_not_installed(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"splicecore_xgb_meta.{name}_model", raising=False)
    factory = next(spec.factory for spec in SPECS if spec.name == name)
    with pytest.raises(MissingDependencyError, match=rf"splicecore-xgb-meta\[{name}\]"):
        load_object(factory)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_unknown_settings_are_named(spec):
    with pytest.raises(ConfigError, match="max_dept"):
        structure({"max_dept": 3}, spec.config_cls, where=f"--model {spec.name}")


@pytest.mark.parametrize(
    "values",
    [{"max_depth": -1}, {"learning_rate": 0.0}, {"subsample": 1.5}, {"max_bin": 1000}, {"threads": 0},
     {"gamma": float("nan")}, {"grow_policy": "widthwise"}],
)  # fmt: skip
def test_settings_out_of_range(values):
    with pytest.raises(ConfigError, match=f"XGBoostConfig: {next(iter(values))} is"):
        XGBoostConfig(**values)
    assert SGDLogisticConfig().epochs > 1
