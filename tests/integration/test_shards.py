"""``--shard i/n`` and ``splicecore merge``: the same bytes as without, wherever the shards lie and whoever ran them."""

from __future__ import annotations

import json
import shutil

import pytest

TABLE = "predictions/base_model_predictions.parquet"
EXPORTS = ("--bed", "--tsv")


def same_files(folder):
    """Content of all files but reports, log and what the run needs for itself."""
    reports = {"performance_report.json", "performance_report.txt", "run.log"}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in reports and ".splicecore" not in path.parts
    }


@pytest.fixture
def command(bench, inside):
    """Call ``run`` or ``predict`` on the bench's files, and insist that it succeeds."""

    def call(name, folder, *arguments, code=0, model="quick"):
        inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", model]
        done = inside.call(name, *inputs, "--output-dir", str(folder), *arguments)
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.fixture
def merge(inside):
    """Call ``merge``."""

    def call(*arguments, code=0):
        done = inside.call("merge", *map(str, arguments))
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.mark.parametrize("name", ["run", "predict"])
@pytest.mark.parametrize("of", [1, 2, 5])
def test_shards_merged_are_the_whole(command, merge, tmp_path, name, of):
    exports = EXPORTS if name == "run" else ()
    command(name, tmp_path / "whole", "--all-genes", *exports)
    folders = [tmp_path / f"s{i}" for i in range(1, of + 1)]
    for i, folder in enumerate(folders, start=1):
        command(name, folder, "--all-genes", "--shard", f"{i}/{of}")
        assert not (folder / "predictions").exists()
    done = merge(*folders[::-1], "-o", tmp_path / "merged", *exports)
    assert same_files(tmp_path / "merged") == same_files(tmp_path / "whole")
    assert str(tmp_path / "merged") in done.stdout
    report = json.loads((tmp_path / "merged" / "performance_report.json").read_text())
    whole = json.loads((tmp_path / "whole" / "performance_report.json").read_text())
    assert report["accuracy"] == whole["accuracy"]
    for counter in ("genes_scored", "positions", "base_model_calls", "bases_read", "rows_written"):
        assert report["counters"][counter] == whole["counters"][counter], counter
    assert "found finished from before" in merge(*folders, "-o", tmp_path / "merged", *exports).stdout


def test_shards_with_workers(bench, command, merge, tmp_path):
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    for i in (1, 2):
        done = bench.call("predict", *inputs, "--all-genes", "--shard", f"{i}/2", "--workers", "2", "-o",
                          str(tmp_path / f"s{i}"))  # fmt: skip
        assert done.returncode == 0, done.stderr
    merge(tmp_path / "s1", tmp_path / "s2", "-o", tmp_path / "merged")
    command("predict", tmp_path / "whole", "--all-genes")
    assert same_files(tmp_path / "merged") == same_files(tmp_path / "whole")


def test_sparse_shards(command, merge, tmp_path):
    command("run", tmp_path / "whole", "--all-genes", "--min-score", "0.2", "--bed")
    for i in (1, 2):
        command("run", tmp_path / f"s{i}", "--all-genes", "--min-score", "0.2", "--shard", f"{i}/2")
    merge(tmp_path / "s1", tmp_path / "s2", "-o", tmp_path / "merged", "--bed")
    assert same_files(tmp_path / "merged") == same_files(tmp_path / "whole")


def test_names_without_gene_and_failing_genes(command, merge, bench, tmp_path):
    names = ",".join(gene.gene_name for gene in bench.genome.genes)
    command("run", tmp_path / "whole", "--genes", f"{names},NOBODY", code=6, model="fussy")
    folders = [tmp_path / f"s{i}" for i in range(1, 13)]
    codes = set()
    for i, folder in enumerate(folders, start=1):
        odd = i == 1 or any((gene.end - gene.start) % 2 for gene in share(bench, i, 12))
        codes.add(6 if odd else 0)
        command("run", folder, "--genes", f"{names},NOBODY", "--shard", f"{i}/12", code=6 if odd else 0, model="fussy")
    assert codes == {0, 6}, "shards of one gene each, which fails or not"
    done = merge(*folders, "-o", tmp_path / "merged", code=6)
    assert "of the requested genes could not be scored" in done.stderr
    assert same_files(tmp_path / "merged") == same_files(tmp_path / "whole")


def share(bench, index, of):
    """Genes of a shard by the rule: largest first, to whoever has least."""
    order = {name: rank for rank, name in enumerate(bench.genome.sequences)}
    genes = sorted(bench.genome.genes, key=lambda gene: (order[gene.contig], gene.start, gene.end, gene.strand))
    loads, shares = [0] * of, [[] for _ in range(of)]
    for gene in sorted(genes, key=lambda gene: gene.start - gene.end):
        least = loads.index(min(loads))
        loads[least] += gene.end - gene.start
        shares[least].append(gene)
    return shares[index - 1]


def test_what_is_refused(command, merge, bench, tmp_path):
    count = len(bench.genome.genes)
    done = command("run", tmp_path / "a", "--all-genes", "--shard", f"1/{count + 1}", code=2)
    assert f"but there are {count} genes" in done.stderr
    for wrong in ("0/2", "3/2", "1", "a/b"):
        done = command("run", tmp_path / "b", "--all-genes", "--shard", wrong, code=2)
        assert "i/n" in done.stderr
    done = command("run", tmp_path / "c", "--all-genes", "--shard", "1/2", "--bed", code=2)
    assert "ask `splicecore merge` for them" in done.stderr
    command("run", tmp_path / "s1", "--all-genes", "--shard", "1/2")
    done = command("run", tmp_path / "s1", "--all-genes", "--shard", "2/2", code=5)
    assert "shard was 1/2, is 2/2" in done.stderr
    command("run", tmp_path / "n2", "--all-genes", "--shard", "2/2", "--flank", "n")
    for arguments, code, message in (
        ([tmp_path / "s1"], 3, "shards are missing: 2/2"),
        ([tmp_path / "s1", tmp_path / "n2"], 3, "flank real and n"),
        ([tmp_path / "s1", tmp_path / "nowhere"], 3, "does not exist"),
    ):
        done = merge(*arguments, "-o", tmp_path / "merged", code=code)
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "merged").exists()
    merge(code=2)
    part = min((tmp_path / "s1" / "scores").iterdir())
    part.write_bytes(part.read_bytes()[:-1])
    done = merge(tmp_path / "s1", "-o", tmp_path / "merged", code=5)
    assert f"{part.name} changed since it was written (run the shard's command again)" in done.stderr
    command("run", tmp_path / "s1", "--all-genes", "--shard", "1/2")
    command("run", tmp_path / "s2", "--all-genes", "--shard", "2/2")
    merge(tmp_path / "s1", tmp_path / "s2", "-o", tmp_path / "merged")


# ------------------------------------------------------------------------------------------------ among the artifacts


def test_shards_of_a_test_are_merged_where_they_lie(data_root, merge):
    data_root.predict("--all-genes", "--test-name", "whole")
    shards = [data_root.predict("--all-genes", "--test-name", "mine", "--shard", f"{i}/3") for i in (1, 2, 3)]
    folder = data_root.resources / "quick_eval" / "tests" / "mine" / "meta_models" / "predictions"
    assert shards == [folder / "shards" / f"{i}-of-3" for i in (1, 2, 3)]
    done = merge(*shards)
    assert done.stdout.splitlines()[-1] == str(folder)
    whole = data_root.resources / "quick_eval" / "tests" / "whole" / "meta_models" / "predictions"
    merged = same_files(folder)
    assert {name: content for name, content in merged.items() if not name.startswith("shards/")} == same_files(whole)
    again = data_root.call("predict", "--all-genes", "--test-name", "mine")
    assert "found finished from before" in again.stdout, "the merged pass is that of the command without --shard"


def test_the_shards_of_a_test_need_its_name(data_root):
    done = data_root.call("predict", "--all-genes", "--shard", "1/2")
    assert done.returncode == 2
    assert "--test-name" in done.stderr


def test_shards_of_production_become_the_latest_when_they_are_merged(data_root, merge):
    first = data_root.predict("--all-genes", "--mode", "production", "--flank", "n")
    options = ["--all-genes", "--mode", "production", "--new-version", "--shard"]
    shards = [data_root.predict(*options, f"{i}/2") for i in (1, 2)]
    version = shards[0].parents[1]
    assert shards == [version / "shards" / f"{i}-of-2" for i in (1, 2)]
    assert version.name.startswith("v2_")
    assert (version.parent / "latest").resolve() == first
    merge(*shards)
    assert (version.parent / "latest").resolve() == version
    validated = data_root.inside.call(
        "artifacts", "validate", "--source", "sim", "--build", "toy", "--base-model", "quick",
        "--data-root", str(data_root.path),
    )  # fmt: skip
    assert validated.returncode == 0, validated.stdout + validated.stderr


def test_a_shard_alone_can_be_moved_and_merged_elsewhere(command, merge, tmp_path):
    for i in (1, 2):
        command("predict", tmp_path / "here" / f"s{i}", "--all-genes", "--shard", f"{i}/2")
    shutil.move(tmp_path / "here", tmp_path / "there")
    merge(tmp_path / "there" / "s1", tmp_path / "there" / "s2", "-o", tmp_path / "merged")
    command("predict", tmp_path / "whole", "--all-genes")
    assert same_files(tmp_path / "merged") == same_files(tmp_path / "whole")
