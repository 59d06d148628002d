"""The alarm for dead channels."""

from __future__ import annotations

import json
import logging

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ContractError
from splicecore.tracks.monitor import ChannelMonitor


def batch(**columns):
    return pa.record_batch(columns)


def states(monitor):
    return {dead.column: dead.state for dead in monitor.dead()}


def test_dead_columns_are_found_and_live_ones_are_not():
    monitor = ChannelMonitor()
    nulls = pa.array([None, None], pa.float32())
    monitor.add(
        batch(
            zero=pa.array([0, 0]), gone=nulls, nan=pa.array([np.nan, np.nan]), same=pa.array(["x", "x"]),
            live=pa.array([0.0, 1.0]), sparse=pa.array([1.0, None]), flag=pa.array([True, False]),
            word=pa.array(["x", "y"]).dictionary_encode(), infinite=pa.array([np.inf, np.inf]),
        )
    )  # fmt: skip
    assert states(monitor) == {
        "zero": "constant", "gone": "missing", "nan": "missing", "same": "constant", "infinite": "constant",
    }  # fmt: skip


def test_a_column_that_comes_to_life_in_a_later_batch_is_not_dead():
    monitor = ChannelMonitor()
    monitor.add(batch(a=pa.array([1, 1]), b=pa.array([None, None], pa.int8())))
    assert states(monitor) == {"a": "constant", "b": "missing"}
    monitor.add(batch(a=pa.array([2]), b=pa.array([None], pa.int8())))
    assert states(monitor) == {"b": "missing"}
    assert (monitor.columns, monitor.rows) == (("a", "b"), 3)


VALUES = st.lists(st.sampled_from([0.0, 1.0, float("nan"), float("-inf"), None]), max_size=12)


@given(parts=st.lists(VALUES, min_size=1, max_size=5), data=st.data())
def test_merging_in_any_order_is_the_same_as_one_pass_and_survives_json(parts, data):
    whole = ChannelMonitor()
    whole.add(batch(a=pa.array([x for part in parts for x in part], pa.float32())))
    merged = ChannelMonitor()
    for part in data.draw(st.permutations(parts)):
        one = ChannelMonitor()
        one.add(batch(a=pa.array(part, pa.float32())))
        merged.merge(ChannelMonitor.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))))
    assert merged.to_dict() == whole.to_dict()
    assert merged.dead() == whole.dead()


def test_dead_columns_are_logged_once_each(caplog):
    monitor = ChannelMonitor()
    monitor.add(batch(a=pa.array([0.5] * 1000), b=pa.array([None] * 1000, pa.int8())))
    with caplog.at_level(logging.WARNING, logger="splicecore"):
        assert len(monitor.warn()) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "dead channel: a is 0.5 in all of 1,000 rows",
        "dead channel: b has no value in 1,000 rows",
    ]


def test_one_row_says_nothing_and_no_row_neither():
    monitor = ChannelMonitor()
    assert monitor.dead() == ()
    monitor.add(batch(a=pa.array([0.5])))
    assert monitor.dead() == ()


def test_batches_with_other_columns_are_refused():
    monitor = ChannelMonitor()
    monitor.add(batch(a=pa.array([0]), b=pa.array([0])))
    with pytest.raises(ContractError, match="different columns: c"):
        monitor.add(batch(a=pa.array([0]), b=pa.array([0]), c=pa.array([0])))
    with pytest.raises(ContractError, match="their order"):
        monitor.add(batch(b=pa.array([0]), a=pa.array([0])))
    other = ChannelMonitor()
    other.add(batch(a=pa.array([0])))
    with pytest.raises(ContractError, match="different columns: b"):
        monitor.merge(other)
