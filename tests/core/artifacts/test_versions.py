"""Names of versions, the link to the latest one, and the locks that guard them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.artifacts.locks import exclusive, is_locked
from splicecore.artifacts.versions import VersionName, point_latest, read_latest
from splicecore.errors import OutputError


@given(st.integers(1, 10**6), st.dates())
def test_a_version_survives_its_name(number, day):
    version = VersionName(number, f"{day.year:04}{day.month:02}{day.day:02}")
    assert VersionName.parse(str(version)) == version


@pytest.mark.parametrize(
    "name", ["v0_20251104", "v1", "v01_20251104", "v1_2025", "latest", ".v1_20251104", "v1_20251104x"]
)
def test_what_is_no_version(name):
    assert VersionName.parse(name) is None


def test_versions_count_on():
    day = datetime(2025, 11, 4, tzinfo=UTC)
    assert str(VersionName.after([], day)) == "v1_20251104"
    assert str(VersionName.after([2, 10, 3], day)) == "v11_20251104"
    assert VersionName(10, "20250101") > VersionName(9, "20251231")


def test_latest_is_a_relative_link(tmp_path):
    assert read_latest(tmp_path) is None
    for name in ("v1_20251104", "v2_20251105"):
        point_latest(tmp_path, name)
        assert read_latest(tmp_path) == name
        assert (tmp_path / "latest").readlink() == Path(name)
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]
    point_latest(tmp_path, None)
    assert read_latest(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_without_links_a_file_says_it(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", refuse)
        for name in ("v1_20251104", "v2_20251105"):
            point_latest(tmp_path, name)
            assert read_latest(tmp_path) == name
        assert [path.name for path in tmp_path.iterdir()] == ["latest.json"]
    point_latest(tmp_path, "v3_20251106")
    assert read_latest(tmp_path) == "v3_20251106"
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]
    (tmp_path / "latest").unlink()
    (tmp_path / "latest.json").write_text("[]")
    with pytest.raises(OutputError, match="does not name a version"):
        read_latest(tmp_path)


def test_a_folder_named_latest_is_left_alone(tmp_path):
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "model").write_text("mine")
    with pytest.raises(OutputError, match="no link"):
        point_latest(tmp_path, "v1_20251104")
    assert (tmp_path / "latest" / "model").read_text() == "mine"


def test_a_lock_is_seen_and_ends_with_its_process(tmp_path):
    path = tmp_path / "folder" / "lock"
    assert not is_locked(path)
    code = (
        "import sys; from pathlib import Path; from splicecore.artifacts.locks import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        assert is_locked(path)
        process.kill()
    assert not is_locked(path)
    with exclusive(path):
        assert is_locked(path)
    with pytest.raises(OutputError), exclusive(path / "below"):
        pass


def test_latest_is_never_gone_while_it_moves(tmp_path):
    point_latest(tmp_path, "v0")
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(lambda: [point_latest(tmp_path, f"v{number}") for number in range(300)])
        seen = {read_latest(tmp_path)}
        while not moving.done():
            seen.add(read_latest(tmp_path))
    assert None not in seen
