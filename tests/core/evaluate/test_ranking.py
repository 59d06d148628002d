"""Ranking figures from counts at the sites' scores: the same as from all positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.evaluate import ranking
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.metrics import average_precision, precision_recall_curve, top_k_accuracy
from splicecore.evaluate.pooled import CLASSES, PooledScores
from splicecore.evaluate.ranking import RankedCounts, rank_figures


def slow_auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Share of the pairs of a site and another position that are in the right order; ties count half."""
    gap = scores[labels][:, None] - scores[~labels][None, :]
    return float(((gap > 0) + (gap == 0) / 2).mean()) if gap.size else float("nan")


def check(pool, toy, weights) -> None:
    for k, name in enumerate(CLASSES):
        found = rank_figures(RankedCounts.of(pool, name), np.array(weights, dtype=np.float64))
        for row, weight in enumerate(weights):
            chosen = [gene for gene, times in enumerate(weight) for _ in range(times)]
            if not chosen:
                continue
            labels, scores = toy.column(k, chosen)
            assert found.average_precision[row] == pytest.approx(average_precision(labels, scores), nan_ok=True)
            assert found.top_k[row] == pytest.approx(top_k_accuracy(labels, scores), nan_ok=True)
            assert found.auroc[row] == pytest.approx(slow_auroc(labels, scores), nan_ok=True)
            assert found.average_precision_error[row] == pytest.approx(0, nan_ok=True)


WEIGHTS = st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=3)


@settings(max_examples=40)
@given(st.integers(0, 10_000), WEIGHTS)
def test_any_weighting_is_that_of_repeated_positions(toys, seed, weights):
    toy = toys(seed, n_genes=6)
    check(toy.pooled().pool, toy, weights)


def test_blocks_of_edges_make_no_difference(toy, monkeypatch):
    pooled = PooledScores()
    rng = np.random.default_rng(2)
    sites = np.zeros((900, 2), dtype=np.bool_)
    sites[:400, 0] = True
    sites[400:, 1] = True
    scores = rng.uniform(0.001, 0.4, (900, 3)).astype(np.float32)
    pooled.add(EvaluatedGene(GeneKey("chr1", "+", "a"), 0, 900), sites, scores)
    one = np.ones((1, 1))
    expected = [rank_figures(RankedCounts.of(pooled.pool, name), one) for name in CLASSES]
    monkeypatch.setattr(ranking, "_CELLS", 1)
    for name, figures in zip(CLASSES, expected, strict=True):
        found = rank_figures(RankedCounts.of(pooled.pool, name), one)
        assert found.average_precision == pytest.approx(figures.average_precision)
        assert found.auroc == pytest.approx(figures.auroc)
        assert found.top_k == pytest.approx(figures.top_k)


def test_roc_area_is_that_of_scikit_learn(toy):
    metrics = pytest.importorskip("sklearn.metrics")
    for k, name in enumerate(CLASSES):
        labels, scores = toy.column(k)
        found = rank_figures(RankedCounts.of(toy.pooled().pool, name), np.ones((1, len(toy.genes))))
        assert found.auroc[0] == pytest.approx(metrics.roc_auc_score(labels, scores))
        assert found.average_precision[0] == pytest.approx(metrics.average_precision_score(labels, scores))


@pytest.mark.parametrize("seed", range(6))
def test_with_sites_below_the_floor_figures_are_off_by_no_more_than_they_say(seed):
    rng = np.random.default_rng(seed)
    count = 4000
    scores = np.exp(rng.normal(-11, 3, (count, 2))).clip(0, 0.49)
    sites = rng.random((count, 2)) < 0.01
    sites[:, 1] &= ~sites[:, 0]
    table = np.column_stack([1 - scores.sum(axis=1), scores]).astype(np.float32)
    pooled = PooledScores()
    pooled.add(EvaluatedGene(GeneKey("chr1", "-", "a"), 0, count), sites, table)
    for k, name in enumerate(CLASSES):
        found = rank_figures(RankedCounts.of(pooled.pool, name), np.ones((1, 1)))
        exact = average_precision(sites[:, k], table[:, k + 1])
        error = found.average_precision_error[0]
        assert error > 0
        assert abs(found.average_precision[0] - exact) <= error + 1e-12
        assert abs(found.auroc[0] - slow_auroc(sites[:, k], table[:, k + 1])) <= found.auroc_error[0] + 1e-12


def test_the_curve_goes_through_the_points_of_the_metric(toy):
    for k, name in enumerate(CLASSES):
        counts = RankedCounts.of(toy.pooled().pool, name)
        true, false = counts.curve()
        expected = precision_recall_curve(*toy.column(k))
        at = {threshold: index for index, threshold in enumerate(expected.thresholds.tolist())}
        rows = [at[float(edge)] for edge in counts.edges]
        np.testing.assert_allclose(true / true[-1], expected.recall[rows])
        np.testing.assert_allclose(true / (true + false), expected.precision[rows])


def test_without_sites_there_are_no_figures():
    pooled = PooledScores()
    gene = EvaluatedGene(GeneKey("chr1", "+", "a"), 0, 3)
    pooled.add(gene, np.zeros((3, 2), dtype=np.bool_), np.full((3, 3), 1 / 3, dtype=np.float32))
    found = rank_figures(RankedCounts.of(pooled.pool, "donor"), np.ones((2, 1)))
    for values in (found.average_precision, found.auroc, found.top_k):
        assert np.isnan(values).all()
