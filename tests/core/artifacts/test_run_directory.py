"""The output folder: locking, resuming, refusing what belongs to another run."""

from __future__ import annotations

import contextlib

import pytest
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import atomic_path
from splicecore.errors import OutputError

IDENTITY = {"flank": "real", "model": {"name": "a", "fingerprint": "1"}}


def finish(directory: RunDirectory, identity=IDENTITY, text: str = "rows") -> None:
    predictions = directory.path / "predictions"
    predictions.mkdir(exist_ok=True)
    (predictions / "table").write_text(text)
    directory.finish({"identity": identity, "rows": 1}, [predictions / "table"])


def test_a_finished_run_is_recognized(tmp_path):
    with RunDirectory(tmp_path / "out").locked() as directory:
        assert directory.begin(IDENTITY) is False
        (directory.parts / "part").write_text("x")
        finish(directory)
        assert not directory.parts.exists()
        assert directory.begin(IDENTITY) is True
        assert directory.manifest()["rows"] == 1


def test_an_interrupted_run_goes_on_with_its_parts(tmp_path):
    with RunDirectory(tmp_path).locked() as directory:
        directory.begin(IDENTITY)
        (directory.parts / "part").write_text("x")
    with RunDirectory(tmp_path).locked() as directory:
        assert directory.begin(IDENTITY) is False
        assert (directory.parts / "part").read_text() == "x"


@pytest.mark.parametrize("place", [".", "predictions", "metadata", "scores", "exports", ".splicecore/parts"])
def test_what_a_killed_write_left_is_swept(tmp_path, place):
    folder = tmp_path / "out" / place
    with contextlib.suppress(KeyboardInterrupt), RunDirectory(tmp_path / "out").locked() as directory:
        directory.begin(IDENTITY)
        folder.mkdir(exist_ok=True)
        with atomic_path(folder / "table") as temporary:
            temporary.write_text("half")
            kept = temporary
            raise KeyboardInterrupt
    kept.write_text("half")  # a killed process cannot remove it
    with RunDirectory(tmp_path / "out").locked() as directory:
        directory.begin(IDENTITY, force=place == "predictions")
    assert not kept.exists()


@pytest.mark.parametrize("finished", [True, False])
def test_another_run_is_refused_with_the_difference(tmp_path, finished):
    with RunDirectory(tmp_path).locked() as directory:
        directory.begin(IDENTITY)
        if finished:
            finish(directory)
        other = {"flank": "n", "model": {"name": "a", "fingerprint": "2"}}
        with pytest.raises(OutputError, match=r"flank was real, is n; model\.fingerprint was 1, is 2") as caught:
            directory.begin(other)
        assert "--force" in str(caught.value)
        assert directory.begin(other, force=True) is False
        assert not (tmp_path / "predictions").exists()


def test_a_changed_result_is_written_anew(tmp_path, caplog):
    with RunDirectory(tmp_path).locked() as directory:
        directory.begin(IDENTITY)
        finish(directory)
        (tmp_path / "predictions" / "table").write_text("edited")
        assert directory.begin(IDENTITY) is False
    assert "predictions/table" in caplog.text


def test_results_without_a_record_are_not_overwritten(tmp_path):
    (tmp_path / "predictions").mkdir()
    with RunDirectory(tmp_path).locked() as directory, pytest.raises(OutputError, match="no run of splicecore"):
        directory.begin(IDENTITY)


def test_two_runs_cannot_share_a_folder(tmp_path):
    with (
        RunDirectory(tmp_path).locked(),
        pytest.raises(OutputError, match="another run"),
        RunDirectory(tmp_path).locked(),
    ):
        pass
