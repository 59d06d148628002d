"""XGBoost through the command line: the same bytes again, and models and datasets that must not be used."""

from __future__ import annotations

import json
import pickle
import shutil

import pytest
from splicecore.artifacts.store import read_json
from splicecore.testing.simulate import simulate_genome
from splicecore.training.model_directory import seal

pytest.importorskip("xgboost")
pytest.importorskip("splicecore_xgb_meta")

PLUGINS = "bench-models,xgb-meta"
MODEL = json.dumps({"name": "xgboost", "n_estimators": 15, "max_depth": 3, "early_stopping_rounds": 5})
RUN_DEPENDENT = {"run.log", ".lock"}


@pytest.fixture
def call(inside):
    def run(*arguments, code=0, one_line=False):
        done = inside.call(*map(str, arguments), SPLICECORE_LOAD_PLUGINS=PLUGINS)
        assert done.returncode == code, done.stderr
        if one_line:
            assert len(done.stderr.splitlines()) == 1, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder of what the tests of this module share."""
    return tmp_path_factory.mktemp("xgboost")


def build(call, place, fasta, annotation):
    """A dataset of all genes of a genome, with its pass."""
    inputs = ["--fasta", fasta, "--annotation", annotation, "--base-model", "quick"]
    call("predict", *inputs, "--all-genes", "-o", place / "pass")
    sampling = ["--easy-ratio", "0.5", "--window", "5", "--subset-policy", "all"]
    call("dataset", "build", *inputs, "--artifacts", place / "pass", *sampling, "-o", place / "set")
    return place / "set"


@pytest.fixture
def dataset(bench, call, place):
    """A dataset of all genes, made once."""
    folder = place / "own" / "set"
    return folder if folder.exists() else build(call, folder.parent, bench.fasta, bench.annotation)


def train(dataset, out, *more):
    split = ["--split", "group-shuffle", "--valid-share", "0.3"]
    return ["train", dataset, "-o", out, "--model", MODEL, *split, *more]


@pytest.fixture
def model(call, dataset, place):
    """A trained model, made once and not to be changed."""
    folder = place / "model"
    if not folder.exists():
        call(*train(dataset, folder))
    return folder


@pytest.fixture
def copied(model, tmp_path):
    """A copy of it that a test may damage."""
    shutil.copytree(model, tmp_path / "copied")
    return tmp_path / "copied"


def tree(folder):
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in RUN_DEPENDENT}


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_folder(bench, model, dataset, tmp_path):
    arguments = map(str, train(dataset, tmp_path / "again"))
    done = bench.call(*arguments, SPLICECORE_LOAD_PLUGINS=PLUGINS, PYTHONHASHSEED="7", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    ours, theirs = tree(model), tree(tmp_path / "again")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert {"model/model.ubj", "manifest.json", "MODEL_CARD.md", "metrics/aggregate.json"} <= ours.keys()


def test_another_seed_and_streamed_rows(call, model, dataset, tmp_path):
    call(*train(dataset, tmp_path / "streamed", "--incremental"))
    ours, streamed = tree(model), tree(tmp_path / "streamed")
    assert [name for name in ours if ours[name] != streamed.get(name)] == []
    call(*train(dataset, tmp_path / "other", "--seed", "7"))
    assert tree(tmp_path / "other")["model/model.ubj"] != ours["model/model.ubj"]


def test_a_model_that_holds_its_rows_cannot_stream(call, dataset, tmp_path):
    arguments = ["train", dataset, "-o", tmp_path / "m", "--model", "logistic", "--incremental"]
    said = call(*arguments, code=2, one_line=True).stderr
    assert "logistic" in said
    assert "sgd_logistic or xgboost" in said
    assert not (tmp_path / "m").exists()


def test_a_pickle_in_place_of_the_model_is_refused(call, copied, dataset, tmp_path):
    content = pickle.dumps({"model": 1})
    (tmp_path / "model.pkl").write_bytes(content)
    said = call("explain", tmp_path / "model.pkl", "--dataset", dataset, code=5, one_line=True).stderr
    assert "pickles and single model files are not loaded" in said
    (copied / "model" / "model.ubj").write_bytes(content)
    said = call("explain", copied, "--dataset", dataset, code=5, one_line=True).stderr
    assert "model.ubj" in said
    assert "changed" in said
    seal(copied, {"key": read_json(copied / "manifest.json")["key"]})  # even if somebody vouches for it
    assert "is a pickle" in call("explain", copied, "--dataset", dataset, code=4, one_line=True).stderr


@pytest.mark.parametrize(
    "name", ["model/model.ubj", "contract.json", "calibration.json", "model.json", "manifest.json"]
)
def test_a_truncated_model_is_refused(call, copied, dataset, name):
    content = (copied / name).read_bytes()
    (copied / name).write_bytes(content[: len(content) // 2])
    said = call("explain", copied, "--dataset", dataset, code=5, one_line=True).stderr
    assert name.rpartition("/")[2] in said
    assert "truncated" in said or "damaged" in said


def test_a_model_of_another_contract_is_refused(bench, call, model, dataset, place, tmp_path):
    inputs = ["--fasta", bench.fasta, "--annotation", bench.annotation, "--base-model", "quick"]
    features = ["--artifacts", place / "own" / "pass", "--features", "probability", "--subset-policy", "all"]
    call("dataset", "build", *inputs, *features, "-o", tmp_path / "set")
    said = call("explain", model, "--dataset", tmp_path / "set", code=4, one_line=True).stderr
    assert "missing columns" in said


def test_a_dataset_of_another_build_is_refused(bench, call, model, dataset, tmp_path):
    paths = simulate_genome(bench.genome.config, seed=5).write(tmp_path / "genome")
    other = build(call, tmp_path, paths.fasta, paths.annotation)
    said = call("explain", model, "--dataset", other, code=4, one_line=True).stderr
    assert "build" in said
    inputs = ["--fasta", paths.fasta, "--annotation", paths.annotation, "--evaluate-on", "all-positions"]
    said = call(*train(dataset, tmp_path / "model", *inputs), code=4, one_line=True).stderr
    assert "not that of the dataset" in said
