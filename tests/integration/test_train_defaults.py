"""What a first training gives: few genes, a small base model, and every option at its default."""

from __future__ import annotations

import json

import pytest
from splicecore.testing.simulate import SimulationConfig, simulate_genome

pytest.importorskip("xgboost")
pytest.importorskip("splicecore_consensus")
pytest.importorskip("splicecore_xgb_meta")


@pytest.fixture
def call(inside):
    def run(*arguments):
        done = inside.call(*map(str, arguments), SPLICECORE_LOAD_PLUGINS="consensus,xgb-meta")
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_a_small_dataset_makes_a_model_that_is_better_than_its_base_model(call, tmp_path):
    contigs = tuple(f"chr{number}" for number in range(1, 6))
    genome = simulate_genome(SimulationConfig(contigs=contigs, genes_per_contig=9), seed=1)
    paths = genome.write(tmp_path / "genome")
    inputs = ["--fasta", paths.fasta, "--annotation", paths.annotation, "--base-model", "consensus"]
    call("predict", *inputs, "--all-genes", "-o", tmp_path / "pass")
    rows = ["--artifacts", tmp_path / "pass", "--subset-policy", "all"]
    call("dataset", "build", *inputs, *rows, "-o", tmp_path / "set")
    model = ["--model", '{"name": "xgboost", "threads": 1}']  # quicker on few rows, and the same model
    done = call("train", tmp_path / "set", *model, "--folds", "3", "--no-final", "--out-dir", tmp_path / "model")
    assert "no improvement" not in done.stderr
    models = json.loads((tmp_path / "model" / "metrics" / "aggregate.json").read_text())["models"]
    figures = {name: models[name]["figures"]["both"] for name in ("consensus", "meta")}
    assert figures["meta"]["average_precision"] > figures["consensus"]["average_precision"] + 0.01
    assert figures["meta"]["log_loss"] < figures["consensus"]["log_loss"]
