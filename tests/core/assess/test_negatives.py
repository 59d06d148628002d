"""Samples of true negatives: their size, their reproducibility, and that inverse probabilities weight them rightly."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.assess.config import AssessConfig
from splicecore.assess.negatives import FLOOR, gene_generator, negative_budget, sample_negatives
from splicecore.genome.genes import Gene

MODES = ("random", "proximity", "window")
GENE = Gene("G", "g", "chr1", "+", 100, 500, 0)


def config(mode, **options):
    return AssessConfig(**{"negatives": mode, "negative_window": 5} | options)


@pytest.mark.parametrize(
    ("ratio", "events", "available", "expected"),
    [
        (1.2, 5, 100, 6),
        (1.2, 1, 100, 2),
        (1.1, 10, 100, 11),  # 1.1 * 10 is 11.000000000000002 in binary
        (1.2, 0, 100, FLOOR),
        (1.2, 0, 3, 3),
        (1.2, 100, 50, 50),
        (0.0, 5, 100, 0),
        (0.0, 0, 100, 0),
    ],
)
def test_budget(ratio, events, available, expected):
    assert negative_budget(config("random", negative_ratio=ratio), events=events, available=available) == expected
    assert negative_budget(config("none", negative_ratio=ratio), events=events, available=available) == available


@st.composite
def genes_of_numbers(draw):
    length = draw(st.integers(1, 120))
    events = draw(st.lists(st.integers(0, length - 1), unique=True, max_size=8))
    taken = set(events) | set(draw(st.lists(st.integers(0, length - 1), max_size=40)))
    return np.array([p for p in range(length) if p not in taken], np.int64), np.array(events, np.int64)


@given(
    gene=genes_of_numbers(),
    mode=st.sampled_from((*MODES, "none")),
    ratio=st.sampled_from([0.0, 0.5, 1.2, 7.0]),
    window=st.integers(0, 20),
    seed=st.integers(0, 99),
)
@settings(max_examples=300)
def test_a_sample_has_the_size_of_its_budget_and_probabilities_that_sum_to_it(gene, mode, ratio, window, seed):
    available, events = gene
    chosen = config(mode, negative_ratio=ratio, negative_window=window)
    sample = sample_negatives(available, events, chosen, gene_generator(seed, GENE))
    budget = negative_budget(chosen, events=len(events), available=len(available))
    assert len(sample.position) == len(sample.inclusion_prob) == budget
    assert np.all(np.diff(sample.position) > 0)
    assert np.isin(sample.position, available).all()
    assert np.all((sample.inclusion_prob > 0) & (sample.inclusion_prob <= 1))


@pytest.mark.parametrize("mode", MODES)
def test_rows_are_kept_as_often_as_their_probability_says(mode):
    """Horvitz-Thompson: the weighted count and a weighted total are right on average; so is every row's frequency."""
    available = np.array([p for p in range(200) if p not in (20, 21, 90)], np.int64)
    events = np.array([20, 21, 90], np.int64)
    repeats = 4000
    counts, totals, seen, stated = [], [], np.zeros(200), np.zeros(200)
    for seed in range(repeats):
        sample = sample_negatives(available, events, config(mode, negative_ratio=3.0), gene_generator(seed, GENE))
        counts.append((1 / sample.inclusion_prob).sum())
        totals.append((sample.position / sample.inclusion_prob).sum())
        seen[sample.position] += 1
        stated[sample.position] = sample.inclusion_prob
    assert (stated[available] > 0).all()
    assert stated.sum() == pytest.approx(9, rel=1e-9)
    error = np.sqrt(np.maximum(stated * (1 - stated), 1e-12) * repeats)
    assert np.abs(seen - stated * repeats).max() < 5 * error.max()
    for values, truth in ((counts, len(available)), (totals, available.sum())):
        margin = 5 * np.std(values) / np.sqrt(repeats) + 1e-9 * truth
        assert abs(np.mean(values) - truth) < margin


def test_proximity_follows_its_formula():
    available = np.arange(1, 1000, dtype=np.int64)
    events = np.zeros(1, np.int64)
    probability = {}
    for seed in range(300):
        sample = sample_negatives(available, events, config("proximity", negative_ratio=40), gene_generator(seed, GENE))
        probability |= dict(zip(sample.position.tolist(), sample.inclusion_prob.tolist(), strict=True))
    sizes = {p: 1 / (1 + p / 5) for p in probability}
    certain = {p for p, value in probability.items() if value == 1}
    assert certain == set(range(1, len(certain) + 1)) != set()
    scale = {round(probability[p] / sizes[p], 9) for p in probability if p not in certain}
    assert len(scale) == 1
    assert scale.pop() * 1 / (1 + (max(certain) + 1) / 5) < 1


def test_a_window_of_certain_rows_leaves_the_rest_to_the_others():
    """Four near rows and a budget of ten: the near ones for certain, six of the others alike."""
    available = np.array([8, 9, 11, 12, *range(100, 130)], np.int64)
    events = np.array([10], np.int64)
    sample = sample_negatives(available, events, config("window", negative_ratio=10), gene_generator(1, GENE))
    assert sample.position[:4].tolist() == [8, 9, 11, 12]
    assert sample.inclusion_prob.tolist() == pytest.approx([1.0] * 4 + [6 / 30] * 6)


def test_the_window_gets_its_share():
    available = np.array([p for p in range(10_000) if p % 1000 != 500], np.int64)
    events = np.arange(500, 10_000, 1000, dtype=np.int64)
    sample = sample_negatives(available, events, config("window", negative_ratio=5), gene_generator(3, GENE))
    near = np.abs(sample.position % 1000 - 500) <= 5
    assert near.sum() == 40
    assert sample.inclusion_prob[near] == pytest.approx(40 / 100)
    assert sample.inclusion_prob[~near] == pytest.approx(10 / (len(available) - 100))


def test_events_that_share_a_position_count_for_the_budget(genes):
    own = [("acceptor", 10, "T"), ("donor", 10, "T")]
    found = genes.assess(genes.block(60), own, negatives="random", negative_ratio=3)
    assert found.counts["negatives_kept"] == 6


@pytest.mark.parametrize("mode", MODES)
def test_a_gene_without_any_event_keeps_a_floor_all_alike(genes, mode):
    found = genes.assess(genes.block(50), negatives=mode)
    probabilities = found.positions.column("inclusion_prob").to_pylist()
    assert probabilities == [FLOOR / 50] * FLOOR
    assert found.counts["tn"] == 50
    assert found.counts["sites"] == 0


@pytest.mark.parametrize("field", ["seed", "contig", "start", "end", "strand", "gene_id"])
def test_the_sample_depends_on_the_seed_and_the_gene(field):
    def draw(seed, gene):
        return gene_generator(seed, gene).integers(1 << 62)

    other = {"contig": "chr2", "start": 101, "end": 501, "strand": "-", "gene_id": "H"}
    changed = (43, GENE) if field == "seed" else (42, attrs.evolve(GENE, **{field: other[field]}))
    assert draw(42, GENE) == draw(42, attrs.evolve(GENE, index=7, gene_name="another"))
    assert draw(42, GENE) != draw(*changed)


@pytest.mark.parametrize("mode", MODES)
def test_the_same_sample_every_time_and_another_with_another_seed(genes, mode):
    def rows(seed):
        block = genes.block(2000, [("donor", 10, 0.9), ("donor", 500, 0.9)])
        return genes.assess(block, negatives=mode, negative_ratio=10, seed=seed).positions

    assert rows(1).equals(rows(1))
    assert not rows(1).equals(rows(2))
