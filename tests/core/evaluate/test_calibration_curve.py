"""Reliability tables against sums bin by bin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import InputError
from splicecore.evaluate.bootstrap import bootstrap_weights, overlap_groups
from splicecore.evaluate.calibration_curve import reliability_table
from splicecore.evaluate.figures import calibration_errors, reliability_of
from splicecore.evaluate.pooled import CLASSES

LEVELS = [0.0, 0.009, 0.01, 0.2, 0.25, 0.5, 0.75, 1.0]
rows = st.lists(st.tuples(st.booleans(), st.sampled_from(LEVELS)), max_size=60)


@given(rows, st.integers(1, 8))
def test_every_position_from_the_lowest_probability_on_is_in_the_bin_of_its_range(pairs, bins):
    labels, scores = np.array([y for y, _ in pairs], dtype=bool), np.array([s for _, s in pairs])
    table = reliability_table(labels, scores, bins=bins)
    assert table.count.sum() == np.count_nonzero(scores >= 0.01)
    assert len(table.count) <= bins
    assert (table.low[1:] > table.high[:-1]).all()
    error = 0.0
    for k in range(len(table.count)):
        inside = (scores >= table.low[k]) & (scores <= table.high[k])
        assert inside.sum() == table.count[k]
        assert labels[inside].sum() == table.sites[k]
        assert scores[inside].mean() == pytest.approx(table.predicted[k])
        assert labels[inside].mean() == pytest.approx(table.observed[k])
        error += inside.sum() * abs(scores[inside].mean() - labels[inside].mean())
    if table.count.sum():
        assert table.expected_calibration_error == pytest.approx(error / table.count.sum())
    else:
        assert math.isnan(table.expected_calibration_error)


def test_bins_have_equal_numbers_where_no_scores_are_equal():
    rng = np.random.default_rng(4)
    scores = rng.uniform(0.02, 1, 1000)
    table = reliability_table(rng.random(1000) < scores, scores, bins=10)
    assert table.count.tolist() == [100] * 10
    assert table.expected_calibration_error < 0.06


def test_an_overconfident_model_has_the_error_by_which_it_is():
    labels = np.arange(1000) % 4 == 0
    table = reliability_table(labels, np.full(1000, 0.75))
    assert table.expected_calibration_error == pytest.approx(0.5)


def test_shapes_and_bins_are_checked():
    with pytest.raises(InputError):
        reliability_table([True], [0.1, 0.2])
    with pytest.raises(InputError):
        reliability_table([True], [0.1], bins=0)


def test_errors_of_replicates_are_those_of_repeated_positions_in_the_bins_of_the_whole(toy):
    pool = toy.pooled().pool
    group = overlap_groups(pool.genes)
    weights = bootstrap_weights(int(group.max()) + 1, 20, 1)
    found = calibration_errors(pool, weights, group)
    for k, name in enumerate(CLASSES):
        table = reliability_of(pool, name)
        for row, weight in enumerate(weights):
            chosen = [g for g in range(len(pool.genes)) for _ in range(int(weight[group[g]]))]
            labels, scores = toy.column(k, chosen)
            total, gap = 0, 0.0
            for low, high in zip(table.low, table.high, strict=True):
                inside = (scores >= low) & (scores <= high)
                total += inside.sum()
                gap += abs(scores[inside].sum(dtype=float) - labels[inside].sum())
            assert found[name][row] == pytest.approx(gap / total)
    ones = calibration_errors(pool, np.ones((1, weights.shape[1])), group)
    for name in CLASSES:
        assert ones[name][0] == pytest.approx(reliability_of(pool, name).expected_calibration_error)
