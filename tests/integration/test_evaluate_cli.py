"""``splicecore evaluate`` on what ``splicecore run`` wrote for a simulated genome."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest


@pytest.fixture
def runs(inside, tmp_path):
    """Output folders of two base models."""
    for model in ("quick", "windows"):
        inside.run(tmp_path / model, "--all-genes", model=model)
    return [str(tmp_path / "quick"), str(tmp_path / "windows")]


def test_two_models_and_their_mean_side_by_side(inside, bench, runs, tmp_path):
    page, genes = tmp_path / "report.html", tmp_path / "genes.parquet"
    common = [
        "evaluate",
        *runs,
        "--annotation",
        str(bench.annotation),
        "--fasta",
        str(bench.fasta),
        "--bootstrap",
        "50",
    ]
    extra = ["--mean", "both=quick,windows", "--threshold", "0.5", "--threshold", "windows=0.4"]
    done = inside.call(*common, *extra, "--html", str(page), "--genes-out", str(genes))
    assert done.returncode == 0, done.stderr
    for text in ("acceptor", "against quick", "both", "genes with most errors", "95 % intervals of 50"):
        assert text in done.stdout
    assert page.read_text().startswith("<!DOCTYPE html>")
    value = json.loads(inside.call(*common, *extra, "--json").stdout)
    table = pq.read_table(genes)
    assert set(table.column("model").to_pylist()) == {"quick", "windows", "both"}
    assert value["positions"] == pq.read_metadata(f"{runs[0]}/predictions/base_model_predictions.parquet").num_rows
    assert value["genes"] * 3 == table.num_rows
    assert list(value["models"]) == sorted(["quick", "windows", "both"])
    assert value["tables"]["quick"]["base_model"] == "quick"
    assert value["models"]["quick"]["figures"]["donor"]["average_precision"] > 0.3
    assert {row["best"] for row in value["models"]["quick"]["offsets"]} == {0}
    # The two models differ in their tiling only, so their scores are the same.
    assert value["differences"]["windows"]["both"]["average_precision"]["difference"] == pytest.approx(0, abs=1e-6)


def test_the_numbers_are_those_of_the_runs_own_report(inside, bench, runs):
    report = json.loads(Path(runs[0], "performance_report.json").read_text())
    done = inside.call("evaluate", runs[0], "--annotation", str(bench.annotation), "--bootstrap", "0", "--json")
    figures = json.loads(done.stdout)["models"]["quick"]["figures"]
    calls = report["accuracy"]["calls"]
    for name in ("acceptor", "donor"):
        point = figures[name]["operating_points"]["0.5"]
        assert point["true_positives"] == calls[name]["found"]
        assert point["false_positives"] == calls[name]["other_calls"]
        assert figures[name]["sites"] == calls[name]["sites"]


def test_sparse_tables_and_wrong_builds_are_refused(inside, bench, runs, tmp_path):
    inside.run(tmp_path / "sparse", "--all-genes", "--min-score", "0.1")
    annotation = ["--annotation", str(bench.annotation)]
    done = inside.call("evaluate", str(tmp_path / "sparse"), *annotation)
    assert done.returncode == 3
    assert "without --min-score" in done.stderr
    done = inside.call("evaluate", runs[0], *annotation, "--build", "GRCh37")
    assert done.returncode == 3
    assert "different builds" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "no annotation given"),
        (["--threshold", "2"], 2, "threshold"),
        (["--mean", "quick"], 2, "two models"),
        (["--reference", "x"], 2, "reference"),
        (["--contigs", "chr21"], 3, "no rows on chr21"),
    ],
)
def test_mistakes_are_one_line(inside, bench, runs, arguments, code, message):
    given = ["--annotation", str(bench.annotation)] if arguments else []
    done = inside.call("evaluate", runs[0], *given, *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_without_predictions_is_refused(inside, bench, tmp_path):
    done = inside.call("evaluate", str(tmp_path), "--annotation", str(bench.annotation))
    assert done.returncode == 3
    assert "predictions" in done.stderr
