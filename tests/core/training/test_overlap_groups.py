"""Overlaps and components against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from splicecore.training.overlap_groups import connected_groups, links, overlap_groups, overlap_pairs

INTERVALS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(1, 25)), max_size=25)
MARGIN = st.integers(0, 5)


def arrays(intervals):
    contig, start, length = (np.array([row[i] for row in intervals], dtype=np.int64) for i in range(3))
    return contig, start, start + length


def brute_pairs(contig, start, end, margin):
    return [
        (i, j)
        for i in range(len(contig))
        for j in range(i + 1, len(contig))
        if contig[i] == contig[j] and start[i] < end[j] + margin and start[j] < end[i] + margin
    ]


def brute_components(count, pairs):
    component = list(range(count))
    for i, j in pairs:
        old, new = sorted((component[i], component[j]), reverse=True)
        component = [new if c == old else c for c in component]
    return component


@given(intervals=INTERVALS, margin=MARGIN)
def test_pairs_are_those_of_a_plain_loop(intervals, margin):
    contig, start, end = arrays(intervals)
    first, second = overlap_pairs(contig, start, end, margin)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == brute_pairs(contig, start, end, margin)


@given(intervals=INTERVALS, margin=MARGIN)
def test_groups_are_the_components_of_the_pairs(intervals, margin):
    contig, start, end = arrays(intervals)
    expected = np.array(brute_components(len(contig), brute_pairs(contig, start, end, margin)), dtype=np.int64)
    groups = overlap_groups(contig, start, end, margin)
    assert np.array_equal(groups[:, None] == groups, expected[:, None] == expected)


@given(count=st.integers(1, 20), edges=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=40))
def test_components_are_those_of_a_plain_loop(count, edges):
    edges = [(i % count, j % count) for i, j in edges]
    first, second = (np.array([edge[k] for edge in edges], dtype=np.int64) for k in (0, 1))
    assert connected_groups(count, first, second).tolist() == brute_components(count, edges)


def test_long_chains_are_one_component():
    count = 100_000
    order = np.random.Generator(np.random.PCG64(1)).permutation(count)
    assert not connected_groups(count, order[:-1], order[1:]).any()


def test_links_join_equal_labels_and_leave_out_unlabeled_nodes():
    first, second = links(np.array([7, -1, 3, 7, 3, -1]))
    assert connected_groups(6, first, second).tolist() == [0, 1, 2, 0, 2, 5]


def test_touching_intervals_do_not_overlap_but_do_within_a_margin():
    contig, start, end = arrays([(0, 0, 10), (0, 10, 5), (1, 0, 10)])
    assert len(set(overlap_groups(contig, start, end).tolist())) == 3
    assert len(set(overlap_groups(contig, start, end, 1).tolist())) == 2
