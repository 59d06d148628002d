from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.assess.labels import ClassLabels
from splicecore.assess.performance import sum_performance
from splicecore.assess.ranking import Ranking, rank_positions
from splicecore.evaluate.metrics import average_precision, top_k_accuracy


def by_type(table):
    return {row["site_type"]: row for row in table.to_pylist()}


def test_a_gene_worked_by_hand(genes):
    own = [("donor", 10, "T"), ("donor", 20, "T"), ("acceptor", 15, "T")]
    calls = [("donor", 10, 0.9), ("donor", 30, 0.8), ("donor", 20, 0.2), ("donor", 35, 0.9), ("acceptor", 15, 0.6)]
    rows = by_type(genes.assess(genes.block(40, calls), own, [("donor", 35)]).performance)
    donor = rows["donor"]
    assert [donor[name] for name in ("sites", "tp", "fp", "fn", "overlap_sites", "overlap_calls")] == [2, 1, 1, 1, 1, 1]
    assert donor["tn"] == 40 - 3 * 5 - 1
    assert (donor["precision"], donor["recall"], donor["f1"]) == (0.5, 0.5, 0.5)
    # Without the other gene's site: 0.9 true, 0.8 false, 0.2 true.
    assert donor["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert donor["top_k"] == 0.5
    both = rows["both"]
    assert [both[name] for name in ("positions", "sites", "tp", "fp", "fn")] == [40, 3, 2, 1, 1]
    assert both["average_precision"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)
    assert both["top_k"] == pytest.approx(2 / 3)


def test_what_is_undefined_is_null(genes):
    nothing = by_type(genes.assess(genes.block(20)).performance)["both"]
    measures = ("precision", "recall", "f1", "average_precision", "top_k")
    assert [nothing[name] for name in measures] == [None] * 5
    false = by_type(genes.assess(genes.block(20, [("donor", 3, 0.9)])).performance)["donor"]
    assert [false[name] for name in measures] == [0.0, None, 0.0, None, None]
    missed = by_type(genes.assess(genes.block(20), [("donor", 3, "T")]).performance)["donor"]
    assert [missed[name] for name in measures[:3]] == [None, 0.0, 0.0]


@given(
    length=st.integers(1, 30),
    data=st.data(),
)
@settings(max_examples=200)
def test_rankings_equal_the_metrics_of_all_positions(genes, length, data):
    kind, inside = st.sampled_from(["acceptor", "donor"]), st.integers(0, length - 1)
    level = st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5])
    block = genes.block(length, data.draw(st.lists(st.tuples(kind, inside, level), max_size=40)), background=0.05)
    own = [(*site, "T") for site in data.draw(st.lists(st.tuples(kind, inside), max_size=6))]
    others = data.draw(st.lists(st.tuples(kind, inside), max_size=4))
    rows = by_type(genes.assess(block, own, others).performance)
    truths, scores = [], []
    for channel, name in enumerate(("acceptor", "donor"), start=1):
        sites = {p for k, p, _ in own if k == name}
        kept = [p for p in range(length) if p in sites or (name, p) not in others]
        truths.append([p in sites for p in kept])
        scores.append(block.scores["m"][kept, channel])
    expected = dict(zip(("acceptor", "donor"), zip(truths, scores, strict=True), strict=True))
    expected["both"] = (np.concatenate(truths), np.concatenate(scores))
    for name, (truth, score) in expected.items():
        for column, measure in (("average_precision", average_precision), ("top_k", top_k_accuracy)):
            value = measure(truth, score)
            found = rows[name][column]
            assert (found is None and np.isnan(value)) or found == pytest.approx(value, abs=1e-12)


def test_counts_of_genes_add_up(genes):
    one = genes.assess(genes.block(30, [("donor", 10, 0.9), ("donor", 20, 0.9)]), [("donor", 10, "T")]).performance
    two = genes.assess(genes.block(30, strand="-"), [("donor", 10, "T"), ("acceptor", 5, "T")]).performance
    rows = {row["site_type"]: row for row in sum_performance([one, two])}
    assert rows["donor"] == {
        "site_type": "donor",
        "positions": 60,
        "sites": 2,
        "tp": 1,
        "fp": 1,
        "fn": 1,
        "tn": 60 - 10 - 1,
        "overlap_sites": 0,
        "overlap_calls": 0,
        "precision": 0.5,
        "recall": 0.5,
        "f1": 0.5,
    }
    assert rows["both"]["positions"] == 60
    assert rows["acceptor"]["recall"] == 0.0
    assert sum_performance(pa.concat_tables([one, two])) == list(rows.values())
    assert [row["sites"] for row in sum_performance(one.slice(0, 0))] == [0, 0, 0]


@given(
    n_sites=st.integers(1, 60),
    lowest=st.sampled_from([-8.0, -4.0, -2.0]),
    digits=st.sampled_from([1, 3, 8]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=150)
def test_rankings_of_many_scores_of_any_size(n_sites, lowest, digits, seed):
    """Ties and none, many low sites and few, both classes: always the same as sorting everything."""
    rng = np.random.default_rng(seed)
    empty = np.empty(0, np.int64)
    rankings, truths, scores = [], [], []
    for _ in range(2):
        track = (10 ** rng.uniform(lowest, 0, 300)).round(digits).astype(np.float32)
        sites, others = np.split(np.sort(rng.choice(300, n_sites + 5, replace=False)), [n_sites])
        labels = ClassLabels(
            sites=sites,
            found=track[sites] >= 0.5,
            best=sites,
            window_score=track[sites],
            false_positives=empty,
            settled=track >= 0.5,
            others=others,
            overlap_calls=0,
            negatives=0,
        )
        rankings.append(Ranking.of(labels, track))
        kept = np.setdiff1d(np.arange(300), others)
        truths.append(np.isin(kept, sites))
        scores.append(track[kept])
    for found, truth, score in (
        (rank_positions(rankings[:1]), truths[0], scores[0]),
        (rank_positions(rankings), np.concatenate(truths), np.concatenate(scores)),
    ):
        assert found["average_precision"] == pytest.approx(average_precision(truth, score), abs=1e-12)
        assert found["top_k"] == pytest.approx(top_k_accuracy(truth, score), abs=1e-12)
