from __future__ import annotations

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import InputError
from splicecore.evaluate.metrics import (
    OffsetScan,
    average_precision,
    best_offset,
    confusion_at,
    precision_recall_curve,
    top_k_accuracy,
)

LEVELS = [0.0, 0.1, 0.25, 0.5, 0.5000001, 1.0]
labelled = st.lists(st.tuples(st.booleans(), st.sampled_from(LEVELS)), min_size=1, max_size=30)
weighted = st.lists(st.tuples(st.booleans(), st.sampled_from(LEVELS), st.integers(0, 5)), min_size=1, max_size=30)


def slow_average_precision(labels: list[bool], scores: list[float], weights: list[int] | None = None) -> float:
    """By definition, in exact arithmetic: one threshold at a time, every position looked at."""
    mass = [1] * len(labels) if weights is None else weights
    total = sum(w for y, w in zip(labels, mass, strict=True) if y)
    if total == 0:
        return math.nan
    area, previous = Fraction(0), Fraction(0)
    for threshold in sorted(set(scores), reverse=True):
        called = [(y, w) for y, s, w in zip(labels, scores, mass, strict=True) if s >= threshold]
        true, every = sum(w for y, w in called if y), sum(w for _, w in called)
        recall = Fraction(true, total)
        if every:
            area += (recall - previous) * Fraction(true, every)
        previous = recall
    return float(area)


def same(expected: float, actual: float) -> bool:
    return (math.isnan(expected) and math.isnan(actual)) or expected == pytest.approx(actual, abs=1e-12)


def test_average_precision_of_a_ranking_worked_by_hand():
    # Ranking: site, not, site, not -> 1/2 * 1/1 + 1/2 * 2/3.
    assert average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx(5 / 6)


def test_equal_scores_enter_together():
    assert average_precision([1, 0], [0.5, 0.5]) == 0.5
    assert average_precision([0, 1], [0.5, 0.5]) == 0.5


@settings(deadline=None)
@given(labelled)
def test_average_precision_is_its_definition(pairs):
    labels, scores = [y for y, _ in pairs], [s for _, s in pairs]
    assert same(slow_average_precision(labels, scores), average_precision(labels, scores))


@settings(deadline=None)
@given(weighted)
def test_weighted_average_precision_is_its_definition(rows):
    labels, scores, weights = ([row[i] for row in rows] for i in range(3))
    assert same(slow_average_precision(labels, scores, weights), average_precision(labels, scores, weights))


@settings(deadline=None)
@given(weighted)
def test_an_integer_weight_is_a_repeated_position(rows):
    repeated = [row for row in rows for _ in range(row[2])]
    if not repeated:
        return
    expected = average_precision([r[0] for r in repeated], [r[1] for r in repeated])
    assert same(expected, average_precision(*([row[i] for row in rows] for i in range(3))))


@settings(deadline=None)
@given(labelled, st.randoms(use_true_random=False))
def test_the_order_of_positions_does_not_matter(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    for metric in (average_precision, top_k_accuracy):
        before = metric([y for y, _ in pairs], [s for _, s in pairs])
        assert same(before, metric([y for y, _ in shuffled], [s for _, s in shuffled]))


@settings(deadline=None)
@given(labelled)
def test_average_precision_agrees_with_sklearn(pairs):
    metrics = pytest.importorskip("sklearn.metrics")
    labels, scores = [y for y, _ in pairs], [s for _, s in pairs]
    if any(labels):
        assert same(float(metrics.average_precision_score(labels, scores)), average_precision(labels, scores))


def test_a_large_tied_sample_agrees_with_sklearn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(5)
    labels = rng.random(50_000) < 0.01
    scores = np.round(np.clip(rng.normal(labels * 0.5, 0.2), 0, 1), 3).astype(np.float32)
    weights = rng.random(50_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = float(metrics.average_precision_score(labels, scores))
        expected_weighted = float(metrics.average_precision_score(labels, scores, sample_weight=weights))
    assert expected == pytest.approx(average_precision(labels, scores), abs=1e-12)
    assert expected_weighted == pytest.approx(average_precision(labels, scores, weights), abs=1e-9)


def test_precision_recall_curve_has_one_point_for_every_distinct_score():
    curve = precision_recall_curve([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1])
    np.testing.assert_array_equal([0.9, 0.5, 0.1], curve.thresholds)
    np.testing.assert_allclose([1, 2 / 3, 0.5], curve.precision)
    np.testing.assert_allclose([0.5, 1, 1], curve.recall)


@settings(deadline=None)
@given(labelled)
def test_top_k_is_the_mean_over_all_ways_to_break_ties(pairs):
    labels, scores = [y for y, _ in pairs], [s for _, s in pairs]
    k = sum(labels)
    if k == 0:
        assert math.isnan(top_k_accuracy(labels, scores))
        return
    # Probability that each position is among the k best when ties are broken at random.
    expected = Fraction(0)
    for label, score in pairs:
        better = sum(s > score for s in scores)
        equal = sum(s == score for s in scores)
        expected += label * min(max(Fraction(k - better, equal), Fraction(0)), Fraction(1))
    assert float(expected / k) == pytest.approx(top_k_accuracy(labels, scores), abs=1e-12)


def test_top_k_is_precision_at_the_threshold_that_calls_k():
    labels = [1, 1, 0, 1, 0, 0]
    scores = [0.9, 0.8, 0.7, 0.2, 0.1, 0.0]
    assert top_k_accuracy(labels, scores) == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", [average_precision, top_k_accuracy])
def test_one_position(metric):
    assert metric([1], [0.3]) == 1.0
    assert math.isnan(metric([0], [0.3]))


@pytest.mark.parametrize("metric", [average_precision, top_k_accuracy])
def test_no_sites_and_no_positions_are_nan(metric):
    assert math.isnan(metric([0, 0], [0.3, 0.4]))
    assert math.isnan(metric([], []))


def test_average_precision_of_sites_without_weight_is_nan():
    assert math.isnan(average_precision([1, 0], [0.3, 0.4], [0.0, 1.0]))


def test_confusion_calls_what_reaches_the_threshold():
    confusion = confusion_at([1, 1, 0, 0, 0], [0.5, 0.4, 0.5, 0.6, 0.1], 0.5)
    counts = confusion.true_positives, confusion.false_positives, confusion.false_negatives, confusion.true_negatives
    assert counts == (1, 2, 1, 1)
    assert confusion.precision == pytest.approx(1 / 3)
    assert confusion.recall == 0.5
    assert confusion.f1 == pytest.approx(2 / 5)


@settings(deadline=None)
@given(labelled, st.sampled_from(LEVELS))
def test_confusion_counts_every_position_once(pairs, threshold):
    labels, scores = [y for y, _ in pairs], [s for _, s in pairs]
    confusion = confusion_at(labels, scores, threshold)
    assert confusion.true_positives == sum(y and s >= threshold for y, s in pairs)
    assert confusion.false_positives == sum(not y and s >= threshold for y, s in pairs)
    assert confusion.false_negatives == sum(y and s < threshold for y, s in pairs)
    assert confusion.true_negatives == sum(not y and s < threshold for y, s in pairs)


def test_confusion_without_calls_or_sites_has_no_ratios():
    confusion = confusion_at([0, 0], [0.1, 0.2], 0.5)
    assert math.isnan(confusion.precision)
    assert math.isnan(confusion.recall)
    assert math.isnan(confusion.f1)


def test_counts_of_parts_add_up():
    labels, scores = [1, 1, 0, 0, 0], [0.5, 0.4, 0.5, 0.6, 0.1]
    parts = confusion_at(labels[:2], scores[:2], 0.5) + confusion_at(labels[2:], scores[2:], 0.5)
    assert parts == confusion_at(labels, scores, 0.5)
    with pytest.raises(InputError, match="cannot be added"):
        _ = parts + confusion_at(labels, scores, 0.6)


@pytest.mark.parametrize(
    ("labels", "scores", "weights", "message"),
    [
        ([1, 0], [0.1], None, "equal length"),
        ([[1, 0]], [[0.1, 0.2]], None, "one-dimensional"),
        ([2, 0], [0.1, 0.2], None, "0 and 1"),
        ([1, 0], [0.1, math.nan], None, "1 of 2 scores are NaN"),
        ([1, 0], [0.1, 0.2], [1.0], "weights"),
        ([1, 0], [0.1, 0.2], [1.0, -1.0], "not negative"),
        ([1, 0], [0.1, 0.2], [1.0, math.inf], "finite"),
    ],
)
def test_bad_input_is_refused(labels, scores, weights, message):
    with pytest.raises(InputError, match=message):
        average_precision(labels, scores, weights)


@settings(deadline=None)
@given(st.integers(-5, 5), st.integers(0, 2**32 - 1))
def test_best_offset_finds_a_planted_shift(shift, seed):
    rng = np.random.default_rng(seed)
    sites = np.sort(rng.choice(np.arange(10, 490), size=20, replace=False))
    scores = rng.random(500) * 0.1
    scores[sites + shift] = 0.9
    scan = best_offset(sites, scores)
    assert scan.best == shift
    assert scan.means[scan.offsets == shift][0] == pytest.approx(0.9)


def test_offsets_beyond_the_ends_and_unknown_scores_do_not_count():
    scan = best_offset([0, 3], [0.5, math.nan, 0.1, 0.7], max_offset=1)
    np.testing.assert_array_equal([-1, 0, 1], scan.offsets)
    np.testing.assert_array_equal([1, 2, 0], scan.counts)
    np.testing.assert_allclose([0.1, 0.6, math.nan], scan.means)


def test_equal_means_prefer_no_offset():
    assert best_offset([5], np.full(11, 0.5)).best == 0


def test_scans_of_parts_add_up():
    rng = np.random.default_rng(1)
    scores = rng.random(100)
    whole = best_offset([10, 30, 80], scores)
    parts = best_offset([10], scores) + best_offset([30, 80], scores)
    np.testing.assert_allclose(whole.means, parts.means)
    assert whole.best == parts.best


def test_no_sites_have_no_best_offset():
    scan = best_offset([], np.zeros(3))
    assert scan.best is None
    assert np.isnan(scan.means).all()


@pytest.mark.parametrize(
    ("sites", "scores", "max_offset"), [([4], [0.1] * 4, 5), ([-1], [0.1] * 4, 5), ([0.5], [0.1], 5), ([0], [0.1], -1)]
)
def test_best_offset_refuses_positions_without_score(sites, scores, max_offset):
    with pytest.raises(InputError):
        best_offset(sites, scores, max_offset)


def test_scans_of_different_ranges_do_not_add():
    with pytest.raises(InputError, match="different ranges"):
        _ = best_offset([0], [0.1], 1) + best_offset([0], [0.1], 2)
    assert isinstance(best_offset([0], [0.1], 1), OffsetScan)
