"""``splicecore run`` with a meta-model: what it survives and what it refuses."""

from __future__ import annotations

import json
import re
import shutil

import pyarrow.parquet as pq
import pytest

COMPLETE = "predictions/complete_coverage_predictions.parquet"
BASE = "predictions/base_model_predictions.parquet"


def test_genes_that_fail_do_not_stop_the_others(served, infer, tmp_path):
    gene = served.bench.genome.genes[0]
    rows = str(gene.end - gene.start)
    done = infer(tmp_path / "out", "--inference-mode", "meta_only", code=6, FAIL_ROWS=rows)
    genes = json.loads((tmp_path / "out" / "gene_manifest.json").read_text())["genes"]
    failed = [entry for entry in genes if entry["status"] != "processed"]
    assert [entry["gene_id"] for entry in failed] == [gene.gene_id]
    assert failed[0]["status"] == "recalibration_failed"
    assert "a meta-model's own bug" in failed[0]["reason"]
    assert "1 of the requested genes could not be scored" in done.stderr
    left = pq.read_table(tmp_path / "out" / COMPLETE).column("gene_id").unique().to_pylist()
    assert sorted(left) == sorted({each.gene_id for each in served.bench.genome.genes} - {gene.gene_id})
    every = ",".join({str(each.end - each.start) for each in served.bench.genome.genes})
    done = infer(tmp_path / "none", "--inference-mode", "meta_only", code=4, FAIL_ROWS=every)
    assert "failed on every gene" in done.stderr


def test_genes_that_another_base_model_fails_on_are_told(served, infer, tmp_path):
    infer(tmp_path / "out", code=6, FUSSY="tiles")
    genes = json.loads((tmp_path / "out" / "gene_manifest.json").read_text())["genes"]
    odd = {gene.gene_id for gene in served.bench.genome.genes if (gene.end - gene.start) % 2}
    assert {gene["gene_id"] for gene in genes if gene["status"] != "processed"} == odd
    assert all(gene["reason"].startswith("tiles: RuntimeError") for gene in genes if gene["gene_id"] in odd)
    for name in (COMPLETE, BASE):
        assert not odd & set(pq.read_table(tmp_path / "out" / name).column("gene_id").unique().to_pylist())


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--base-model", "tiles"], 2, "the meta-model in .* is one of quick and tiles"),
        (["--inference-mode", "base_only"], 2, "base_only takes the base model's scores as they are"),
        (["--flank", "n"], 4, "trained on flank mode real, but the flank mode is n .--flank real"),
        (["--uncertainty-low", "0.9"], 2, "crossed"),
        (["--uncertainty-high", "1.5"], 2, "uncertainty_high"),
        (["--uncertainty-strategy", "entropy"], 2, "entropy_only"),
        (["--uncertainty-strategy", "entropy_only", "--uncertainty-low", "0.1"], 2, "does not use uncertainty_low"),
        (["--target-meta-rate", "0"], 2, "target_rate"),
        (["--target-meta-rate", "0.1", "--shard", "1/2"], 2, "shard alone does not know the threshold"),
        (["--target-meta-rate", "0.1", "--inference-mode", "meta_only"], 2, "meta_only recalibrates every position"),
        (["--target-meta-rate", "0.1", "--uncertainty-threshold", "1"], 2, "both given"),
        (["--uncertainty-threshold", "0"], 2, "must be above 0"),
        (["--keep-artifacts-dir", "kept", "--no-reuse"], 2, "keep_artifacts_dir"),
        (["--model-option", "site=4"], 4, "quick has the fingerprint"),
        (["--models-dir", "quick=a,quick=b"], 2, "NAME=PATH"),
        (["--shard", "1/2", "--bed"], 2, "shard has no exports"),
        (["--inference-mode", "both"], 2, "inference_mode"),
    ],
)
def test_refuses_what_makes_no_sense(infer, tmp_path, options, code, said):
    done = infer(tmp_path / "out", *options, code=code)
    assert "Traceback" not in done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert not (tmp_path / "out" / "predictions").exists()


def test_refuses_what_is_no_model_or_another(bench, served, call, infer, tmp_path):
    inputs = ["--fasta", bench.fasta, "--annotation", bench.annotation, "--all-genes"]

    def refused(model, code, said, *more):
        done = call("run", *inputs, "--meta-model", model, "-o", tmp_path / "out", *more, code=code)
        assert said in done.stderr

    refused(tmp_path / "nowhere", 5, "does not exist")
    refused(served.dataset, 5, "holds no finished meta-model")
    copy = tmp_path / "copy"
    shutil.copytree(served.model, copy)
    weights = copy / "model" / "bayes.json"
    weights.write_text(weights.read_text()[:-3])
    refused(copy, 5, "truncated or changed")
    settings = tmp_path / "other.toml"
    settings.write_text("[features.sequence]\nkmer_sizes = [3]\n")
    refused(served.model, 4, "kmer", "--config", settings)
    done = call("run", *inputs, "-o", tmp_path / "out", "--inference-mode", "hybrid", "--base-model", "quick", code=2)
    assert "needs a meta-model" in done.stderr
    done = call("run", *inputs, "-o", tmp_path / "out", "--base-model", "quick", "--uncertainty-low", "0.1", code=2)
    assert "uncertainty_low is given, but inference mode base_only" in done.stderr
    other = tmp_path / "genome.fa"
    other.write_text(bench.fasta.read_text() + ">chr77\n" + "ACGT" * 50 + "\n")
    done = call(
        "run", "--fasta", other, "--annotation", bench.annotation, "--all-genes", "--meta-model", served.model,
        "-o", tmp_path / "out", code=4,
    )  # fmt: skip
    assert "trained on build" in done.stderr
    infer(tmp_path / "set", "--training-dataset", served.dataset)


def test_a_gene_without_sequence_is_told(bench, served, call, tmp_path):
    annotation = tmp_path / "more.gtf"
    line = 'chr9\tsim\t{}\t100\t900\t.\t+\t.\tgene_id "LOST"; gene_name "LOST"; transcript_id "LOST.1";\n'
    annotation.write_text(
        bench.annotation.read_text() + line.format("gene") + line.format("transcript") + line.format("exon")
    )
    name = bench.genome.genes[0].gene_name
    inputs = ["run", "--fasta", bench.fasta, "--annotation", annotation, "--meta-model", served.model]
    call(*inputs, "--genes", f"{name},LOST", "-o", tmp_path / "out", code=6)
    genes = json.loads((tmp_path / "out" / "gene_manifest.json").read_text())["genes"]
    assert {gene["requested"]: gene["status"] for gene in genes} == {name: "processed", "LOST": "no_sequence"}
    assert "chr9" in call(*inputs, "--genes", "LOST", "-o", tmp_path / "none", code=3).stderr


def test_another_training_dataset_is_refused(served, infer, tmp_path):
    copy = tmp_path / "set"
    shutil.copytree(served.dataset, copy)
    manifest = json.loads((copy / "dataset.json").read_text())
    manifest["batches"][0]["sha256"] = "0" * 64
    (copy / "dataset.json").write_text(json.dumps(manifest))
    done = infer(tmp_path / "out", "--training-dataset", copy, code=3)
    assert "was not trained on the dataset" in done.stderr
