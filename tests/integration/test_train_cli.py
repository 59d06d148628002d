"""``splicecore train``, ``explain`` and ``models`` from the command line, on a dataset of two base models."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from splicecore.testing.plugins import fake_distribution

if TYPE_CHECKING:
    from pathlib import Path

META = '''
import json
from pathlib import Path
import attrs
import numpy as np
from splicecore.api import MetaModelSpec, hookimpl


@attrs.frozen
class Config:
    steps: int = 60


@hookimpl
def splicecore_meta_models():
    yield MetaModelSpec(name="softmax", factory=__name__ + ":Softmax", config_cls=Config, out_of_core=True)
    yield MetaModelSpec(name="hoarder", factory=__name__ + ":Softmax", config_cls=Config)


class Softmax:
    """Multinomial logistic regression by gradient descent on standardised, clipped features."""

    def __init__(self, config):
        self.config = config

    def _scaled(self, x):
        z = (np.nan_to_num(x.astype(np.float64)) - self.mean) / self.scale
        return np.clip(z, -5, 5)

    def fit(self, batches, valid, seed):
        n = total = square = 0.0
        for x, _, _ in batches:
            x = np.nan_to_num(x.astype(np.float64))
            n, total, square = n + len(x), total + x.sum(axis=0), square + (x * x).sum(axis=0)
        self.mean = total / n
        self.scale = np.sqrt(np.maximum(square / n - self.mean**2, 1e-6))
        self.weights = np.zeros((3, len(self.mean) + 1))
        for _ in range(self.config.steps):
            gradient = np.zeros_like(self.weights)
            mass = 0.0
            for x, y, w in batches:
                z = np.concatenate([self._scaled(x), np.ones((len(x), 1))], axis=1)
                w = np.minimum(w, 50)
                gradient += ((self._proba(z) - np.eye(3)[y]) * w[:, None]).T @ z
                mass += w.sum()
            self.weights -= gradient / mass

    def _proba(self, z):
        logit = z @ self.weights.T
        odds = np.exp(logit - logit.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict_proba(self, features):
        z = np.concatenate([self._scaled(features), np.ones((len(features), 1))], axis=1)
        return self._proba(z).astype(np.float32)

    def contributions(self, features):
        z = np.concatenate([self._scaled(features), np.ones((len(features), 1))], axis=1)
        return (z[:, None, :] * self.weights).astype(np.float32)

    def save(self, directory):
        state = {name: getattr(self, name).tolist() for name in ("mean", "scale", "weights")}
        Path(directory, "softmax.json").write_text(json.dumps(state), encoding="utf-8")

    def load(self, directory):
        state = json.loads(Path(directory, "softmax.json").read_text(encoding="utf-8"))
        for name, values in state.items():
            setattr(self, name, np.array(values))
'''


@pytest.fixture(scope="module")
def trainable_files(bench, tmp_path_factory):
    """Folder for a dataset, its passes and a plugin with a meta-model."""
    folder = tmp_path_factory.mktemp("trainable")
    fake_distribution(folder / "site", "bench-meta", "1.0", META)
    return folder


@pytest.fixture
def call(bench, inside, trainable_files, monkeypatch):
    """Call the command line with the meta-model's plugin installed."""
    monkeypatch.syspath_prepend(str(trainable_files / "site"))

    def run(*arguments, code=0):
        plugins = "bench-models,bench-observer,bench-meta"
        done = inside.call(*map(str, arguments), SPLICECORE_LOAD_PLUGINS=plugins)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture
def dataset(bench, call, trainable_files):
    """A dataset of two base models over all genes, made once."""
    folder = trainable_files / "set"
    inputs = ["--fasta", bench.fasta, "--annotation", bench.annotation]
    if not folder.exists():
        for model in ("quick", "tiles"):
            call("predict", *inputs, "--base-model", model, "--all-genes", "-o", trainable_files / model)
        models = ["--base-model", "quick", "--base-model", "tiles"]
        passes = ["--artifacts", trainable_files / "quick", "--artifacts", trainable_files / "tiles"]
        sampling = ["--easy-ratio", "0.5", "--window", "5", "--batch-size", "3"]
        call("dataset", "build", *inputs, *models, *passes, *sampling, "--subset-policy", "all", "-o", folder)
    return folder


def shuffle(dataset, out, *more):
    return [
        "train",
        dataset,
        "-o",
        out,
        "--model",
        "softmax",
        "--split",
        "group-shuffle",
        "--valid-share",
        "0.3",
        *more,
    ]


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_trains_tests_and_reports(call, dataset, tmp_path):
    out = tmp_path / "model"
    arguments = ["train", dataset, "-o", out, "--model", "softmax", "--folds", "2", "--valid-share", "0.3"]
    extra = ["--prune-features", "--alarms", "--ablate", "context", "--paralogs", "report"]
    done = call(*arguments, *extra)
    assert "meta" in done.stdout
    assert "quick" in done.stdout
    assert "mean" in done.stdout
    assert "fold_1: finished" in done.stderr
    aggregate = json.loads((out / "metrics" / "aggregate.json").read_text())
    genes = [json.loads((out / "metrics" / f"fold_{k}.json").read_text()) for k in range(2)]
    assert aggregate["positions"] == "all"
    assert aggregate["genes"] == sum(fold["genes"] for fold in genes)
    assert aggregate["positions_evaluated"] == sum(fold["positions_evaluated"] for fold in genes)
    assert set(aggregate["models"]) == {"quick", "tiles", "mean", "meta"}
    for point in ("0.5", "best_f1"):
        parts = [fold["models"]["meta"]["figures"]["both"]["operating_points"][point] for fold in genes]
        whole = aggregate["models"]["meta"]["figures"]["both"]["operating_points"][point]
        assert whole["false_positives"] == sum(part["false_positives"] for part in parts)
    with (out / "metrics" / "delta_vs_baseline.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == aggregate["genes"]
    errors = sum(int(row["meta_fp"]) + int(row["meta_fn"]) for row in rows)
    assert errors == whole["false_positives"] + whole["false_negatives"]
    assert all(
        int(row["delta_errors_vs_quick"])
        == int(row["meta_fp"]) + int(row["meta_fn"]) - int(row["quick_fp"]) - int(row["quick_fn"])
        for row in rows
    )
    points = json.loads((out / "operating_points.json").read_text())
    assert set(points["models"]) == {"quick", "tiles", "mean", "meta"}
    assert points["modes"]["base_only"] == points["models"]["quick"]
    assert points["modes"]["meta_only"] == points["models"]["meta"]
    assert points["modes"]["hybrid"]["zone"] == [0.02, 0.8]
    calibration = json.loads((out / "calibration.json").read_text())
    assert set(calibration["base"]) == {"quick", "tiles", "mean"}
    alarms = json.loads((out / "alarms.json").read_text())
    assert alarms["not_run"] == []
    assert "gene_overlap" not in alarms["fired"]
    card = (out / "MODEL_CARD.md").read_text()
    assert f"{aggregate['models']['meta']['figures']['both']['average_precision']:.4f}" in card
    assert "quick" in card
    assert "context" in card
    assert "isotonic" in card
    assert (out / "importance.svg").read_text().startswith("<svg")
    again = call(*arguments, *extra)
    assert "started" not in again.stderr


def test_goes_on_after_the_folds_that_are_done(call, dataset, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for out in (whole, cut):
        call("train", dataset, "-o", out, "--model", "softmax", "--folds", "2", "--valid-share", "0.3")
    (cut / "manifest.json").unlink()
    shutil.rmtree(cut / "folds" / "fold_1")
    done = call("train", dataset, "-o", cut, "--model", "softmax", "--folds", "2", "--valid-share", "0.3")
    assert "fold_0: found finished from before" in done.stderr
    assert "fold_1: finished" in done.stderr
    ours, theirs = tree(whole), tree(cut)
    for name in ("run.log", ".lock"):
        ours.pop(name), theirs.pop(name)
    assert ours == theirs


def test_streamed_rows_and_threads_change_no_byte(call, dataset, tmp_path):
    call(*shuffle(dataset, tmp_path / "held"))
    call(*shuffle(dataset, tmp_path / "streamed", "--incremental"))
    held, streamed = tree(tmp_path / "held"), tree(tmp_path / "streamed")
    assert {n: b for n, b in held.items() if n.startswith("model/")} == {
        n: b for n, b in streamed.items() if n.startswith("model/")
    }
    assert held["calibration.json"] == streamed["calibration.json"]


def test_other_settings_are_refused_unless_overwritten(call, dataset, tmp_path):
    out = tmp_path / "model"
    call(*shuffle(dataset, out))
    done = call(*shuffle(dataset, out, "--seed", "7"), code=5)
    assert "seed was 42, is 7" in done.stderr
    call(*shuffle(dataset, out, "--seed", "7", "--overwrite"))


def test_what_failed_before_any_fold_was_done_does_not_stand_in_the_way(call, dataset, tmp_path):
    out = tmp_path / "model"
    out.mkdir()
    (out / "training.json").write_text('{"complete": false, "identity": {"seed": 1}}')
    call(*shuffle(dataset, out))
    assert json.loads((out / "training.json").read_text())["identity"]["seed"] == 42


def test_a_model_that_is_no_improvement_is_called_so(call, dataset, tmp_path):
    done = call(*shuffle(dataset, tmp_path / "model"), "--model", '{"name": "softmax", "steps": 0}')
    assert "the meta-model is no improvement" in done.stderr
    assert "that of" in done.stderr


def test_options_come_from_a_file_and_the_command_line_wins(call, dataset, tmp_path):
    file, out = tmp_path / "settings.toml", tmp_path / "model"
    file.write_text(
        '[train]\nmodel = {name = "softmax", steps = 20}\nsplit = "group-shuffle"\nvalid_share = 0.3\nseed = 5\n'
        f'out_dir = "{out}"\n'
    )
    call("train", dataset, "--config", file, "--seed", "7")
    record = json.loads((out / "model.json").read_text())
    assert record["choice"] == {"name": "softmax", "settings": {"steps": 20}}
    assert record["seed"] == 7
    assert json.loads((out / "training.json").read_text())["config"]["split"] == "group-shuffle"
    file.write_text("[train]\nfoldz = 3\n")
    done = call("train", dataset, "-o", out, "--config", file, code=2)
    assert "settings.toml [train]" in done.stderr
    assert "foldz" in done.stderr
    assert "--out-dir" in call("train", dataset, code=2).stderr


def test_falls_back_to_rows_and_says_so(call, dataset, trainable_files, tmp_path):
    moved = trainable_files / "tiles-away"
    (trainable_files / "tiles").rename(moved)
    try:
        done = call(*shuffle(dataset, tmp_path / "model"))
        insisting = call(*shuffle(dataset, tmp_path / "other", "--evaluate-on", "all-positions"), code=3)
    finally:
        moved.rename(trainable_files / "tiles")
    assert "estimates from sampled rows" in done.stderr
    assert "tiles" in insisting.stderr
    card = (tmp_path / "model" / "MODEL_CARD.md").read_text()
    assert "Estimates from" in card
    assert "sampled rows" in card
    metrics = json.loads((tmp_path / "model" / "metrics" / "aggregate.json").read_text())
    assert metrics["positions"] == "sampled"


def test_explains_positions_whose_shares_add_up(call, dataset, tmp_path):
    out = tmp_path / "model"
    call(*shuffle(dataset, out))
    gene = json.loads((out / "training.json").read_text())["splits"]["folds"][0]["test"]["gene_ids"][0]
    text = call("explain", out, "--dataset", dataset, "--gene", gene, "--threshold", "0").stdout
    assert "acceptor" in text
    assert "probability" in text
    arguments = ["explain", out, "--dataset", dataset, "--gene", gene, "--threshold", "0.0"]
    rows = json.loads(call(*arguments, "--format", "json").stdout)["positions"]
    chosen = rows[len(rows) // 2]
    one = json.loads(call(*arguments, "--position", chosen["position"], "--format", "json").stdout)["positions"]
    assert len(one) == 1
    assert one[0]["scores"] == pytest.approx(chosen["scores"])
    total = sum(shares[2] for shares in chosen["groups"].values())
    assert total == pytest.approx(sum(shares[2] for shares in chosen["contributions"].values()), abs=1e-3)
    whole = call("explain", out, "--dataset", dataset, "--format", "csv").stdout.splitlines()
    assert whole[0] == "feature,group,neither,acceptor,donor,mean"
    done = call("explain", out, "--dataset", dataset, "--gene", gene, "--position", "1000000000", code=3)
    assert "lies outside" in done.stderr
    (tmp_path / "config.toml").write_text('[plugins]\ndisable = ["bench-meta"]\n')
    done = call("explain", out, "--dataset", dataset, "--config", tmp_path / "config.toml", code=4)
    assert "softmax" in done.stderr


def test_lists_and_shows_trained_models(call, dataset, bench, tmp_path):
    place = bench.site / "data" / "sim" / "toy" / "quick_eval" / "models" / "v1"
    call(*shuffle(dataset, place))
    try:
        shown = json.loads(call("models", "show", place, "--json").stdout)
        assert shown["model"] == "softmax"
        assert [model["name"] for model in shown["base_models"]] == ["quick", "tiles"]
        listed = json.loads(call("models", "list", "--json").stdout)["meta_models"]
        assert [model["path"] for model in listed] == [str(place)]
        weights = next((place / "model").iterdir())
        weights.write_bytes(weights.read_bytes()[:20])
        assert "truncated" in call("models", "show", place, code=5).stderr
        assert "truncated" in call("models", "list").stdout
    finally:
        shutil.rmtree(bench.site / "data" / "sim")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--model", "sofmax"], 4, "softmax"),
        (["--model", '{"name": "softmax", "depth": 3}'], 2, "depth"),
        (["--model", "{bayes}"], 2, "no JSON"),
        (["--folds", "50"], 3, "cannot be divided into 50 parts"),
        (["--calibration", "magic"], 2, "isotonic"),
        (["--group-col", "family"], 2, "family"),
        (["--split", "chromosome"], 2, "test"),
        (["--split", "chromosome", "--test-chromosomes", "chr77"], 3, "chr77"),
        (["--ablate", "contextual"], 2, "context"),
        (["--model", "hoarder", "--incremental"], 2, "--model softmax"),
    ],
)
def test_refuses_what_makes_no_sense(call, dataset, tmp_path, arguments, code, said):
    model = [] if "--model" in arguments else ["--model", "softmax"]
    done = call("train", dataset, "-o", tmp_path / "model", *model, *arguments, code=code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_refuses_an_unfinished_or_damaged_dataset(call, dataset, tmp_path):
    copy = tmp_path / "set"
    shutil.copytree(dataset, copy)
    master = next((copy / "master").iterdir())
    content = master.read_bytes()
    master.write_bytes(content[:-50])
    assert "other content" in call(*shuffle(copy, tmp_path / "model"), code=5).stderr
    master.write_bytes(content)
    manifest = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps({**manifest, "complete": False}))
    assert "not finished" in call(*shuffle(copy, tmp_path / "model"), code=5).stderr
    nothing = {**manifest, "classes": {"neither": 5, "acceptor": 0, "donor": 0}}
    (copy / "dataset.json").write_text(json.dumps(nothing))
    assert "no row that is a splice site" in call(*shuffle(copy, tmp_path / "model"), code=3).stderr


def test_refuses_a_dataset_of_other_features(bench, call, dataset, trainable_files, tmp_path):
    out, other = tmp_path / "model", tmp_path / "set"
    call(*shuffle(dataset, out))
    passes = ["--artifacts", trainable_files / "quick"]
    inputs = ["--fasta", bench.fasta, "--annotation", bench.annotation, "--base-model", "quick"]
    call("dataset", "build", *inputs, *passes, "--features", "probability", "--subset-policy", "all", "-o", other)
    done = call("explain", out, "--dataset", other, code=4)
    assert "missing columns" in done.stderr
    assert "base models are quick, not quick, tiles" in done.stderr


def test_refuses_a_folder_of_others(call, dataset, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert "notes.txt" in call(*shuffle(dataset, tmp_path), code=5).stderr


def test_trains_on_tracks_and_needs_their_files(bench, call, dataset, trainable_files, tmp_path):
    track = tmp_path / "signal.bedgraph"
    lengths = {name: len(sequence) for name, sequence in bench.genome.sequences.items()}
    lines = [
        f"{name}\t{at}\t{at + 50}\t{at % 7}" for name, length in lengths.items() for at in range(0, length - 50, 100)
    ]
    track.write_text("\n".join(lines) + "\n")
    settings = tmp_path / "tracks.toml"
    settings.write_text(f'[[features.tracks.tracks]]\nname = "signal"\npath = "{track}"\n')
    inputs = ["--fasta", bench.fasta, "--annotation", bench.annotation, "--base-model", "quick"]
    sets = ["--features", "probability,tracks", "--config", settings]
    passes = ["--artifacts", trainable_files / "quick", "--subset-policy", "all", "-o", tmp_path / "set"]
    call("dataset", "build", *inputs, *sets, *passes)
    call(*shuffle(tmp_path / "set", tmp_path / "model"))
    metrics = json.loads((tmp_path / "model" / "metrics" / "aggregate.json").read_text())
    assert metrics["positions"] == "all"
    contract = json.loads((tmp_path / "model" / "contract.json").read_text())
    assert str(tmp_path) not in json.dumps(contract)
    gene = json.loads((tmp_path / "model" / "training.json").read_text())["model_genes"]["train"][0]
    explained = ["explain", tmp_path / "model", "--dataset", tmp_path / "set"]
    assert "signal" in call(*explained, "--gene", gene, "--threshold", "0", "--format", "csv").stdout
    assert "signal" in call(*explained, "--rows", "50").stdout
    track.write_text("\n".join(lines[1:]) + "\n")
    done = call(*shuffle(tmp_path / "set", tmp_path / "other", "--evaluate-on", "all-positions"), code=4)
    assert "tracks of feature set tracks" in done.stderr
