"""``splicecore predict``: modes and places, tables, determinism, resuming, and what a user sees of failures."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.artifacts.store import digest

TABLES = {
    "positions": "splice_positions_enhanced.parquet",
    "errors": "splice_errors.parquet",
    "sequences": "analysis_sequences.parquet",
    "performance": "splice_performance.parquet",
}
DECIDED = [*TABLES.values(), "gene_manifest.parquet", "gene_manifest.json", "manifest.json"]


def files_of(folder):
    """Content of everything whose bytes the command decides."""
    names = [*DECIDED, *(f"scores/{path.name}" for path in (folder / "scores").iterdir())]
    return {name: (folder / name).read_bytes() for name in names}


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def results_in(data_root, folder):
    """What is in a folder but for log and lock."""
    return {name: facts for name, facts in data_root.snapshot(folder).items() if not name.endswith(("run.log", "lock"))}


@pytest.fixture
def predict(inside, bench):
    """Call ``predict`` on the bench's files; returns its folder."""

    def call(folder, *arguments, code=0, model="quick", **variables):
        inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", model]
        done = inside.call("predict", *inputs, "--output-dir", str(folder), *arguments, **variables)
        assert done.returncode == code, done.stderr
        return folder

    return call


@pytest.fixture(scope="module")
def finished(bench, tmp_path_factory):
    """A finished pass over all genes, made with two workers."""
    folder = tmp_path_factory.mktemp("finished") / "pass"
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    done = bench.call("predict", *inputs, "--all-genes", "--workers", "2", "-o", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


# ------------------------------------------------------------------------------------------------- modes and places


def test_a_test_by_default(data_root, bench):
    name = bench.genome.genes[0].gene_name
    folder = data_root.predict("--genes", name)
    today = f"{datetime.now(tz=UTC):%Y}"
    assert folder.parent.parent.name.startswith(f"test_{today}")
    assert folder.relative_to(data_root.resources).parts[:2] == ("quick_eval", "tests")
    assert folder.parts[-2:] == ("meta_models", "predictions")
    assert manifest_of(folder)["identity"]["artifacts"] == {
        "base_model": "quick", "build": "toy", "release": None, "source": "sim",
    }  # fmt: skip


def test_a_named_test_may_be_overwritten(data_root, bench):
    first, second, *_ = (gene.gene_name for gene in bench.genome.genes)
    folder = data_root.predict("--genes", first, "--test-name", "mine")
    assert folder == data_root.resources / "quick_eval" / "tests" / "mine" / "meta_models" / "predictions"
    again = data_root.call("predict", "--genes", first, "--test-name", "mine")
    assert again.stdout.startswith("found finished from before; rows: ")
    assert data_root.predict("--genes", f"{first},{second}", "--test-name", "mine") == folder
    assert manifest_of(folder)["genes"] == 2
    assert len(list((folder / "scores").iterdir())) == 2


def test_production_is_immutable(data_root, bench):
    first, second, *_ = (gene.gene_name for gene in bench.genome.genes)
    base = data_root.resources / "quick_eval" / "meta_models"
    day = f"{datetime.now().astimezone():%Y%m%d}"
    folder = data_root.predict("--genes", first, "--mode", "production")
    assert folder == base / f"v1_{day}"
    before = results_in(data_root, folder)
    again = data_root.call("predict", "--genes", first, "--mode", "production")
    assert again.returncode == 0
    assert "found finished from before" in again.stdout
    refused = data_root.call("predict", "--genes", second, "--mode", "production")
    assert refused.returncode == 5
    assert len(refused.stderr.splitlines()) == 1
    assert "production is immutable (--new-version keeps it and adds a version, --force replaces it)" in refused.stderr
    assert results_in(data_root, folder) == before
    assert (base / "latest").resolve() == folder
    newer = data_root.predict("--genes", second, "--mode", "production", "--new-version")
    assert newer == base / f"v2_{day}"
    assert (base / "latest").resolve() == newer
    replaced = data_root.predict("--genes", f"{first},{second}", "--mode", "production", "--force")
    assert replaced == newer
    assert manifest_of(newer)["genes"] == 2
    assert (base / "latest").resolve() == newer


def test_the_whole_genome_is_production(data_root, bench):
    done = data_root.call("predict", "--coverage", "full_genome", "--test-name", "mine")
    assert done.returncode == 0, done.stderr
    assert "coverage is full_genome: mode is production, not test; test_name mine is not used" in done.stderr
    folder = data_root.resources / "quick_eval" / "meta_models" / "latest"
    assert manifest_of(folder.resolve())["genes"] == len(bench.genome.genes)
    refused = data_root.call("predict", "--coverage", "full_genome", "--genes", "X")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "coverage is full_genome, but genes are chosen" in refused.stderr


def test_coverage_of_chromosomes(data_root, bench):
    contig = bench.genome.genes[0].contig
    folder = data_root.predict("--coverage", "chromosome", "--chromosomes", contig, "--test-name", "one")
    genes = pq.read_table(folder / TABLES["performance"])["gene_id"].to_pylist()
    assert set(genes) == {gene.gene_id for gene in bench.genome.genes if gene.contig == contig}
    for wrong in ([], ["--genes", bench.genome.genes[0].gene_name]):
        refused = data_root.call("predict", "--coverage", "chromosome", *wrong)
        assert refused.returncode == 2
        assert "no chromosomes are given" in refused.stderr


def test_artifacts_need_a_source(inside, bench):
    done = inside.call("predict", "--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--all-genes")
    assert done.returncode == 2
    assert "no place for the artifacts" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_output_folder_among_the_resources_is_refused(data_root, bench):
    before = data_root.snapshot()
    for folder in (data_root.resources, data_root.path, data_root.resources / "mine"):
        for command in ("run", "predict"):
            done = data_root.call(command, "--all-genes", "--output-dir", str(folder))
            assert done.returncode == 5, done.stderr
            assert "choose a folder of its own" in done.stderr
    assert data_root.snapshot() == before


def test_the_wrong_build_is_refused(data_root, bench, inside):
    quick = ["--base-model", "quick", "--all-genes"]
    done = inside.call(
        "predict", "--source", "sim", "--build", "GRCh37", *quick, SPLICECORE_DATA_ROOT=str(data_root.path)
    )
    assert done.returncode == 5, done.stderr
    assert "GRCh37" in done.stderr
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    done = inside.call("predict", *inputs, "--build", "GRCh37", "--all-genes", "-o", str(data_root.path.parent / "o"))
    assert done.returncode == 3, done.stderr
    assert "GRCh37" in done.stderr
    assert not list((data_root.path.parent / "o").glob("*.parquet"))


# ------------------------------------------------------------------------------------------------------------- tables


def test_the_tables_fit_together(bench, finished):
    tables = {name: pq.read_table(finished / file) for name, file in TABLES.items()}
    manifest = manifest_of(finished)
    assert {name: table.num_rows for name, table in tables.items()} == manifest["tables"]
    assert set(manifest["files"]) == {name for name in files_of(finished) if name != "manifest.json"}
    positions = tables["positions"]
    key = ["contig", "strand", "position", "gene_id", "site_type", "pred_type"]
    rows = list(zip(*(positions[name].to_pylist() for name in key), strict=True))
    assert len(set(rows)) == len(rows)
    assert [tables["sequences"][name].to_pylist() for name in key] == [positions[name].to_pylist() for name in key]
    wrong = positions.filter(pc.is_in(positions["pred_type"], pc.cast(["FP", "FN"], "string")))
    assert tables["errors"].num_rows == wrong.num_rows
    for kind in ("TP", "FP", "FN"):
        counted = sum(
            row[kind.lower()] for row in tables["performance"].to_pylist() if row["site_type"] in ("acceptor", "donor")
        )
        found = positions.filter(pc.equal(positions["pred_type"], kind))
        assert found.num_rows == counted, kind
    assert pc.min(positions["inclusion_prob"]).as_py() > 0


def test_the_manifest_of_genes_names_their_scores(bench, finished):
    rows = pq.read_table(finished / "gene_manifest.parquet").to_pylist()
    assert {row["gene_id"] for row in rows} == {gene.gene_id for gene in bench.genome.genes}
    for row in rows:
        scores = pq.read_table(finished / row["scores"])
        assert scores.num_rows == row["positions"] == row["end"] - row["start"]
        assert scores.column_names == ["neither", "acceptor", "donor"]
    listed = json.loads((finished / "gene_manifest.json").read_text())
    assert listed["counts"] == {"processed": len(rows)}
    assert [gene["gene_id"] for gene in listed["genes"]] == [row["gene_id"] for row in rows]


def test_genes_without_sites_keep_their_false_calls(bench, finished):
    performance = pq.read_table(finished / TABLES["performance"]).to_pylist()
    bare = {row["gene_id"] for row in performance if row["site_type"] == "both" and row["sites"] == 0}
    assert bare, "the simulated genome has genes of one exon"
    positions = pq.read_table(finished / TABLES["positions"])
    for gene in bare:
        kinds = set(positions.filter(pc.equal(positions["gene_id"], gene))["pred_type"].to_pylist())
        assert kinds <= {"FP", "TN"}
        (both,) = (row for row in performance if row["gene_id"] == gene and row["site_type"] == "both")
        assert ("FP" in kinds) == (both["fp"] > 0)
        assert "TN" in kinds


def test_missing_genes_and_failing_models(predict, bench, tmp_path):
    name = bench.genome.genes[0].gene_name
    folder = predict(tmp_path / "a", "--genes", f"{name},NOBODY", code=6)
    rows = pq.read_table(folder / "gene_manifest.parquet").to_pylist()
    assert [(row["requested"], row["status"], row["scores"] is None) for row in rows] == [
        (name, "processed", False), ("NOBODY", "not_in_annotation", True),
    ]  # fmt: skip
    folder = predict(tmp_path / "b", "--all-genes", code=6, model="fussy")
    odd = {gene.gene_id for gene in bench.genome.genes if (gene.end - gene.start) % 2}
    rows = pq.read_table(folder / "gene_manifest.parquet").to_pylist()
    assert {row["gene_id"] for row in rows if row["status"] == "prediction_failed"} == odd
    assert not odd & set(pq.read_table(folder / TABLES["performance"])["gene_id"].to_pylist())
    predict(tmp_path / "c", "--all-genes", code=4, model="broken")
    assert not list((tmp_path / "c").glob("*.parquet"))


def test_genes_of_the_same_coordinates_are_told_apart(inside, bench, tmp_path):
    lines = [line for line in bench.annotation.read_text().splitlines(keepends=True) if not line.startswith("#")]
    first = bench.genome.genes[0]
    twins = [line.replace(first.gene_id, "TWIN").replace(first.gene_name, "TWIN") for line in lines]
    annotation = tmp_path / "twins.gtf"
    annotation.write_text("".join(lines) + "".join(new for old, new in zip(lines, twins, strict=True) if old != new))
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(annotation), "--base-model", "quick"]
    genes = ["--genes", f"{first.gene_id},TWIN"]
    done = inside.call("predict", *inputs, *genes, "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    performance = pq.read_table(tmp_path / "out" / TABLES["performance"]).to_pylist()
    assert [row["gene_id"] for row in performance] == [first.gene_id] * 3 + ["TWIN"] * 3
    for i in (1, 2):
        assert (
            inside.call("predict", *inputs, *genes, "--shard", f"{i}/2", "-o", str(tmp_path / f"s{i}")).returncode == 0
        )
    done = inside.call("merge", str(tmp_path / "s1"), str(tmp_path / "s2"), "-o", str(tmp_path / "merged"))
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "merged") == files_of(tmp_path / "out")


def test_tsv_is_added_to_a_finished_pass_and_to_merged_shards(inside, predict, bench, tmp_path):
    folder = predict(tmp_path / "whole", "--all-genes")
    before = {name: (folder / name).read_bytes() for name in TABLES.values()}
    assert not (folder / "exports").exists()
    predict(folder, "--all-genes", "--tsv")
    assert {name: (folder / name).read_bytes() for name in TABLES.values()} == before
    names = {path.name for path in (folder / "exports").iterdir()}
    assert names == {
        "full_splice_positions_enhanced.tsv", "full_splice_errors.tsv", "full_splice_performance.tsv",
        "gene_manifest.tsv", "analysis_sequences_chr1.tsv", "analysis_sequences_chr2.tsv",
    }  # fmt: skip
    lines = (folder / "exports" / "gene_manifest.tsv").read_text().splitlines()
    assert len(lines) == 1 + len(bench.genome.genes)
    shards = [predict(tmp_path / f"s{i}", "--all-genes", "--shard", f"{i}/2") for i in (1, 2)]
    done = inside.call("merge", *map(str, shards), "-o", str(tmp_path / "merged"), "--tsv")
    assert done.returncode == 0, done.stderr
    for name in names:
        merged = tmp_path / "merged" / "exports" / name
        assert merged.read_bytes() == (folder / "exports" / name).read_bytes()
    predict(tmp_path / "s3", "--all-genes", "--shard", "1/2", "--tsv", code=2)


# --------------------------------------------------------------------------------------------- determinism, resuming


def test_the_same_bytes_for_one_worker_and_two(predict, finished, tmp_path):
    assert files_of(predict(tmp_path / "one", "--all-genes", "--threads", "3")) == files_of(finished)


def test_the_session_does_what_the_command_does(bench, finished, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(bench.site))
    session = Session(plugins=PluginSettings(load=("bench-models", "bench-observer")), data_root=tmp_path / "data",
                      cache_dir=tmp_path / "cache")  # fmt: skip
    monkeypatch.setenv("EVENTS", str(tmp_path / "events"))
    placed = []
    result = session.predict_pass(
        fasta=bench.fasta, annotation=bench.annotation, base_model="quick", all_genes=True,
        output_dir=tmp_path / "out", placed=placed.append,
    )  # fmt: skip
    assert placed == [tmp_path / "out"]
    assert files_of(result.folder) == files_of(finished)
    assert (result.genes, result.failed, result.already_finished) == (len(bench.genome.genes), 0, False)
    assert result.rows == manifest_of(finished)["tables"]
    assert [total["site_type"] for total in result.totals] == ["acceptor", "donor", "both"]
    told = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert {event["event"] for event in told} == {"started", "shard", "finished"}
    assert {event["run"]["id"] for event in told} == {digest(manifest_of(finished)["identity"])}


def test_scores_that_were_moved_before_an_interruption_are_not_made_again(predict, finished, bench, tmp_path):
    """As if the command had been killed while it hashed its files."""
    folder = tmp_path / "out"
    shutil.copytree(finished, folder)
    identity = manifest_of(folder)["identity"]
    (folder / "manifest.json").unlink()
    (folder / ".splicecore" / "run.json").write_text(json.dumps(identity))
    (folder / ".splice_errors.parquet.77.tmp").write_text("half a table")
    predict(folder, "--all-genes", "--no-reuse")
    assert files_of(folder) == files_of(finished)
    counters = json.loads((folder / "performance_report.json").read_text())["counters"]
    assert (counters["base_model_calls"], counters["genes_reused"]) == (0, len(bench.genome.genes))
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["scores", *TABLES.values()])
def test_a_damaged_result_is_made_again(predict, finished, tmp_path, name):
    folder = tmp_path / "out"
    shutil.copytree(finished, folder)
    path = min((folder / name).iterdir()) if name == "scores" else folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    predict(folder, "--all-genes")
    assert files_of(folder) == files_of(finished)


def test_an_edited_manifest(inside, predict, finished, bench, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(finished, folder)
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    again = ["predict", *inputs, "--all-genes", "-o", str(folder)]
    manifest = manifest_of(folder)
    manifest["identity"]["flank"] = "n"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    refused = inside.call(*again)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (5, 1)
    assert "flank was n, is real" in refused.stderr
    (folder / "manifest.json").write_text('{"identity": ')
    refused = inside.call(*again)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (5, 1)
    assert "cannot read" in refused.stderr
    assert "manifest.json" in refused.stderr
    predict(folder, "--all-genes", "--force")
    assert files_of(folder) == files_of(finished)


def test_a_full_disk(inside, bench, finished, predict, small_disk):
    folder, resize = small_disk
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    size = sum(path.stat().st_size for path in finished.rglob("*.parquet")) // 1024
    for kilobytes in (size // 4, size // 2):
        resize(kilobytes)
        done = inside.call("predict", *inputs, "--all-genes", "-o", str(folder / "out"))
        assert done.returncode == 5, done.stderr
        assert "the disk is full; free some space" in done.stderr.splitlines()[-1]
        assert len(done.stderr.splitlines()) == 1
        assert not list(folder.rglob("*.tmp"))
        assert not (folder / "out" / "manifest.json").exists()
    resize(65_536)
    predict(folder / "out", "--all-genes")
    assert files_of(folder / "out") == files_of(finished)
