"""What a configuration of artifacts says, refuses and fills in; and where it puts things."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from splicecore.artifacts import artifact_config
from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.layout import ArtifactLayout, check_relative
from splicecore.errors import ConfigError

PLACE = {"source": "ensembl", "build": "GRCh37", "data_root": "data"}

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,6}", fullmatch=True)
part = st.sampled_from(["a", "b", "a_eval", "release-a", "release-a_eval", "b_eval"])
folders = st.fixed_dictionaries(
    {
        "source": part | names,
        "build": part | names,
        "release": st.none() | part | names,
        "base_model": (part | names).filter(lambda name: not name.startswith("release-")),
    }
)


def layout(**fields) -> ArtifactLayout:
    return ArtifactLayout.of(ArtifactConfig(**{"mode": "production", "data_root": "data", **fields}))


def test_a_test_is_the_default_and_is_named_after_the_time(monkeypatch):
    monkeypatch.setattr(artifact_config, "local_time", lambda: datetime(2025, 11, 4, 9, 5, 7, tzinfo=UTC))
    config = ArtifactConfig(**PLACE)
    assert (config.mode, config.coverage, config.base_model) == ("test", "gene_subset", "spliceai")
    assert config.test_name == "test_20251104_090507"
    assert ArtifactConfig(**PLACE, test_name="mine").test_name == "mine"


def test_the_whole_genome_is_production(caplog):
    with caplog.at_level(logging.WARNING):
        config = ArtifactConfig(**PLACE, coverage="full_genome", test_name="mine")
    assert (config.mode, config.test_name) == ("production", None)
    assert "mode is production" in caplog.text
    assert "mine is not used" in caplog.text
    assert ArtifactConfig(**PLACE, coverage="chromosome").mode == "test"


def test_a_configuration_survives_json():
    for config in (ArtifactConfig(**PLACE), ArtifactConfig(**PLACE, mode="production", release="75")):
        assert ArtifactConfig(**json.loads(json.dumps(attrs.asdict(config)))) == config


def test_the_data_root_is_the_users_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("SPLICECORE_DATA_ROOT", str(tmp_path))
    config = ArtifactConfig(source="a", build="b")
    assert config.data_root == str(tmp_path)
    assert ArtifactConfig(source="a", build="b", data_root=Path("elsewhere")).data_root == "elsewhere"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "final"}, "mode 'final'"),
        ({"coverage": "exome"}, "coverage 'exome'"),
        ({"test_name": "../x"}, "test_name '../x'"),
        ({"test_name": ".."}, "test_name"),
        ({"test_name": "a/b"}, "test_name"),
        ({"test_name": ""}, "test_name"),
        ({"test_name": "a\n"}, "test_name"),
        ({"test_name": ".hidden"}, "test_name"),
        ({"test_name": "latest"}, "name of a version"),
        ({"test_name": "v1_20251104"}, "name of a version"),
        ({"test_name": "v2"}, "name of a version"),
        ({"test_name": "all"}, "name of a version"),
        ({"base_model": "../x"}, "base_model"),
        ({"base_model": "release-x"}, "release-"),
        ({"source": "../x"}, "source"),
        ({"build": "GRCh37/.."}, "build"),
        ({"release": "/75"}, "release"),
        ({"mode": "production", "test_name": "mine"}, "mode is production"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        ArtifactConfig(**{**PLACE, **fields})


def test_the_layout_is_the_documented_one():
    base = layout(source="ensembl", build="GRCh37", base_model="spliceai").base
    assert base == Path("data/ensembl/GRCh37/spliceai_eval")
    folders = ArtifactLayout(base)
    assert folders.production == base / "meta_models"
    assert folders.test_pass("mine") == base / "tests/mine/meta_models/predictions"
    assert folders.training_data == base / "training_data"
    assert folders.models == base / "models"
    release = layout(source="ensembl", build="GRCh37", release="75", base_model="spliceai").base
    assert release == Path("data/ensembl/GRCh37/release-75/spliceai_eval")


@given(folders, folders)
def test_no_two_share_a_folder_or_lie_inside_one_another(first, second):
    assume(first != second)
    one, other = layout(**first).base, layout(**second).base
    assert not one.is_relative_to(other)
    assert not other.is_relative_to(one)


@given(names, names)
def test_tests_do_not_share_a_folder_either(first, second):
    assume(first != second)
    base = layout(source="a", build="b", base_model="c")
    try:
        one, other = base.test(first), base.test(second)
    except ConfigError:
        return
    assert one.parent == other.parent == base.tests
    assert one != other


@given(st.text(max_size=12))
def test_a_name_of_an_artifact_stays_inside(name):
    try:
        path = check_relative(name)
    except ConfigError:
        return
    depth = 0
    for step in path.parts:
        depth += -1 if step == ".." else 1
        assert depth > 0
    assert not path.is_absolute()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "", ".", "a\\..\\b"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(ConfigError, match="not the name of a file"):
        check_relative(name)
    assert check_relative("a/b.parquet") == PurePosixPath("a/b.parquet")
