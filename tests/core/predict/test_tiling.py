"""Tiles cover a gene once, whatever its length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from splicecore.plugins.specs import BaseModelSpec
from splicecore.predict.tiling import Tiling


def make_spec(**fields):
    return BaseModelSpec(name="m", factory="m:open", left=5, right=5, licence="none", citation="none", **fields)


@given(length=st.integers(1, 5000), limit=st.integers(1, 700))
def test_free_tiles_cover_every_position_once(length, limit):
    tiling = Tiling.of(make_spec(max_positions=limit))
    covered = [position for start, stop in tiling.spans(length) for position in range(start, stop)]
    assert covered == list(range(length))
    assert all(stop - start <= limit for start, stop in tiling.spans(length))


@given(length=st.integers(1, 5000), window=st.integers(1, 300), limit=st.integers(1, 2000))
def test_fixed_windows_have_one_length_and_batches_respect_the_limit(length, window, limit):
    tiling = Tiling.of(make_spec(output_length=window, max_positions=limit))
    spans = list(tiling.spans(length))
    assert {stop - start for start, stop in spans} == {window}
    assert [start for start, _ in spans] == list(range(0, length, window))
    batches = list(tiling.batches(length))
    assert [span for batch in batches for span in batch] == spans
    assert all(len(batch) * window <= max(limit, window) for batch in batches)


def test_geometry_follows_from_the_model_alone():
    assert Tiling.of(make_spec(max_positions=1000)) == Tiling(tile=1000, batch=1, exact=False)
    assert Tiling.of(make_spec(max_positions=1000, output_length=300)) == Tiling(tile=300, batch=3, exact=True)
