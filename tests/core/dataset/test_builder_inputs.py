"""What datasets are built of: genes, and scores that artifacts or a workflow have."""

from __future__ import annotations

import os
import shutil

import pyarrow.parquet as pq
import pytest
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.manifest import read_manifest
from splicecore.errors import ChecksumError, ExitCode, InputError


def test_named_genes_and_those_without_rows(workshop, tmp_path):
    workshop.build(tmp_path / "all")
    genes = Dataset.open(tmp_path / "all").genes().to_pylist()
    names = [genes[7]["gene_id"], genes[2]["gene_name"], genes[2]["gene_id"], "BRCA17"]
    result = workshop.build(tmp_path / "set", genes=names)
    assert (result.genes, result.missing, result.exit_code) == (2, 1, ExitCode.PARTIAL)
    found = Dataset.open(tmp_path / "set").genes().to_pylist()
    assert [row["gene_id"] for row in found] == [genes[2]["gene_id"], genes[7]["gene_id"], None]
    assert [row["status"] for row in found] == ["processed", "processed", "not_in_annotation"]
    assert found[2]["requested"] == "BRCA17"
    assert "BRCA17" in found[2]["reason"]
    assert found[2]["global_index"] is None


def test_genes_without_scores_are_reported(workshop, tmp_path):
    workshop.build(tmp_path / "all")
    names = Dataset.open(tmp_path / "all").genes().column("gene_id").to_pylist()
    common = {"fasta": workshop.fasta, "annotation": workshop.annotation}
    workshop.session().predict_pass(**common, base_model="quick", genes=names[:3], output_dir=tmp_path / "pass")
    options = {"artifacts": [tmp_path / "pass"], "genes": names[1:5]}
    result = workshop.build(tmp_path / "set", "quick", **options)
    assert (result.genes, result.missing) == (2, 2)
    found = Dataset.open(tmp_path / "set").genes().to_pylist()
    assert [(row["status"], row["reason"]) for row in found[2:]] == [("no_scores", "no scores of quick")] * 2
    with pytest.raises(InputError, match="none of the 1 chosen"):
        workshop.build(tmp_path / "none", "quick", artifacts=[tmp_path / "pass"], genes=names[5:6])
    whole = workshop.build(tmp_path / "whole", "quick", **options, run_workflow=True)
    assert (whole.genes, whole.missing) == (4, 0)
    workshop.build(tmp_path / "same", "quick", genes=names[1:5])
    assert workshop.masters(tmp_path / "whole") == workshop.masters(tmp_path / "same")


def test_no_scores_at_all(workshop, tmp_path):
    with pytest.raises(InputError, match="no scores of base model quick") as caught:
        workshop.build(tmp_path / "set", artifacts=[])
    assert "--run-workflow" in str(caught.value.hint)
    with pytest.raises(InputError, match="no scores of base model second"):
        workshop.build(tmp_path / "set", "quick", "second", artifacts=[workshop.passes["quick"]])


def test_the_workflow_from_scratch_equals_a_build_from_artifacts(workshop, tmp_path):
    options = {"subset_policy": "error_total", "n_genes": 5}
    workshop.build(tmp_path / "scratch", "quick", "second", artifacts=[], run_workflow=True, **options)
    workshop.build(tmp_path / "artifacts", "quick", "second", **options)
    assert workshop.masters(tmp_path / "scratch") == workshop.masters(tmp_path / "artifacts")
    assert workshop.build(
        tmp_path / "scratch", "quick", "second", artifacts=[], run_workflow=True, **options
    ).already_finished


def test_error_policies(workshop, tmp_path):
    performance = pq.read_table(workshop.passes["quick"] / "splice_performance.parquet").to_pylist()
    counts = {row["gene_id"]: row["fp"] for row in performance if row["site_type"] == "both"}
    worst = sorted(counts.values(), reverse=True)[:4]
    workshop.build(tmp_path / "set", subset_policy="error_fp", n_genes=4)
    found = Dataset.open(tmp_path / "set").genes().column("gene_id").to_pylist()
    assert sorted((counts[gene] for gene in found), reverse=True) == worst
    with pytest.raises(InputError, match="50 genes are asked for, but of 12 candidates 12 are there"):
        workshop.build(tmp_path / "more", subset_policy="error_fp", n_genes=50)


def test_other_inputs_than_the_artifacts(workshop, tmp_path):
    with pytest.raises(InputError, match="flank mode is real, not n"):
        workshop.build(tmp_path / "set", flank="n")
    text = workshop.annotation.read_text()
    (tmp_path / "other.gtf").write_text("#!a comment more\n" + text)
    with pytest.raises(InputError, match=r"its annotation is not other\.gtf"):
        workshop.build(tmp_path / "set", annotation=tmp_path / "other.gtf")
    with pytest.raises(InputError, match=r"its threshold is 0\.5, not 0\.3"):
        workshop.build(tmp_path / "set", threshold=0.3)
    with pytest.raises(InputError, match="is a pass of second, not of quick"):
        workshop.build(tmp_path / "set", artifacts=[workshop.passes["second"]])
    with pytest.raises(InputError, match="holds no finished base-model pass"):
        workshop.build(tmp_path / "set", artifacts=[tmp_path])


def test_scores_that_are_gone(workshop, tmp_path):
    shutil.copytree(workshop.passes["quick"], tmp_path / "pass")
    part = sorted((tmp_path / "pass/scores").iterdir())[0]
    part.unlink()
    with pytest.raises(ChecksumError, match="are gone"):
        workshop.build(tmp_path / "set", artifacts=[tmp_path / "pass"])
    os.link(sorted((tmp_path / "pass/scores").iterdir())[0], part)
    with pytest.raises(ChecksumError, match="does not hold the scores"):
        workshop.build(tmp_path / "set", artifacts=[tmp_path / "pass"])
    assert workshop.build(tmp_path / "set").genes == 12


def test_the_threshold_of_a_workflow(workshop, tmp_path):
    genes = [gene.gene_id for gene in workshop.genome.genes[:3]]
    made = [
        workshop.build(tmp_path / str(p), artifacts=[], run_workflow=True, genes=genes, threshold=p) for p in (0.1, 0.9)
    ]
    assert made[0].pred_types["FP"] > made[1].pred_types["FP"]
    identity = read_manifest(tmp_path / "0.1").identity
    assert identity["assess"]["threshold"] == 0.1
