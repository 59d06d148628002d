"""Killed at any moment, and several at once: nothing half written is taken for whole, nothing is lost."""

from __future__ import annotations

import subprocess
import sys

from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager

SCRIPT = """
import os, signal, sys
from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager

root, action, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
manager = ArtifactManager(ArtifactConfig(mode="production", source="ensembl", build="GRCh37", data_root=root))
steps = 0

def count(event, arguments):
    global steps
    if event in EVENTS and any(str(argument).startswith(root) for argument in arguments):
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "shutil.rmtree", "shutil.copyfile"}
sys.addaudithook(count)
if action == "clean":
    manager.clean(0)
elif action == "place":
    manager.place("0" * 64)
else:
    manager.promote(action)
print(steps)
"""

FRACTIONS = [0.02, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.99]


def command(desk, action, last=-1):
    return [sys.executable, "-c", SCRIPT, str(desk.root), action, str(last)]


def steps_of(desk, action):
    """Let it through and say how many steps it takes."""
    done = subprocess.run(command(desk, action), capture_output=True, text=True, check=True)
    return int(done.stdout)


def kill(desk, action, last):
    done = subprocess.run(command(desk, action, last), capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


def manager_of(desk):
    return ArtifactManager(
        ArtifactConfig(mode="production", source="ensembl", build="GRCh37", data_root=desk.root), clock=lambda: desk.now
    )


def hidden(folder):
    return [path.name for path in folder.glob(".*")] if folder.is_dir() else []


def check_whole(manager):
    """Everything that counts as finished is as its manifest says, and the link leads to such a version or nowhere."""
    for version in manager.versions():
        if version.finished:
            assert manager.validate(version.name).passed
    link = manager.layout.production / "latest"
    if link.is_symlink():
        assert manager.find(link.readlink().name).finished


def test_a_promotion_killed_at_any_moment(desk):
    desk.write(desk.test("mine"))
    other = desk.write(desk.test("other"), 2)
    manager = manager_of(desk)
    total = steps_of(desk, "other")
    assert total > 20
    for number, fraction in enumerate(FRACTIONS):
        folder = desk.write(desk.test("mine"), 10 + number)
        before = len(manager.versions())
        kill(desk, "mine", max(1, round(fraction * total)))
        check_whole(manager)
        assert len(manager.versions()) in (before, before + 1)
        version = manager.promote("mine")
        assert version.finished
        assert len(manager.versions()) == before + 1
        assert (manager.layout.production / "latest").readlink().name == version.name
        assert hidden(manager.layout.production) == []
        assert desk.test("mine").validate().passed
        assert (folder / "splice_errors.parquet").read_text() == f"splice_errors.parquet {10 + number}"
        check_whole(manager)
    assert manager.validate("other").passed
    assert other.is_dir()


def test_cleaning_killed_at_any_moment(desk):
    manager = manager_of(desk)
    version = desk.write(desk.production())
    desk.write(desk.test("probe"))
    total = steps_of(desk, "clean")
    for fraction in FRACTIONS[::2]:
        for name in ("a", "b"):
            desk.write(desk.test(name))
        kill(desk, "clean", max(1, round(fraction * total)))
        for test in manager.tests():
            assert manager.validate(test.name).passed
        manager.clean(0)
        assert hidden(manager.layout.tests) == manager.tests() == []
    assert manager.validate(version.name).passed


def test_placing_killed_at_any_moment(desk, tmp_path):
    manager = manager_of(desk)
    total = steps_of(desk, "place")
    desk.now = desk.now.replace(year=2026)
    for last in range(1, total + 1, 2):
        desk.root = tmp_path / str(last)
        manager = manager_of(desk)
        kill(desk, "place", last)
        assert len(manager.versions()) in (0, 1)
        placement = manager.place("0" * 64)
        assert placement.reason == "new"
        assert [record.folder for record in manager.versions()] == [placement.folder]


def test_many_at_once_get_a_version_each(desk):
    names = [f"test{number}" for number in range(4)]
    for number, name in enumerate(names):
        desk.write(desk.test(name), number)
    running = [subprocess.Popen(command(desk, name), stdout=subprocess.DEVNULL) for name in names]
    assert [process.wait() for process in running] == [0] * 4
    manager = manager_of(desk)
    versions = manager.versions()
    assert [version.name.partition("_")[0] for version in versions] == ["v4", "v3", "v2", "v1"]
    assert {version.manifest["promoted_from"] for version in versions} == set(names)
    assert all(manager.validate(version.name).passed for version in versions)
    assert (manager.layout.production / "latest").readlink().name == versions[0].name
