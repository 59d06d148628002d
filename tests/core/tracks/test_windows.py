"""Windows: against a slow version, and the same value whatever else is computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.tracks import windows
from splicecore.tracks.windows import window_mean_max, windowed_values

LENGTH = 300
SIGNAL = st.lists(
    st.one_of(st.just(float("nan")), st.floats(-1e4, 1e4, width=32)), min_size=LENGTH, max_size=LENGTH
).map(np.float32)


class Held:
    """A signal in memory."""

    def __init__(self, values):
        self.whole = values
        self.spans = []

    def values(self, contig, start, end):
        assert 0 <= start <= end <= len(self.whole)
        self.spans.append((start, end))
        return self.whole[start:end]

    def close(self):
        pass


@settings(max_examples=60)
@given(
    values=st.lists(st.one_of(st.just(float("nan")), st.floats(-1e4, 1e4, width=32)), min_size=1, max_size=60),
    start=st.integers(0, 1000),
    width=st.integers(1, 40),
)
def test_means_and_maxima_are_those_of_a_slow_version(values, start, width):
    signal = np.float32(values)
    mean, highest = window_mean_max(signal, start, width)
    for place in range(len(signal)):
        window = signal[max(place - width, 0) : place + width + 1]
        window = window[~np.isnan(window)].astype(np.float64)
        if not len(window):
            assert np.isnan(mean[place])
            assert np.isnan(highest[place])
        else:
            np.testing.assert_allclose(mean[place], window.mean(), rtol=1e-6, atol=1e-3)
            assert highest[place] == window.max()
    assert mean.dtype == highest.dtype == np.float32


@settings(max_examples=30)
@given(whole=SIGNAL, data=st.data())
def test_a_position_has_one_value_whatever_else_is_asked_for(whole, data):
    chosen = np.array(data.draw(st.lists(st.integers(-5, LENGTH + 5), min_size=1, max_size=20)))
    everything = np.arange(-5, LENGTH + 6)
    for tile in (1 << 18, 32):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows, "_TILE", tile)
            some = windowed_values(Held(whole), "c", LENGTH, chosen, (0, 3, 25))
        dense = windowed_values(Held(whole), "c", LENGTH, everything, (0, 3, 25))
        assert len(some) == len(dense) == 5
        for few, all_ in zip(some, dense, strict=True):
            np.testing.assert_array_equal(few, all_[chosen + 5])


def test_positions_beyond_the_contig_have_no_value_and_windows_end_there():
    signal = Held(np.arange(10, dtype=np.float32))
    value, mean, highest = windowed_values(signal, "c", 10, np.array([-1, 0, 9, 10]), (0, 2))
    np.testing.assert_array_equal(value, np.float32([np.nan, 0, 9, np.nan]))
    np.testing.assert_array_equal(mean, np.float32([np.nan, 1, 8, np.nan]))
    np.testing.assert_array_equal(highest, np.float32([np.nan, 2, 9, np.nan]))


def test_far_positions_are_read_apart():
    signal = Held(np.zeros(1_000_000, dtype=np.float32))
    windowed_values(signal, "c", 1_000_000, np.array([5, 900_000, 7]), (0, 10))
    assert signal.spans == [(0, 18), (899_990, 900_011)]


def test_nothing_asked_for_reads_nothing():
    signal = Held(np.zeros(10, dtype=np.float32))
    assert [len(column) for column in windowed_values(signal, "c", 10, np.empty(0, np.int64), (0, 2))] == [0, 0, 0]
    assert signal.spans == []
