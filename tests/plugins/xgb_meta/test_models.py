"""What the models promise beyond the conformance suite: same bytes, best rounds, contributions, rows beyond memory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from splicecore.api import InputError, PluginError, to_matrix

NAMES = ("xgboost", "lightgbm", "hist_gradient_boosting", "logistic", "sgd_logistic")
TREES = NAMES[:3]
EXPLAINED = ("xgboost", "lightgbm", "logistic", "sgd_logistic")
FILES = {"xgboost": "model.ubj", "lightgbm": "model.txt"}


def saved(model, folder):
    folder.mkdir()
    model.save(folder)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def log_loss(probability, classes, weight):
    chance = probability[np.arange(len(classes)), classes].astype(np.float64)
    return -(weight * np.log(chance)).sum() / weight.sum()


@pytest.fixture
def fitted(make, cut):
    """Fit a model of a kind on 2,400 rows; with 600 validation rows unless told otherwise."""

    def fit(name, *, size=2400, valid=True, seed=3, **settings):
        model = make(name, **settings)
        model.fit(cut(0, 2400, size), cut(2400, 3000, 600) if valid else None, seed)
        return model

    return fit


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_however_rows_are_batched_and_whatever_the_threads(fitted, name, tmp_path):
    threads = {"threads": 2} if name in TREES else {}
    first, second = fitted(name), fitted(name, size=700, **threads)
    expected = saved(first, tmp_path / "first")
    assert saved(second, tmp_path / "second") == expected
    assert set(expected) == {"model.json", FILES.get(name, "model.skops")}


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_model_saves_the_same_bytes(fitted, make, name, tmp_path):
    expected = saved(fitted(name), tmp_path / "first")
    again = make(name)
    again.load(tmp_path / "first")
    assert saved(again, tmp_path / "again") == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there", [False, True])
def test_a_feature_without_values_is_not_used(make, cut, problem, name, there):
    """Neither where it has none at all, nor where rows without weight alone have some."""

    def without(first, last):
        for features, classes, weights in cut(first, last, 600):
            rows, weight = features.copy(), weights.copy()
            rows[:, 3] = np.nan
            if there:
                rows[0, 3], weight[0] = 1.0, 0.0
            yield rows, classes, weight

    model = make(name)
    model.fit(list(without(0, 2400)), list(without(2400, 3000)), 3)
    rows = problem[0][:50].copy()
    rows[:, 3] = np.nan
    expected = model.predict_proba(rows)
    assert np.isfinite(expected).all()
    if name in TREES:
        rows[:, 3] = 7.0
        np.testing.assert_array_equal(model.predict_proba(rows), expected)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "sgd_logistic"])
def test_another_seed_gives_another_model(fitted, name, tmp_path):
    assert saved(fitted(name, seed=3), tmp_path / "3") != saved(fitted(name, seed=4), tmp_path / "4")


def test_xgboost_through_files_is_the_same_model(fitted, tmp_path, monkeypatch):
    import xgboost

    made = []
    original = xgboost.ExtMemQuantileDMatrix.__init__
    monkeypatch.setattr(
        xgboost.ExtMemQuantileDMatrix, "__init__", lambda self, *a, **k: (made.append(a), original(self, *a, **k))[1]
    )
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "cache"))
    expected = saved(fitted("xgboost", page_rows=500), tmp_path / "memory")
    assert not made
    assert saved(fitted("xgboost", page_rows=500, memory_gib=0.0), tmp_path / "files") == expected
    assert len(made) == 2  # training and validation rows
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_the_best_round_counts(fitted, problem, name):
    """Rows whose labels are noise are soon learned by heart: more rounds are worse for others."""
    features, classes, weight = problem
    short = fitted(name, n_estimators=400, learning_rate=1.0, early_stopping_rounds=5)
    rounds = short.training["rounds"]
    assert rounds < 100
    long = fitted(name, n_estimators=rounds + 5, learning_rate=1.0, valid=False)
    rows = slice(2400, 3000)
    loss = {m: log_loss(m.predict_proba(features[rows]), classes[rows], weight[rows]) for m in (short, long)}
    assert loss[short] < loss[long]
    assert short.training["valid_log_loss"] == pytest.approx(loss[short], abs=1e-5)


def test_hist_gradient_boosting_stops(fitted):
    model = fitted("hist_gradient_boosting", max_iter=400, learning_rate=1.0, early_stopping_rounds=3)
    assert model.training["rounds"] < 100


@pytest.mark.parametrize("name", EXPLAINED)
def test_contributions_add_up_to_the_scores(fitted, problem, name):
    model, features = fitted(name), problem[0][:200]
    scores = model.contributions(features).sum(axis=2, dtype=np.float64)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_proba(features), odds / odds.sum(axis=1, keepdims=True), atol=2e-5)


@pytest.mark.parametrize("name", EXPLAINED)
def test_importance_finds_what_matters(fitted, name):
    for kind, values in fitted(name).feature_importance().items():
        assert (values.shape, values.dtype) == ((6,), np.float64)
        if kind in ("gain", "total_gain") or len(FILES.get(name, "")) == 0:
            assert set(np.argsort(values)[-2:]) == {0, 2}


def test_trees_of_scikit_learn_have_no_contributions(fitted, problem):
    with pytest.raises(PluginError, match="train xgboost or lightgbm instead"):
        fitted("hist_gradient_boosting").contributions(problem[0][:5])


@pytest.mark.parametrize("name", NAMES)
def test_outliers_and_constant_features_do_no_harm(make, cut, name):
    rows = [tuple(array.copy() for array in batch) for batch in cut(0, 3000, 3000)]
    rows[0][0][::1500, 0] = 3e10
    model = make(name)
    model.fit(rows, None, 1)
    recall = (model.predict_proba(rows[0][0]).argmax(axis=1) == rows[0][1])[rows[0][1] > 0].mean()
    assert recall > 0.6


@pytest.mark.parametrize("name", ["xgboost", "logistic", "sgd_logistic", "lightgbm"])
def test_the_scale_of_all_weights_does_not_matter(make, cut, problem, name):
    models = [make(name), make(name)]
    rows = cut(0, 2400, 2400)
    models[0].fit(rows, None, 1)
    models[1].fit([(features, classes, weight * 1024) for features, classes, weight in rows], None, 1)
    first, second = (model.predict_proba(problem[0]) for model in models)
    np.testing.assert_array_equal(first, second)


def test_streams_are_read_again_and_again(make, problem):
    """What the core gives: an object that reads record batches anew at every pass."""
    import pyarrow as pa

    table = pa.table({f"f{column}": problem[0][:, column] for column in range(6)})

    class Stream:
        passes = 0

        def __iter__(self):
            self.passes += 1
            first = 0
            for batch in table.to_batches(max_chunksize=1000):
                rows = slice(first, first + batch.num_rows)
                first = rows.stop
                yield to_matrix(batch), problem[1][rows], problem[2][rows]

    for name in NAMES:
        stream, model, other = Stream(), make(name), make(name)
        model.fit(stream, None, 1)
        other.fit([problem], None, 1)
        assert stream.passes > 1
        np.testing.assert_array_equal(model.predict_proba(problem[0]), other.predict_proba(problem[0]))


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_fitted_is_refused(make, cut, name):
    (features, classes, weight), *_ = cut(0, 600, 600)
    infinite = features.copy()
    infinite[3, 2] = np.inf
    bad = {
        "only once": iter([(features, classes, weight)]),
        "no rows to fit": [],
        "of class donor": [(features[classes < 2], classes[classes < 2], weight[classes < 2])],
        "columns 2": [(infinite, classes, weight)],
        "float64": [(features.astype(np.float64), classes, weight)],
        "from 1 to 3": [(features, np.clip(classes + 1, 1, 3), weight)],
        "negative or NaN": [(features, classes, -weight)],
        "add up to 0": [(features, classes, weight * 0)],
        "5 features": [(features, classes, weight), (features[:, :5], classes, weight)],
        "have classes": [(features, classes[:-1], weight)],
        "not integers": [(features, classes.astype(np.float32), weight)],
    }
    for message, batches in bad.items():
        with pytest.raises(InputError, match=message):
            make(name).fit(batches, None, 1)
    if name != "logistic":  # it has no use for validation rows
        with pytest.raises(InputError, match="5 features"):
            make(name).fit([(features, classes, weight)], [(features[:, :5], classes, weight)], 1)


def test_a_model_that_is_not_fitted_says_so(make, problem, tmp_path):
    model = make("xgboost")
    for action in (lambda: model.predict_proba(problem[0]), lambda: model.save(tmp_path), model.feature_importance):
        with pytest.raises(InputError, match="neither fitted nor loaded"):
            action()


def test_infinite_features_are_refused_when_predicting(fitted, problem):
    features = problem[0][:5].copy()
    features[2, 3] = -np.inf
    with pytest.raises(InputError, match="columns 3"):
        fitted("logistic").predict_proba(features)


def test_the_description_has_no_trace_of_the_machine(fitted, tmp_path):
    fitted("xgboost").save(tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert sum(facts["training"]["rows"].values()) == 2400
    assert not {"threads", "memory_gib"} & facts["config"].keys()
    assert str(Path.home()) not in json.dumps(facts)
    assert set(facts) == {"schema", "kind", "features", "library", "training", "config", "file"}
