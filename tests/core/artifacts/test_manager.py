"""The artifact manager: overwriting, placing, versions, promoting, cleaning, and what is found damaged."""

from __future__ import annotations

import io
import json
import os
import shutil
from datetime import UTC, datetime

import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest
from splicecore.errors import ChecksumError, ConfigError, ExitCode, OutputError, ResourceNotFoundError


def snapshot(folder):
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


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
    before = snapshot(desk.root)
    assert manager.place(key).reason == "finished"
    assert snapshot(desk.root) == before
    assert manager.latest().name == "v1_20251104"


@pytest.mark.parametrize("finished", [True, False])
def test_production_is_immutable_unless_forced(desk, finished):
    manager = desk.production()
    folder = desk.write(manager, finish=finished)
    before = snapshot(desk.root)
    other = digest(desk.identity(manager, 2))
    with pytest.raises(OutputError, match=r"holds an? (un)?finished pass.*immutable") as caught:
        manager.place(other)
    assert "--new-version" in str(caught.value)
    assert "--force" in str(caught.value)
    assert snapshot(desk.root) == before
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
    before = snapshot(first)
    desk.now = datetime(2025, 12, 1, tzinfo=UTC)
    second = desk.write(manager, 2, finish=False, new_version=True)
    assert second.name == "v2_20251201"
    assert manager.latest().folder == manager.get_artifacts_dir() == first
    assert str((manager.layout.production / "latest").readlink()) == first.name
    assert manager.place(digest(desk.identity(manager, 2)), new_version=True).reason == "resume"
    assert desk.write(manager, 2) == second
    assert str((manager.layout.production / "latest").readlink()) == "v2_20251201"
    assert snapshot(first) == before
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


# --------------------------------------------------------------------------------------------------------- validation


def test_what_is_whole_passes(desk):
    manager = desk.production()
    folder = desk.write(manager)
    before = snapshot(desk.root)
    result = manager.validate("v1")
    assert result.passed
    assert (result.checked, result.findings) == (2, ())
    shown = manager.show("v1_20251104")
    assert (shown["rows"], shown["fingerprint"], shown["build"]) == (10, "weights-1", "GRCh37")
    assert [file["name"] for file in shown["files"]] == ["scores/key.parquet", "splice_errors.parquet"]
    assert shown["bytes"] == sum((folder / file["name"]).stat().st_size for file in shown["files"])
    assert snapshot(desk.root) == before


def test_what_is_damaged_is_named(desk):
    manager = desk.test("mine")
    folder = desk.write(manager)
    (folder / "scores/key.parquet").write_text("edited")
    (folder / "splice_errors.parquet").unlink()
    (folder / "scores/more.parquet").write_text("more")
    result = manager.validate()
    assert (result.changed, result.missing, result.extra) == (
        ("scores/key.parquet",),
        ("splice_errors.parquet",),
        ("scores/more.parquet",),
    )
    assert result.damaged
    assert not result.passed
    assert len(result.findings) == 3


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (lambda m: m.pop("files"), "lists no files"),
        (lambda m: m.update(identity={}), "no identity"),
        (lambda m: m["files"].update({"scores/key.parquet": "abc"}), "no SHA-256 of scores/key.parquet"),
        (lambda m: m["files"].update({"../../x": "0" * 64}), "not the name of a file"),
        (lambda m: m["files"].update({"scores/key.parquet": "0" * 64}), "other content"),
        (lambda m: m["files"].pop("scores/key.parquet"), "not in the manifest"),
        (lambda m: m.update(schema="mine/1"), "schema 'mine/1'"),
        (lambda m: m.update(rows=None), "None rows"),
        (lambda m: m["identity"]["base_model"].update(name="other"), "base_model other"),
        (lambda m: m.update(base_model={"name": "other"}), "base_model other"),
    ],
)
def test_an_edited_manifest_is_found(desk, edit, finding):
    manager = desk.production()
    desk.write(manager)
    path = desk.write(desk.test("mine")) / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))
    result = manager.validate("mine")
    assert result.damaged
    assert finding in " ".join(result.findings)
    assert [found.passed for found in manager.validate_artifacts()] == [True, False]


def test_a_manifest_that_is_no_json_is_damage(desk):
    manager = desk.production()
    folder = desk.write(manager)
    (folder / "manifest.json").write_text('{"identity": ')
    assert manager.validate("v1").damaged
    assert manager.latest() is None
    with pytest.raises(ChecksumError, match="manifest") as caught:
        manager.place(digest(desk.identity(manager)))
    assert caught.value.exit_code is ExitCode.RESOURCE
    placement = manager.place(digest(desk.identity(manager)), force=True)
    assert (placement.folder, placement.reason) == (folder, "replace")
    assert desk.write(manager, new_version=True).name == "v2_20251104"


def test_an_unfinished_pass_does_not_pass(desk):
    manager = desk.test("mine")
    desk.write(manager, finish=False)
    result = manager.validate()
    assert (result.passed, result.damaged, result.record.state) == (False, False, "unfinished")
    with pytest.raises(ResourceNotFoundError, match=r"no pass 'nobody'.*there is mine"):
        manager.find("nobody")
    with pytest.raises(ResourceNotFoundError, match="no pass 'latest'"):
        manager.find("latest")


# ---------------------------------------------------------------------------------------------------------- promoting


def test_a_test_is_promoted(desk):
    test = desk.test("mine")
    source = desk.write(test)
    before = snapshot(source)
    version = test.promote("mine")
    assert (version.name, version.latest, version.manifest["promoted_from"]) == ("v1_20251104", True, "mine")
    assert snapshot(source) == before
    assert test.validate("latest").passed
    assert (version.folder / "run.log").read_text() == "at noon"
    (source / "splice_errors.parquet").write_text("the test goes on")
    assert test.validate("latest").passed
    assert desk.production().place(digest(desk.identity(test))).reason == "finished"
    assert desk.production().get_artifacts_dir() == version.folder


def test_promoting_again_adds_no_version(desk):
    test = desk.test("mine")
    desk.write(test)
    desk.write(desk.production(), 7)
    assert test.promote("mine").name == test.promote("mine").name == "v2_20251104"
    desk.write(test, 2)
    assert test.promote("mine").name == "v3_20251104"


def test_only_a_whole_test_is_promoted(desk):
    test = desk.test("mine")
    with pytest.raises(ResourceNotFoundError, match="no test 'mine'"):
        test.promote("mine")
    with pytest.raises(ConfigError):
        test.promote("../x")
    desk.write(test, finish=False)
    with pytest.raises(OutputError, match="not finished"):
        test.promote("mine")
    folder = desk.write(test)
    with RunDirectory(folder).locked(), pytest.raises(OutputError, match="another run"):
        test.promote("mine")
    file = folder / "scores/key.parquet"
    content = file.read_text()
    for damage in (lambda: file.write_text("edited"), file.unlink):
        damage()
        with pytest.raises(ChecksumError, match=r"scores/key\.parquet"):
            test.promote("mine")
    assert test.versions() == []
    assert not list(test.layout.production.iterdir())
    file.write_text(content)
    assert test.promote("mine").finished


# ----------------------------------------------------------------------------------------------------------- cleaning


def write_tests(desk, *names):
    for age, name in enumerate(names):
        folder = desk.write(desk.test(name))
        for path in (folder, folder / "manifest.json"):
            os.utime(path, (1_700_000_000 - age, 1_700_000_000 - age))
    return desk.production()


def test_the_oldest_tests_are_removed(desk):
    manager = write_tests(desk, "newest", "a", "z", "oldest")
    version = desk.write(manager)
    before = snapshot(desk.root)
    assert [test.name for test in manager.clean(2, dry_run=True).removed] == ["oldest", "z"]
    assert snapshot(desk.root) == before
    assert [test.name for test in manager.clean(2).removed] == ["oldest", "z"]
    assert sorted(path.name for path in manager.layout.tests.iterdir()) == ["a", "newest"]
    assert manager.clean(2).removed == ()
    assert len(manager.clean(0).removed) == 2
    assert manager.validate(version.name).passed
    with pytest.raises(ConfigError, match="keep"):
        manager.clean(-1)
    assert manager.cleanup_old_tests(keep_recent=0).removed == ()


def test_tests_in_use_or_unfinished_stay(desk):
    manager = write_tests(desk, "done")
    desk.write(desk.test("begun"), finish=False)
    (manager.layout.tests / "odd").mkdir()
    with RunDirectory(manager.layout.test_pass("done")).locked():
        kept = {test.name: reason for test, reason in manager.clean(0).kept}
    assert kept == {
        "begun": "is unfinished; --force removes it",
        "odd": "is empty; --force removes it",
        "done": "is being written",
    }
    running = desk.test("begun")
    with RunDirectory(running.get_artifacts_dir()).locked():
        assert running.find().running
        assert [test.name for test, _ in manager.clean(0, force=True).kept] == ["begun"]
    assert [test.name for test in manager.clean(0, force=True).removed] == ["begun"]
    assert manager.tests() == []


def test_shards_belong_to_their_pass(desk):
    manager = desk.test("mine")
    key = digest(desk.identity(manager))
    shard = manager.get_artifacts_dir() / "shards" / "1-of-2"
    with RunDirectory(shard).locked() as run:
        run.begin({**desk.identity(manager), "shard": [1, 2]})
        assert manager.find().running
        assert [reason for _, reason in manager.clean(0, force=True).kept] == ["is being written"]
    assert manager.find().state == "unfinished"
    assert manager.place(key).reason == "new"
    folder = desk.write(manager)
    assert shard.is_dir()
    assert manager.validate().passed
    assert not (manager.promote("mine").folder / "shards").exists()
    (folder / "shards.txt").write_text("not a shard")
    assert manager.validate().extra == ("shards.txt",)
    assert [test.name for test in manager.clean(0).removed] == ["mine"]


def test_links_are_not_followed_when_a_test_is_removed(desk, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("keep")
    manager = write_tests(desk, "mine")
    (manager.layout.test("mine") / "link").symlink_to(elsewhere)
    (manager.layout.tests / "linked").symlink_to(elsewhere)
    assert [(test.name, reason) for test, reason in manager.clean(0, force=True).kept] == [("linked", "is a link")]
    assert (elsewhere / "precious").read_text() == "keep"
    assert not manager.layout.test("mine").exists()


# ------------------------------------------------------------------------------------------------------------ summary


def test_the_summary_names_everything(desk):
    manager = desk.test("mine")
    desk.write(manager)
    desk.write(desk.production(), 2)
    assert [row["name"] for row in json.loads(json.dumps(manager.summary()))["passes"]] == ["v1_20251104", "mine"]
    stream = io.StringIO()
    manager.print_summary(stream)
    assert "v1_20251104 (latest): finished" in stream.getvalue()
    assert "tests/mine/meta_models/predictions" in stream.getvalue()
    assert stream.getvalue() == manager.summary_text()
