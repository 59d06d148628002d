"""``splicecore evaluate`` on passes, merged shards and runs with a meta-model; where its settings come from."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.api import PluginSettings, Session
from splicecore.artifacts.store import write_json
from splicecore.evaluate.report import evaluation_json

THRESHOLDS = {"final": {"acceptor": 0.3125, "donor": 0.375}, "base_model": {"acceptor": 0.625, "donor": 0.5}}


@pytest.fixture(scope="module")
def folders(bench, tmp_path_factory):
    """A run, a pass, and the merged shards of both."""
    place = tmp_path_factory.mktemp("folders")
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
    for command in ("run", "predict"):
        for name, shard in (("whole", None), ("1", "1/2"), ("2", "2/2")):
            more = [] if shard is None else ["--shard", shard]
            done = bench.call(command, *inputs, "--all-genes", "-o", str(place / command / name), *more)
            assert done.returncode == 0, done.stderr
        shards = [str(place / command / name) for name in ("1", "2")]
        done = bench.call("merge", *shards, "-o", str(place / command / "merged"))
        assert done.returncode == 0, done.stderr
    return place


@pytest.fixture
def evaluate(inside, bench):
    """Call ``evaluate`` with JSON and return the value."""

    def call(*arguments, code=0, text=False):
        common = ["--annotation", str(bench.annotation), "--bootstrap", "0", *([] if text else ["--json"])]
        done = inside.call("evaluate", *map(str, arguments), *common)
        assert done.returncode == code, done.stderr
        if code:
            assert len(done.stderr.splitlines()) == 1, done.stderr
            return done.stderr
        return done.stdout if text else json.loads(done.stdout)

    return call


@pytest.fixture
def hybrid(folders, tmp_path):
    """A run's folder as the mode hybrid leaves it: final scores nearer to 0 and 1 than the base model's."""
    run = tmp_path / "hybrid"
    shutil.copytree(folders / "run" / "whole", run)
    table = pq.read_table(run / "predictions" / "base_model_predictions.parquet")
    table = table.replace_schema_metadata({})
    scores = np.stack([table.column(f"{name}_score").to_numpy() for name in ("neither", "acceptor", "donor")], axis=1)
    final = (scores**2 / (scores**2).sum(axis=1, keepdims=True)).astype(np.float32)
    for k, name in enumerate(("neither", "acceptor", "donor")):
        table = table.append_column(f"{name}_meta", pa.array(final[:, k]))
    pq.write_table(table, run / "predictions" / "complete_coverage_predictions.parquet", row_group_size=5000)
    facts = {"mode": "hybrid", "meta_model": {"folder": "m3", "name": "fake"}, "thresholds": THRESHOLDS}
    (run / "metadata").mkdir(exist_ok=True)
    write_json(run / "metadata" / "inference_metadata.json", facts)
    return run


def figures(value, model):
    return value["models"][model]["figures"]


def test_a_pass_and_merged_shards_give_the_figures_of_a_run(evaluate, folders):
    places = [f"{name}={folders / part}" for name, part in (
        ("run", "run/whole"), ("pass", "predict/whole"), ("runs", "run/merged"), ("passes", "predict/merged"),
    )]  # fmt: skip
    value = evaluate(*places)
    assert value["facts"]["incomplete_genes"] == 0
    for name in ("pass", "runs", "passes"):
        assert figures(value, name) == figures(value, "run")
        assert value["tables"][name]["rows"] == value["tables"]["run"]["rows"]
        assert value["tables"][name]["base_model"] == "quick"
    assert {row["best"] for row in value["models"]["pass"]["offsets"]} == {0}
    assert {row["strand"] for row in value["models"]["pass"]["offsets"]} == {"+", "-"}


@pytest.mark.parametrize("command", ["run", "predict"])
def test_a_shard_is_refused_with_the_remedy(evaluate, folders, command):
    said = evaluate(folders / command / "1", code=3)
    assert "shard" in said
    assert "merge" in said


def test_a_pass_has_no_other_columns_and_must_be_whole(evaluate, folders, tmp_path):
    assert "no columns *_meta" in evaluate(folders / "predict" / "whole", "--columns", "meta", code=2)
    shutil.copytree(folders / "predict" / "whole", tmp_path / "cut")
    part = sorted((tmp_path / "cut" / "scores").iterdir())[0]
    content = part.read_bytes()
    part.write_bytes(content[: len(content) // 2])
    assert "damaged" in evaluate(tmp_path / "cut", code=5)
    (tmp_path / "cut" / "manifest.json").unlink()
    assert "no finished base-model pass" in evaluate(tmp_path / "cut", code=3)


def test_final_and_base_scores_of_a_run_with_a_meta_model(evaluate, hybrid, folders):
    value = evaluate(hybrid, f"{hybrid}:base", f"plain={folders / 'run' / 'whole'}", "--threshold", "0.5")
    assert value["tables"]["hybrid"]["columns"] == "*_meta"
    assert value["tables"]["hybrid:base"]["columns"] == "*_score"
    assert figures(value, "hybrid:base") == figures(value, "plain")
    # Sharper scores call the same sites but differ in their losses.
    assert figures(value, "hybrid")["donor"]["log_loss"] != figures(value, "plain")["donor"]["log_loss"]
    assert value["stored_thresholds"] == {}
    assert list(value["operating_points"]) == ["0.5"]
    renamed = evaluate(f"a={hybrid}:base", f"b={hybrid}", "--columns", "b=score")
    assert figures(renamed, "a") == figures(renamed, "b")


def test_stored_thresholds_are_used_unless_one_is_given(evaluate, hybrid, folders):
    value = evaluate(hybrid, f"{hybrid}:base", f"plain={folders / 'run' / 'whole'}")
    assert list(value["operating_points"]) == ["0.5", "stored"]
    points = value["operating_points"]["stored"]
    assert points == {"hybrid": [0.3125, 0.375], "hybrid:base": [0.625, 0.5], "plain": [0.5, 0.5]}
    assert value["stored_thresholds"]["hybrid"]["acceptor"] == 0.3125
    text = evaluate(hybrid, f"{hybrid}:base", f"plain={folders / 'run' / 'whole'}", text=True)
    assert "hybrid: thresholds 0.3125 (acceptor), 0.375 (donor): best F1 of the mode hybrid on validation" in text
    assert "hybrid:base: thresholds 0.625 (acceptor), 0.5 (donor): best F1 of the base model" in text
    assert "plain: thresholds of 0.5, none are stored" in text
    given = evaluate(hybrid, "--threshold", "hybrid=0.9")
    assert given["operating_points"] == {"own": {"hybrid": [0.9, 0.9]}}


def test_genes_that_the_meta_model_has_seen_are_told_and_can_be_left_out(evaluate, hybrid, folders):
    manifest = hybrid / "gene_manifest.json"
    value = json.loads(manifest.read_text())
    seen = [gene["gene_id"] for gene in value["genes"][:4]]
    for gene in value["genes"]:
        gene["scenario"] = "1" if gene["gene_id"] in seen else "2B"
    write_json(manifest, value)
    plain = f"plain={folders / 'run' / 'whole'}"
    everything = evaluate(hybrid, plain)
    assert [everything["tables"][name]["genes_seen"] for name in ("hybrid", "plain")] == [4, 0]
    assert "hybrid: NOT HONEST, its meta-model was trained on 4 of these genes" in evaluate(hybrid, plain, text=True)
    honest = evaluate(hybrid, plain, "--unseen")
    assert honest["genes"] == everything["genes"] - 4
    assert honest["tables"]["hybrid"]["genes_seen"] == 0
    assert "NOT HONEST" not in evaluate(f"{hybrid}:base", text=True)
    assert "none that was asked for" in evaluate(hybrid, "--unseen", "--genes", ",".join(seen), code=3)
    manifest.write_text("{}")
    assert "damaged" in evaluate(hybrid, code=3)


def test_stored_thresholds_that_are_not_at_hand_are_told(evaluate, hybrid):
    metadata = hybrid / "metadata" / "inference_metadata.json"
    facts = json.loads(metadata.read_text())
    write_json(metadata, {**facts, "thresholds": {"final": {"acceptor": 0.0, "donor": 0.5}}})
    assert "its meta-model's are not at hand" in evaluate(hybrid, text=True)
    value = evaluate(hybrid, f"{hybrid}:base")
    assert list(value["operating_points"]) == ["0.5"]
    assert "no probabilities" in value["stored_thresholds"]["hybrid"]["source"]
    assert "KeyError('base_model')" in value["stored_thresholds"]["hybrid:base"]["source"]
    metadata.write_text("{")
    assert list(evaluate(hybrid)["operating_points"]) == ["0.5"]
    write_json(metadata, {**facts, "meta_model": None})
    assert evaluate(hybrid)["stored_thresholds"] == {}


def test_the_same_from_python_and_from_a_file(evaluate, inside, bench, hybrid, folders, tmp_path):
    whole = folders / "run" / "whole"
    expected = evaluate(f"a={hybrid}", f"b={whole}", "--mean", "both=a,b", "--threshold", "a=0.4,0.3", "--worst", "3")
    session = Session(plugins=PluginSettings(load=()), data_root=tmp_path, cache_dir=tmp_path / "cache")
    found = session.evaluate(
        tables=[f"a={hybrid}", f"b={whole}"], means=["both=a,b"], thresholds=["a=0.4,0.3"], worst=3, bootstrap=0,
        annotation=bench.annotation,
    )  # fmt: skip
    assert json.loads(json.dumps(evaluation_json(found))) == expected
    file = tmp_path / "settings.toml"
    file.write_text(
        f'[evaluate]\ntables = ["a={hybrid}", "b={whole}"]\nmeans = ["both=a,b"]\nthresholds = ["a=0.4,0.3"]\n'
        f'worst = 9\nbootstrap = 0\nannotation = "{bench.annotation}"\n'
    )
    done = inside.call("evaluate", "--config", str(file), "--worst", "3", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
    file.write_text("[evaluate]\nboot = 3\n")
    done = inside.call("evaluate", "x", "--config", str(file))
    assert done.returncode == 2
    assert "settings.toml [evaluate]" in done.stderr
    assert "boot" in done.stderr
