"""The example workflow: shards by Snakemake, the same bytes as one run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).resolve().parents[2] / "examples" / "snakemake" / "Snakefile"
TABLE = "predictions/base_model_predictions.parquet"


@pytest.fixture
def snakemake(bench, tmp_path):
    """Run the workflow with options for Snakemake; in a folder of its own, with the commands of this environment."""
    found = shutil.which("snakemake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("snakemake is not installed; `make test` installs it (dependency group `workflow`)")
    if not WORKFLOW.exists():
        pytest.skip("the examples are not part of a source distribution")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "splicecore"
    environment = bench.environment(XDG_CACHE_HOME=str(tmp_path / "xdg"))
    plugins = environment.pop("PYTHONPATH")  # for splicecore alone
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{plugins}" exec "{sys.executable}" -m splicecore "$@"\n')
    command.chmod(0o755)
    environment["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{environment['PATH']}"

    def call(*arguments):
        line = [found, "--snakefile", str(WORKFLOW), "--cores", "2", "--directory", str(tmp_path), *arguments]
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)

    return call


def configured(bench, folder, **fields):
    options = {"fasta": str(bench.fasta), "annotation": str(bench.annotation), "base-model": "quick", "all-genes": True}
    fields = {"shards": 3, "output": "out", "options": {**options, **fields.pop("options", {})}, "threads": 1, **fields}
    path = folder / "config.json"
    path.write_text(json.dumps(fields))
    return ["--configfile", str(path)]


def test_shards_by_snakemake(bench, inside, snakemake, tmp_path):
    whole = inside.run(tmp_path / "whole", "--all-genes", "--bed")
    done = snakemake(*configured(bench, tmp_path, exports=["bed"]))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / TABLE).read_bytes() == whole.read_bytes()
    for name in ("manifest.json", "gene_manifest.json", "exports/splice_sites.bed"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(list((tmp_path / "out" / "shards").iterdir())) == 3
    again = snakemake(*configured(bench, tmp_path, exports=["bed"]))
    assert "Nothing to be done" in again.stdout + again.stderr


def test_genes_that_fail_do_not_fail_the_workflow(bench, inside, snakemake, tmp_path):
    inside.call(*bench.run_arguments(tmp_path / "whole", "--all-genes", model="fussy"))
    done = snakemake(*configured(bench, tmp_path, options={"base-model": "fussy"}))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / TABLE).read_bytes() == (tmp_path / "whole" / TABLE).read_bytes()
    wrong = snakemake(*configured(bench, tmp_path, output="other", options={"base-model": "nobody"}))
    assert wrong.returncode != 0
