"""Weights: totals, means, and that prevalence comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ConfigError, InputError
from splicecore.training.weights import ClassTotals, WeightConfig, class_weights, remove_class_weights, row_weights

LABELS = np.array([0, 0, 0, 0, 1, 1, 2])
PROBABILITY = np.array([0.1, 0.1, 0.5, 1.0, 1.0, 1.0, 0.5])


def test_inverse_probabilities_are_in_proportion_and_of_mean_one():
    totals = ClassTotals.of(LABELS, PROBABILITY)
    assert totals.rows.tolist() == [4, 2, 1]
    assert totals.mass.tolist() == [23, 2, 2]
    weights = row_weights(LABELS, PROBABILITY, totals, WeightConfig())
    assert weights * 27 / 7 == pytest.approx(1 / PROBABILITY)
    assert totals.to_json()["donor"] == {"rows": 1, "mass": 2.0, "prevalence": pytest.approx(2 / 27)}


@pytest.mark.parametrize("inclusion", [True, False])
def test_balanced_classes_weigh_the_same_and_sqrt_is_half_way(inclusion):
    totals = ClassTotals.of(LABELS, PROBABILITY)
    mass = totals.mass if inclusion else totals.rows
    of = {
        mode: row_weights(LABELS, PROBABILITY, totals, WeightConfig(class_weight=mode, inclusion=inclusion))
        for mode in ("none", "sqrt", "balanced")
    }
    sums = {mode: np.bincount(LABELS, weights=weights) for mode, weights in of.items()}
    assert sums["balanced"] == pytest.approx([7 / 3] * 3)
    assert sums["none"] == pytest.approx(7 * mass / mass.sum())
    assert sums["sqrt"] == pytest.approx(7 * np.sqrt(mass) / np.sqrt(mass).sum())
    assert class_weights(totals, WeightConfig(class_weight="balanced", inclusion=inclusion)) == pytest.approx(
        mass.sum() / (3 * mass)
    )


def test_batches_add_up_and_absent_classes_weigh_nothing():
    parts = ClassTotals.of(LABELS[:3], PROBABILITY[:3]) + ClassTotals.of(LABELS[3:], PROBABILITY[3:])
    whole = ClassTotals.of(LABELS, PROBABILITY)
    assert np.array_equal(parts.mass, whole.mass)
    without = ClassTotals.of(LABELS[:4], PROBABILITY[:4])
    assert class_weights(without, WeightConfig(class_weight="balanced")).tolist() == [1, 0, 0]


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), st.lists(st.floats(0.01, 50), min_size=3, max_size=3))
def test_class_weights_are_taken_out_again(odds, weights):
    truth = np.array([odds]) / sum(odds)
    seen = truth * weights
    seen = (seen / seen.sum()).astype(np.float32)
    back = remove_class_weights(seen, np.array(weights))
    assert back.dtype == np.float32
    assert back == pytest.approx(truth, rel=1e-4, abs=1e-6)


def test_refusals():
    totals = ClassTotals.of(LABELS, PROBABILITY)
    with pytest.raises(InputError, match="above 0"):
        row_weights([0], [0.0], totals, WeightConfig())
    with pytest.raises(InputError, match="labels must be"):
        row_weights([3], [1.0], totals, WeightConfig())
    with pytest.raises(InputError, match="no rows"):
        class_weights(ClassTotals(), WeightConfig())
    with pytest.raises(ConfigError, match="class_weight"):
        WeightConfig(class_weight="balance")
    with pytest.raises(InputError, match="did not see"):
        remove_class_weights(np.array([[0, 0, 1]], dtype=np.float32), np.array([1.0, 1.0, 0.0]))
