"""What the summaries of shards say together: counts, and whether the records are sorted."""

from __future__ import annotations

import itertools

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from splicecore.variants.shard_summary import Extent, in_order, merged_counts, run_key


def is_sorted(records):
    """By position, each contig in one piece."""
    contigs = [contig for contig, _ in records]
    pieces = [contig for index, contig in enumerate(contigs) if index == 0 or contigs[index - 1] != contig]
    rising = all(first[0] != second[0] or first[1] <= second[1] for first, second in itertools.pairwise(records))
    return len(pieces) == len(set(pieces)) and rising


def extent_of(records, batch_size=2):
    extent = Extent()
    for start in range(0, len(records) + 1, batch_size):
        batch = records[start : start + batch_size]
        columns = {
            "contig": pa.array([one[0] for one in batch], pa.string()),
            "position": pa.array([one[1] for one in batch], pa.int64()),
        }
        extent.add(pa.RecordBatch.from_pydict(columns))
    return extent


RECORDS = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=7)


@given(st.one_of(RECORDS, RECORDS.map(sorted)), st.integers(1, 4))
def test_shards_are_sorted_together_if_the_whole_is(records, of):
    cuts = [len(records) * index // of for index in range(of + 1)]
    parts = [records[start:end] for start, end in itertools.pairwise(cuts)]
    together = all(map(is_sorted, parts)) and in_order([extent_of(part) for part in parts])
    assert together == is_sorted(records)


def test_the_extent_of_records():
    assert extent_of([("b", 4), ("b", 9), ("a", 2)]) == Extent(["b", "a"], 4, 2)
    assert extent_of([]) == Extent([], None, None)


def summary(scored, reasons, **further):
    model = {"scored": scored, "unscored": sum(reasons.values()), "reasons": reasons}
    return {"records": 2, "alleles": 3, "rows": 5, "base_models": {"m": model}, **further}


def test_counts_add_up():
    first, second = summary(1, {"star": 1, "no_gene": 2}), summary(4, {"no_gene": 1})
    merged = merged_counts([first, second])
    assert merged == {
        "records": 4, "alleles": 6, "rows": 10,
        "base_models": {"m": {"scored": 5, "unscored": 4, "reasons": {"no_gene": 3, "star": 1}}},
    }  # fmt: skip
    model = first["base_models"]["m"]
    assert merged_counts([summary(0, {}, meta_model=model)] * 2)["meta_model"]["scored"] == 2


def test_what_a_run_is_known_by():
    keys = {
        run_key("pass", {"precision": 2}, ["a.vcf"]),
        run_key("other", {"precision": 2}, ["a.vcf"]),
        run_key("pass", {"precision": 3}, ["a.vcf"]),
        run_key("pass", {"precision": 2}, ["b.vcf"]),
    }
    assert len(keys) == 4
