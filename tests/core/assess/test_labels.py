"""Labels worked out by hand on both strands, and against a walk over positions and sites in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.assess.schemas import ERRORS, PERFORMANCE, POSITIONS
from splicecore.errors import InputError

OWN = [
    ("donor", 10, "T2"),
    ("donor", 10, "T1"),
    ("acceptor", 20, "T1"),
    ("donor", 30, "T2"),
]
OTHERS = [("acceptor", 4), ("acceptor", 20)]
CALLS = [
    ("donor", 11, 0.9),  # finds the site at 10
    ("donor", 12, 0.6),  # a second one beside it: nothing more
    ("acceptor", 20, 0.8),
    ("donor", 31, 0.3),  # too low: the site at 30 is missed
    ("donor", 36, 0.7),  # false
    ("acceptor", 5, 0.95),  # beside a site of another gene: not judged
]


def picked(table, *names, without=("TN",)):
    return [tuple(row[name] for name in names) for row in table.to_pylist() if row["pred_type"] not in without]


def test_a_gene_worked_by_hand(genes):
    found = genes.assess(genes.block(40, CALLS), OWN, OTHERS)
    assert picked(found.positions, "pred_type", "site_type", "position", "rel_position", "predicted_position") == [
        ("TP", "donor", 1010, 10, 1011),
        ("TP", "acceptor", 1020, 20, 1020),
        ("FN", "donor", 1030, 30, None),
        ("FP", "donor", 1036, 36, 1036),
    ]
    assert picked(found.positions, "score", "window_score", "transcript_ids", "n_transcripts", "inclusion_prob") == [
        (0.0, pytest.approx(0.9), ["T1", "T2"], 2, 1.0),
        (pytest.approx(0.8), pytest.approx(0.8), ["T1"], 1, 1.0),
        (0.0, pytest.approx(0.3), ["T2"], 1, 1.0),
        (pytest.approx(0.7), pytest.approx(0.7), [], 0, 1.0),
    ]
    # In no window of 4, 10, 20, 30 (five positions each) and not called (36).
    negatives = [row["rel_position"] for row in found.positions.to_pylist() if row["pred_type"] == "TN"]
    assert negatives == [0, 1, 7, *range(13, 18), *range(23, 28), *range(33, 36), 37, 38, 39]
    assert found.counts == {
        "positions": 40,
        "sites": 3,
        "tp": 2,
        "fp": 1,
        "fn": 1,
        "tn": 19,
        "overlap_sites": 1,
        "overlap_calls": 1,
        "negatives_kept": 19,
        "unlabeled": 17,
    }


def test_the_same_gene_on_the_other_strand(genes):
    plus = genes.assess(genes.block(40, CALLS), OWN, OTHERS)
    minus = genes.assess(genes.block(40, CALLS, strand="-"), OWN, OTHERS)
    assert picked(minus.positions, "pred_type", "site_type", "position", "rel_position", "predicted_position") == [
        ("FP", "donor", 1003, 36, 1003),
        ("FN", "donor", 1009, 30, None),
        ("TP", "acceptor", 1019, 20, 1019),
        ("TP", "donor", 1029, 10, 1028),
    ]
    genomic = ("strand", "position", "predicted_position")
    assert minus.positions.drop_columns(genomic).to_pylist()[::-1] == plus.positions.drop_columns(genomic).to_pylist()
    assert minus.counts == plus.counts


@pytest.mark.parametrize(
    ("strand", "expected"),
    [
        ("+", [("FN", 1030, 1022, 1039), ("FP", 1036, 1028, 1040)]),
        ("-", [("FP", 1003, 1000, 1012), ("FN", 1009, 1001, 1018)]),
    ],
)
def test_error_windows_end_with_the_gene(genes, strand, expected):
    found = genes.assess(genes.block(40, CALLS, strand=strand), OWN, OTHERS, error_window=8)
    assert picked(found.errors, "pred_type", "position", "window_start", "window_end") == expected
    assert found.errors.schema.equals(ERRORS, check_metadata=True)


def test_columns_of_a_position(genes):
    found = genes.assess(genes.block(40, CALLS), OWN, OTHERS)
    assert found.positions.schema.equals(POSITIONS, check_metadata=True)
    row = next(row for row in found.positions.to_pylist() if row["position"] == 1010)
    assert {name: row[name] for name in ("build", "contig", "strand", "gene_id", "gene_name", "gene_biotype")} == {
        "build": "toy",
        "contig": "chr1",
        "strand": "+",
        "gene_id": "G",
        "gene_name": "name of G",
        "gene_biotype": None,
    }
    assert [row[f"donor_score_{suffix}"] for suffix in ("m2", "m1", "p1", "p2")] == pytest.approx([0, 0, 0.9, 0.6])
    assert [row[f"acceptor_score_{suffix}"] for suffix in ("m2", "m1", "p1", "p2")] == [0, 0, 0, 0]
    assert (row["neither_score"], row["acceptor_score"], row["donor_score"]) == (1, 0, 0)


def test_context_beyond_the_gene_is_null_not_zero(genes):
    rows = genes.assess(genes.block(3, background=0.25)).positions.to_pylist()
    context = [[row[f"donor_score_{suffix}"] for suffix in ("m2", "m1", "p1", "p2")] for row in rows]
    assert context == [[None, None, 0.25, 0.25], [None, 0.25, 0.25, None], [0.25, 0.25, None, None]]


def test_sites_at_the_ends_of_a_gene(genes):
    own = [("acceptor", 0, "T"), ("donor", 19, "T")]
    found = genes.assess(genes.block(20, [("acceptor", 2, 0.6), ("donor", 17, 0.5)]), own)
    assert picked(found.positions, "pred_type", "rel_position", "predicted_position") == [
        ("TP", 0, 1002),
        ("TP", 19, 1017),
    ]
    assert found.counts["tn"] == 14


@pytest.mark.parametrize(("calls", "predicted"), [((9, 11), 1009), ((9, 12), 1009), ((8, 11), 1011), ((8, 12), 1008)])
def test_equal_scores_take_the_nearest_then_the_five_prime(genes, calls, predicted):
    found = genes.assess(genes.block(20, [("donor", p, 0.75) for p in calls]), [("donor", 10, "T")])
    assert picked(found.positions, "pred_type", "predicted_position") == [("TP", predicted)]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        # One call halfway between two sites finds the 5' one.
        ([(11, 0.9)], [("TP", 10, 1011), ("FN", 12, None)]),
        # One call nearer to the second site finds that one alone, however high it is.
        ([(12, 0.9)], [("FN", 10, None), ("TP", 12, 1012)]),
        # Both are called: each keeps its own call, though the other's is in its window and higher.
        ([(10, 0.6), (12, 0.9)], [("TP", 10, 1010), ("TP", 12, 1012)]),
        # Nothing in the windows of two sites is false.
        ([(8, 0.6), (14, 0.9)], [("TP", 10, 1008), ("TP", 12, 1014)]),
    ],
)
def test_a_call_finds_one_site_at_most(genes, calls, expected):
    block = genes.block(30, [("acceptor", *call) for call in calls])
    found = genes.assess(block, [("acceptor", 10, "T1"), ("acceptor", 12, "T2")])
    assert picked(found.positions, "pred_type", "rel_position", "predicted_position") == expected


def test_a_call_of_one_class_in_a_window_of_the_other_is_false(genes):
    found = genes.assess(genes.block(20, [("donor", 10, 0.9)]), [("acceptor", 10, "T")])
    assert picked(found.positions, "pred_type", "site_type") == [("FN", "acceptor"), ("FP", "donor")]


def test_a_position_that_is_both_has_a_row_for_each_class(genes):
    own = [("acceptor", 10, "T"), ("donor", 10, "T")]
    found = genes.assess(genes.block(20, [("acceptor", 10, 0.5), ("donor", 10, 0.5)]), own)
    assert picked(found.positions, "pred_type", "site_type") == [("TP", "acceptor"), ("TP", "donor")]


def test_adjacent_false_calls_each_count(genes):
    found = genes.assess(genes.block(20, [("donor", 5, 0.9), ("donor", 6, 0.8)]))
    assert picked(found.positions, "pred_type", "rel_position") == [("FP", 5), ("FP", 6)]
    assert (found.counts["fp"], found.counts["tn"]) == (2, 18)


def test_sites_of_another_gene_just_beyond_the_end_excuse_calls(genes):
    calls = [("donor", 18, 0.9), ("donor", 0, 0.9)]
    found = genes.assess(genes.block(20, calls), others=[("donor", 20), ("donor", -3)])
    assert picked(found.positions, "pred_type", "rel_position") == [("FP", 0)]
    assert found.counts["overlap_calls"] == 1
    assert found.counts["overlap_sites"] == 0


def test_a_call_that_finds_a_site_of_its_own_is_not_one_of_another_gene(genes):
    found = genes.assess(genes.block(20, [("donor", 10, 0.9)]), [("donor", 10, "T")], [("donor", 11)])
    assert [found.counts[name] for name in ("tp", "overlap_sites", "overlap_calls")] == [1, 1, 0]


def test_the_threshold_is_compared_in_the_precision_of_the_scores(genes):
    block = genes.block(20, [("donor", 10, 0.7)])  # float32(0.7) < 0.7
    found = genes.assess(block, [("donor", 10, "T")], threshold=0.7)
    assert found.counts["tp"] == 1


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ([("donor", 20, "T")], "outside gene G"),
        ([("donor", -1, "T")], "outside gene G"),
        ([("neither", 1, "T")], "neither acceptor nor donor"),
        ([("donor", 1, None)], "has no position, type or transcript"),
    ],
)
def test_sites_that_do_not_fit_the_gene(genes, own, named):
    with pytest.raises(InputError, match=named):
        genes.assess(genes.block(20), own)


def test_scores_of_another_length(genes):
    block = genes.block(20)
    block.scores["m"] = block.scores["m"][1:]
    with pytest.raises(InputError, match=r"20 positions, but its scores are of shape \(19, 3\)"):
        genes.assess(block)


CLASSES = ("acceptor", "donor")
LEVELS = [0.0, 0.1, 0.5, 0.6, 0.9]


@st.composite
def cases(draw):
    length = draw(st.integers(1, 40))
    kind, inside = st.sampled_from(CLASSES), st.integers(0, length - 1)
    calls = draw(st.lists(st.tuples(kind, inside, st.sampled_from(LEVELS)), max_size=12))
    own = draw(st.lists(st.tuples(kind, inside, st.sampled_from("ABC")), max_size=10))
    others = draw(st.lists(st.tuples(kind, st.integers(-4, length + 3)), max_size=4))
    return length, calls, own, others, draw(st.sampled_from("+-")), draw(st.integers(0, 4))


def slowly(scores, own, others, window, threshold=0.5):
    """Rows (pred_type, class, rel_position, call, window score, transcripts) position by position, site by site."""
    rows, judged = set(), set()
    for channel, kind in enumerate(CLASSES, start=1):
        sites = sorted({rel for k, rel, _ in own if k == kind})
        near = {
            p: min(within, key=lambda s: (abs(s - p), s))
            for p in range(len(scores))
            if (within := [s for s in sites if abs(s - p) <= window])
        }
        for site in sites:
            mine = [p for p, s in near.items() if s == site]
            best = max(mine, key=lambda p: (scores[p][channel], -abs(p - site), -p))
            found = scores[best][channel] >= threshold
            names = tuple(sorted({t for k, rel, t in own if (k, rel) == (kind, site)}))
            call = best if found else None
            rows.add(("TP" if found else "FN", kind, site, call, scores[best][channel], names))
        for p in range(len(scores)):
            foreign = any(k == kind and abs(s - p) <= window for k, s in others if s not in sites)
            called = scores[p][channel] >= threshold
            if p in near or foreign or called:
                judged.add(p)
            if called and p not in near and not foreign:
                around = max(scores[q][channel] for q in range(max(0, p - window), min(len(scores), p + window + 1)))
                rows.add(("FP", kind, p, p, around, ()))
    for p in set(range(len(scores))) - judged:
        around = max(max(scores[q][1:]) for q in range(max(0, p - window), min(len(scores), p + window + 1)))
        rows.add(("TN", None, p, None, around, ()))
    return rows


@given(case=cases())
@settings(max_examples=300)
def test_rows_equal_a_walk_over_positions_and_sites(genes, case):
    length, calls, own, others, strand, window = case
    block = genes.block(length, calls, strand=strand)
    found = genes.assess(block, own, others, consensus_window=window)
    rows = found.positions.to_pylist()
    relative = {
        None: None,
        **{row["position"]: row["rel_position"] for row in rows},
        **{int(block.gene.to_genomic(p)): p for p in range(length)},
    }
    actual = [
        (
            row["pred_type"],
            row["site_type"],
            row["rel_position"],
            relative[row["predicted_position"]],
            row["window_score"],
            tuple(row["transcript_ids"]),
        )
        for row in rows
    ]
    assert len(set(actual)) == len(actual)
    assert set(actual) == slowly(block.scores["m"].tolist(), own, others, window)
    assert [row["position"] for row in rows] == sorted(
        block.gene.to_genomic([r["rel_position"] for r in rows]).tolist()
    )
    for row in rows:
        track = {"acceptor": [1], "donor": [2], None: [1, 2]}[row["site_type"]]
        assert row["score"] == max(block.scores["m"][row["rel_position"], track])
        assert row["n_transcripts"] == len(row["transcript_ids"])


@given(case=cases())
@settings(max_examples=200)
def test_the_counts_add_up(genes, case):
    length, calls, own, others, strand, window = case
    found = genes.assess(genes.block(length, calls, strand=strand), own, others, consensus_window=window)
    rows = found.positions.to_pylist()
    keys = {(row["position"], row["gene_id"], row["site_type"], row["pred_type"]) for row in rows}
    assert len(keys) == len(rows)
    assert len({row["position"] for row in rows}) + found.counts["unlabeled"] == length
    for row in found.performance.to_pylist():
        mine = [r["pred_type"] for r in rows if row["site_type"] in ("both", r["site_type"])]
        assert (row["tp"], row["fp"], row["fn"]) == tuple(mine.count(kind) for kind in ("TP", "FP", "FN"))
        assert row["sites"] == row["tp"] + row["fn"]
    assert found.performance.schema.equals(PERFORMANCE, check_metadata=True)
    by_type = {row["site_type"]: row for row in found.performance.to_pylist()}
    assert by_type["both"]["tn"] == sum(row["pred_type"] == "TN" for row in rows) == found.counts["tn"]
    assert {r["rel_position"] for r in found.errors.to_pylist()} == {
        r["rel_position"] for r in rows if r["pred_type"] in ("FP", "FN")
    }


@given(case=cases(), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_the_order_of_sites_and_transcripts_changes_nothing(genes, case, seed):
    length, calls, own, others, strand, window = case
    block = genes.block(length, calls, strand=strand)
    shuffled = [own[i] for i in np.random.default_rng(seed).permutation(len(own))] + own[:1]
    one = genes.assess(block, own, others, consensus_window=window)
    two = genes.assess(block, shuffled, others, consensus_window=window)
    assert one.positions.equals(two.positions)
    assert one.errors.equals(two.errors)
    assert one.performance.equals(two.performance)
