"""Replacing folders at once: with and without a system call for it, after crashes, and beside others."""

from __future__ import annotations

import os

import pytest
from splicecore.dataset import staging
from splicecore.dataset.staging import recover_folder, staged_folder
from splicecore.errors import OutputError

OWN = frozenset({"data"})


@pytest.fixture(params=["in one step", "in two steps"])
def system(request, monkeypatch):
    """With the system call that swaps folders, and without."""
    if request.param == "in two steps":
        monkeypatch.setattr(staging, "_exchange", lambda first, second: False)
    elif staging._system_call() is None:
        pytest.skip("this system cannot swap folders")
    return request.param


def make(folder, text):
    folder.mkdir(parents=True)
    (folder / "data").write_text(text)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_replaced(tmp_path, system):
    target = make(tmp_path / "set", "old")
    (target / "notes").mkdir()
    (target / "notes" / "a.txt").write_text("mine")
    (target / "link").symlink_to("notes/a.txt")
    inode = (target / "notes" / "a.txt").stat().st_ino
    with staged_folder(target, own=OWN) as new:
        (new.path / "data").write_text("new")
        assert (target / "data").read_text() == "old"
    assert (target / "data").read_text() == "new"
    assert (target / "notes" / "a.txt").stat().st_ino == inode
    assert (target / "link").readlink().as_posix() == "notes/a.txt"
    assert names(tmp_path) == ["set"]


def test_a_new_folder_appears_whole(tmp_path, system):
    with staged_folder(tmp_path / "a" / "set") as new:
        (new.path / "data").write_text("new")
        assert not (tmp_path / "a" / "set").exists()
    assert names(tmp_path / "a" / "set") == [".lock", "data"]
    assert names(tmp_path / "a") == ["set"]


def test_an_error_leaves_everything_as_it_was(tmp_path, system):
    target = make(tmp_path / "set", "old")
    for place in (target, tmp_path / "other"):
        with pytest.raises(FileNotFoundError), staged_folder(place, own=OWN) as new:
            (new.path / "nowhere" / "data").write_text("new")
    assert (target / "data").read_text() == "old"
    assert names(tmp_path) == ["set"]


def test_it_can_be_called_off(tmp_path):
    target = make(tmp_path / "set", "old")
    with staged_folder(target, own=OWN) as new:
        (new.path / "data").write_text("new")
        new.discard = True
    assert (target / "data").read_text() == "old"
    assert names(tmp_path) == ["set"]


def test_what_a_crash_left_is_cleared(tmp_path, system):
    target = make(tmp_path / "set", "old")
    make(tmp_path / ".set.rewrite", "half")
    make(tmp_path / ".other.rewrite", "half")
    for place in (target, tmp_path / "other"):
        with staged_folder(place, own=OWN) as new:
            assert names(new.path) == [".lock"]
            (new.path / "data").write_text("new")
    assert (target / "data").read_text() == (tmp_path / "other" / "data").read_text() == "new"
    assert names(tmp_path) == ["other", "set"]


def test_a_crash_between_two_steps_gives_the_old_one_back(tmp_path):
    make(tmp_path / ".set.former", "old")
    make(tmp_path / ".set.rewrite", "new")
    assert recover_folder(tmp_path / "set") == tmp_path / "set"
    assert (tmp_path / "set" / "data").read_text() == "old"
    make(tmp_path / ".set.former", "older")
    recover_folder(tmp_path / "set")
    assert (tmp_path / "set" / "data").read_text() == "old"
    assert names(tmp_path) == [".set.rewrite", "set"]


def test_a_failed_second_step_gives_the_old_one_back(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "_exchange", lambda first, second: False)
    target = make(tmp_path / "set", "old")
    rename = type(target).rename

    def refusing(self, other):
        if self.name == ".set.rewrite":
            raise PermissionError(13, "no")
        return rename(self, other)

    with monkeypatch.context() as patch:
        patch.setattr(type(target), "rename", refusing)
        with pytest.raises(OutputError, match="cannot write"), staged_folder(target, own=OWN) as new:
            (new.path / "data").write_text("new")
    assert (target / "data").read_text() == "old"
    assert names(tmp_path) == ["set"]


def test_links_to_folders_are_followed(tmp_path):
    make(tmp_path / "disk" / "set", "old")
    (tmp_path / "set").symlink_to(tmp_path / "disk" / "set")
    with staged_folder(tmp_path / "set", own=OWN) as new:
        (new.path / "data").write_text("new")
    assert (tmp_path / "set").is_symlink()
    assert (tmp_path / "disk" / "set" / "data").read_text() == "new"


@pytest.mark.parametrize("exists", [True, False])
def test_one_at_a_time(tmp_path, exists):
    target = make(tmp_path / "set", "old") if exists else tmp_path / "set"
    with staged_folder(target, own=OWN) as first:
        with pytest.raises(OutputError, match="another process"), staged_folder(target, own=OWN):
            pass
        (first.path / "data").write_text("new")
    assert (target / "data").read_text() == "new"


def test_the_lock_is_the_same_before_and_after(tmp_path):
    target = make(tmp_path / "set", "old")
    (target / ".lock").touch()
    with (target / ".lock").open() as waiting:
        with staged_folder(target, own=OWN):
            pass
        assert os.path.samestat(os.fstat(waiting.fileno()), (target / ".lock").stat())
