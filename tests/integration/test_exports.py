"""Sparse tables and exports of ``splicecore run``: content, bytes, adding to a finished run, a full disk."""

from __future__ import annotations

import gzip
import importlib.util
import json
import subprocess
import sys

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

EXPORTS = ["--bed", "--tsv", *(["--bigwig"] if importlib.util.find_spec("pybigtools") else [])]


def predictions(output):
    return output / "predictions" / "base_model_predictions.parquet"


def manifest(output):
    return json.loads((output / "manifest.json").read_text())


def files_of(output):
    names = [*manifest(output)["files"], "manifest.json"]
    return {name: (output / name).read_bytes() for name in names}


def bed_sites(path):
    fields = [line.split("\t") for line in path.read_text().splitlines()]
    return {(contig, int(start), strand, name.split("|")[1]) for contig, start, _, name, _, strand in fields}


@pytest.fixture(scope="module")
def dense(bench, tmp_path_factory):
    """A finished run over all genes with every export."""
    output = tmp_path_factory.mktemp("dense")
    bench.run(output, "--all-genes", *EXPORTS)
    return output


def test_exports_of_a_finished_run_are_the_ones_of_a_run_that_asks_at_once(bench, inside, dense, tmp_path):
    inside.run(tmp_path, "--all-genes")
    before = predictions(tmp_path).stat().st_mtime_ns
    for option in reversed(EXPORTS):
        done = inside.call(*bench.run_arguments(tmp_path, "--all-genes", option))
        assert done.returncode == 0, done.stderr
        assert "finished from before" in done.stdout
        assert "exports/" in done.stdout
    assert files_of(tmp_path) == files_of(dense)
    assert predictions(tmp_path).stat().st_mtime_ns == before


def test_exports_do_not_depend_on_workers(bench, dense, tmp_path):
    bench.run(tmp_path, "--all-genes", "--workers", "2", *EXPORTS)
    assert files_of(tmp_path) == files_of(dense)


def test_the_bed_file_has_the_annotated_sites_at_their_own_bases(bench, dense):
    found = bed_sites(dense / "exports" / "splice_sites.bed")
    contigs = list(bench.genome.sequences)
    known = {
        (
            contigs[site["contig"]],
            int(site["position"]),
            "+-"[int(site["strand"] < 0)],
            ["acceptor", "donor"][site["type"] - 1],
        )
        for site in bench.genome.sites
    }
    for strand in "+-":
        for kind in ("acceptor", "donor"):
            ours = {site for site in known if site[2:] == (strand, kind)}
            assert len(ours) >= 5
            assert len(ours & found) > 0.9 * len(ours)
            for step in (-1, 1):
                shifted = {(contig, position + step, *rest) for contig, position, *rest in ours}
                assert len(shifted & found) < 0.5 * len(ours)


def test_every_row_of_the_tsv_is_a_row_of_the_table(dense):
    table = pq.read_table(predictions(dense))
    with gzip.open(dense / "exports" / "base_model_predictions.tsv.gz", "rt") as handle:
        header, *lines = (line.rstrip("\n").split("\t") for line in handle)
    assert header == table.column_names
    assert len(lines) == table.num_rows
    for column, name in zip(zip(*lines, strict=True), header, strict=True):
        values = table[name].to_numpy()
        np.testing.assert_array_equal(np.array(column).astype(values.dtype), values)


@pytest.mark.skipif("--bigwig" not in EXPORTS, reason="needs the extra splicecore[bigwig]")
def test_bigwig_tracks_cover_the_genes_of_their_strand(bench, dense):
    import pybigtools

    table = pq.read_table(predictions(dense))
    for strand, name in (("+", "plus"), ("-", "minus")):
        rows = table.filter(pc.equal(table["strand"].cast("string"), strand))
        bases = len(set(zip(rows["contig"].to_pylist(), rows["position"].to_pylist(), strict=True)))
        for kind in ("acceptor", "donor"):
            file = pybigtools.open(str(dense / "exports" / f"{kind}.{name}.bw"))
            summary, contigs = file.info()["summary"], file.chroms()
            file.close()
            assert summary["basesCovered"] == bases
            assert summary["max"] == pytest.approx(pc.max(rows[f"{kind}_score"]).as_py())
            assert contigs == {name: len(bench.genome.sequences[name]) for name in contigs}


def test_a_sparse_table_keeps_exactly_the_rows_that_score_enough(inside, dense, tmp_path):
    inside.run(tmp_path, "--all-genes", "--min-score", "0.25", "--bed")
    table, sparse = pq.read_table(predictions(dense)), pq.read_table(predictions(tmp_path))
    best = np.maximum(table["acceptor_score"].to_numpy(), table["donor_score"].to_numpy())
    assert sparse.equals(table.filter(best >= np.float32(0.25)).cast(sparse.schema))
    assert 0 < sparse.num_rows < table.num_rows / 5
    assert sparse.schema.metadata[b"splicecore.min_score"] == b"0.25"
    assert b"splicecore.min_score" not in table.schema.metadata
    record = manifest(tmp_path)
    assert record["identity"]["min_score"] == 0.25
    assert record["rows"] == sparse.num_rows
    assert record["exports"]["bed"]["settings"] == {"threshold": 0.25}
    text = (tmp_path / "performance_report.txt").read_text()
    assert f"{sparse.num_rows:,}: {sparse.num_rows / table.num_rows:.2%} of the positions" in text
    assert "score 0.25 or more" in text
    assert f"{table.num_rows:,}: complete coverage" in (dense / "performance_report.txt").read_text()


def test_a_sparse_table_does_not_stand_in_for_a_dense_one(bench, inside, tmp_path):
    inside.run(tmp_path, "--all-genes", "--min-score", "0.25")
    refused = inside.call(*bench.run_arguments(tmp_path, "--all-genes", "--bed"))
    assert refused.returncode == 5
    assert "min_score was 0.25, is none" in refused.stderr
    assert not (tmp_path / "exports").exists()


def test_no_row_may_be_left(inside, tmp_path):
    inside.run(tmp_path, "--all-genes", "--min-score", "1", *EXPORTS)
    assert pq.read_table(predictions(tmp_path)).num_rows == 0
    assert (tmp_path / "exports" / "splice_sites.bed").read_text() == ""
    assert len(gzip.decompress((tmp_path / "exports" / "base_model_predictions.tsv.gz").read_bytes()).splitlines()) == 1


def test_another_threshold_writes_another_bed_file(bench, inside, tmp_path):
    name = bench.genome.genes[0].gene_name
    sizes = []
    for threshold in ("0.01", "0.5", "0.01"):
        inside.run(tmp_path, "--genes", name, "--bed", "--bed-threshold", threshold)
        assert manifest(tmp_path)["exports"]["bed"]["settings"] == {"threshold": float(threshold)}
        sizes.append(len((tmp_path / "exports" / "splice_sites.bed").read_text().splitlines()))
    assert sizes[0] == sizes[2] > sizes[1] > 0


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("mine\n")])
def test_an_export_that_changed_is_made_again_without_scoring(bench, inside, tmp_path, damage):
    name = bench.genome.genes[0].gene_name
    inside.run(tmp_path, "--genes", name, "--bed", "--tsv")
    whole, before = files_of(tmp_path), predictions(tmp_path).stat().st_mtime_ns
    damage(tmp_path / "exports" / "splice_sites.bed")
    done = inside.call(*bench.run_arguments(tmp_path, "--genes", name, "--bed", "--tsv"))
    assert "the export bed changed" in done.stderr
    assert files_of(tmp_path) == whole
    assert predictions(tmp_path).stat().st_mtime_ns == before


def test_force_removes_the_exports_of_the_other_run(bench, inside, tmp_path):
    first, *_, last = bench.genome.genes
    inside.run(tmp_path, "--genes", first.gene_name, "--bed", "--tsv")
    inside.run(tmp_path, "--genes", last.gene_name, "--force")
    assert not (tmp_path / "exports").exists()
    assert set(manifest(tmp_path)["exports"]) == {"report"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bed-threshold", "0.5"], "no BED file is asked for"),
        (["--bed", "--bed-threshold", "0.1", "--min-score", "0.5"], "below min_score 0.5"),
        (["--min-score", "1.5"], "min_score is 1.5"),
        (["--bed", "--bed-threshold", "-1"], "bed_threshold is -1"),
        (["--min-score", "some"], "'some' is not a valid float"),
    ],
)
def test_settings_that_make_no_sense_end_the_command_before_any_work(bench, inside, tmp_path, arguments, message):
    done = inside.call(*bench.run_arguments(tmp_path / "out", "--all-genes", *arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out" / "predictions").exists()


def test_a_missing_package_is_told_before_any_work(bench, tmp_path):
    find = "lambda name, *rest: None if name == 'pybigtools' else find(name, *rest)"
    hide = f"import importlib.util as u; find = u.find_spec; u.find_spec = {find}"
    program = f"{hide}; from splicecore.cli.main import main; main()"
    arguments = bench.run_arguments(tmp_path, "--all-genes", "--bigwig")
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert 'pip install "splicecore[bigwig]"' in done.stderr
    assert not (tmp_path / "predictions").exists()


# --------------------------------------------------------------------------------------------------------- full disk


def used(folder):
    return sum(-(-path.stat().st_size // 4096) * 4 for path in folder.rglob("*") if path.is_file())


def check_full(done):
    assert done.returncode == 5, done.stderr
    assert "the disk is full; free some space" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "panicked" not in done.stderr


def test_a_disk_that_fills_up_while_scoring(bench, inside, dense, small_disk):
    folder, resize = small_disk
    output = folder / "out"
    resize(used(dense / "predictions") // 2 + 16)
    check_full(inside.call(*bench.run_arguments(output, "--all-genes", *EXPORTS)))
    assert not predictions(output).exists()
    assert not list(output.rglob("*.tmp"))
    resize(65_536)
    inside.run(output, "--all-genes", *EXPORTS)
    assert files_of(output) == files_of(dense)


@pytest.mark.parametrize(
    ("option", "name"), [("--tsv", "base_model_predictions.tsv.gz"), ("--bigwig", "donor.plus.bw")]
)
def test_a_disk_that_fills_up_while_exporting(bench, inside, dense, small_disk, option, name):
    if option not in EXPORTS:
        pytest.skip("needs the extra splicecore[bigwig]")
    folder, resize = small_disk
    output = folder / "out"
    inside.run(output, "--all-genes")
    resize(used(output) + (dense / "exports" / name).stat().st_size // 2048)
    check_full(inside.call(*bench.run_arguments(output, "--all-genes", option)))
    assert not [path for path in (output / "exports").iterdir() if path.name.startswith(".") or path.name == name]
    resize(65_536)
    inside.run(output, "--all-genes", *EXPORTS)
    assert files_of(output) == files_of(dense)
