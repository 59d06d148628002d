"""Calibration: rising curves, rows that sum to one, identity on calibrated data, weights as repetition, extremes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.training.calibration import fit_calibration, read_calibration
from splicecore.training.isotonic import IsotonicCurve, pool_adjacent_violators
from splicecore.training.logistic import LogisticCurve

METHODS = ("isotonic", "platt", "temperature")


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def drawn(seed, count, *, rare=3.0, spread=2.0):
    """True probabilities of positions, and labels drawn from them."""
    generator = np.random.Generator(np.random.PCG64(seed))
    truth = softmax(generator.normal(size=(count, 3)) * spread + np.array([rare, 0, 0]))
    labels = (generator.random(count)[:, None] > np.cumsum(truth, axis=1)[:, :2]).sum(axis=1)
    return truth, labels.astype(np.int8)


def sharpened(truth, power=2.0):
    return softmax(np.log(truth) * power).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_calibrated_stays_and_what_is_not_is_mended(method):
    truth, labels = drawn(1, 200_000)
    same = fit_calibration(method, truth.astype(np.float32), labels).apply(truth.astype(np.float32))
    assert np.abs(same - truth).mean() < 0.004
    over = sharpened(truth)
    mended = fit_calibration(method, over, labels).apply(over)
    off, left = (np.abs(p - truth).mean() for p in (over, mended))
    assert left < (0.01 if method == "temperature" else 0.75 * off)
    assert mended.mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=0.004)


@pytest.mark.parametrize("method", METHODS)
@given(
    seed=st.integers(0, 30),
    values=arrays(np.float64, (40, 3), elements=st.floats(-40, 40)),
)
@settings(max_examples=30)
def test_rows_sum_to_one_and_order_is_kept(method, seed, values):
    truth, labels = drawn(seed, 600, rare=1.5)
    calibration = fit_calibration(method, sharpened(truth), labels)
    given_ = softmax(values).astype(np.float32)
    result = calibration.apply(given_)
    assert result.dtype == np.float32
    assert result.shape == (40, 3)
    assert np.abs(result.astype(np.float64).sum(axis=1) - 1).max() < 1e-6
    assert (result >= 0).all()
    if method == "temperature":  # within a row
        order = np.argsort(given_, axis=1, kind="stable")
        assert (np.diff(np.take_along_axis(result, order, axis=1), axis=1) >= -1e-6).all()
    else:  # across positions
        for site, curve in enumerate(calibration.curves, start=1):
            grid = np.concatenate([[0.0], np.geomspace(1e-9, 0.5, 200), 1 - np.geomspace(0.49, 1e-9, 200), [1.0]])
            inputs = grid if method == "isotonic" else np.linspace(-20, 20, 400)
            assert (np.diff(curve(inputs)) > 0).all()
            alone = np.zeros((3, 3), dtype=np.float32)
            alone[:, site], alone[:, 0] = [0.01, 0.2, 0.9], [0.99, 0.8, 0.1]
            assert (np.diff(calibration.apply(alone)[:, site]) > 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_weights_are_repetition(method):
    truth, labels = drawn(2, 3000, rare=1.0)
    p = sharpened(truth)
    times = np.random.Generator(np.random.PCG64(3)).integers(0, 5, len(labels))
    weighted = fit_calibration(method, p, labels, times)
    repeated = fit_calibration(method, np.repeat(p, times, axis=0), np.repeat(labels, times))
    assert np.abs(weighted.apply(p) - repeated.apply(p)).max() < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_sampled_rows_calibrate_at_the_prevalence_of_all_positions(method):
    truth, labels = drawn(4, 400_000, rare=7.0)
    keep = np.where(labels > 0, 1.0, 0.05)
    kept = np.random.Generator(np.random.PCG64(5)).random(len(labels)) < keep
    p = sharpened(truth, 1.3)
    calibration = fit_calibration(method, p[kept], labels[kept], 1 / keep[kept])
    prevalence = np.bincount(labels, minlength=3) / len(labels)
    assert calibration.apply(p).mean(axis=0)[1:] == pytest.approx(prevalence[1:], rel=0.1)
    unweighted = fit_calibration(method, p[kept], labels[kept])
    if method != "temperature":  # which has no means to mend a wrong prevalence
        assert unweighted.apply(p)[:, 1:].mean() > 2 * prevalence[1:].mean()


@pytest.mark.parametrize("method", METHODS)
def test_a_prevalence_of_one_in_ten_thousand(method):
    generator = np.random.Generator(np.random.PCG64(6))
    count = 300_000
    truth = np.empty((count, 3))
    truth[:, 1] = 10 ** generator.uniform(-9, -2.73, count)
    truth[:100, 1] = generator.uniform(0.2, 0.95, 100)
    truth[:, 2] = truth[::-1, 1]
    truth[:, 0] = 1 - truth[:, 1] - truth[:, 2]
    labels = (generator.random(count)[:, None] > np.cumsum(truth[:, [1, 2]], axis=1)).sum(axis=1)
    labels = np.where(labels == 2, 0, labels + 1)
    assert 0.5e-4 < (labels == 1).mean() < 5e-4
    over = sharpened(truth, 1.2)
    result = fit_calibration(method, over, labels).apply(over).astype(np.float64)
    assert np.isfinite(np.log(result[np.arange(count), labels])).all()
    assert result[:, 1:].mean(axis=0) == pytest.approx(truth[:, 1:].mean(axis=0), rel=0.3)
    if method == "platt":
        assert np.corrcoef(np.log(result[:, 1]), np.log(truth[:, 1]))[0, 1] > 0.999


def test_pooling_is_the_nearest_rising_sequence():
    @given(
        arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1, width=16)),
        st.integers(0, 99),
    )
    def check(values, seed):
        weights = np.random.Generator(np.random.PCG64(seed)).uniform(0.1, 5, len(values))
        levels, first = pool_adjacent_violators(values, weights)
        fitted = np.repeat(levels, np.diff(np.append(first, len(values))))
        # min-max formula of isotonic regression
        sums, mass = np.cumsum(np.append(0, values * weights)), np.cumsum(np.append(0, weights))
        count = len(values)
        expected = [
            max(min((sums[j] - sums[i]) / (mass[j] - mass[i]) for j in range(k + 1, count + 1)) for i in range(k + 1))
            for k in range(count)
        ]
        assert np.allclose(fitted, expected, atol=1e-9)

    check()


def test_pooling_one_by_one_gives_the_same(monkeypatch):
    generator = np.random.Generator(np.random.PCG64(7))
    values, weights = generator.random(5000), generator.uniform(0.1, 3, 5000)
    fast = pool_adjacent_violators(values, weights)
    monkeypatch.setattr("splicecore.training.isotonic._ROUNDS", 0)
    slow = pool_adjacent_violators(values, weights)
    assert np.array_equal(fast[1], slow[1])
    assert np.allclose(fast[0], slow[0], atol=1e-12)


def test_the_curve_goes_through_the_blocks_centers():
    x = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.9])
    hit = np.array([0, 1, 0, 0, 1, 0, 1], dtype=bool)
    curve = IsotonicCurve.fit(x, hit, np.ones(7))
    assert curve.x == pytest.approx([0.1, 0.3, 0.65, 0.9])
    assert curve.y == pytest.approx([1 / 6, 1 / 3, 0.5, 0.75])  # shares 0 and 1 of single positions are not believed
    assert curve(np.array([0.0, 0.05, 0.475])) == pytest.approx([0, curve.y[0] / 2, (1 / 3 + 0.5) / 2])
    assert curve.y[-1] < curve(np.array([1.0]))[0] < 1


@pytest.mark.parametrize("method", ["none", *METHODS])
def test_json_brings_back_the_same_calibration(method):
    truth, labels = drawn(8, 4000, rare=1.0)
    p = sharpened(truth)
    calibration = fit_calibration(method, p, labels)
    values = json.loads(json.dumps(calibration.to_json()))
    assert np.array_equal(read_calibration(values).apply(p), calibration.apply(p))
    assert values["fitted_on"]["donor"] == (labels == 2).sum()
    assert calibration.apply(p[:0]).shape == (0, 3)
    before = p.copy()
    calibration.apply(p)
    assert np.array_equal(before, p)


@pytest.mark.parametrize("broken", ["method", "curves", "version", "fitted_on"])
def test_damaged_json_is_refused(broken):
    truth, labels = drawn(9, 1000, rare=0.0)
    values = fit_calibration("isotonic", sharpened(truth), labels).to_json()
    with pytest.raises(ChecksumError, match="here is damaged"):
        read_calibration({key: value for key, value in values.items() if key != broken}, where="here")
    values["curves"]["donor"]["x"].reverse()
    with pytest.raises(ChecksumError, match="must rise"):
        read_calibration(values)


def test_refusals():
    truth, labels = drawn(10, 500, rare=0.0)
    p = truth.astype(np.float32)
    with pytest.raises(ConfigError, match="no calibration 'beta'"):
        fit_calibration("beta", p, labels)
    for method in METHODS:
        with pytest.raises(InputError, match="is donor"):
            fit_calibration(method, p[labels != 2], labels[labels != 2])
    with pytest.raises(InputError, match="falls where"):
        fit_calibration("platt", p[:, [0, 2, 1]], np.where(labels == 0, 0, labels))
    with pytest.raises(InputError, match="sum to one"):
        fit_calibration("none", p, labels).apply(np.full((2, 3), 0.5, dtype=np.float32))
    with pytest.raises(InputError, match="sum to one"):
        fit_calibration("none", p, labels).apply(np.full((2, 3), np.nan, dtype=np.float32))
    with pytest.raises(InputError, match="shape"):
        fit_calibration("platt", p[:, :2], labels)
    with pytest.raises(InputError, match="weights"):
        fit_calibration("platt", p, labels, -np.ones(len(p)))


def test_isotonic_blocks_are_those_of_scikit_learn():
    isotonic = pytest.importorskip("sklearn.isotonic")
    truth, labels = drawn(11, 5000, rare=1.0)
    generator = np.random.Generator(np.random.PCG64(0))
    x, hit, weights = np.round(truth[:, 1], 3), labels == 1, generator.uniform(0.5, 3, 5000)
    order = np.argsort(x)
    heads = np.flatnonzero(np.append(True, np.diff(x[order]) > 0))
    mass = np.add.reduceat(weights[order], heads)
    means = np.add.reduceat((weights * hit)[order], heads) / mass
    levels, first = pool_adjacent_violators(means, mass)
    fitted = np.repeat(levels, np.diff(np.append(first, len(means))))
    theirs = isotonic.IsotonicRegression().fit(x, hit, weights).predict(x[order][heads])
    assert np.allclose(fitted, theirs, atol=1e-10)


def test_platt_is_that_of_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration")
    truth, labels = drawn(12, 5000, rare=1.0)
    z = 0.5 * np.log(truth[:, 1] / (1 - truth[:, 1])) + 0.3
    weights = np.random.Generator(np.random.PCG64(0)).uniform(0.5, 3, 5000)
    ours = LogisticCurve.fit(z, labels == 1, weights)
    theirs = calibration._SigmoidCalibration().fit(z, labels == 1, weights)
    assert (ours.slope, ours.intercept) == pytest.approx((-theirs.a_, -theirs.b_), rel=1e-3)


def test_temperature_is_the_minimum_of_the_loss():
    truth, labels = drawn(13, 5000, rare=1.0)
    p, weights = sharpened(truth, 1.7), np.random.Generator(np.random.PCG64(0)).uniform(0.5, 3, 5000)
    fitted = fit_calibration("temperature", p, labels, weights).temperature
    z = np.log(p.astype(np.float64))

    def loss(temperature):
        return -(weights * np.log(softmax(z / temperature)[np.arange(5000), labels])).sum()

    assert fitted == pytest.approx(1.7, rel=0.05)
    assert loss(fitted) < min(loss(fitted * 1.001), loss(fitted / 1.001))
