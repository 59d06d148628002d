"""The sets ``probability`` and ``context`` against their formulas, written out for one position at a time."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

EPS = 1e-10


def slow_probability(scores, i):
    n, a, d = map(float, scores[i])
    return {
        "donor_score": d,
        "acceptor_score": a,
        "neither_score": n,
        "relative_donor_probability": d / (d + a + EPS),
        "splice_probability": (d + a) / (d + a + n + EPS),
        "donor_acceptor_diff": (d - a) / (max(d, a) + EPS),
        "splice_neither_diff": (max(d, a) - n) / (max(d, a, n) + EPS),
        "donor_acceptor_logodds": math.log(d + EPS) - math.log(a + EPS),
        "splice_neither_logodds": math.log(d + a + EPS) - math.log(n + EPS),
        "probability_entropy": -sum(p * math.log(p + EPS) for p in (d, a, n)),
    }


def slow_context(scores, i):
    def at(offset, *channels):
        row = i + offset
        return max(float(scores[row][channel]) for channel in channels) if 0 <= row < len(scores) else 0.0

    m2, m1, p1, p2 = (at(offset, 1, 2) for offset in (-2, -1, 1, 2))
    found = {
        "context_score_m2": m2,
        "context_score_m1": m1,
        "context_score_p1": p1,
        "context_score_p2": p2,
        "context_neighbor_mean": (m2 + m1 + p1 + p2) / 4,
        "context_asymmetry": (m1 + m2) - (p1 + p2),
        "context_max": max(m2, m1, p1, p2),
    }
    for kind, channel in (("donor", 2), ("acceptor", 1)):
        m2, m1, s, p1, p2 = (at(offset, channel) for offset in (-2, -1, 0, 1, 2))
        mean, top = (m2 + m1 + p1 + p2) / 4, max(m2, m1, p1, p2)
        found |= {
            f"{kind}_diff_m1": s - m1,
            f"{kind}_diff_m2": s - m2,
            f"{kind}_diff_p1": s - p1,
            f"{kind}_diff_p2": s - p2,
            f"{kind}_surge_ratio": s / (m1 + p1 + EPS),
            f"{kind}_is_local_peak": int(s > m1 and s > p1 and s > 1e-3),
            f"{kind}_weighted_context": 0.1 * m2 + 0.2 * m1 + 0.4 * s + 0.2 * p1 + 0.1 * p2,
            f"{kind}_peak_height_ratio": s / (mean + EPS),
            f"{kind}_second_derivative": (s - m1) - (p1 - s),
            f"{kind}_signal_strength": s - mean,
            f"{kind}_context_diff_ratio": s / (top + EPS),
        }
    d, a = at(0, 2), at(0, 1)
    strength = found["acceptor_signal_strength"]
    return found | {
        "donor_acceptor_peak_ratio": found["donor_peak_height_ratio"] / (found["acceptor_peak_height_ratio"] + EPS),
        "type_signal_difference": found["donor_signal_strength"] - strength,
        "score_difference_ratio": (d - a) / (d + a + EPS),
        "signal_strength_ratio": found["donor_signal_strength"] / (strength + (-EPS if strength < 0 else EPS)),
    }


@pytest.mark.parametrize(("name", "slow"), [("probability", slow_probability), ("context", slow_context)])
@given(seed=st.integers(0, 2**32), length=st.integers(1, 40), strand=st.sampled_from("+-"))
def test_formulas(make_block, open_sets, name, slow, seed, length, strand):
    block = make_block(seed, length, strand=strand)
    rows = open_sets(name).compute(block, np.arange(length)).to_pylist()
    for i, row in enumerate(rows):
        expected = slow(block.scores["primary"], i)
        assert list(row) == list(expected)
        for column in row:
            assert row[column] == pytest.approx(np.float32(expected[column]), rel=1e-5, abs=1e-7), column


def test_known_values(make_block, open_sets):
    scores = np.array([[1, 0, 0], [0.7, 0, 0.3], [0.15, 0.05, 0.8], [0.9, 0, 0.1], [1, 0, 0]], np.float32)
    block = attrs.evolve(make_block(0, 5), scores={"primary": scores})
    row = open_sets("probability", "context").compute(block, np.array([2])).to_pylist()[0]
    expected = {
        "relative_donor_probability": 0.8 / 0.85,
        "splice_probability": 0.85,
        "donor_acceptor_diff": 0.75 / 0.8,
        "splice_neither_diff": 0.65 / 0.8,
        "donor_acceptor_logodds": math.log(16),
        "splice_neither_logodds": math.log(0.85 / 0.15),
        "probability_entropy": -(0.15 * math.log(0.15) + 0.05 * math.log(0.05) + 0.8 * math.log(0.8)),
        "context_neighbor_mean": 0.1,
        "context_asymmetry": 0.2,
        "context_max": 0.3,
        "donor_diff_m1": 0.5,
        "donor_diff_m2": 0.8,
        "donor_diff_p1": 0.7,
        "donor_surge_ratio": 2.0,
        "donor_is_local_peak": 1,
        "donor_weighted_context": 0.4,
        "donor_peak_height_ratio": 8.0,
        "donor_second_derivative": 1.2,
        "donor_signal_strength": 0.7,
        "donor_context_diff_ratio": 8 / 3,
        "acceptor_surge_ratio": 0.05 / 1e-10,
        "acceptor_second_derivative": 0.1,
        "score_difference_ratio": 0.75 / 0.85,
        "signal_strength_ratio": 14.0,
        "type_signal_difference": 0.65,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)


def test_scores_beyond_the_ends_are_zero(make_block, open_sets):
    block = attrs.evolve(make_block(0, 2), scores={"primary": np.array([[0.1, 0.3, 0.6]] * 2, np.float32)})
    first, last = open_sets("context").compute(block, np.array([0, 1])).to_pylist()
    names = [f"context_score_{name}" for name in ("m2", "m1", "p1", "p2")]
    assert [first[name] for name in names] == pytest.approx([0, 0, 0.6, 0])
    assert [last[name] for name in names] == pytest.approx([0, 0.6, 0, 0])


def test_the_ratio_of_signals_is_finite_where_one_is_zero_or_negative(make_block, open_sets):
    scores = np.zeros((5, 3), np.float32)
    scores[2, 2], scores[[1, 3], 1] = 0.5, 2e-10
    for acceptor in (np.float32(1e-10), np.float32(0)):  # its signal: exactly zero, then -1e-10
        scores[2, 1] = acceptor
        block = attrs.evolve(make_block(0, 5), scores={"primary": scores})
        ratio = open_sets("context").compute(block, np.array([2])).to_pylist()[0]["signal_strength_ratio"]
        assert abs(ratio) == pytest.approx(0.5 / (1e-10 if acceptor else 2e-10), rel=1e-4)
        assert (ratio > 0) == bool(acceptor)


def test_a_plateau_is_no_peak(make_block, open_sets):
    scores = np.full((5, 3), 0.2, np.float32)
    scores[3, 1:] = 0.1
    block = attrs.evolve(make_block(0, 5), scores={"primary": scores})
    assert open_sets("context").compute(block, np.array([2])).column("donor_is_local_peak").to_pylist() == [0]
    scores[1, 2] = scores[1, 1] = np.nextafter(np.float32(0.2), np.float32(0))
    assert open_sets("context").compute(block, np.array([2])).column("donor_is_local_peak").to_pylist() == [1]


def test_only_the_first_three_outputs_count(make_block, open_sets):
    block = make_block(3, 30)
    more = np.concatenate([block.scores["primary"], np.full((30, 2), 0.7, np.float32)], axis=1)
    pipeline = open_sets("probability", "context")
    wide = pipeline.compute(attrs.evolve(block, scores={"primary": more}), np.arange(30))
    assert wide.equals(pipeline.compute(block, np.arange(30)))
