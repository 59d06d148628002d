"""The set ``partners`` against its formulas, written out for one position at a time."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.features import partners
from splicecore.features.partners import BEST, GRADES, REACH, SUMS

FAR = 4_000


def logodds(p):
    p = min(max(float(p), 1e-6), 1 - 1e-6)
    return math.log(p) - math.log1p(-p)


def slow(models, i, reach=REACH):
    row = {}
    for kind, channel in (("acceptor", 1), ("donor", 2)):
        x = [sum(logodds(scores[k, channel]) for scores in models) / len(models) for k in range(len(models[0]))]
        row[f"{kind}_mean_logodds"] = x[i]
        sides = {
            "before": [(i - k, x[k]) for k in range(i)][::-1],
            "after": [(k - i, x[k]) for k in range(i + 1, len(x))],
        }
        for side, sites in sides.items():
            for w in BEST:
                row[f"{kind}_best_{side}_{w}"] = max((v for far, v in sites if 2 < far <= w), default=logodds(0))
            for w in SUMS:
                total = sum(1 / (1 + math.exp(-v)) for far, v in sites if far <= w)
                row[f"{kind}_sum_{side}_{w}"] = math.log(total + 1e-3)
            for grade, least in GRADES.items():
                limit = np.float32(logodds(least))
                found = next(((f, v) for f, v in sites if 2 < f <= reach and np.float32(v) >= limit), None)
                row[f"{grade}_{kind}_{side}_distance"] = math.log(found[0]) if found else None
                row[f"{grade}_{kind}_{side}_logodds"] = found[1] if found else None
    return row


@given(
    seed=st.integers(0, 2**32),
    length=st.integers(1, 60),
    strand=st.sampled_from("+-"),
    models=st.sampled_from([("primary",), ("primary", "other")]),
)
@settings(max_examples=30)
def test_formulas(make_block, open_sets, seed, length, strand, models):
    block = make_block(seed, length, strand=strand, models=models)
    pipeline = open_sets("partners", models=models)
    for i, row in enumerate(pipeline.compute(block, np.arange(length)).to_pylist()):
        expected = slow(list(block.scores.values()), i)
        assert set(row) == set(expected)
        for name, value in row.items():
            if value is None or expected[name] is None:
                assert (value, expected[name]) == (None, None), name
            else:
                assert value == pytest.approx(expected[name], rel=1e-5, abs=1e-5), name


@pytest.fixture
def far_block(make_block):
    """A gene with an acceptor and a donor far apart, and nothing else."""
    block = make_block(1, 3 * FAR)
    scores = np.zeros((3 * FAR, 3), np.float32)
    scores[:, 0] = 1
    scores[FAR], scores[2 * FAR] = [0.1, 0.9, 0], [0.7, 0, 0.3]
    return attrs.evolve(block, scores={"primary": scores})


def test_known_values(far_block, open_sets):
    acceptor, between, donor = open_sets("partners").compute(far_block, np.array([FAR, FAR + 100, 2 * FAR])).to_pylist()
    assert between["likely_acceptor_before_distance"] == pytest.approx(math.log(100))
    assert between["likely_acceptor_before_logodds"] == pytest.approx(math.log(9), rel=1e-4)
    assert between["possible_donor_after_distance"] == pytest.approx(math.log(FAR - 100))
    assert between["likely_donor_after_distance"] is None
    assert acceptor["likely_acceptor_before_distance"] is None
    assert acceptor["likely_acceptor_after_logodds"] is None
    assert acceptor["acceptor_best_before_500"] == pytest.approx(logodds(0), rel=1e-6)
    assert acceptor["acceptor_mean_logodds"] == pytest.approx(math.log(9), rel=1e-4)
    assert between["acceptor_best_before_200"] == pytest.approx(math.log(9), rel=1e-4)
    assert between["acceptor_best_before_50"] == pytest.approx(logodds(0), rel=1e-6)
    assert donor["acceptor_sum_before_2000"] == pytest.approx(math.log(2000e-6 + 1e-3), rel=1e-4)
    assert donor["acceptor_sum_before_10000"] == pytest.approx(math.log(0.9 + (2 * FAR - 1) * 1e-6 + 1e-3), rel=1e-4)


def test_nothing_beyond_the_reach_plays_a_part(far_block, open_sets, monkeypatch):
    monkeypatch.setattr(partners, "REACH", FAR - 1)
    monkeypatch.setattr(partners, "SUMS", (50,))
    with pytest.raises(KeyError):  # the declared windows are the windows
        partners.Partners().compute(far_block, np.array([0]), {})
    monkeypatch.setattr(partners, "SUMS", SUMS)
    row = open_sets("partners").compute(far_block, np.array([2 * FAR])).to_pylist()[0]
    assert row["likely_acceptor_before_distance"] is None
    assert row["possible_acceptor_before_logodds"] is None


@given(seed=st.integers(0, 2**32), data=st.data())
@settings(max_examples=20)
def test_a_position_does_not_depend_on_the_others(make_block, open_sets, seed, data):
    block, pipeline = make_block(seed, 700), open_sets("partners")
    whole = pipeline.compute(block, np.arange(700))
    index = np.array(data.draw(st.lists(st.integers(0, 699), min_size=1, max_size=20)))
    assert pipeline.compute(block, index).equals(whole.take(index))


def test_parts_far_apart_give_the_same_bytes(far_block, open_sets, monkeypatch):
    monkeypatch.setattr(partners, "REACH", 5_000)
    monkeypatch.setattr(partners, "SUMS", (2_000, 3_000, 5_000))
    monkeypatch.setattr(partners, "_SCHEMA", partners.column_schema(partners._columns()))
    one = partners.Partners()
    whole = one.compute(far_block, np.arange(3 * FAR), {})
    parts = [one.compute(far_block, np.arange(first, first + FAR), {}) for first in range(0, 3 * FAR, FAR)]
    for k, part in enumerate(parts):
        assert part.equals(whole.slice(k * FAR, FAR))


def test_no_position_gives_no_row(make_block, open_sets):
    assert open_sets("partners").compute(make_block(1, 10), np.empty(0, np.int64)).num_rows == 0


def test_the_set_is_not_near_the_label(open_sets):
    schema = open_sets("partners", models=("primary", "other")).schema
    assert {field.metadata[b"near_label"] for field in schema} == {b"false"}
    assert not [name for name in schema.names if name.startswith("other__")]
