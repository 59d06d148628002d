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
from splicecore.inference.meta_model_spec import MetaModelChoice
from splicecore.training.model_directory import ModelRecord, seal
from splicecore.training.operating_points import operating_points


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


def point_json(acceptor, donor):
    """Operating points whose best F1 is at these thresholds."""
    rows = 200
    labels = np.tile([0, 1, 2, 0], rows // 4)
    scores = np.full((rows, 3), 0.01, dtype=np.float32)
    scores[labels == 1, 1], scores[labels == 2, 2] = acceptor, donor
    return operating_points(scores, labels).to_json()


def make_model(folder):
    """A model's folder with operating points; nothing of it can score."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "weights.json").write_text("{}")
    record = ModelRecord(choice=MetaModelChoice(name="fake"), provider="tests 1", columns=("b",))
    write_json(folder / "model.json", record.to_json())
    for name in ("contract.json", "calibration.json"):
        write_json(folder / name, {})
    modes = {"meta_only": point_json(0.75, 0.25), "base_only": point_json(0.625, 0.5)}
    modes["hybrid"] = {**point_json(0.3125, 0.375), "zone": [0.02, 0.8]}
    values = {"chosen_on": {"genes": 7}, "modes": modes, "models": {"quick": modes["base_only"]}}
    write_json(folder / "operating_points.json", values)
    seal(folder, {"key": "k"})
    return folder


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
    model = make_model(tmp_path / "model")
    facts = {"inference_mode": "hybrid", "meta_model": {"path": str(model), "name": "fake"}}
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
    assert "hybrid: thresholds 0.3125 (acceptor), 0.375 (donor): best F1 in the mode hybrid on 7 validation" in text
    assert "hybrid:base: thresholds 0.625 (acceptor), 0.5 (donor): best F1 in the mode base_only" in text
    assert "plain: thresholds of 0.5, none are stored" in text
    given = evaluate(hybrid, "--threshold", "hybrid=0.9")
    assert given["operating_points"] == {"own": {"hybrid": [0.9, 0.9]}}


def test_stored_thresholds_that_are_not_at_hand_are_told(evaluate, hybrid, tmp_path):
    shutil.move(tmp_path / "model", tmp_path / "moved")
    text = evaluate(hybrid, text=True)
    assert "hybrid: thresholds of 0.5, its meta-model's are not at hand" in text
    assert "does not exist" in text
    metadata = hybrid / "metadata" / "inference_metadata.json"
    facts = {"path": str(tmp_path / "moved"), "name": "fake", "fingerprint": "other"}
    write_json(metadata, {"inference_mode": "hybrid", "meta_model": facts})
    assert "not the one that scored" in evaluate(hybrid, text=True)
    write_json(metadata, {"inference_mode": "sometimes", "meta_model": {**facts, "fingerprint": None}})
    assert list(evaluate(hybrid)["operating_points"]) == ["0.5"]
    write_json(metadata, {"inference_mode": "base_only", "meta_model": None})
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
