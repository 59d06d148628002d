"""Whose scores stand where a meta-model is not asked: the same when thresholds are chosen as when genes are scored."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from splicecore.training.fold_training import HYBRID, FoldTrainer, is_unsure
from splicecore.training.operating_points import operating_points
from splicecore.training.position_scores import MEAN, PositionScores, fallback, with_mean


@pytest.mark.parametrize(
    ("names", "found"),
    [(("one", "two", MEAN), MEAN), (("one",), "one"), (("two", "one"), "one"), (("two",), None), ((), None)],
)
def test_the_mean_of_several_else_the_primary(names, found):
    assert fallback(names, "one") == found


def probabilities(rng, labels):
    scores = rng.dirichlet([1, 1, 1], len(labels)) + np.eye(3)[labels] * rng.random((len(labels), 1))
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_thresholds_of_hybrid_are_chosen_on_the_scores_that_a_run_gives(names):
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 400).astype(np.int8)
    base = with_mean({name: probabilities(rng, labels) for name in names})
    base["one"][:200] = np.eye(3, dtype=np.float32)[labels[:200]]  # sure: the meta-model is not asked
    raw = probabilities(rng, labels)
    valid = PositionScores(raw=raw, base=base, labels=labels, weights=np.ones(400), all_positions=True)
    shrink = {name: np.float32(0.9 - 0.1 * number) for number, name in enumerate(base)}
    scorer = SimpleNamespace(
        base_models=names, calibrate=lambda scores: scores, calibrate_base=lambda name, scores: scores * shrink[name]
    )
    found = FoldTrainer._operating_points(SimpleNamespace(), scorer, valid)[HYBRID]
    elsewhere = MEAN if len(names) > 1 else "one"
    final = base[elsewhere] * shrink[elsewhere]
    unsure = is_unsure(base["one"])
    assert 0 < unsure.sum() <= 200
    final[unsure] = raw[unsure]
    assert found == operating_points(final, labels, valid.weights)
