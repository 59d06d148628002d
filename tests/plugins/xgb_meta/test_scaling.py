"""Scaling is learned from a sample of a stream, whatever its batches, and comes to no harm by odd values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore_xgb_meta import scaling
from splicecore_xgb_meta.scaling import learn_scaling


def batches(features, size):
    starts = range(0, len(features), size)
    return [(features[start : start + size], np.zeros(0, np.int8), np.zeros(0)) for start in starts]


def rows(count, seed=1):
    generator = np.random.default_rng(seed)
    features = generator.normal([5.0, -3.0, 0.0, 7.0, 0.0], [2.0, 0.1, 1.0, 0.0, 1.0], size=(count, 5))
    features[:, 2] = generator.random(count) < 3e-4
    features[:, 4] = np.nan
    features[generator.random(count) < 0.1, 0] = np.nan
    return features.astype(np.float32)


def test_scaled_features_have_mean_zero_and_deviation_one():
    features = rows(20_000)
    scaled = learn_scaling(batches(features, 3000), 5, 1).apply(features)
    assert scaled.dtype == np.float64
    assert np.isfinite(scaled).all()
    np.testing.assert_allclose(scaled[:, :2].mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(scaled[:, :2].std(axis=0), [0.95, 1], atol=0.05)  # a tenth of the first is missing
    assert (scaled[np.isnan(features)] == 0).all()
    assert (scaled[:, 3:] == 0).all()  # constant, never there
    assert scaled[:, 2].max() > 10 > np.abs(scaled[:, :2]).max()  # a rare flag is not clipped away


def test_outliers_are_clipped():
    features = rows(20_000)
    features[7, 1] = 3e30
    scaled = learn_scaling(batches(features, 3000), 5, 1).apply(features)
    assert np.abs(scaled[:, 1]).max() < 5
    assert scaled[:, 1].std() > 0.9


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 700), st.integers(0, 5))
def test_the_batches_do_not_matter(size, seed):
    with_sample = scaling._SAMPLE_BYTES
    try:
        scaling._SAMPLE_BYTES = 1
        features = rows(2500, seed)  # 1,000 of them are sampled
        first, second = (learn_scaling(batches(features, rows_), 5, 9) for rows_ in (2500, size))
    finally:
        scaling._SAMPLE_BYTES = with_sample
    for name, values in first.arrays().items():
        np.testing.assert_array_equal(values, second.arrays()[name])


def test_the_sample_is_of_the_whole_stream(monkeypatch):
    monkeypatch.setattr(scaling, "_SAMPLE_BYTES", 1)
    features = np.arange(50_000, dtype=np.float32)[:, None]
    learned = learn_scaling(batches(features, 999), 1, 3)
    assert abs(learned.center[0] - 25_000) < 2000
    assert learned.low[0] < 500
    assert learned.high[0] > 49_500
