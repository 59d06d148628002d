"""Measures of indecision: known values, and what must hold for all probabilities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.uncertainty.measures import ClassProbabilities, site_probability

few = settings(max_examples=30)

MEASURES = ("entropy", "closeness", "variance")
SEEDS = st.integers(0, 2**32 - 1)
SHARPNESS = st.sampled_from([0.01, 0.1, 1.0, 30.0])


def measure(name, rows):
    return getattr(ClassProbabilities.of(np.asarray(rows, dtype=np.float32)), name)()


@pytest.mark.parametrize(
    ("row", "entropy", "closeness", "variance"),
    [
        ([1, 0, 0], 0, 0, 0),
        ([0, 0, 1], 0, 0, 0),
        ([1 / 3, 1 / 3, 1 / 3], 1, 1, 1),
        ([0.5, 0.5, 0], np.log(2) / np.log(3), 1, 0.75),
        ([0.5, 0.25, 0.25], 1.5 * np.log(2) / np.log(3), 0.75, 0.9375),
        ([0.75, 0, 0.25], 0.5118595071429148, 0.5, 0.5625),
    ],
)
def test_known_values(row, entropy, closeness, variance):
    for name, expected in (("entropy", entropy), ("closeness", closeness), ("variance", variance)):
        assert measure(name, [row])[0] == pytest.approx(expected, abs=1e-7), name


@few
@given(SEEDS, SHARPNESS)
def test_they_are_what_their_formulas_say(draw_scores, seed, sharpness):
    rows = draw_scores(seed, sharpness=sharpness).astype(np.float64)
    rows /= rows.sum(axis=1, keepdims=True)
    logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
    ordered = np.sort(rows, axis=1)

    np.testing.assert_allclose(measure("entropy", rows), -(rows * logs).sum(axis=1) / np.log(3), atol=1e-6)
    np.testing.assert_allclose(measure("closeness", rows), 1 - (ordered[:, 2] - ordered[:, 1]), atol=1e-6)
    np.testing.assert_allclose(measure("variance", rows), 1 - rows.var(axis=1) / (2 / 9), atol=1e-6)


@few
@given(SEEDS, SHARPNESS)
@pytest.mark.parametrize("name", MEASURES)
def test_order_of_the_classes_does_not_matter(draw_scores, name, seed, sharpness):
    rows = draw_scores(seed, sharpness=sharpness)
    for order in itertools.permutations(range(3)):
        np.testing.assert_allclose(measure(name, rows[:, order]), measure(name, rows), rtol=1e-12, atol=1e-15)


@few
@given(SEEDS, SHARPNESS, st.floats(0.01, 0.99))
@pytest.mark.parametrize("name", MEASURES)
def test_they_rise_toward_indecision(draw_scores, name, seed, sharpness, share):
    rows = draw_scores(seed, sharpness=sharpness)
    mixed = (1 - share) * rows + share / 3
    assert (measure(name, mixed) >= measure(name, rows) - 1e-6).all()


@few
@given(SEEDS, SHARPNESS, st.floats(0.5, 2))
@pytest.mark.parametrize("name", MEASURES)
def test_they_are_between_0_and_1_whatever_the_sum(draw_scores, name, seed, sharpness, factor):
    rows = draw_scores(seed, sharpness=sharpness) * np.float32(factor)
    found = measure(name, rows)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found, measure(name, draw_scores(seed, sharpness=sharpness)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MEASURES)
def test_they_keep_their_digits_where_a_model_is_sure(name):
    tiny = np.array([1e-3, 1e-6, 1e-9, 1e-12] + ([] if name == "entropy" else [1e-16, 1e-20]))
    found = measure(name, np.stack([1 - tiny, tiny, 0 * tiny], axis=1))
    expected = {
        "entropy": (tiny - tiny * np.log(tiny)) / np.log(3),  # -(1 - t) ln(1 - t) is t to first order
        "closeness": 2 * tiny,
        "variance": 3 * tiny,
    }[name]
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@pytest.mark.parametrize("name", MEASURES)
def test_rounding_below_zero_and_no_score_at_all(name):
    assert measure(name, [[1.000001, -1e-6, 0], [0, 0, 0.99999]]).tolist() == [0, 0]
    assert np.isfinite(measure(name, [[0, 0, 0]])).all()


def test_the_site_probability_is_the_larger_score_as_given():
    rows = np.array([[0.2, 0.3, 0.5], [0.2, 0.7, 0.1], [1, -1e-6, 0], [0, 1.000001, 0]], dtype=np.float32)
    assert site_probability(rows).tolist() == [0.5, np.float32(0.7), 0, 1]
    assert site_probability(rows).dtype == np.float32
