"""The artifact manager: overwriting, folders, placing, versions, and passes of others."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest
from splicecore.errors import ConfigError, OutputError, ResourceNotFoundError

# ------------------------------------------------------------------------------------------------------ overwriting


@pytest.mark.parametrize(
    ("mode", "exists", "force", "expected"),
    [
        ("test", True, False, True),
        ("test", True, True, True),
        ("test", False, False, True),
        ("test", False, True, True),
        ("production", True, False, False),
        ("production", True, True, True),
        ("production", False, False, True),
        ("production", False, True, True),
    ],
)
def test_the_overwrite_table(desk, mode, exists, force, expected):
    manager = desk.manager(mode=mode)
    manager.get_artifacts_dir(create=True)
    path = manager.get_artifact_path("splice_errors.parquet")
    if exists:
        path.write_text("rows")
    assert manager.should_overwrite(path, force=force) is expected


def test_a_test_may_not_overwrite_a_file_of_production(desk):
    file = desk.write(desk.production()) / "splice_errors.parquet"
    through_link = file.parents[1] / "latest" / file.name
    for path in (file, through_link, str(file)):
        assert desk.test("mine").should_overwrite(path) is False
        assert desk.test("mine").should_overwrite(path, force=True) is True


# ---------------------------------------------------------------------------------------------------------- folders


def test_folders_are_made_only_when_asked_for(desk):
    test, production = desk.test("mine"), desk.production()
    assert test.get_artifacts_dir() == test.layout.base / "tests/mine/meta_models/predictions"
    assert production.get_artifacts_dir() == production.layout.base / "meta_models/v1_20251104"
    assert test.get_training_data_dir() == test.layout.base / "training_data"
    assert (test.versions(), test.tests(), test.score_folders(), test.list_artifacts()) == ([], [], [], [])
    assert test.summary()["passes"] == []
    assert not desk.root.exists()
    assert test.get_artifacts_dir(create=True).is_dir()
    assert production.get_artifacts_dir(create=True).is_dir()
    assert test.get_training_data_dir(create=True).is_dir()


def test_artifacts_are_listed_by_pattern(desk):
    manager = desk.test("mine")
    folder = desk.write(manager)
    assert manager.list_artifacts() == [folder / "splice_errors.parquet"]
    assert manager.list_artifacts("**/*.parquet") == [folder / "scores/key.parquet", folder / "splice_errors.parquet"]
    assert [path.name for path in manager.list_artifacts("*")] == ["manifest.json", "run.log", "splice_errors.parquet"]
    for name in ("../x", "/x"):
        with pytest.raises(ConfigError):
            manager.get_artifact_path(name)
        with pytest.raises(ConfigError):
            manager.list_artifacts(name)


def test_model_versions_and_their_latest(desk):
    manager = desk.production()
    with pytest.raises(ResourceNotFoundError, match="no latest model"):
        manager.get_model_checkpoint_dir()
    folder = manager.get_model_checkpoint_dir("v1.0")
    assert folder == manager.layout.models / "v1.0"
    with pytest.raises(ResourceNotFoundError, match=r"v1\.0"):
        manager.set_latest_model("v1.0")
    folder.mkdir(parents=True)
    manager.set_latest_model("v1.0")
    assert manager.get_model_checkpoint_dir() == folder
    assert str((manager.layout.models / "latest").readlink()) == "v1.0"
    assert manager.summary()["models"] == ["v1.0"]
    with pytest.raises(ConfigError):
        manager.get_model_checkpoint_dir("../x")


# ---------------------------------------------------------------------------------------------------------- placing


def test_a_production_pass_is_placed_resumed_and_found(desk):
    manager = desk.production()
    key = digest(desk.identity(manager))
    placement = manager.place(key)
    assert (placement.folder.name, placement.reason, placement.force) == ("v1_20251104", "new", False)
    assert manager.place(key).folder == placement.folder
    assert desk.write(manager, finish=False) == placement.folder
    assert manager.place(key).reason == "resume"
    assert manager.latest() is None
    assert desk.write(manager) == placement.folder
    before = desk.snapshot()
    assert manager.place(key).reason == "finished"
    assert desk.snapshot() == before
    assert manager.latest().name == "v1_20251104"


@pytest.mark.parametrize("finished", [True, False])
def test_production_is_immutable_unless_forced(desk, finished):
    manager = desk.production()
    folder = desk.write(manager, finish=finished)
    before = desk.snapshot()
    other = digest(desk.identity(manager, 2))
    with pytest.raises(OutputError, match=r"holds an? (un)?finished pass.*immutable") as caught:
        manager.place(other)
    assert "--new-version" in str(caught.value)
    assert "--force" in str(caught.value)
    assert desk.snapshot() == before
    assert desk.write(manager, 2, force=True) == folder
    assert manager.show("latest")["identity"]["threshold"] == 2
    assert len(manager.versions()) == 1


def test_a_claimed_version_goes_to_no_other_pass(desk):
    manager = desk.production()
    first, second = (digest(desk.identity(manager, seed)) for seed in (1, 2))
    folder = manager.place(first).folder
    with pytest.raises(OutputError, match="immutable"):
        manager.place(second)
    assert manager.place(first).reason == "new"
    assert manager.place(second, force=True).folder == folder
    assert manager.place(second).folder == folder
    empty = desk.production(base_model="other").new_version()
    assert desk.production(base_model="other").place(second).folder == empty


def test_a_new_version_leaves_the_old_one_alone(desk):
    manager = desk.production()
    first = desk.write(manager)
    before = desk.snapshot(first)
    desk.now = datetime(2025, 12, 1, tzinfo=UTC)
    second = desk.write(manager, 2, finish=False, new_version=True)
    assert second.name == "v2_20251201"
    assert manager.latest().folder == manager.get_artifacts_dir() == first
    assert str((manager.layout.production / "latest").readlink()) == first.name
    assert manager.place(digest(desk.identity(manager, 2)), new_version=True).reason == "resume"
    assert desk.write(manager, 2) == second
    assert str((manager.layout.production / "latest").readlink()) == "v2_20251201"
    assert desk.snapshot(first) == before
    assert [(version.name, version.latest) for version in manager.versions()] == [
        ("v2_20251201", True),
        ("v1_20251104", False),
    ]
    assert desk.write(manager, 1, new_version=True).name == "v3_20251201"


def test_an_unfinished_older_version_goes_on(desk):
    manager = desk.production()
    first = desk.write(manager, 1, finish=False)
    desk.write(manager, 2, new_version=True)
    assert desk.write(manager, 1) == first
    assert manager.latest().name == "v2_20251104"


def test_versions_are_ordered_by_number_not_by_name(desk):
    manager = desk.production()
    for seed in range(1, 12):
        desk.write(manager, seed, new_version=True)
    assert manager.latest().name == "v11_20251104"
    (manager.layout.production / "v12_2025").mkdir()
    (manager.layout.production / "notes").mkdir()
    assert len(manager.versions()) == 11


def test_making_the_latest_version_again_takes_the_link_away_first(desk):
    manager = desk.production()
    first = desk.write(manager)
    desk.write(manager, 2, new_version=True)
    placement = manager.place(digest(desk.identity(manager, 3)), force=True)
    assert (placement.folder.name, placement.force) == ("v2_20251104", True)
    assert str((manager.layout.production / "latest").readlink()) == first.name


def test_a_test_is_overwritten_by_another_pass(desk):
    manager = desk.test("mine")
    key = digest(desk.identity(manager))
    assert manager.place(key).reason == "new"
    folder = desk.write(manager, finish=False)
    assert manager.place(key).reason == "resume"
    assert desk.write(manager) == folder
    assert (manager.place(key).reason, manager.place(key, force=True).reason) == ("finished", "replace")
    assert manager.place(digest(desk.identity(manager, 2))).force
    assert desk.write(manager, 2) == folder
    assert manager.show()["identity"]["threshold"] == 2
    with pytest.raises(ConfigError, match="no versions"):
        manager.place(key, new_version=True)


def test_score_folders_come_production_first(desk):
    production = desk.production()
    one = desk.write(production)
    two = desk.write(production, 2, new_version=True)
    b, a = desk.write(desk.test("b")), desk.write(desk.test("a"), 3)
    desk.write(desk.test("c"), finish=False)
    assert production.score_folders() == [folder / "scores" for folder in (two, one, a, b)]
    assert desk.production(base_model="other").score_folders() == []


# ---------------------------------------------------------------------------------------------------- other's passes


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base_model": "openspliceai"}, "base_model openspliceai, not spliceai"),
        ({"build": "GRCh38"}, "build GRCh38, not GRCh37"),
        ({"source": "gencode"}, "source gencode, not ensembl"),
        ({"release": "75"}, "release 75, not None"),
    ],
)
@pytest.mark.parametrize("finish", [True, False])
def test_a_pass_in_the_folder_of_another_is_an_error(desk, fields, message, finish):
    manager = desk.production()
    version = desk.write(desk.production(**fields), finish=finish)
    test = desk.write(desk.test("mine", **fields), finish=finish)
    shutil.copytree(version, manager.layout.production / version.name)
    shutil.copytree(test, manager.layout.test_pass("mine"))
    for call in (
        lambda: manager.place("0" * 64),
        lambda: manager.place("0" * 64, force=True),
        lambda: manager.place("0" * 64, new_version=True),
        lambda: desk.test("mine").place("0" * 64),
        lambda: desk.test("mine").place("0" * 64, force=True),
        lambda: manager.promote("mine"),
        manager.get_artifacts_dir,
        desk.test("mine").get_artifacts_dir,
        *([manager.score_folders] if finish else []),
    ):
        with pytest.raises(OutputError, match=message):
            call()
    assert all(result.damaged for result in manager.validate_artifacts())
    assert manager.latest() is None
    assert manager.clean(0, force=True).removed == ()
    assert {row["state"] for row in manager.summary()["passes"]} == {"foreign"}


@pytest.mark.parametrize(
    ("folder", "found", "same"),
    [
        ("hg38", "GRCh38", True),
        ("GRCh38", "hg19", False),
        ("GRCh38", "custom-12345678", False),
        ("mm39", "custom-12345678", True),
        ("mm39", "GRCh38", False),
        ("custom-12345678", "custom-12345678", True),
        ("custom-12345678", "custom-87654321", False),
    ],
)
def test_builds_are_compared_by_what_they_are(desk, folder, found, same):
    manager = desk.test("mine", build=folder)
    with RunDirectory(manager.get_artifacts_dir(create=True)).locked() as run:
        run.begin({"base_model": {"name": "spliceai"}, "inputs": {"build": found}})
    assert (manager.find().state == "unfinished") is same
