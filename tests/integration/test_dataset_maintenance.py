"""``splicecore dataset dedup``, ``patch`` and ``merge`` as users call them."""

from __future__ import annotations

import json

import pytest
from splicecore.dataset.dataset import Dataset


@pytest.fixture
def call(bench, inside, tmp_path):
    """Call ``dataset`` with arguments and insist on an exit code; returns its output."""

    def called(*arguments, code=0):
        done = inside.call("dataset", *map(str, arguments))
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return called


@pytest.fixture
def build(bench, inside, call, tmp_path):
    """Build a dataset of genes."""
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    done = inside.call("predict", *inputs, "--all-genes", "-o", str(tmp_path / "pass"), "--negatives", "none")
    assert done.returncode == 0, done.stderr

    def built(name, *more):
        what = ["--artifacts", tmp_path / "pass", "--batch-size", 4, "--features", "probability", "--easy-ratio", 3]
        call("build", *inputs, *what, "-o", tmp_path / name, *more)
        return Dataset.open(tmp_path / name)

    return built


def master(dataset):
    return {path.name: path.read_bytes() for path in dataset.files}


def test_merge_then_dedup_then_patch(build, call, tmp_path):
    whole = build("whole", "--subset-policy", "all")
    genes = [row["gene_id"] for row in whole.genes().to_pylist()]
    for part in range(3):
        build(f"part{part}", "--genes", ",".join(genes[part::3]))
    parts = [tmp_path / f"part{part}" for part in range(3)]
    said = call("merge", *parts, "-o", tmp_path / "merged")
    assert f"{whole.manifest.rows:,} rows of 12 genes from 3 datasets" in said
    assert master(Dataset.open(tmp_path / "merged")) == master(whole)
    assert "already" in call("merge", *parts, "-o", tmp_path / "merged", code=5)

    rows = [row for batch in whole.batches() for row in batch.to_pylist()]
    keys = {(row["contig"], row["strand"], row["position"], row["label"]) for row in rows}
    assert len(keys) < len(rows), "no genes overlap on a strand"
    found = json.loads(call("dedup", tmp_path / "merged", "--json"))
    assert (found["rows_before"], found["rows"]) == (len(rows), len(keys))
    assert found["path"].endswith("merged_dedup")
    said = call("dedup", tmp_path / "merged", "--inplace")
    assert f"{len(keys):,} of {len(rows):,} rows stay" in said
    assert master(Dataset.open(tmp_path / "merged")) == master(Dataset.open(tmp_path / "merged_dedup"))

    said = call("patch", tmp_path / "merged", "--inplace")
    assert "20 columns added, 0 changed" in said
    patched = Dataset.open(tmp_path / "merged")
    assert {"num_exons", "gene_type"} <= set(patched.contract.near_label)
    assert (patched.verify(), patched.manifest.rows) == ([], len(keys))
    said = call("patch", tmp_path / "merged", "--inplace", "--features", "structural,sequence")
    assert "67 columns added, 0 changed" in said
    assert "0 columns added, 0 changed" in call("patch", tmp_path / "merged", "--inplace")


def test_tracks_from_a_configuration_file(build, call, tmp_path):
    build("set", "--subset-policy", "all")
    (tmp_path / "signal.bedgraph").write_text("chr1\t0\t9000\t0.25\n")
    (tmp_path / "settings.toml").write_text(
        f"[[features.tracks.tracks]]\nname = 'signal'\npath = '{tmp_path / 'signal.bedgraph'}'\n"
    )
    said = call("patch", tmp_path / "set", "--features", "tracks", "--config", tmp_path / "settings.toml")
    assert "added: signal" in said
    column = [
        row for b in Dataset.open(tmp_path / "set_patched").batches(["contig", "signal"]) for row in b.to_pylist()
    ]
    assert {row["signal"] for row in column} == {0.25, None}


def test_mistakes_are_told_without_a_traceback(build, call, tmp_path):
    build("set", "--subset-policy", "all")
    assert "two or more" in call("merge", tmp_path / "set", "-o", tmp_path / "merged", code=2)
    assert "choose one" in call("dedup", tmp_path / "set", "--inplace", "--dst", tmp_path / "x", code=2)
    assert "does not exist" in call("dedup", tmp_path / "nothing", code=5)
    assert "scores" in call("patch", tmp_path / "set", "--features", "context", code=2)
    assert call("dedup", "--help").count("\n") < 40
