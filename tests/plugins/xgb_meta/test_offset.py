"""XGBoost that starts from the log-odds which are among its features."""

from __future__ import annotations

import json

import numpy as np
import pytest
from splicecore.api import ChecksumError, ConfigError, InputError, PluginHost
from splicecore.inference.meta_model_spec import MetaModelChoice
from splicecore_xgb_meta.config import OFFSET, XGBoostConfig

NAMES = ("gc_content", OFFSET[1], OFFSET[0])


@pytest.fixture(scope="module")
def rows():
    """Base log-odds that are right but for rows with a high first feature, where acceptors are missed."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=4000)
    donor, acceptor = rng.normal(-3, 3, size=(2, 4000))
    true = np.stack([np.zeros(4000), acceptor + np.where(x > 1, 3, 0), donor], axis=1)
    chance = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    classes = (rng.random((4000, 1)) > np.cumsum(chance, axis=1)).sum(axis=1)
    features = np.stack([x, donor, acceptor], axis=1).astype(np.float32)
    return features, classes.astype(np.int8), np.ones(4000)


def part(rows, first, last):
    return tuple(array[first:last] for array in rows)


@pytest.fixture
def fit(make, rows):
    def fitted(names=NAMES, **settings):
        model = make("xgboost", **settings)
        if names is not None:
            model.name_features(names)
        model.fit([part(rows, 0, 2000)], [part(rows, 2000, 3000)], 1)
        return model

    return fitted


def softmax(values):
    odds = np.exp(values - values.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def loss(model, rows):
    features, classes, _ = part(rows, 3000, 4000)
    return -np.log(model.predict_proba(features)[np.arange(1000), classes]).mean()


def test_trees_add_to_the_log_odds(fit, rows):
    nothing = fit(n_estimators=1, learning_rate=1e-6)
    features = part(rows, 3000, 4000)[0]
    start = np.stack([np.zeros(1000), features[:, 2], features[:, 1]], axis=1)
    np.testing.assert_allclose(nothing.predict_proba(features), softmax(start), atol=1e-5)
    assert loss(fit(), rows) < loss(nothing, rows) - 0.02


def test_contributions_have_the_log_odds_at_their_columns(fit, rows):
    features = rows[0][:100]
    nothing = fit(n_estimators=1, learning_rate=1e-6).contributions(features)
    np.testing.assert_allclose(nothing[:, 1, 2], features[:, 2], atol=1e-4)
    np.testing.assert_allclose(nothing[:, 2, 1], features[:, 1], atol=1e-4)
    model = fit()
    found = model.contributions(features).sum(axis=2, dtype=np.float64)
    np.testing.assert_allclose(softmax(found), model.predict_proba(features), atol=2e-5)


def test_it_is_part_of_the_saved_model(fit, make, rows, tmp_path):
    model, again = fit(), make("xgboost")
    model.save(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["offset"] == [2, 1]
    again.load(tmp_path)
    np.testing.assert_array_equal(again.predict_proba(rows[0]), model.predict_proba(rows[0]))
    facts = json.loads((tmp_path / "model.json").read_text())
    for wrong in ([2, 9], [1], "2,1"):
        (tmp_path / "model.json").write_text(json.dumps({**facts, "offset": wrong}))
        with pytest.raises(ChecksumError, match="no columns to start from"):
            make("xgboost").load(tmp_path)


def test_rows_in_files_give_the_same_model(fit, rows):
    features = rows[0][:500]
    memory, files = fit(page_rows=500), fit(page_rows=500, memory_gib=0.0)
    np.testing.assert_array_equal(memory.predict_proba(features), files.predict_proba(features))


@pytest.mark.parametrize(
    ("names", "settings"), [(None, {}), (("a", "b", OFFSET[0]), {}), (NAMES, {"offset": ()}), ((), {})]
)
def test_without_both_columns_boosting_starts_from_nothing(fit, make, rows, names, settings, tmp_path):
    model, plain = fit(names, **settings), make("xgboost")
    assert model.name_features(names or ()) == ()
    plain.fit([part(rows, 0, 2000)], [part(rows, 2000, 3000)], 1)
    np.testing.assert_array_equal(model.predict_proba(rows[0]), plain.predict_proba(rows[0]))
    model.save(tmp_path)
    assert "offset" not in json.loads((tmp_path / "model.json").read_text())


def test_names_must_be_those_of_the_columns(fit):
    with pytest.raises(InputError, match="4 features were named, but there are 3"):
        fit((*NAMES, "more"))


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "b", "c"]])
def test_an_offset_is_two_columns(names):
    with pytest.raises(ConfigError, match="must be two columns"):
        XGBoostConfig(offset=names)


def test_the_offset_can_be_named_in_json():
    host = PluginHost.discover()
    choice = MetaModelChoice.parse('{"name": "xgboost", "offset": ["y", "x"]}')
    assert choice.open(host).name_features(["x", "y"]) == ("y", "x")
    none = MetaModelChoice.parse('{"name": "xgboost", "offset": []}').open(host)
    assert none.name_features(OFFSET) == ()
