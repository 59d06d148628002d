"""Importance, explanations and ablation groups: shares add up, groups are those of the contract."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.errors import ConfigError, ContractError, PluginError
from splicecore.features.contract import FeatureColumn, FeatureContract, FeatureModel, FeatureSetUse
from splicecore.inference.meta_model_spec import MetaModelChoice
from splicecore.inference.scorer import MetaScorer
from splicecore.training.ablation import ablation_groups
from splicecore.training.explain import Explanation
from splicecore.training.importance import contributions_of, feature_groups, importance_table
from splicecore.training.importance_plot import importance_svg
from splicecore.training.model_directory import ModelRecord

NAMES = (("a", "probability", "one"), ("b", "context", "one"), ("two__a", "probability", "two"), ("g", "sequence", ""))
CONTRACT = FeatureContract(
    columns=tuple(FeatureColumn(name=n, dtype="float", feature_set=s, model=m) for n, s, m in NAMES),
    sets=tuple(FeatureSetUse(name=name) for name in ("probability", "context", "sequence")),
    models=(FeatureModel(name="one", fingerprint="1"), FeatureModel(name="two", fingerprint="2")),
    flank="real",
    build="toy",
)
WEIGHTS = np.array([[0.0, 0, 0, 0, 1], [2, 0, 0, 0, 0], [-1, 0.5, 1, 0, -1]], dtype=np.float32)


class Linear:
    def __init__(self, wrong=0.0):
        self.wrong = wrong

    def contributions(self, features):
        z = np.concatenate([features, np.ones((len(features), 1), np.float32)], axis=1)
        return z[:, None, :] * WEIGHTS

    def predict_proba(self, features):
        odds = np.exp(self.contributions(features).sum(axis=2) + np.array([self.wrong, 0, 0]))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def make_scorer(model):
    record = ModelRecord(choice=MetaModelChoice(name="linear"), provider="tests", columns=CONTRACT.names)
    return MetaScorer(model, record, CONTRACT, None)


@pytest.fixture
def matrix():
    return np.random.Generator(np.random.PCG64(1)).normal(size=(50, 4)).astype(np.float32)


def test_groups_are_feature_sets_and_other_base_models():
    groups = feature_groups(CONTRACT, CONTRACT.names)
    assert groups == {"a": "probability", "b": "context", "two__a": "probability (two)", "g": "sequence"}


def test_importance_is_the_mean_absolute_share(matrix):
    found = importance_table(make_scorer(Linear()), matrix)
    by_name = {row["feature"]: row for row in found["features"]}
    assert by_name["a"]["acceptor"] == pytest.approx(2 * np.abs(matrix[:, 0]).mean(), abs=1e-5)
    assert by_name["g"]["mean"] == 0
    assert found["features"][0]["feature"] == "a"
    assert {row["group"] for row in found["groups"]} == {"probability", "context", "probability (two)", "sequence"}
    svg = importance_svg(found)
    assert svg.count("<title>") == 2 * len(NAMES)


def test_shares_that_do_not_add_up_are_refused(matrix):
    contributions_of(make_scorer(Linear()), matrix)
    with pytest.raises(ContractError, match="do not add up"):
        contributions_of(make_scorer(Linear(wrong=0.1)), matrix)


def test_models_that_cannot_say_are_told_of(matrix):
    class Silent:
        def contributions(self, features):
            raise PluginError("no shares here")

    found = importance_table(make_scorer(Silent()), matrix)
    assert found["method"] == "none"
    assert "no shares here" in found["reason"]
    assert importance_table(make_scorer(object()), matrix)["features"] == []


def test_the_table_of_an_explanation_adds_up_and_is_sorted(matrix):
    scorer = make_scorer(Linear())
    shares = contributions_of(scorer, matrix)
    found = Explanation(
        positions=np.arange(50),
        scores=scorer.predict(matrix),
        features=matrix,
        shares=shares,
        columns=CONTRACT.names,
        groups=feature_groups(CONTRACT, CONTRACT.names),
    )
    table = found.table().to_pylist()
    assert len(table) == 50 * 3 * 5
    one = [row for row in table if row["position"] == 7 and row["class"] == "donor"]
    assert sum(row["contribution"] for row in one) == pytest.approx(shares[7, 2].sum(), abs=1e-5)
    assert [abs(row["contribution"]) for row in one] == sorted((abs(r["contribution"]) for r in one), reverse=True)
    assert found.by_group()["probability (two)"][:, 2] == pytest.approx(matrix[:, 2])


def test_groups_to_leave_out_are_found_by_several_names():
    assert ablation_groups(CONTRACT, ["probability"]) == {"probability": ("a", "two__a")}
    assert ablation_groups(CONTRACT, ["probability (two)"]) == {"probability (two)": ("two__a",)}
    assert ablation_groups(CONTRACT, ["two", "context"]) == {"two": ("two__a",), "context": ("b",)}
    assert list(ablation_groups(CONTRACT, ["all"])) == ["probability", "context", "sequence", "one", "two"]
    with pytest.raises(ConfigError, match="did you mean context"):
        ablation_groups(CONTRACT, ["contxt"])
