"""``splicecore run`` from inputs to files: coverage, values, determinism, resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from splicecore.api import Session, encode, reverse_complement
from splicecore.artifacts.store import digest
from splicecore.plugins.host import PluginSettings
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel

COLUMNS = [
    "build", "contig", "strand", "position", "rel_position", "gene_id", "gene_name",
    "neither_score", "acceptor_score", "donor_score",
]  # fmt: skip


@pytest.fixture(scope="module")
def finished(bench, tmp_path_factory):
    """A finished run over all genes."""
    output = tmp_path_factory.mktemp("finished")
    bench.run(output, "--all-genes")
    return output


def read(output):
    return pq.read_table(output / "predictions" / "base_model_predictions.parquet")


def expected_scores(bench, gene, flank):
    """A gene's scores computed from scratch: string slicing, one call of the model."""
    spec = MOTIF_SPEC
    text = bench.genome.sequences[gene.contig]
    padded = np.concatenate(
        [np.full(spec.left + spec.right, 4, np.uint8), text, np.full(spec.left + spec.right, 4, np.uint8)]
    )
    shift = spec.left + spec.right
    before, after = (spec.left, spec.right) if gene.strand == "+" else (spec.right, spec.left)
    codes = padded[gene.start + shift - before : gene.end + shift + after].copy()
    if flank == "n":
        codes[:before] = 4
        codes[len(codes) - after :] = 4
    if gene.strand == "-":
        codes = reverse_complement(codes)
    with MotifModel(spec, OpenRequest()) as model:
        return model.predict(codes[np.newaxis])[0]


@pytest.mark.parametrize("flank", ["real", "n"])
@pytest.mark.parametrize("model", ["quick", "windows", "tiles"])
def test_every_position_of_every_gene_has_its_score(bench, tmp_path, flank, model):
    bench.run(tmp_path, "--all-genes", "--flank", flank, model=model)
    table = read(tmp_path)
    assert table.num_rows == sum(gene.end - gene.start for gene in bench.genome.genes)
    for gene in bench.genome.genes:
        rows = table.filter(pc.equal(table["gene_id"], gene.gene_id)).sort_by("rel_position")
        length = gene.end - gene.start
        assert rows["rel_position"].to_pylist() == list(range(length))
        genomic = range(gene.start, gene.end) if gene.strand == "+" else range(gene.end - 1, gene.start - 1, -1)
        assert rows["position"].to_pylist() == list(genomic)
        scores = np.column_stack([rows[name].to_numpy() for name in COLUMNS[-3:]])
        np.testing.assert_allclose(scores, expected_scores(bench, gene, flank), atol=1e-6)


def test_the_table_says_what_it_holds(bench, finished):
    table = read(finished)
    assert table.column_names == COLUMNS
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items() if key != b"ARROW:schema"}
    assert "0-based" in metadata["splicecore.coordinates"]
    assert metadata["splicecore.base_model"] == "quick"
    assert metadata["splicecore.flank"] == "real"
    assert set(table["build"].to_pylist()) == {
        json.loads((finished / "manifest.json").read_text())["identity"]["inputs"]["build"]
    }


def test_rows_are_sorted_and_unique(finished):
    table = read(finished)
    keys = list(zip(*(table[name].to_pylist() for name in ("contig", "position", "strand", "gene_id")), strict=True))
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    shared = [key[:2] for key in keys]
    assert len(set(shared)) < len(shared), "the simulated genes should overlap"


@pytest.mark.parametrize("arguments", [["--workers", "2"], ["--workers", "2", "--threads", "3"], ["--threads", "2"]])
def test_the_same_bytes_for_any_number_of_workers(bench, finished, tmp_path, arguments):
    bench.run(tmp_path, "--all-genes", *arguments)
    for name in ("predictions/base_model_predictions.parquet", "gene_manifest.json", "manifest.json"):
        assert (tmp_path / name).read_bytes() == (finished / name).read_bytes(), name


def test_session_predict_returns_the_same_table(bench, finished, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(bench.site))
    settings = PluginSettings(load=("bench-models",))
    session = Session(plugins=settings, data_root=tmp_path, cache_dir=tmp_path)
    table = session.predict(fasta=bench.fasta, annotation=bench.annotation, base_model="quick", all_genes=True)
    assert table.schema.equals(read(finished).schema)
    assert table.combine_chunks().equals(read(finished).combine_chunks())
    name = bench.genome.genes[0].gene_name
    some = session.predict(fasta=bench.fasta, annotation=bench.annotation, base_model="quick", genes=[name])
    assert set(some["gene_name"].to_pylist()) == {name}


def test_choosing_genes_by_name_file_and_region(bench, tmp_path):
    first, *_, last = bench.genome.genes
    listed = tmp_path / "genes.txt"
    listed.write_text(f"# genes\n{last.gene_id}\n\n")
    bench.run(tmp_path / "a", "--genes", first.gene_name, "--genes-file", str(listed))
    assert set(read(tmp_path / "a")["gene_id"].to_pylist()) == {first.gene_id, last.gene_id}
    region = f"{last.contig}:{last.start + 1:,}-{last.start + 1:,}"
    bench.run(tmp_path / "b", "--region", region)
    overlapping = {g.gene_id for g in bench.genome.genes if g.contig == last.contig and g.start <= last.start < g.end}
    assert set(read(tmp_path / "b")["gene_id"].to_pylist()) == overlapping


def test_manifest_and_reports(bench, finished):
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["rows"] == read(finished).num_rows
    tables = {"predictions/base_model_predictions.parquet", "metadata/gene_annotation.parquet"}
    assert set(manifest["files"]) == {*tables, "gene_manifest.json", "report.html"}
    assert str(bench.fasta.parent) not in (finished / "manifest.json").read_text()
    genes = json.loads((finished / "gene_manifest.json").read_text())
    assert genes["counts"] == {"processed": len(bench.genome.genes)}
    assert {gene["gene_id"] for gene in genes["genes"]} == {gene.gene_id for gene in bench.genome.genes}
    report = json.loads((finished / "performance_report.json").read_text())
    assert report["counters"]["positions_scored"] == manifest["rows"]
    assert report["counters"]["base_model_calls"] >= len(bench.genome.genes)
    assert report["peak_memory_mb"] > 10
    assert {name: row["best"] for name, row in report["accuracy"]["offsets"].items()} == {
        "+ acceptor": 0, "+ donor": 0, "- acceptor": 0, "- donor": 0,
    }  # fmt: skip
    sites = sum(report["accuracy"]["calls"][name]["sites"] for name in ("acceptor", "donor"))
    assert sites >= len(bench.genome.sites)
    text = (finished / "performance_report.txt").read_text()
    for gene in bench.genome.genes:
        assert gene.gene_name in text
    assert "splicecore" in (finished / "run.log").read_text()


def test_a_finished_run_is_not_done_again(bench, finished):
    path = finished / "predictions" / "base_model_predictions.parquet"
    before = path.stat().st_mtime_ns
    done = bench.call(*bench.run_arguments(finished, "--all-genes"))
    assert done.returncode == 0
    assert "finished from before" in done.stdout
    assert path.stat().st_mtime_ns == before


def test_other_settings_are_refused_unless_forced(bench, tmp_path):
    name = bench.genome.genes[0].gene_name
    bench.run(tmp_path, "--genes", name)
    refused = bench.call(*bench.run_arguments(tmp_path, "--genes", name, "--flank", "n"))
    assert refused.returncode == 5
    assert "flank was real, is n" in refused.stderr
    bench.run(tmp_path, "--genes", name, "--flank", "n", "--force")


def test_requested_genes_that_are_missing_leave_the_others_alone(bench, tmp_path):
    name = bench.genome.genes[0].gene_name
    done = bench.call(*bench.run_arguments(tmp_path, "--genes", f"{name},{name}X"))
    assert done.returncode == 6
    manifest = json.loads((tmp_path / "gene_manifest.json").read_text())
    statuses = {gene["requested"]: gene["status"] for gene in manifest["genes"]}
    assert statuses == {name: "processed", f"{name}X": "not_in_annotation"}
    (missing,) = (gene for gene in manifest["genes"] if gene["status"] == "not_in_annotation")
    assert name in missing["reason"]
    again = bench.call(*bench.run_arguments(tmp_path, "--genes", f"{name},{name}X"))
    assert again.returncode == 6, "a finished run ends with the code that it ended with before"


def test_a_model_that_fails_on_some_genes(bench, tmp_path):
    done = bench.call(*bench.run_arguments(tmp_path, "--all-genes", model="fussy"))
    assert done.returncode == 6, done.stderr
    manifest = json.loads((tmp_path / "gene_manifest.json").read_text())
    failed = {gene["gene_id"] for gene in manifest["genes"] if gene["status"] == "prediction_failed"}
    odd = {gene.gene_id for gene in bench.genome.genes if (gene.end - gene.start) % 2}
    assert failed == odd
    assert failed
    assert set(read(tmp_path)["gene_id"].to_pylist()) == {gene.gene_id for gene in bench.genome.genes} - odd
    assert "a model's own bug" in (tmp_path / "gene_manifest.json").read_text()


@pytest.mark.parametrize(("model", "message"), [("broken", "failed on every gene"), ("liar", "probabilities between")])
def test_a_model_that_is_no_good_ends_the_run(bench, tmp_path, model, message):
    done = bench.call(*bench.run_arguments(tmp_path, "--all-genes", model=model))
    assert done.returncode == 4
    assert message in done.stderr.splitlines()[-1]
    assert not (tmp_path / "predictions").exists()


def test_observers_are_told_and_cannot_stop_a_run(bench, tmp_path):
    events = tmp_path / "events"
    done = bench.call(*bench.run_arguments(tmp_path / "out", "--all-genes"), EVENTS=str(events))
    assert done.returncode == 0
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [event["event"] for event in told][:1] + [event["event"] for event in told][-1:] == ["started", "finished"]
    assert sum(event.get("units", 0) for event in told) == len(bench.genome.genes)
    identity = json.loads((tmp_path / "out" / "manifest.json").read_text())["identity"]
    assert all(event["run"] == {"id": digest(identity), **identity} for event in told)
    assert "observers may fail" in done.stderr


# ------------------------------------------------------------------------------------------------------- interruption


def listen_to_interrupts():
    """Undo what a shell does to its background jobs, and so to all their children: ignore the interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_slow(bench, output, *arguments, seconds="0.4"):
    return subprocess.Popen(
        bench.command(*bench.run_arguments(output, "--all-genes", *arguments, model="slow")),
        env=bench.environment(SLOW=seconds),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=listen_to_interrupts,  # noqa: PLW1509 - it calls nothing that another thread could hold
    )


def wait_until(ready, what):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if ready():
            return
        time.sleep(0.02)
    pytest.fail(f"{what} in time")


def wait_for_parts(output, count):
    parts = output / ".splicecore" / "parts"
    wait_until(lambda: len(list(parts.glob("*.parquet"))) >= count, "no gene was finished")


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(bench, tmp_path, workers, stop):
    whole = bench.run(tmp_path / "whole", "--all-genes", model="slow", SLOW="0")
    output = tmp_path / "stopped"
    with start_slow(bench, output, "--workers", workers) as process:
        wait_for_parts(output, 2)
        os.killpg(process.pid, stop) if stop == signal.SIGINT else process.send_signal(stop)
        _, errors = process.communicate(timeout=60)
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert errors.splitlines()[-1].startswith("splicecore: error: interrupted")
    assert not (output / "predictions").exists()
    resumed = bench.run(output, "--all-genes", "--workers", workers, model="slow", SLOW="0")
    assert resumed.read_bytes() == whole.read_bytes()
    report = json.loads((output / "performance_report.json").read_text())
    assert report["counters"]["genes_reused"] >= 2
    assert report["counters"]["genes_scored"] == len(bench.genome.genes)
    assert not list(output.rglob("*.tmp"))


def test_a_damaged_part_is_scored_again(bench, tmp_path):
    output = tmp_path / "stopped"
    with start_slow(bench, output) as process:
        wait_for_parts(output, 3)
        process.kill()
    first, second, *_ = sorted((output / ".splicecore" / "parts").glob("*.parquet"))
    first.write_bytes(first.read_bytes()[:100])
    second.write_bytes(b"")
    resumed = bench.run(output, "--all-genes", model="slow", SLOW="0")
    whole = bench.run(tmp_path / "whole", "--all-genes", model="slow", SLOW="0")
    assert resumed.read_bytes() == whole.read_bytes()


def test_two_runs_into_one_folder(bench, tmp_path):
    with start_slow(bench, tmp_path, seconds="600") as process:  # it is at work for as long as the other one takes
        try:
            wait_until((tmp_path / ".splicecore" / "run.json").exists, "the run did not begin")
            second = bench.call(*bench.run_arguments(tmp_path, "--all-genes", model="slow"))
        finally:
            process.kill()
    assert second.returncode == 5
    assert "another run" in second.stderr


def test_soft_masked_letters_are_ordinary_bases(bench):
    text = bench.fasta.read_text()
    assert any(letter in text for letter in "acgt"), "the simulated genome should have soft-masked stretches"
    contig = next(iter(bench.genome.sequences))
    letters = "".join(text.split(">")[1].splitlines()[1:])
    np.testing.assert_array_equal(encode(letters), bench.genome.sequences[contig])
