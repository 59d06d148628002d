"""Operating points against a loop over all thresholds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.training.operating_points import OperatingPoint, OperatingPoints, operating_points


def rows(seed, count=60):
    generator = np.random.Generator(np.random.PCG64(seed))
    labels = generator.integers(0, 3, count)
    scores = generator.random((count, 3)) + 1.5 * np.eye(3)[labels] * generator.random((count, 1))
    probabilities = np.round(scores / scores.sum(axis=1, keepdims=True), 2).astype(np.float32)
    return probabilities, labels, generator.integers(1, 20, count).astype(float)


def brute(score, truth, weights):
    """(threshold, precision, recall, f1) for every threshold, from high to low."""
    result = []
    for threshold in sorted(set(score.tolist()), reverse=True):
        called = score >= threshold
        hits, calls, sites = (weights[mask].sum() for mask in (called & truth, called, truth))
        result.append((threshold, hits / calls, hits / sites, 2 * hits / (calls + sites)))
    return result


@given(seed=st.integers(0, 200), target=st.sampled_from([0.3, 0.5, 0.75, 0.9, 1.0]), weighted=st.booleans())
def test_points_are_the_best_of_all_thresholds(seed, target, weighted):
    probabilities, labels, weights = rows(seed)
    given_ = weights if weighted else None
    points = operating_points(probabilities, labels, given_, precisions=(target,), recalls=(target,))
    mass = weights if weighted else np.ones(len(labels))
    for name, site in (("acceptor", 1), ("donor", 2)):
        found = getattr(points, name)
        curve = brute(probabilities[:, site], labels == site, mass)
        assert found.prevalence == pytest.approx(mass[labels == site].sum() / mass.sum())
        assert found.best_f1.f1 == pytest.approx(max(point[3] for point in curve))
        for point, reach, gain in (
            (found.recall_at_precision[0], 1, 2),
            (found.precision_at_recall[0], 2, 1),
        ):
            allowed = [row for row in curve if row[reach] >= target - 1e-12]
            if not allowed:
                assert point == OperatingPoint(target=target)
                continue
            best = max(row[gain] for row in allowed)
            assert (point.precision, point.recall)[gain - 1] == pytest.approx(best)
            assert next(row for row in curve if row[0] == point.threshold)[1:] == pytest.approx(
                (point.precision, point.recall, point.f1)
            )


def test_a_target_out_of_reach_has_no_threshold():
    probabilities = np.array([[0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.2, 0.1, 0.7]], dtype=np.float32)
    points = operating_points(probabilities, np.array([0, 1, 2]), precisions=(0.9,))
    assert points.acceptor.recall_at_precision[0].threshold is None
    donor = points.donor.recall_at_precision[0]
    assert (donor.threshold, donor.precision, donor.recall) == (float(np.float32(0.7)), 1.0, 1.0)


def test_json_brings_back_the_same_points():
    probabilities, labels, weights = rows(3)
    points = operating_points(probabilities, labels, weights)
    values = json.loads(json.dumps(points.to_json()))
    assert OperatingPoints.from_json(values) == points
    del values["donor"]["best_f1"]
    with pytest.raises(ChecksumError, match="damaged"):
        OperatingPoints.from_json(values)


def test_refusals():
    probabilities, labels, weights = rows(4)
    with pytest.raises(ConfigError, match="precision or recall of 0"):
        operating_points(probabilities, labels, precisions=(0.0,))
    with pytest.raises(InputError, match="is donor"):
        operating_points(probabilities, np.where(labels == 2, 0, labels))
    with pytest.raises(InputError, match="do not fit"):
        operating_points(probabilities, labels[1:], weights[1:])
