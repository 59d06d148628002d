"""Counting scores apart and together, and the threshold of a rate."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import ContractError, InputError
from splicecore.uncertainty.select import RateHistogram

SEEDS = st.integers(0, 2**32 - 1)


def counted(*arrays):
    histogram = RateHistogram()
    for scores in arrays:
        histogram.add(np.asarray(scores, dtype=np.float32))
    return histogram


def scores_of(seed, count=500, zeros=0.2):
    generator = np.random.default_rng(seed)
    found = 10 ** generator.uniform(-9, 0.5, count)
    found[generator.random(count) < zeros] = 0
    return found.astype(np.float32)


@settings(max_examples=25)
@given(SEEDS, st.lists(st.integers(0, 500), max_size=6), st.randoms(use_true_random=False))
def test_order_and_sharding_make_no_difference(seed, cuts, random):
    scores = scores_of(seed)
    whole = counted(scores)
    genes = np.split(scores, sorted(cuts))
    shuffled = random.sample(genes, len(genes))
    assert counted(*shuffled) == whole

    shards = [counted(*shuffled[index::3]) for index in range(3)]
    merged = RateHistogram()
    for shard in shards:
        merged.merge(RateHistogram.from_json(json.loads(json.dumps(shard.to_json()))))
    assert merged == whole
    assert merged.to_json() == whole.to_json()
    assert merged.threshold(0.1) == whole.threshold(0.1)


@settings(max_examples=25)
@given(SEEDS, SEEDS, SEEDS)
def test_merging_is_associative_and_commutative(first, second, third):
    def of(seed):
        return counted(scores_of(seed, 50))

    left = of(first).merge(of(second)).merge(of(third))
    right = of(first).merge(of(second).merge(of(third)))
    assert left == right == of(third).merge(of(first)).merge(of(second))
    assert left.merge(RateHistogram()) == right


@given(SEEDS, st.sampled_from([0.001, 0.01, 0.1, 0.5]))
def test_a_rate_is_met_within_10_percent(seed, rate):
    scores = np.random.default_rng(seed).beta(0.3, 3, 20_000).astype(np.float32)
    histogram = counted(scores)
    threshold = histogram.threshold(rate)
    reached = np.count_nonzero((scores >= np.float32(threshold)) & (scores > 0))
    assert reached == histogram.selected(threshold)
    assert abs(reached / len(scores) - rate) <= 0.1 * rate


@given(SEEDS, st.floats(1e-4, 1))
def test_no_other_threshold_is_nearer(seed, rate):
    scores = scores_of(seed, 80)
    histogram = counted(scores, scores[:20])
    both = np.concatenate([scores, scores[:20]])
    threshold = histogram.threshold(rate)
    assert threshold > 0
    missed = abs(np.count_nonzero(both >= np.float32(threshold)) - rate * len(both))
    levels = np.unique(both[both > 0])
    others = [abs(np.count_nonzero(both >= level) - rate * len(both)) for level in levels]
    assert missed <= min(others) + 1  # two scores may share a bin


@settings(max_examples=20)
@given(SEEDS)
def test_a_higher_rate_never_selects_less(seed):
    histogram = counted(scores_of(seed))
    thresholds = [histogram.threshold(rate) for rate in np.linspace(0.01, 1, 12)]
    assert (np.diff(thresholds) <= 0).all()


def test_ties_go_together_and_the_higher_threshold_wins():
    histogram = counted([3.0] * 10, [2.0] * 20, [0.0] * 70)
    assert histogram.threshold(0.10) == 3
    assert histogram.threshold(0.15) == 3
    assert histogram.threshold(0.20) == 3  # 10 and 30 positions are as far from 20
    assert histogram.threshold(0.21) == 2
    assert histogram.threshold(0.001) == 3
    assert histogram.threshold(1.0) == 2
    assert histogram.selected(2.0) == 30
    assert histogram.total == 100


def test_scores_of_zero_are_never_selected():
    histogram = counted([0.0, -0.0, 0.0])
    assert histogram.total == 3
    assert histogram.threshold(1.0) > 0
    assert histogram.selected(histogram.threshold(1.0)) == 0

    least = np.nextafter(np.float32(0), np.float32(1))
    histogram = counted([0.0, least])
    assert histogram.threshold(0.5) == least
    assert histogram.selected(float(least)) == 1


def test_a_threshold_is_a_float32_number():
    threshold = counted(scores_of(5)).threshold(0.1)
    assert float(np.float32(threshold)) == threshold
    assert json.loads(json.dumps(threshold)) == threshold


@pytest.mark.parametrize("bad", [np.nan, -1e-9, np.inf])
def test_scores_that_are_none(bad):
    with pytest.raises(ContractError, match="negative or not finite"):
        counted([0.5, bad])


def test_rates_and_counts_that_make_no_sense():
    for rate in (0, -0.1, 1.01, np.nan):
        with pytest.raises(ValueError, match="must be in"):
            counted([1.0]).threshold(rate)
    with pytest.raises(InputError, match="no position was counted"):
        RateHistogram().threshold(0.1)


@pytest.mark.parametrize(
    "change",
    [
        {"shift": 11},
        {"zeros": -1},
        {"zeros": None},
        {"counts": [1]},
        {"bins": [5, 4]},
        {"bins": [-1, 4]},
        {"bins": [4, 2**40]},
        {"counts": [0, 1]},
        {"bins": "x"},
    ],
)
def test_json_that_is_no_histogram(change):
    value = counted([1.0, 2.0, 0.0]).to_json()
    assert RateHistogram.from_json(value) == counted([2.0, 0.0, 1.0])
    with pytest.raises(InputError, match="not a histogram"):
        RateHistogram.from_json({**value, **change})
    with pytest.raises(InputError, match="not a histogram"):
        RateHistogram.from_json({})
