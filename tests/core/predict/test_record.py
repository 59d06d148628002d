"""The record of a pass: its shares, and that a JSON value holds all of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.predict.record import _share, entries_digest

SIZES = st.lists(st.integers(1, 2_000_000), min_size=1, max_size=60)


@given(sizes=SIZES, of=st.integers(1, 12))
def test_shares_are_disjoint_complete_and_balanced(sizes, of):
    shares = [_share(sizes, index, of) for index in range(1, of + 1)]
    assert sorted(row for share in shares for row in share) == list(range(len(sizes)))
    assert all(share == sorted(share) for share in shares)
    if of <= len(sizes):
        assert all(shares), "nobody is left without work while there is enough"
    loads = [sum(sizes[row] for row in share) for share in shares]
    assert max(loads) - min(loads) <= max(sizes)


@given(sizes=SIZES, of=st.integers(1, 12))
def test_shares_follow_the_rule(sizes, of):
    """Largest first, to whoever has least; the first of several."""
    loads, expected = [0] * of, [[] for _ in range(of)]
    for row in sorted(range(len(sizes)), key=lambda row: (-sizes[row], row)):
        least = loads.index(min(loads))
        loads[least] += sizes[row]
        expected[least].append(row)
    assert [_share(sizes, index, of) for index in range(1, of + 1)] == [sorted(share) for share in expected]


def test_shards_together_are_the_whole(records):
    whole = records.make((500, 90, 80, 70, 300, 20, 20), missing=("X1", "X2"))
    shards = [whole.only((index, 3)) for index in (1, 2, 3)]
    assert sorted(gene.index for shard in shards for gene in shard.genes) == [gene.index for gene in whole.genes]
    assert sorted(key for shard in shards for key in shard.keys) == sorted(whole.keys)
    for shard in shards:
        assert [entry.gene for entry in shard.entries if entry.gene is not None] == list(shard.genes)
        assert all(whole.gene(key) == shard.gene(key) for key in shard.keys)
    unresolved = [[entry.requested for entry in shard.entries if entry.gene is None] for shard in shards]
    assert unresolved == [["X1", "X2"], [], []], "names that are no gene belong to the first shard"
    assert [shard.own_identity["shard"] for shard in shards] == ["1/3", "2/3", "3/3"]
    assert all({**shard.own_identity, "shard": None} == {**whole.own_identity, "shard": None} for shard in shards)
    assert "shard" not in whole.own_identity
    assert sum(shard.positions for shard in shards) == whole.positions == 1080


def test_a_gene_that_was_asked_for_twice_is_in_one_shard(records):
    whole = records.make((100, 200))
    first = whole.genes[0]
    entries = (*(type(whole.entries[0])(name, first) for name in ("a", "b")), whole.entries[1])
    whole = type(whole)(**{name: getattr(whole, name) for name in FIELDS} | {"entries": entries})
    shards = [whole.only((index, 2)) for index in (1, 2)]
    assert [[entry.requested for entry in shard.entries] for shard in shards] == [[None], ["a", "b"]]


FIELDS = [
    "identity", "base_model", "build", "flank", "contigs", "inputs", "environment", "entries", "genes", "keys",
    "min_score", "shard",
]  # fmt: skip


@pytest.mark.parametrize("shard", [None, (2, 3)])
def test_json_holds_everything(records, shard):
    record = records.make(missing=("X",))
    record = record if shard is None else record.only(shard)
    back = type(record).from_json(json.loads(json.dumps(record.to_json())))
    for name in FIELDS:
        assert getattr(back, name) == getattr(record, name), name
    assert back.gene(record.keys[0]) == record.genes[0]
    assert entries_digest(back.entries) == entries_digest(record.entries)
    assert back.own_identity == record.own_identity


def test_the_table_holds_the_genes_that_have_scores(records, tmp_path):
    record = records.make()
    chosen = set(record.keys[1:3])
    for key in chosen:
        records.write_part(tmp_path, key, record.gene(key).length)
    table = record.table(tmp_path, chosen)
    assert table.genes == list(record.genes[1:3])
    assert table.write(tmp_path / "table.parquet") == sum(gene.length for gene in record.genes[1:3])
