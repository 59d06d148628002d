"""``splicecore run`` with a meta-model: what hybrid and meta_only write and reuse."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from splicecore.dataset.dataset import Dataset
from splicecore.features.matrix import to_matrix

COMPLETE = "predictions/complete_coverage_predictions.parquet"
META = "predictions/meta_model_predictions.parquet"
BASE = "predictions/base_model_predictions.parquet"
KEY = ["contig", "strand", "position", "gene_id"]
CLASSES = ("neither", "acceptor", "donor")
TIMES = {"performance_report.json", "performance_report.txt", "run.log"}


def columns(names, kind):
    return [f"{name}_{kind}" for name in names]


def matrix(table, names):
    return np.column_stack([table.column(name).to_numpy() for name in names])


def same_files(folder):
    """Content of all files but reports, log and what the run needs for itself."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in TIMES and ".splicecore" not in path.parts
    }


def report(folder):
    return json.loads((folder / "performance_report.json").read_text())


def stage(folder, name):
    return next(row for row in report(folder)["stages"] if row["stage"] == name)


def test_hybrid_covers_everything_and_says_what_is_what(served, infer, session, tmp_path):
    done = infer(tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / COMPLETE)
    base = pq.read_table(tmp_path / "out" / BASE)
    meta = pq.read_table(tmp_path / "out" / META)
    genes = served.bench.genome.genes
    assert table.num_rows == sum(gene.end - gene.start for gene in genes)
    assert table.select(KEY).group_by(KEY).aggregate([]).num_rows == table.num_rows
    names = ["build", "contig", "strand", "position", "rel_position", "gene_id", "gene_name"]
    scores = [*columns(CLASSES, "score"), *columns([f"tiles__{name}" for name in CLASSES], "score")]
    mine = [*columns(CLASSES, "base"), *columns(CLASSES, "meta"), "uncertainty"]
    said = ["is_uncertain", "is_adjusted", "prediction_source", "selection_reason"]
    assert table.schema.names == [*names, *scores, *mine, *said]
    assert base.schema.names == [*names, *scores]
    assert table.select(base.schema.names).equals(base)
    adjusted = table.column("is_adjusted")
    assert table.column("is_uncertain").equals(adjusted)
    assert 0 < pc.sum(adjusted).as_py() < table.num_rows
    source = pc.if_else(adjusted, "meta_model", "base_model")
    assert table.column("prediction_source").cast(pa.string()).equals(source.cast(pa.string()))
    chosen = table.filter(adjusted)
    assert chosen.select([*KEY, "donor_meta", "uncertainty", "selection_reason"]).equals(
        meta.select([*KEY, "donor_meta", "uncertainty", "selection_reason"])
    )
    kept = table.filter(pc.invert(adjusted))
    assert set(kept.column("selection_reason").unique().to_pylist()) == {""}
    assert "" not in chosen.column("selection_reason").unique().to_pylist()
    assert np.array_equal(matrix(kept, columns(CLASSES, "meta")), matrix(kept, columns(CLASSES, "base")))
    with session.open_meta_model(served.model) as scorer:
        both = [matrix(table, scores[:3]), matrix(table, scores[3:])]
        mean = np.stack(both).mean(axis=0, dtype=np.float64).astype(np.float32)
        assert np.array_equal(scorer.calibrate_base("mean", mean), matrix(table, columns(CLASSES, "base")))
        raw = matrix(meta, columns(CLASSES, "meta_raw"))
        assert np.array_equal(scorer.calibrate(raw), matrix(meta, columns(CLASSES, "meta")))
    assert f"{meta.num_rows:,} positions recalibrated" in done.stdout
    assert meta.schema.names[-5:] == ["site_probability", "entropy", "spread", "variance", "selection_reason"]


def test_the_manifests_say_what_was_done(served, infer, tmp_path):
    infer(tmp_path / "out", "--genes", "GENE0001,NOBODY".replace("GENE0001", served.bench.genome.genes[0].gene_name),
          code=6)  # fmt: skip
    table = pq.read_table(tmp_path / "out" / COMPLETE)
    known = json.loads((tmp_path / "out" / "metadata" / "inference_metadata.json").read_text())
    assert known["mode"] == "hybrid"
    assert known["selection"]["strategy"] == "hybrid_entropy"
    assert known["selection"]["threshold"] == 1
    assert known["selection"]["selected"] == pc.sum(table.column("is_uncertain")).as_py()
    assert known["meta_model"]["folder"] == "model"
    assert [model["name"] for model in known["base_models"]] == ["quick", "tiles"]
    points = json.loads((served.model / "operating_points.json").read_text())["modes"]
    calls = {"base_model": points["base_only"], "final": points["hybrid"]}
    least = {
        which: {site: points[site]["best_f1"]["threshold"] for site in ("acceptor", "donor")}
        for which, points in calls.items()
    }
    assert known["thresholds"] == least
    named, nobody = json.loads((tmp_path / "out" / "gene_manifest.json").read_text())["genes"]
    assert nobody["status"] == "not_in_annotation"
    assert "scenario" not in nobody

    def called(kind, which):
        return np.column_stack(
            [
                table.column(f"{site}_{kind}").to_numpy() >= np.float32(least[which][site])
                for site in ("acceptor", "donor")
            ]
        )

    changed = (called("score", "base_model") != called("meta", "final")).any(axis=1).sum()
    assert named["changed_calls"] == changed
    assert named["recalibrated"] == pc.sum(table.column("is_adjusted")).as_py()
    text = (tmp_path / "out" / "performance_report.txt").read_text()
    assert "mode hybrid" in text
    assert "Final calls" in text
    assert str(tmp_path) not in json.dumps(known)


def test_scores_of_training_rows_are_those_of_training(served, infer, session, tmp_path):
    """No train/serve skew: rows of the dataset score bit for bit as the run scores their positions."""
    infer(tmp_path / "out", "--inference-mode", "meta_only")
    meta = pq.read_table(tmp_path / "out" / META, columns=[*KEY, *columns(CLASSES, "meta_raw")])
    keys = zip(*(meta.column(name).to_pylist() for name in KEY), strict=True)
    found = dict(zip(keys, matrix(meta, columns(CLASSES, "meta_raw")), strict=True))
    seen = 0
    with session.open_meta_model(served.model) as scorer:
        for batch in Dataset.open(served.dataset).batches():
            features = to_matrix(batch.select(list(scorer.record.columns)))
            expected = scorer.predict(features)
            keys = zip(*(batch.column(name).to_pylist() for name in KEY), strict=True)
            assert np.array_equal(np.stack([found[key] for key in keys]), expected)
            seen += batch.num_rows
    assert seen > 100


def test_meta_only_recalibrates_all(infer, tmp_path):
    infer(tmp_path / "out", "--inference-mode", "meta_only")
    table = pq.read_table(tmp_path / "out" / COMPLETE)
    meta = pq.read_table(tmp_path / "out" / META)
    assert meta.num_rows == table.num_rows
    assert pc.all(table.column("is_adjusted")).as_py()
    assert not pc.all(table.column("is_uncertain")).as_py()
    assert np.array_equal(matrix(table, columns(CLASSES, "meta")), matrix(meta, columns(CLASSES, "meta")))
    sure = table.filter(pc.invert(table.column("is_uncertain")))
    assert sure.column("selection_reason").unique().to_pylist() == ["meta_only"]


@pytest.mark.parametrize("options", [(), ("--target-meta-rate", "0.07")])
def test_same_bytes_for_workers_and_order(served, infer, tmp_path, options):
    names = [gene.gene_name for gene in served.bench.genome.genes]
    infer(tmp_path / "one", "--genes", ",".join(names), *options, "--bed")
    shuffled = [names[i] for i in np.random.default_rng(5).permutation(len(names))]
    infer(tmp_path / "two", "--genes", ",".join(shuffled), *options, "--bed", "--workers", "2")
    assert same_files(tmp_path / "one") == same_files(tmp_path / "two")


@pytest.mark.parametrize("options", [("--uncertainty-threshold", "1.3"), ("--inference-mode", "meta_only")])
def test_shards_merged_are_the_whole(call, infer, tmp_path, options):
    infer(tmp_path / "whole", *options, "--bed", "--tsv")
    for i in (1, 2, 3):
        infer(tmp_path / f"s{i}", *options, "--shard", f"{i}/3")
    call("merge", *(tmp_path / f"s{i}" for i in (3, 1, 2)), "-o", tmp_path / "merged", "--bed", "--tsv")
    assert same_files(tmp_path / "merged") == same_files(tmp_path / "whole")
    merged, whole = (report(tmp_path / name)["inference"] for name in ("merged", "whole"))
    assert merged == whole


def test_a_target_rate_is_met(infer, tmp_path):
    for rate in (0.01, 0.1):
        infer(tmp_path / f"r{rate}", "--target-meta-rate", rate)
        known = json.loads((tmp_path / f"r{rate}" / "metadata" / "inference_metadata.json").read_text())
        assert known["selection"]["reached_rate"] == pytest.approx(rate, rel=0.1)
        assert known["selection"]["threshold_from"] == "target_rate"
        table = pq.read_table(tmp_path / f"r{rate}" / COMPLETE)
        least = pc.min(table.filter(table.column("is_adjusted")).column("uncertainty")).as_py()
        assert least >= known["selection"]["threshold"]
        assert pc.max(table.filter(pc.invert(table.column("is_adjusted"))).column("uncertainty")).as_py() < least


def test_a_target_rate_where_nothing_is_unsure_warns(infer, tmp_path):
    done = infer(tmp_path / "out", "--uncertainty-strategy", "ensemble_disagreement", "--target-meta-rate", "0.1")
    assert "no position has an uncertainty above 0" in done.stderr  # both base models are the same
    assert pq.read_table(tmp_path / "out" / META).num_rows == 0


def test_settings_of_a_strategy_come_from_a_file(infer, tmp_path):
    config = tmp_path / "splicecore.toml"
    config.write_text("[uncertainty]\nentropy = 0.3\n")
    chosen = ["--uncertainty-strategy", "entropy_only"]
    infer(tmp_path / "plain", *chosen)
    infer(tmp_path / "file", *chosen, "--config", config)
    known = json.loads((tmp_path / "file" / "metadata" / "inference_metadata.json").read_text())["selection"]
    assert known["settings"] == {"entropy": 0.3}
    assert pq.read_table(tmp_path / "file" / META).num_rows > pq.read_table(tmp_path / "plain" / META).num_rows > 0
    config.write_text("[uncertainty]\nspread = 0.9\n")
    done = infer(tmp_path / "wrong", *chosen, "--config", config, code=2)
    assert "settings of uncertainty strategy entropy_only" in done.stderr
    assert "spread" in done.stderr


def test_no_position_is_scored_twice(infer, tmp_path):
    cached = {"SPLICECORE_CACHE_LIMIT_GB": "1", "SPLICECORE_CACHE_DIR": str(tmp_path / "cache")}
    infer(tmp_path / "narrow", "--uncertainty-strategy", "entropy_only", **cached)
    infer(tmp_path / "all", "--inference-mode", "meta_only", **cached)
    infer(tmp_path / "hybrid", **cached)
    infer(tmp_path / "cold")
    infer(tmp_path / "forced", "--no-reuse", **cached)
    narrow = pq.read_table(tmp_path / "narrow" / META).num_rows
    everything, again = stage(tmp_path / "all", "recalibrate"), stage(tmp_path / "hybrid", "recalibrate")
    assert narrow > 0
    assert everything["found"] == narrow
    assert again["found"] == again["positions"] == pq.read_table(tmp_path / "hybrid" / META).num_rows
    assert stage(tmp_path / "cold", "recalibrate")["found"] == stage(tmp_path / "forced", "recalibrate")["found"] == 0
    for name in (COMPLETE, META, BASE):
        assert (tmp_path / "hybrid" / name).read_bytes() == (tmp_path / "cold" / name).read_bytes()


def test_a_damaged_cache_is_not_believed(infer, tmp_path):
    cached = {"SPLICECORE_CACHE_LIMIT_GB": "1", "SPLICECORE_CACHE_DIR": str(tmp_path / "cache")}
    infer(tmp_path / "first", **cached)
    for path in (tmp_path / "cache" / "meta").glob("*/*.parquet"):
        path.write_bytes(path.read_bytes()[:-9])
    infer(tmp_path / "second", **cached)
    assert stage(tmp_path / "second", "recalibrate")["found"] == 0
    assert (tmp_path / "first" / COMPLETE).read_bytes() == (tmp_path / "second" / COMPLETE).read_bytes()


def test_artifacts_are_kept_and_scenarios_told(served, infer, tmp_path):
    kept = ["--keep-artifacts-dir", tmp_path / "kept"]
    infer(tmp_path / "first", *kept)
    assert len(list((tmp_path / "kept" / "scores").glob("*.parquet"))) == 2 * len(served.bench.genome.genes)
    infer(tmp_path / "second", *kept)
    assert report(tmp_path / "second")["counters"]["genes_reused"] == len(served.bench.genome.genes)
    again = stage(tmp_path / "second", "recalibrate")
    assert again["found"] == again["positions"] > 0
    seen = json.loads((served.model / "training.json").read_text())["model_genes"]
    seen = {*seen["train"], *seen["valid"]}
    for folder, unseen in (("first", "2B"), ("second", "2A")):
        genes = json.loads((tmp_path / folder / "gene_manifest.json").read_text())["genes"]
        assert {gene["scenario"] for gene in genes} == {"1", unseen}
        assert all((gene["scenario"] == "1") == (gene["gene_id"] in seen) for gene in genes)


def test_exports_and_sparse_tables_are_of_the_final_scores(infer, tmp_path):
    infer(tmp_path / "whole")
    whole = pq.read_table(tmp_path / "whole" / COMPLETE)
    final = matrix(whole, ["acceptor_meta", "donor_meta"])
    least = round(float(np.quantile(final.max(axis=1), 0.97)), 4)
    infer(tmp_path / "out", "--min-score", least, "--bed", "--bed-threshold", least, "--tsv")
    table = pq.read_table(tmp_path / "out" / COMPLETE)
    assert 0 < table.num_rows < whole.num_rows
    assert table.equals(whole.filter(pa.array(final.max(axis=1) >= np.float32(least))))
    sites = int((final >= np.float32(least)).sum())
    assert len((tmp_path / "out" / "exports" / "splice_sites.bed").read_text().splitlines()) == sites
    with gzip.open(tmp_path / "out" / "exports" / "complete_coverage_predictions.tsv.gz", "rt") as handle:
        lines = handle.read().splitlines()
    assert lines[0].split("\t") == table.schema.names
    assert len(lines) == 1 + table.num_rows


def test_a_run_is_done_once_and_an_interrupted_one_goes_on(served, infer, tmp_path):
    infer(tmp_path / "out")
    expected = same_files(tmp_path / "out")
    assert "found finished from before" in infer(tmp_path / "out").stdout
    done = infer(tmp_path / "out", "--inference-mode", "meta_only", code=5)
    assert "inference_mode was hybrid, is meta_only" in done.stderr
    (tmp_path / "out" / META).write_bytes(b"")
    infer(tmp_path / "out")
    assert same_files(tmp_path / "out") == expected


def test_sessions_predict_the_same_table(served, infer, session, tmp_path):
    infer(tmp_path / "out")
    table = session.predict(
        fasta=served.bench.fasta, annotation=served.bench.annotation, meta_model=served.model, all_genes=True
    )
    assert table.equals(pq.read_table(tmp_path / "out" / COMPLETE))
