"""What a user sees when something is wrong: one line on stderr, the right exit code, no traceback."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from splicecore.testing.plugins import fake_distribution
from splicecore.testing.simulate import SimulationConfig, simulate_genome

if TYPE_CHECKING:
    import subprocess


def complaint(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Insist on the exit code and on one line of error; returns it."""
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if "WARNING" not in line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("splicecore: error: ")
    return lines[0]


@pytest.fixture
def gene(bench):
    return bench.genome.genes[0]


def test_missing_and_truncated_fasta(bench, gene, tmp_path):
    done = bench.call("run", "--fasta", "no.fa", "--annotation", str(bench.annotation), "--base-model", "quick",
                      "--genes", gene.gene_name, "-o", str(tmp_path / "a"))  # fmt: skip
    assert "no.fa does not exist" in complaint(done, 3)
    paths = simulate_genome(SimulationConfig(contigs=("chr1",)), seed=4).write(tmp_path / "bgzip", bgzip=True)
    whole = paths.fasta.read_bytes()
    paths.fasta.write_bytes(whole[: len(whole) // 2])
    done = bench.call(
        "run", "--fasta", str(paths.fasta), "--annotation", str(paths.annotation), "--base-model", "quick",
                      "--all-genes", "-o", str(tmp_path / "b"))  # fmt: skip
    line = complaint(done, 3)
    assert "truncated" in line
    assert str(paths.fasta) in line


def test_gene_not_found_suggests_near_names(bench, gene, tmp_path):
    wrong = gene.gene_name[:-1] + "Q" + gene.gene_name[-1:]
    line = complaint(bench.call(*bench.run_arguments(tmp_path, "--genes", wrong)), 3)
    assert f"gene {wrong} is not in" in line
    assert f"did you mean {gene.gene_name}" in line


def test_gene_on_a_contig_that_the_reference_lacks(bench, tmp_path):
    lacking = tmp_path / "chr1.fa"
    lacking.write_text(bench.fasta.read_text().partition(">chr2")[0])
    other = next(gene for gene in bench.genome.genes if gene.contig == "chr2")
    done = bench.call("run", "--fasta", str(lacking), "--annotation", str(bench.annotation), "--base-model", "quick",
                      "--genes", other.gene_name, "-o", str(tmp_path / "out"))  # fmt: skip
    assert done.returncode == 3
    assert f"gene {other.gene_name} is on contig chr2, which {lacking} does not have" in done.stderr.splitlines()[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_that_cannot_be_written(bench, tmp_path):
    tmp_path.chmod(0o500)
    assert "permission" in complaint(bench.call(*bench.run_arguments(tmp_path, "--all-genes")), 5)


def test_output_folder_that_is_a_file(bench, tmp_path):
    (tmp_path / "file").write_text("")
    line = complaint(bench.call(*bench.run_arguments(tmp_path / "file", "--all-genes")), 5)
    assert f"cannot write {tmp_path / 'file'}" in line


def test_unknown_base_model_lists_what_there_is(bench, tmp_path):
    line = complaint(bench.call(*bench.run_arguments(tmp_path, "--all-genes", model="quik")), 4)
    assert "there is no base model 'quik'" in line
    assert "did you mean quick" in line


def test_missing_weights_say_where_they_were_looked_for(bench, tmp_path):
    done = bench.call(
        *bench.run_arguments(tmp_path, "--all-genes", "--models-dir", str(tmp_path / "no"), model="spliceai"),
        SPLICECORE_LOAD_PLUGINS="spliceai",
    )
    assert str(tmp_path / "no") in complaint(done, 5)


def test_corrupted_weights(bench, tmp_path):
    pytest.importorskip("torch")
    for member in range(1, 6):
        (tmp_path / f"spliceai{member}.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    done = bench.call(
        *bench.run_arguments(tmp_path / "out", "--all-genes", "--models-dir", str(tmp_path), model="spliceai"),
        SPLICECORE_LOAD_PLUGINS="spliceai",
    )
    assert "spliceai1.h5" in complaint(done, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-such-option"], "No such option"),
        (["--workers", "many"], "--workers"),
        (["--workers", "0"], "workers is 0"),
        (["--flank", "both"], "flank"),
        (["--genes", "A", "--all-genes"], "more than one way"),
        ([], "no genes chosen"),
        (["--region", "chr1:9-3"], "ends before it begins"),
        (["--all-genes", "--engine", "abacus"], "no engine 'abacus'"),
        (["--all-genes", "--inference-mode", "psychic"], "inference_mode"),
    ],
)
def test_wrong_options(bench, tmp_path, arguments, message):
    assert message in complaint(bench.call(*bench.run_arguments(tmp_path, *arguments)), 2)


def test_missing_inputs_name_the_option(bench, tmp_path):
    assert "--fasta" in complaint(bench.call("run", "--all-genes", "-o", str(tmp_path)), 2)
    assert "--output-dir" in complaint(bench.call("run", "--all-genes"), 2)


def test_build_that_the_genome_is_not(bench, tmp_path):
    line = complaint(bench.call(*bench.run_arguments(tmp_path, "--all-genes", "--build", "GRCh38")), 3)
    assert "GRCh38" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run]\nfastq = 'a'\n", "fastq"),
        ("[run]\nworkers = 'two'\n", "workers"),
        ("[runs]\n", "runs"),
        ("[plugins]\ndisabled = ['a']\n", "disabled"),
        ("[run\n", "not valid TOML"),
    ],
)
def test_configuration_errors_name_the_file_and_the_key(bench, tmp_path, text, message):
    config = tmp_path / "splicecore.toml"
    config.write_text(text)
    line = complaint(bench.call(*bench.run_arguments(tmp_path / "out", "--all-genes", "--config", str(config))), 2)
    assert message in line
    assert "splicecore.toml" in line


def test_missing_configuration_file(bench, tmp_path):
    assert "no.toml" in complaint(bench.call(*bench.run_arguments(tmp_path, "--config", "no.toml")), 2)


BROKEN = {
    "raises": ("import no_such_framework\n", ["splicecore"], "FAILED", "no_such_framework"),
    "toonew": ("", ["splicecore>=99"], "INCOMPATIBLE", "needs splicecore>=99"),
    "typo": (
        "from splicecore.api import hookimpl\n\n@hookimpl\ndef splicecore_base_modells():\n    return []\n",
        ["splicecore"],
        "FAILED",
        "splicecore_base_models",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_stops_only_what_needs_it(bench, tmp_path, name):
    source, requires, state, cause = BROKEN[name]
    fake_distribution(tmp_path / "site", name, "1.0", source, requires=requires)
    variables = {"PYTHONPATH": f"{tmp_path / 'site'}:{bench.site}", "SPLICECORE_LOAD_PLUGINS": f"{name},bench-models"}
    done = bench.call(*bench.run_arguments(tmp_path / "a", "--all-genes"), **variables)
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert name in warning
    needed = complaint(bench.call(*bench.run_arguments(tmp_path / "b", "--all-genes", model=name), **variables), 4)
    assert state in needed
    assert cause in needed
    listed = bench.call("plugins", "list", **variables)
    assert listed.returncode == 0
    assert state in listed.stdout
    strict = bench.call("--strict-plugins", *bench.run_arguments(tmp_path / "c", "--all-genes"), **variables)
    assert cause in complaint(strict, 4)


def test_disabled_plugins_are_not_used(bench, tmp_path):
    done = bench.call("--disable-plugin", "bench-models", *bench.run_arguments(tmp_path, "--all-genes"))
    assert done.returncode == 4
    config = tmp_path / "splicecore.toml"
    config.write_text("[plugins]\ndisable = ['bench-models']\n")
    done = bench.call(*bench.run_arguments(tmp_path, "--all-genes", "--config", str(config)))
    assert done.returncode == 4
