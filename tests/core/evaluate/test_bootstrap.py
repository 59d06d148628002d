"""The bootstrap against a loop that draws groups and computes every figure from their positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ConfigError
from splicecore.evaluate.bootstrap import bootstrap_weights, overlap_groups, percentile_interval
from splicecore.evaluate.comparison import compare
from splicecore.evaluate.config import OperatingPoint
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.metrics import average_precision, confusion_at, top_k_accuracy
from splicecore.evaluate.pooled import CLASSES

spans = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 40), st.integers(1, 9)), min_size=1, max_size=15
)


@given(spans)
def test_groups_are_what_overlaps_directly_or_through_others(rows):
    genes = [
        EvaluatedGene(GeneKey(contig, "+-"[i % 2], str(i)), start, start + length)
        for i, (contig, start, length) in enumerate(rows)
    ]
    group = overlap_groups(genes)
    reach = {
        (i, j): a.key.contig == b.key.contig and a.start < b.end and b.start < a.end
        for i, a in enumerate(genes)
        for j, b in enumerate(genes)
    }
    expected = list(range(len(genes)))
    for _ in genes:
        expected = [min(expected[j] for j in range(len(genes)) if reach[i, j]) for i in range(len(genes))]
    assert [[group[i] == group[j] for j in range(len(genes))] for i in range(len(genes))] == [
        [expected[i] == expected[j] for j in range(len(genes))] for i in range(len(genes))
    ]
    assert sorted(set(group.tolist())) == list(range(group.max() + 1))


def test_weights_draw_as_many_groups_as_there_are_and_follow_the_seed():
    weights = bootstrap_weights(7, 50, 3)
    assert weights.shape == (50, 7)
    assert (weights.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(weights, bootstrap_weights(7, 50, 3))
    assert (weights != bootstrap_weights(7, 50, 4)).any()


def test_one_group_cannot_be_drawn_from():
    with pytest.raises(ConfigError, match="at least two"):
        bootstrap_weights(1, 100, 0)


def test_intervals_leave_out_what_is_undefined():
    values = np.concatenate([np.arange(101.0), [np.nan]])
    assert percentile_interval(values) == pytest.approx((2.5, 97.5))
    assert np.isnan(percentile_interval(np.full(3, np.nan))).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_every_replicate_is_that_of_a_loop_over_its_positions(toys, seed):
    ours, theirs = toys(seed), toys(seed)
    rng = np.random.default_rng(0)
    worse = [s.copy() for s in theirs.scores]
    for scores in worse:
        rng.shuffle(scores)
    theirs = type(theirs)(theirs.genes, theirs.sites, worse)
    pools = {"a": ours.pooled().pool, "b": theirs.pooled().pool}
    limits = {"a": (0.5, 0.5), "b": (0.25, 0.5)}
    result = compare(pools, [OperatingPoint("p", limits)], "a", replicates=40, seed=9)
    group = overlap_groups(pools["a"].genes)
    assert result.groups == group.max() + 1 < len(group)
    gaps = []
    for row, weight in enumerate(bootstrap_weights(result.groups, 40, 9)):
        chosen = [g for g in range(len(group)) for _ in range(int(weight[group[g]]))]
        precision = {}
        for model, toy in (("a", ours), ("b", theirs)):
            for k, name in enumerate(CLASSES):
                labels, scores = toy.column(k, chosen)
                drawn = result.replicates[model][name]
                calls = confusion_at(labels, scores, limits[model][k])
                precision[model, name] = average_precision(labels, scores)
                assert drawn["average_precision"][row] == pytest.approx(precision[model, name], nan_ok=True)
                assert drawn["top_k"][row] == pytest.approx(top_k_accuracy(labels, scores), nan_ok=True)
                assert drawn["brier"][row] == pytest.approx(np.square(scores - labels).mean())
                assert drawn["false_positives@p"][row] == calls.false_positives
                assert drawn["false_negatives@p"][row] == calls.false_negatives
                assert drawn["f1@p"][row] == pytest.approx(calls.f1, nan_ok=True)
        gaps.append(precision["b", "donor"] - precision["a", "donor"])
    found = result.difference("b", "donor", "average_precision")
    assert found["interval"] == pytest.approx(np.nanquantile(gaps, [0.025, 0.975]))
    assert found["share_above_zero"] == np.mean(np.array(gaps)[np.isfinite(gaps)] > 0)


def test_a_model_does_not_differ_from_itself(toy):
    pool = toy.pooled().pool
    result = compare(
        {"a": pool, "b": pool}, [OperatingPoint("p", dict.fromkeys("ab", (0.5, 0.5)))], "a", replicates=50, seed=1
    )
    for figure in ("average_precision", "top_k", "false_positives@p", "expected_calibration_error"):
        found = result.difference("b", "both", figure)
        assert found["difference"] == 0
        assert found["interval"] == (0, 0)
    assert result.difference("b", "both", "average_precision")["error_reduction"] == 0


def test_the_reduction_of_the_error_is_a_share_of_the_references(toys):
    pools = {name: toys(seed).pooled().pool for name, seed in (("a", 3), ("b", 3))}
    result = compare(pools, [OperatingPoint("p", dict.fromkeys("ab", (0.5, 0.5)))], "a", replicates=0, seed=1)
    result.figures["b"]["donor"]["average_precision"] = 0.9
    result.figures["a"]["donor"]["average_precision"] = 0.8
    found = result.difference("b", "donor", "average_precision")
    assert found["error_reduction"] == pytest.approx(0.5)
    assert found["interval"] is None
