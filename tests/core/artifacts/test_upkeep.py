"""The artifact manager: what is found damaged, promoting, cleaning and the summary."""

from __future__ import annotations

import io
import json
import os

import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest
from splicecore.errors import ChecksumError, ConfigError, ExitCode, OutputError, ResourceNotFoundError

# --------------------------------------------------------------------------------------------------------- validation


def test_what_is_whole_passes(desk):
    manager = desk.production()
    folder = desk.write(manager)
    before = desk.snapshot()
    result = manager.validate("v1")
    assert result.passed
    assert (result.checked, result.findings) == (2, ())
    shown = manager.show("v1_20251104")
    assert (shown["rows"], shown["fingerprint"], shown["build"]) == (10, "weights-1", "GRCh37")
    assert [file["name"] for file in shown["files"]] == ["scores/key.parquet", "splice_errors.parquet"]
    assert shown["bytes"] == sum((folder / file["name"]).stat().st_size for file in shown["files"])
    assert desk.snapshot() == before


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
    before = desk.snapshot(source)
    version = test.promote("mine")
    assert (version.name, version.latest, version.manifest["promoted_from"]) == ("v1_20251104", True, "mine")
    assert desk.snapshot(source) == before
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
    before = desk.snapshot()
    assert [test.name for test in manager.clean(2, dry_run=True).removed] == ["oldest", "z"]
    assert desk.snapshot() == before
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
