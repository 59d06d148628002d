"""``splicecore dataset validate`` and ``summary`` as users call them."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET

import pyarrow.parquet as pq
import pytest


@pytest.fixture(scope="module")
def dataset(bench, tmp_path_factory):
    """A dataset of the bench's genes, and the folder of the scores that it was made from."""
    folder = tmp_path_factory.mktemp("dataset") / "set"
    inputs = ("--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick")
    done = bench.call(
        "dataset",
        "build",
        *inputs,
        "--run-workflow",
        "--subset-policy",
        "all",
        "--batch-size",
        "5",
        "-q",
        "-o",
        str(folder),
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def damaged(dataset, tmp_path):
    """A copy of the dataset."""
    return shutil.copytree(dataset, tmp_path / "set")


def test_validate_a_clean_dataset(inside, bench, dataset, tmp_path):
    (scores,) = (dataset / "base_model_pass").iterdir()
    inputs = ("--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--scores", str(scores))
    done = inside.call(
        "dataset", "validate", str(dataset), *inputs, "--sample", "40", "--report", str(tmp_path / "r.json")
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("\npassed\n")
    assert "bit for bit" in done.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["passed"]
    assert {"files", "schema", "duplicates", "annotation", "score features"} <= {
        one["name"] for one in report["checks"]
    }
    as_json = inside.call("dataset", "validate", str(dataset), *inputs, "--sample", "40", "--json")
    assert json.loads(as_json.stdout) == report


def test_validate_changes_nothing(inside, dataset):
    def state():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in dataset.rglob("*")}

    before = state()
    assert inside.call("dataset", "validate", str(dataset)).returncode == 0
    assert inside.call("dataset", "summary", str(dataset)).returncode == 0
    assert state() == before


def test_damaged_files_end_with_5(inside, damaged):
    path = damaged / "master" / "batch_00000.parquet"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    done = inside.call("dataset", "validate", str(damaged))
    assert done.returncode == 5
    assert "batch_00000.parquet (truncated" in done.stdout
    assert "what to do\n- files: run the command that built the dataset again" in done.stdout
    assert inside.call("dataset", "summary", str(damaged)).returncode == 5


def test_wrong_content_ends_with_3(inside, damaged):
    path = damaged / "dataset.json"
    manifest = json.loads(path.read_text())
    manifest["pred_types"]["TP"] += 1
    path.write_text(json.dumps(manifest))
    done = inside.call("dataset", "validate", str(damaged), "--json")
    assert done.returncode == 3
    assert [issue.split(":")[0] for issue in json.loads(done.stdout)["issues"]] == ["counts"]


def test_no_dataset(inside, tmp_path):
    for command in ("validate", "summary"):
        done = inside.call("dataset", command, str(tmp_path))
        assert done.returncode == 5
        assert "holds no dataset" in done.stderr


def test_summary(inside, dataset, tmp_path):
    done = inside.call("dataset", "summary", str(dataset), "--html", str(tmp_path / "page.html"))
    assert done.returncode == 0
    rows = sum(pq.read_metadata(path).num_rows for path in (dataset / "master").iterdir())
    assert done.stdout.splitlines()[0] == f"{dataset}: {rows:,} rows of 12 genes, 155 features"
    assert "chromosome  genes  rows" in done.stdout
    ET.fromstring((tmp_path / "page.html").read_text().split("\n", 1)[1])
    found = json.loads(inside.call("dataset", "summary", str(dataset), "--json").stdout)
    assert found["total"]["rows"] == rows
    assert [one["name"] for one in found["batches"]] == ["batch_00000", "batch_00001", "batch_00002"]


def test_help_names_both(inside):
    done = inside.call("dataset", "--help")
    assert "validate" in done.stdout
    assert "summary" in done.stdout
