"""What accumulators keep: enough for every figure, whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.errors import InputError
from splicecore.evaluate.comparison import whole_figures
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey, contig_order
from splicecore.evaluate.gene_figures import gene_average_precision, gene_figures
from splicecore.evaluate.metrics import average_precision, confusion_at
from splicecore.evaluate.pooled import CLASSES, PooledScores, bin_edges

POINTS = {"half": (0.5, 0.5), "own": (0.25, 0.45)}


def as_bytes(figures) -> str:
    return repr(sorted((name, sorted(values.items())) for name, values in figures.items()))


def test_figures_depend_neither_on_order_nor_on_parts(toy):
    expected = as_bytes(whole_figures(toy.pooled().pool, POINTS))
    order = list(np.random.default_rng(1).permutation(len(toy.genes)))
    assert as_bytes(whole_figures(toy.pooled(order=order).pool, POINTS)) == expected
    merged = toy.pooled(order=order[:3])
    merged += toy.pooled(order=order[3:])
    assert as_bytes(whole_figures(merged.pool, POINTS)) == expected


def test_figures_do_not_depend_on_the_order_of_positions(toy):
    pooled = PooledScores()
    for gene, sites, scores in zip(toy.genes, toy.sites, toy.scores, strict=True):
        pooled.add(gene, sites[::-1], scores[::-1])
    found, expected = (whole_figures(p.pool, POINTS) for p in (pooled, toy.pooled()))
    for name, figures in expected.items():
        assert found[name] == pytest.approx(figures, nan_ok=True)


def test_a_pool_is_made_anew_after_more_was_added(toy):
    pooled = toy.pooled(order=[0, 1])
    assert len(pooled.pool.genes) == 2
    pooled.add(toy.genes[2], toy.sites[2], toy.scores[2])
    assert len(pooled.pool.genes) == 3


def test_calls_are_those_of_the_metric(toy):
    pool = toy.pooled().pool
    for k, name in enumerate(CLASSES):
        # 0.45 is no float32: scores are compared in double precision, as the metric does.
        for threshold in (0.01, 0.25, 0.45, 0.5, 1.0):
            expected = confusion_at(*toy.column(k), threshold)
            true, false = pool.calls(name, threshold)
            assert (true.sum(), false.sum()) == (expected.true_positives, expected.false_positives)


def test_a_threshold_below_the_floor_is_refused(toy):
    with pytest.raises(InputError, match="below the floor"):
        toy.pooled(floor=0.01).pool.calls("donor", 0.005)


def test_losses_are_those_of_scikit_learn(toy):
    metrics = pytest.importorskip("sklearn.metrics")
    figures = whole_figures(toy.pooled().pool, POINTS)
    sites, scores = np.concatenate(toy.sites), np.concatenate(toy.scores)
    label = sites[:, 0] + 2 * sites[:, 1]
    clipped = np.clip(scores.astype(np.float64), 1e-7, 1)
    joint = -np.log(clipped[np.arange(len(label)), label]).mean()
    assert figures["both"]["log_loss"] == pytest.approx(joint)
    assert figures["both"]["log_loss"] == pytest.approx(
        metrics.log_loss(label, clipped / clipped.sum(1)[:, None]), rel=1e-5
    )
    assert figures["both"]["brier"] == pytest.approx(np.square(scores - np.eye(3)[label]).sum(axis=1).mean())
    for k, name in enumerate(CLASSES):
        assert figures[name]["brier"] == pytest.approx(metrics.brier_score_loss(sites[:, k], scores[:, k + 1]))
        assert figures[name]["log_loss"] == pytest.approx(metrics.log_loss(sites[:, k], scores[:, k + 1].astype(float)))


def test_a_probability_of_zero_at_a_site_costs_a_finite_loss():
    pooled = PooledScores()
    gene = EvaluatedGene(GeneKey("chr1", "+", "a"), 0, 2)
    pooled.add(gene, np.array([[True, False], [False, False]]), np.array([[1, 0, 0], [1, 0, 0]], dtype=np.float32))
    assert whole_figures(pooled.pool, POINTS)["acceptor"]["log_loss"] == pytest.approx(-np.log(1e-7) / 2, rel=1e-6)


@pytest.mark.parametrize("lowest", [0.002, 3e-6])
def test_figures_of_genes_are_those_of_each_gene_alone(toys, lowest):
    toy = toys(5, lowest=lowest)
    pool = toy.pooled().pool
    table = gene_figures(pool, (0.5, 0.25))
    assert table.column("gene_id").to_pylist() == [gene.key.gene_id for gene in toy.genes]
    for k, name in enumerate(CLASSES):
        expected = [average_precision(s[:, k], p[:, k + 1]) for s, p in zip(toy.sites, toy.scores, strict=True)]
        np.testing.assert_allclose(gene_average_precision(pool, name), expected, rtol=1e-12)
        calls = [confusion_at(s[:, k], p[:, k + 1], (0.5, 0.25)[k]) for s, p in zip(toy.sites, toy.scores, strict=True)]
        for kind in ("true_positives", "false_positives", "false_negatives"):
            assert table.column(f"{name}_{kind}").to_pylist() == [getattr(call, kind) for call in calls]


def test_a_position_of_both_classes_counts_for_each_and_is_counted():
    pooled = PooledScores()
    gene = EvaluatedGene(GeneKey("chr1", "+", "a"), 0, 2)
    scores = np.array([[0.2, 0.3, 0.5], [1, 0, 0]], dtype=np.float32)
    pooled.add(gene, np.array([[True, True], [False, False]]), scores)
    assert pooled.pool.ambiguous.tolist() == [1]
    assert [pooled.pool.sites(name).sum() for name in CLASSES] == [1, 1]
    figures = whole_figures(pooled.pool, {"half": (0.5, 0.5)})
    assert figures["both"]["log_loss"] == pytest.approx(-np.log(0.5) / 2)  # in the joint loss it is a donor


def test_bins_cover_what_is_below_the_floor():
    for floor in (1e-2, 1e-4, 3e-7):
        edges = bin_edges(floor)
        assert edges[0] == 0
        assert edges[-1] < np.float32(floor)
        assert (np.diff(edges) > 0).all()
        assert (edges[2:] / edges[1:-1]).max() <= 1.0626


@pytest.mark.parametrize("floor", [0.0, -1.0, 0.02])
def test_a_floor_out_of_range_is_refused(floor):
    with pytest.raises(InputError, match="floor"):
        PooledScores(floor)


def test_mistakes_are_refused(toy):
    pooled = toy.pooled()
    with pytest.raises(InputError, match="twice"):
        pooled.add(toy.genes[0], toy.sites[0], toy.scores[0])
    with pytest.raises(InputError, match="both parts"):
        pooled += toy.pooled()
    with pytest.raises(InputError, match="cannot be merged"):
        pooled += toy.pooled(floor=1e-3)
    with pytest.raises(InputError, match="NaN"):
        PooledScores().add(toy.genes[0], toy.sites[0], toy.scores[0] * np.float32("nan"))
    with pytest.raises(InputError, match="sites"):
        PooledScores().add(toy.genes[0], toy.sites[0][1:], toy.scores[0])
    with pytest.raises(InputError, match="no scores"):
        _ = PooledScores().pool


def test_contigs_sort_by_number_then_name():
    names = ["chrX", "chr10", "chr2", "GL000191.1", "3"]
    assert sorted(names, key=contig_order) == ["chr2", "3", "chr10", "GL000191.1", "chrX"]
