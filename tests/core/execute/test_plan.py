"""Shards."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from splicecore.execute.plan import plan_shards


@given(st.lists(st.integers(1, 3_000_000), max_size=60), st.integers(1, 1_000_000))
def test_every_unit_is_in_one_shard_and_shards_are_full(sizes, target):
    units = list(range(len(sizes)))
    shards = plan_shards(units, sizes, target)
    assert sorted(unit for shard in shards for unit in shard) == units
    totals = [sum(sizes[unit] for unit in shard) for shard in shards]
    assert totals == sorted(totals, reverse=True)
    assert sum(total < target for total in totals) <= 1
    for shard in shards:
        assert shard == list(range(shard[0], shard[0] + len(shard)))
        assert sum(sizes[unit] for unit in shard[:-1]) < target
