"""Schema, manifest, configuration and the choice of features."""

from __future__ import annotations

import json

import attrs
import pyarrow as pa
import pytest
from splicecore.dataset.config import DatasetConfig, dataset_config
from splicecore.dataset.manifest import BatchRecord, DatasetManifest, read_manifest, write_manifest
from splicecore.dataset.plan import feature_config
from splicecore.dataset.schema import FACTS, KEY, dataset_schema, feature_names
from splicecore.errors import ChecksumError, ConfigError, ResourceNotFoundError
from splicecore.features.presets import feature_preset

SETS = ("probability", "context", "sequence", "structural", "tracks")


def test_facts_come_before_features():
    features = pa.schema([pa.field("a", pa.float32(), metadata={"near_label": "true"}), pa.field("b", pa.int16())])
    schema = dataset_schema(features, {"contract": "abc"})
    assert schema.names == [*FACTS.names, "a", "b"]
    assert feature_names(schema) == ["a", "b"]
    assert schema.metadata[b"splicecore.contract"] == b"abc"
    assert schema.field("a").metadata == {b"near_label": b"true"}
    assert set(KEY) <= set(FACTS.names)
    assert all((field.metadata or {})[b"description"] for field in FACTS)


def manifest(**values):
    given = {
        "complete": True,
        "identity": {"seed": 1},
        "config": {"genes": ["A"]},
        "contract": {"version": 1},
        "batches": (BatchRecord(name="batch_00000", key="k", genes=1, rows=2, sha256="s"),),
        "near_label": ("x",),
        "alarms": ({"column": "x", "state": "missing", "rows": 2, "value": None},),
        "extra": {"dedup": {"removed": 3}},
    }
    return DatasetManifest(**(given | values))


def test_a_manifest_survives_writing_and_reading(tmp_path):
    write_manifest(tmp_path, manifest())
    assert read_manifest(tmp_path) == manifest()
    values = json.loads((tmp_path / "dataset.json").read_text())
    assert values["schema"] == "splicecore-dataset/1"
    assert values["dedup"] == {"removed": 3}
    assert "extra" not in values


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda values: values.pop("batches"), "damaged"),
        (lambda values: values.pop("identity"), "damaged"),
        (lambda values: values.update(batches=[{"name": 1}]), "damaged"),
        (lambda values: values.update(schema="splicecore-dataset/9"), "is of schema 'splicecore-dataset/9'"),
        (lambda values: values.pop("schema"), "damaged"),
    ],
)
def test_manifests_that_cannot_be_read(tmp_path, change, said):
    values = manifest().to_json()
    change(values)
    (tmp_path / "dataset.json").write_text(json.dumps(values))
    with pytest.raises(ChecksumError, match=said):
        read_manifest(tmp_path)


def test_no_manifest(tmp_path):
    with pytest.raises(ResourceNotFoundError, match="holds no dataset"):
        read_manifest(tmp_path)
    with pytest.raises(ResourceNotFoundError, match="does not exist"):
        read_manifest(tmp_path / "nothing")


def test_what_was_typed_is_kept_but_for_who_does_the_work():
    config = dataset_config(genes=["A"], window=10, workers=4, output_dir="x", overwrite=True)
    assert config.typed() == {"genes": ["A"], "window": 10}
    assert DatasetConfig().typed() == {}


def test_features_of_a_preset_a_list_and_settings():
    assert feature_config(DatasetConfig(), SETS) == feature_preset("default")
    assert feature_config(DatasetConfig(features="seed"), SETS) == feature_preset("seed")
    assert feature_config(DatasetConfig(features="context"), SETS).sets == ("context",)
    listed = feature_config(DatasetConfig(features="sequence, context", kmer_sizes=(2, 3)), SETS)
    assert listed.sets == ("sequence", "context")
    assert listed.settings["sequence"]["kmer_sizes"] == [2, 3]
    none = feature_config(DatasetConfig(kmer_sizes=()), SETS)
    assert none.settings["sequence"] == {**feature_preset("default").settings["sequence"], "kmer_sizes": []}
    tracks = {"tracks": {"tracks": [{"name": "a", "path": "b"}]}}
    assert feature_config(DatasetConfig(feature_settings=tracks), SETS).sets[-1] == "tracks"
    assert feature_config(DatasetConfig(patch_dataset=True), SETS).sets[-1] == "structural"
    seed = feature_config(DatasetConfig(features="seed", patch_dataset=True), SETS)
    assert seed.sets == feature_preset("seed").sets


def test_features_that_make_no_sense():
    with pytest.raises(ConfigError, match="no feature preset 'defualt'") as caught:
        feature_config(DatasetConfig(features="defualt"), SETS)
    assert "default" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="'tracks', which is not among the features"):
        feature_config(DatasetConfig(features="context,probability", feature_settings={"tracks": {}}), SETS)
    with pytest.raises(ConfigError, match="sequence is not among"):
        feature_config(DatasetConfig(features="context", kmer_sizes=(3,)), SETS)
    with pytest.raises(ConfigError, match="no feature set"):
        feature_config(DatasetConfig(features=","), SETS)


def test_the_default_configuration_is_what_the_documentation_says():
    defaults = attrs.asdict(DatasetConfig())
    assert (defaults["easy_ratio"], defaults["hard_prob"], defaults["window"], defaults["seed"]) == (0.5, 0.15, 75, 42)
    assert (defaults["batch_size"], defaults["batch_rows"], defaults["features"]) == (1000, 50_000, "default")
