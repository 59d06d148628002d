"""What is there is used: counters prove that nothing is derived, read, opened or scored twice."""

from __future__ import annotations

import json
import shutil

import pytest
from splicecore.testing.plugins import fake_distribution

NOTHING = {
    "base_model_calls": 0,
    "bases_read": 0,
    "base_models_opened": 0,
    "datasets_derived": 0,
    "positions_scored": 0,
}

MODEL = """
import hashlib
from pathlib import Path
import attrs
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel

@hookimpl
def splicecore_base_models():
    yield attrs.evolve(MOTIF_SPEC, name="weighty", factory=__name__ + ":open_model", weights=("w.bin",))

class Model(MotifModel):
    def __init__(self, spec, request):
        super().__init__(spec, request)
        self.fingerprint = hashlib.sha256(Path(request.weights, "w.bin").read_bytes()).hexdigest()

def open_model(spec, request):
    return Model(spec, request)
"""


class Warm:
    """Commands with a model that has weights, a cache of scores, and a data root."""

    def __init__(self, data_root, folder, patch):
        self.root, self.folder = data_root, folder
        fake_distribution(folder / "plugins", "warm-models", "1.0", MODEL)
        patch.syspath_prepend(str(folder / "plugins"))
        (folder / "weights").mkdir()
        self.weights = folder / "weights" / "w.bin"
        self.weights.write_text("weights")
        self.genes = ["--genes", ",".join(gene.gene_name for gene in data_root.inside.bench.genome.genes[:3])]

    def call(self, command, *arguments, explicit=False, **variables):
        bench = self.root.inside.bench
        files = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation)]
        inputs = files if explicit else ["--source", "sim", "--build", "toy"]
        done = self.root.inside.call(
            command, *inputs, "--base-model", "weighty", "--models-dir", str(self.weights.parent), *self.genes,
            *arguments,
            **{
                "SPLICECORE_LOAD_PLUGINS": "warm-models",
                "SPLICECORE_DATA_ROOT": str(self.root.path),
                "SPLICECORE_CACHE_DIR": str(self.folder / "cache"),
                "SPLICECORE_CACHE_LIMIT_GB": "1",
                **variables,
            },
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    def run(self, name, *arguments, **options):
        """Run into a folder; returns its counters."""
        self.call("run", "-o", str(self.folder / name), *arguments, **options)
        return json.loads((self.folder / name / "performance_report.json").read_text())["counters"]

    def table(self, name):
        return (self.folder / name / "predictions" / "base_model_predictions.parquet").read_bytes()


@pytest.fixture
def warm(data_root, tmp_path, monkeypatch):
    return Warm(data_root, tmp_path, monkeypatch)


def nothing_done(counters):
    return {name: counters[name] for name in NOTHING} == NOTHING


def test_run_finds_the_scores_of_predict_in_the_data_root(warm):
    cold = warm.run("cold", "--no-reuse")
    assert cold["base_model_calls"] > 0
    assert cold["base_models_opened"] >= 1
    warm.call("predict", "--test-name", "mine", SPLICECORE_CACHE_LIMIT_GB="0")
    before = warm.root.snapshot()
    counters = warm.run("warm", SPLICECORE_CACHE_LIMIT_GB="0")
    assert nothing_done(counters), counters
    assert counters["genes_reused"] == counters["genes_scored"] == 3
    assert warm.table("warm") == warm.table("cold")
    assert warm.root.snapshot() == before, "the data root is only read"


def test_run_finds_what_was_scored_before_in_the_cache(warm):
    cold = warm.run("cold", explicit=True)
    assert cold["datasets_derived"] == 4
    before = {path: facts for path, facts in warm.root.snapshot(warm.folder / "cold").items() if "run.log" not in path}
    counters = warm.run("warm", explicit=True)
    assert nothing_done(counters), counters
    assert warm.table("warm") == warm.table("cold")
    again = {path: facts for path, facts in warm.root.snapshot(warm.folder / "cold").items() if "run.log" not in path}
    assert again == before, "files that the cache shares with results keep their times"


def test_predict_finds_the_scores_of_run(warm):
    warm.run("cold")
    warm.call("predict", "-o", str(warm.folder / "pass"))
    counters = json.loads((warm.folder / "pass" / "performance_report.json").read_text())["counters"]
    assert nothing_done(counters), counters
    warm.call("predict", "-o", str(warm.folder / "again"), "--threshold", "0.4")
    counters = json.loads((warm.folder / "again" / "performance_report.json").read_text())["counters"]
    assert nothing_done(counters), "only assessed anew"


def test_no_reuse(warm):
    warm.run("cold")
    counters = warm.run("again", "--no-reuse")
    assert counters["base_model_calls"] > 0
    assert counters["genes_reused"] == 0
    assert warm.table("again") == warm.table("cold")


def test_a_cache_of_no_size_keeps_no_scores(warm):
    warm.run("cold", SPLICECORE_CACHE_LIMIT_GB="0")
    assert not (warm.folder / "cache" / "scores").exists()
    assert warm.run("again", SPLICECORE_CACHE_LIMIT_GB="0")["base_model_calls"] > 0


def test_a_small_cache_is_trimmed(warm):
    scores = warm.folder / "cache" / "scores"
    warm.run("cold")
    size = sum(path.stat().st_size for path in scores.rglob("*.parquet"))
    shutil.rmtree(scores)
    limit = f"{(size - 1) / 1e9:.9f}"
    warm.run("small", SPLICECORE_CACHE_LIMIT_GB=limit)
    assert 0 < sum(path.stat().st_size for path in scores.rglob("*.parquet")) < size
    counters = warm.run("again", SPLICECORE_CACHE_LIMIT_GB=limit)
    assert 0 < counters["genes_reused"] < 3
    assert warm.table("again") == warm.table("cold")


def test_other_weights_are_other_scores(warm):
    warm.run("cold")
    warm.weights.write_text("others")
    counters = warm.run("other")
    assert counters["genes_reused"] == 0
    assert counters["base_models_opened"] >= 1


@pytest.mark.parametrize("where", ["cache", "artifacts"])
def test_damaged_scores_are_not_used(warm, where):
    warm.run("cold", "--no-reuse")
    if where == "cache":
        warm.run("filled")
        folder = warm.folder / "cache" / "scores"
    else:
        warm.call("predict", "--test-name", "mine", SPLICECORE_CACHE_LIMIT_GB="0")
        folder = warm.root.resources
    part = min(path for path in folder.rglob("*.parquet") if len(path.stem) == 64)
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    part.unlink()
    part.write_bytes(content)
    done = warm.call("run", "-o", str(warm.folder / "again"))
    assert "is damaged" in done.stderr
    assert "it is not used" in done.stderr
    assert warm.table("again") == warm.table("cold")
    report = json.loads((warm.folder / "again" / "performance_report.json").read_text())
    assert report["counters"]["genes_reused"] == 2


def test_a_pass_elsewhere_leaves_the_data_root_alone(warm):
    before = warm.root.snapshot()
    warm.run("run")
    warm.call("predict", "-o", str(warm.folder / "pass"))
    assert warm.root.snapshot() == before


def test_a_data_root_that_cannot_be_written(warm):
    warm.call("predict", "--test-name", "mine", SPLICECORE_CACHE_LIMIT_GB="0")
    paths = [warm.root.path, *warm.root.path.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    try:
        for path in paths:
            path.chmod(0o500 if path.is_dir() else 0o400)
        assert nothing_done(warm.run("warm", SPLICECORE_CACHE_LIMIT_GB="0"))
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
