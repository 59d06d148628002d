"""``splicecore dataset build`` and ``gene-list`` as users call them: workflows, configuration files, errors."""

from __future__ import annotations

import json
import subprocess

import pytest
from splicecore.dataset.dataset import Dataset


@pytest.fixture(scope="module")
def pass_folder(bench, tmp_path_factory):
    """Folder of the base-model pass of the model ``quick`` over all genes."""
    folder = tmp_path_factory.mktemp("pass") / "quick"
    inputs = ("--fasta", str(bench.fasta), "--annotation", str(bench.annotation))
    done = bench.call("predict", *inputs, "--base-model", "quick", "--all-genes", "-o", str(folder), "-q")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def build(inside, bench):
    """Call ``dataset build`` on the bench's inputs; insists on the exit code."""

    def call(output, *arguments, model="quick", code=0, **variables):
        inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", model]
        done = inside.call("dataset", "build", *inputs, "-o", str(output), *arguments, **variables)
        assert done.returncode == code, done.stderr
        return done

    return call


def masters(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "master").iterdir())}


def test_from_scratch(build, tmp_path):
    arguments = ["--base-model", "tiles", "--run-workflow", "--n-genes", "4", "--batch-size", "3"]
    done = build(tmp_path / "set", *arguments)
    lines = done.stdout.splitlines()
    dataset = Dataset.open(tmp_path / "set")
    assert lines[0] == f"{len(dataset):,} rows of 4 genes, 198 features; batches: 2 of 2 built now"
    assert lines[1].startswith("neither ")
    assert lines[2].startswith("TP ")
    assert lines[-1] == str(tmp_path / "set")
    assert "batch_00001: " in (tmp_path / "set/run.log").read_text()
    again = build(tmp_path / "set", *arguments)
    assert "found finished from before" in again.stdout
    facts = json.loads(build(tmp_path / "set", *arguments, "--json").stdout)
    assert (facts["already_finished"], facts["rows"], facts["genes"]) == (True, len(dataset), 4)


def test_a_gene_list_of_artifacts(build, inside, pass_folder, tmp_path):
    listed = inside.call(
        "dataset",
        "gene-list",
        "--artifacts",
        str(pass_folder),
        "--n-genes",
        "5",
        "--out",
        str(tmp_path / "l/genes.tsv"),
    )
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.splitlines() == ["5 genes", str(tmp_path / "l/genes.tsv")]
    arguments = [
        "--artifacts",
        str(pass_folder),
        "--genes-file",
        str(tmp_path / "l/genes.tsv"),
        "--gene-col",
        "gene_id",
    ]
    build(tmp_path / "set", *arguments, "--batch-size", "2", "--batch-rows", "200", "--kmer-sizes", "6")
    dataset = Dataset.open(tmp_path / "set")
    names = [line.split("\t")[0] for line in (tmp_path / "l/genes.tsv").read_text().splitlines()[1:]]
    assert dataset.genes().column("gene_id").to_pylist() == names
    assert len([name for name in dataset.contract.names if name.startswith("6mer_")]) == 4096


def test_a_refused_build_says_what_differs(build, pass_folder, tmp_path):
    arguments = ["--artifacts", str(pass_folder), "--subset-policy", "all"]
    build(tmp_path / "set", *arguments)
    before = masters(tmp_path / "set")
    said = build(tmp_path / "set", *arguments, "--window", "3", code=5).stderr
    assert "sampling.window was 75, is 3" in said
    assert "--overwrite" in said
    assert masters(tmp_path / "set") == before
    build(tmp_path / "set", *arguments, "--window", "3", "--overwrite")
    assert masters(tmp_path / "set") != before


def boundary_table(path, rows):
    """Write transcripts with introns whose ends are at rows of a dataset, two by two on each strand of a contig."""
    lines = ["chrom\tstrand\texon_starts_0based\texon_ends"]
    for contig, strand in sorted({(row["contig"], row["strand"]) for row in rows}):
        places = sorted({row["position"] for row in rows if (row["contig"], row["strand"]) == (contig, strand)})
        for first, second in zip(places[::2], places[1::2], strict=False):
            lines.append(f"{contig}\t{strand}\t{first - 5},{second}\t{first + 1},{second + 5}")
    path.write_text("\n".join(lines) + "\n")


def test_no_negatives_at_sites_of_boundary_transcripts(build, pass_folder, tmp_path):
    arguments = ["--artifacts", str(pass_folder), "--subset-policy", "all", "--features", "probability"]
    arguments += ["--negatives", "none", "--easy-ratio", "1e9"]  # every position
    build(tmp_path / "all", *arguments)
    facts = ["contig", "strand", "position", "gene_id", "label", "pred_type"]
    rows = [row for batch in Dataset.open(tmp_path / "all").batches(facts) for row in batch.to_pylist()]
    table = tmp_path / "boundary.tsv"
    sites = [row for row in rows if row["label"]][:8]
    boundary_table(table, [*(row for row in rows if row["pred_type"] == "FP"), *rows[:4000:100], *sites])
    hidden = set()
    for line in table.read_text().splitlines()[1:]:
        contig, strand, starts, ends = line.split("\t")
        hidden |= {(contig, strand, int(ends.split(",")[0]) - 1), (contig, strand, int(starts.split(",")[1]))}
    masked = [not r["label"] and (r["contig"], r["strand"], r["position"]) in hidden for r in rows]
    expected = [row for row, out in zip(rows, masked, strict=True) if not out]
    assert {row["strand"] for row, out in zip(rows, masked, strict=True) if out} == {"+", "-"}

    build(tmp_path / "set", *arguments, "--mask-boundary", str(table))
    dataset = Dataset.open(tmp_path / "set")
    assert [row for batch in dataset.batches(facts) for row in batch.to_pylist()] == expected
    assert dataset.manifest.masked == len(rows) - len(expected) > 0
    assert f"{dataset.manifest.masked} rows at sites of boundary" in (tmp_path / "set" / "run.log").read_text()
    before = masters(tmp_path / "set")
    assert "boundary was" in build(tmp_path / "set", *arguments, code=5).stderr
    assert masters(tmp_path / "set") == before


def test_a_table_of_boundary_transcripts_that_is_none(build, pass_folder, tmp_path, bench):
    arguments = ["--artifacts", str(pass_folder), "--subset-policy", "all"]
    missing = tmp_path / "missing.tsv"
    assert str(missing) in build(tmp_path / "set", *arguments, "--mask-boundary", str(missing), code=3).stderr
    said = build(tmp_path / "set", *arguments, "--mask-boundary", str(bench.annotation), code=3).stderr
    assert "line 2: not a boundary transcript" in said


def test_a_configuration_file_equals_options(build, pass_folder, tmp_path):
    track = tmp_path / "signal.bedgraph"
    track.write_text("".join(f"chr1\t{100 * i}\t{100 * i + 50}\t{i % 7}\n" for i in range(120)))
    (tmp_path / "build.toml").write_text(
        f"""
        [dataset]
        artifacts = [{str(pass_folder)!r}]
        subset_policy = "all"
        chromosomes = ["chr1"]
        window = 20
        kmer_sizes = [2]
        [features.sequence]
        window = 100
        [[features.tracks.tracks]]
        name = "signal"
        path = {str(track)!r}
        windows = [0, 10]
        """
    )
    build(tmp_path / "set", "--config", str(tmp_path / "build.toml"), "--window", "30")
    dataset = Dataset.open(tmp_path / "set")
    assert dataset.manifest.identity["sampling"]["window"] == 30
    assert dataset.contract.names[-3:] == ("signal", "signal_mean_10", "signal_max_10")
    assert len([name for name in dataset.contract.names if name.startswith("2mer_")]) == 16
    assert str(tmp_path) not in json.dumps(dataset.manifest.identity)
    (tmp_path / "build.toml").write_text("[dataset]\nwindows = 3\n")
    said = build(tmp_path / "other", "--config", str(tmp_path / "build.toml"), code=2).stderr
    assert "windows" in said
    assert "[dataset]" in said


def test_genes_that_cannot_be_had(build, pass_folder, tmp_path, bench):
    gene = bench.genome.genes[0].gene_id
    done = build(tmp_path / "set", "--artifacts", str(pass_folder), "--genes", f"{gene},NOSUCH", code=6)
    assert "1 genes or names have no rows" in done.stderr
    assert (
        build(tmp_path / "none", "--artifacts", str(pass_folder), "--genes", "NOSUCH", code=3).stderr.count("\n") == 1
    )
    assert not (tmp_path / "none/dataset.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--subset-policy", "worst"], 2, "subset_policy"),
        (["--kmer-sizes", "three"], 2, "--kmer-sizes 3,6"),
        (["--features", "defaults"], 2, "did you mean default"),
        (["--subset-policy", "all"], 3, "--run-workflow"),
        (["--base-model", "quick"], 2, "named twice"),
        (["--artifacts", "nowhere"], 3, "nowhere does not exist"),
        (["--genes-file", "nowhere.txt"], 3, "cannot read the gene list nowhere.txt|no scores"),
        (["--models-dir", "tiles=x"], 2, "not among the base models"),
    ],
)
def test_wrong_usage(build, tmp_path, arguments, code, said):
    done = build(tmp_path / "set", *arguments, code=code)
    assert any(part in done.stderr for part in said.split("|")), done.stderr
    assert "Traceback" not in done.stderr


def test_two_processes_into_one_folder(bench, pass_folder, tmp_path):
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    command = bench.command("dataset", "build", *inputs, "--artifacts", str(pass_folder), "--subset-policy", "all",
                            "--batch-size", "4", "-o", str(tmp_path / "set"))  # fmt: skip
    both = [
        subprocess.Popen(command, env=bench.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted(process.communicate()[0].splitlines()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said[0].endswith("3 of 3 built now")
    assert said[1].endswith("found finished from before")
    assert Dataset.open(tmp_path / "set").verify() == []
