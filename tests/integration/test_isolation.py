"""``--base-model-env`` as a user gives it: the same bytes, whoever dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.testing.environments import make_environment

ROOT = Path(__file__).resolve().parents[2]
TENSORFLOW = ROOT / ".venv-tf" / "bin" / "python"
ELSEWHERE = {"PYTHONPATH": "", "SPLICECORE_CACHE_LIMIT_GB": "1"}
"""Nothing of the bench is installed for the command itself; scores are kept for the next."""


@pytest.fixture(scope="module")
def python(bench, tmp_path_factory):
    """An interpreter that has the bench's models."""
    return str(make_environment(tmp_path_factory.mktemp("isolation") / "env", bench.site).python)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pids, seconds=20):
    """Whether processes that nobody waits for have ended."""
    until = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(alive(pid) for pid in pids)


def workers_of(text):
    return [int(pid) for pid in re.findall(r"runs in .*process (\d+)", text)]


def read(folder):
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("manifest", "performance_report")}


def test_a_run_is_the_same(bench, python, tmp_path):
    genes = ["--all-genes"]
    here = bench.run(tmp_path / "here", *genes)
    done = bench.call(*bench.run_arguments(tmp_path / "none", *genes), **ELSEWHERE)
    assert done.returncode == 4, "it is not installed for the command"
    caches = {"SPLICECORE_CACHE_DIR": str(tmp_path / "cache")}
    there = bench.run(tmp_path / "there", *genes, "--base-model-env", python, "-v", **ELSEWHERE, **caches)
    assert there.read_bytes() == here.read_bytes()
    ours, theirs = read(tmp_path / "here"), read(tmp_path / "there")
    assert ours["manifest"]["identity"] == theirs["manifest"]["identity"]
    known = theirs["manifest"]["base_model_environment"]
    assert known["plugins"]["bench-models"] == "bench-models 1.0"
    assert "bench-models" not in theirs["manifest"]["plugins"]
    assert "base_model_environment" not in ours["manifest"]
    again = bench.run(tmp_path / "again", *genes, SPLICECORE_CACHE_LIMIT_GB="1", **caches)
    assert again.read_bytes() == here.read_bytes()
    report = read(tmp_path / "again")["performance_report"]
    assert json.dumps(report).count('"reused": true') >= 2, "scores are known by the same keys here and there"


def test_each_worker_process_has_its_own(bench, python, tmp_path):
    here = bench.run(tmp_path / "here", "--all-genes")
    config = tmp_path / "config.toml"
    config.write_text(f'[models.quick]\nbase_model_env = "{python}"\nbase_model_timeout = 100\n')
    arguments = bench.run_arguments(tmp_path / "there", "--all-genes", "--workers", "2", "--config", str(config), "-v")
    done = bench.call(*arguments, **{**ELSEWHERE, "SPLICECORE_CACHE_LIMIT_GB": "0"})
    assert done.returncode == 0, done.stderr
    path = tmp_path / "there" / "predictions" / "base_model_predictions.parquet"
    assert path.read_bytes() == here.read_bytes()


def test_variants_are_the_same(bench, python, tmp_path):
    contig, sequence = next(iter(bench.genome.sequences.items()))
    rows = [
        f"{contig}\t{at + 1}\t.\t{'ACGT'[sequence[at]]}\t{'CGTA'[sequence[at]]}\t.\t.\t." for at in range(900, 3000, 70)
    ]
    vcf = tmp_path / "in.vcf"
    vcf.write_text("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n" + "\n".join(rows) + "\n")
    inputs = ["variants", "-I", str(vcf), "-R", str(bench.fasta), "-A", str(bench.annotation)]
    outputs = []
    for name, options, variables in (
        ("here", (), {}), ("shared", ("--base-model-env", python), ELSEWHERE),
        ("named", ("--base-model-env", f"quick={python}", "--base-model-env", f"tiles={python}"), ELSEWHERE),
    ):  # fmt: skip
        output = tmp_path / name / "out.vcf"
        output.parent.mkdir()
        done = bench.call(*inputs, "--base-model", "quick,tiles", "-O", str(output), *options, **variables)
        assert done.returncode == 0, done.stderr
        outputs.append(output.read_bytes())
    assert outputs[0].count(b"quick=") == outputs[0].count(b"tiles=") > 10
    assert outputs[1] == outputs[0]
    assert outputs[2] == outputs[0]


def test_predict_takes_it_too(bench, python, tmp_path):
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    folders = []
    for name, options, variables in (("here", (), {}), ("there", ("--base-model-env", python), ELSEWHERE)):
        folders.append(tmp_path / name)
        done = bench.call("predict", *inputs, "--all-genes", "-o", str(folders[-1]), *options, **variables)
        assert done.returncode == 0, done.stderr
    tables = [sorted(path.relative_to(folder) for path in folder.rglob("*.parquet")) for folder in folders]
    assert tables[0] == tables[1]
    assert tables[0]
    for path in tables[0]:
        assert (folders[0] / path).read_bytes() == (folders[1] / path).read_bytes()


def test_a_meta_models_base_models(served, python, tmp_path):
    bench, genes = served.bench, ["--genes", ",".join(gene.gene_id for gene in served.bench.genome.genes[:2])]
    results = []
    for name, options in (("here", ()), ("there", ("--base-model-env", f"tiles={python}"))):
        done = bench.call(*served.arguments(tmp_path / name, *genes, *options), SPLICECORE_LOAD_PLUGINS=served.plugins)
        assert done.returncode == 0, done.stderr
        results.append((tmp_path / name / "predictions" / "complete_coverage_predictions.parquet").read_bytes())
    assert results[0] == results[1]
    done = bench.call(
        *served.arguments(tmp_path / "wrong", *genes, "--base-model-env", f"slow={python}"),
        SPLICECORE_LOAD_PLUGINS=served.plugins,
    )
    assert done.returncode == 2
    assert "slow, which is no base model of this command" in done.stderr


def started(bench, python, folder, *arguments):
    """Start a run of the slow model; returns it and the ids of its workers when they are at work."""
    command = bench.command(*bench.run_arguments(folder, "--base-model-env", python, "-v", *arguments, model="slow"))
    environment = bench.environment(**{**ELSEWHERE, "SLOW": "2"})
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if len(pids := workers_of("".join(lines))) == 2:  # one to know the model, one to score with it
            return process, pids
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("whom", ["interrupt", "kill the run", "kill the model"])
def test_nobody_is_left_behind(bench, python, tmp_path, whom):
    process, pids = started(bench, python, tmp_path / "out", "--all-genes")
    time.sleep(0.5)
    if whom == "kill the model":
        os.kill(pids[-1], signal.SIGKILL)
    else:
        process.send_signal(signal.SIGINT if whom == "interrupt" else signal.SIGKILL)
    _, text = process.communicate(timeout=60)
    assert process.returncode == {"interrupt": 130, "kill the run": -9, "kill the model": 4}[whom], text
    if whom == "kill the model":
        assert "killed by SIGKILL" in text
        assert "Traceback" not in text
    assert gone(pids)


def processes_of(python):
    """Ids of the processes of an interpreter."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[0] == python.encode():
                found.append(int(path.parent.name))
        except OSError:
            continue  # ended meanwhile
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_nobody_is_left_behind_by_worker_processes(bench, python, tmp_path, sent):
    command = bench.command(
        *bench.run_arguments(
            tmp_path / "out", "--all-genes", "--base-model-env", python, "--workers", "2", model="slow"
        )
    )
    environment = bench.environment(**{**ELSEWHERE, "SLOW": "2"})
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 100
    while len(pids := processes_of(python)) < 2:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(sent)
    _, text = process.communicate(timeout=60)
    assert process.returncode == (130 if sent == signal.SIGINT else -9), text
    assert gone(pids)
    assert not processes_of(python)


@pytest.mark.realdata
@pytest.mark.timeout(600)
def test_tensorflow_in_its_own_interpreter_scores_as_torch(real_data, tmp_path):
    if not TENSORFLOW.exists():
        pytest.skip("TensorFlow is not installed: make test-tensorflow")
    pytest.importorskip("splicecore_spliceai")
    session = Session(
        plugins=PluginSettings(load=("spliceai",)), cache_dir=tmp_path / "cache", data_root=tmp_path / "data",
        models={"spliceai": {"members": [1]}},
    )  # fmt: skip
    genome = real_data / "genome"
    tables = [
        session.predict(
            fasta=genome / "GRCh37.fa.gz", annotation=genome / "GRCh37.gtf.gz", base_model="spliceai", genes=["PERM1"],
            threads=2, **options,
        )
        for options in ({}, {"engine": "tensorflow", "base_model_env": str(TENSORFLOW)})
    ]  # fmt: skip
    ours, theirs = (np.stack([table[f"{name}_score"].to_numpy() for name in ("acceptor", "donor")]) for table in tables)
    assert ours.max() > 0.5
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)
