"""What is drawn of a gene."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.report import track as module
from splicecore.report.calls import CallRows
from splicecore.report.gene_annotation import GeneModel
from splicecore.report.track import _stretches, draw_track

NONE = np.empty(0, dtype=np.int64)
MODEL = GeneModel(np.array([[100, 120], [150, 170]]), np.array([[100, 120]]), "T", (NONE, NONE))


def rows(size: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.PCG64(seed))
    base, final = ((rng.random((size, 2)) ** 6).astype(np.float32) for _ in range(2))
    return np.arange(100, 100 + size), base, final


def test_every_position_that_scores_enough_anywhere_is_drawn():
    positions, base, final = rows(300)
    track = draw_track(MODEL, positions, base, final, uncertain=base[:, 0] > 0.5, calls=CallRows.empty())
    expected = positions[np.maximum(base, final).max(axis=1) >= 0.01]
    assert track.points.tolist() == expected.tolist()
    assert track.lowest == 0.01
    assert np.array_equal(track.final, final[expected - 100])


def test_of_too_many_positions_the_highest_are_drawn_and_the_limit_is_told(monkeypatch):
    monkeypatch.setattr(module, "MAX_POINTS", 20)
    positions, base, _ = rows(300)
    track = draw_track(MODEL, positions, base, None, uncertain=None, calls=CallRows.empty())
    highest = np.sort(base.max(axis=1))[::-1]
    assert len(track.points) == 20
    assert np.sort(track.base.max(axis=1))[0] == highest[19]
    assert track.lowest == pytest.approx(highest[19], abs=1e-4)
    assert (np.diff(track.points) > 0).all()


def test_the_page_gets_what_was_drawn_back():
    positions, base, final = rows(80)
    track = draw_track(MODEL, positions, base, final, uncertain=base[:, 1] > 0.2, calls=CallRows.empty())
    value = track.to_json(100)
    assert [100 + x for x in itertools.accumulate(value["at"])] == track.points.tolist()
    bounds = [100 + x for x in itertools.accumulate(value["uncertain"])]
    assert bounds == track.stretches.ravel().tolist()
    assert np.allclose(np.array(value["final"]).T / 10_000, track.final, atol=5.1e-5)
    assert value["exons"] == [0, 20, 50, 70]
    assert value["canonical"] == [0, 20]


@given(st.sets(st.integers(0, 200)), st.integers(1, 12))
def test_stretches_hold_every_uncertain_position_and_no_more_than_the_gap_allows(chosen, most):
    positions = np.array(sorted(chosen), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_STRETCHES", most)
        stretches, gap = _stretches(positions)
    assert len(stretches) <= most
    covered = {base for start, end in stretches.tolist() for base in range(start, end)}
    assert chosen <= covered
    assert all(min(abs(base - x) for x in chosen) <= gap for base in covered)
    if gap == 0:
        assert covered == chosen
    assert all(a[1] + gap < b[0] for a, b in itertools.pairwise(stretches.tolist()))
