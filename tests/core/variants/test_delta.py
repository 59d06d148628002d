"""Alignment and delta scores on numbers that can be followed by eye."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.variants.delta import AlignedTracks, align, delta_scores
from splicecore.variants.rules import VariantRules

D = 3


def edited(*values):
    """Scores of one channel."""
    return np.array(values, dtype=np.float32)[:, None]


@pytest.mark.parametrize(
    ("ref", "alt", "indel_alignment", "scores", "expected"),
    [
        (1, 1, "spliceai", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 5, 6, 7)),
        (1, 3, "spliceai", (1, 2, 3, 4, 9, 6, 7, 8, 5), (1, 2, 3, 9, 7, 8, 5)),
        (3, 1, "spliceai", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 0, 0, 5)),
        (3, 1, "max", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 0, 0, 5, 6, 7)),
        (4, 1, "spliceai", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 0, 0, 0)),
        (5, 1, "spliceai", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 0, 0, 0, 0)),
        (6, 1, "spliceai", (1, 2, 3, 4, 5, 6, 7), (1, 2, 0, 0, 0, 0, 0)),
        (6, 1, "max", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 0, 0, 0, 0, 0, 5, 6, 7)),
        (9, 1, "spliceai", (1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6, 7)),
        (2, 2, "spliceai", (1, 2, 3, 4, 8, 5, 6, 7), (1, 2, 3, 4, 8, 5, 6)),
        (3, 2, "spliceai", (1, 2, 3, 4, 8, 5, 6, 7), (1, 2, 3, 4, 8, 0, 5)),
        (2, 4, "spliceai", (1, 2, 3, 4, 5, 9, 6, 7, 8, 10), (1, 2, 3, 4, 9, 7, 8)),
    ],
)
def test_align(ref, alt, indel_alignment, scores, expected):
    rules = VariantRules(distance=D, indel_alignment=indel_alignment)
    found = align(edited(*scores), ref, alt, rules)
    assert found[:, 0].tolist() == list(expected)
    assert len(found) == rules.window(ref)


def test_an_insertion_takes_the_maximum_of_each_channel_by_itself():
    scores = np.array([[1, 1], [5, 2], [3, 9], [1, 1]], dtype=np.float32)
    assert align(scores, 1, 2, VariantRules(distance=1)).tolist() == [[1, 1], [5, 9], [1, 1]]


def tracks():
    ref, alt = np.zeros((2, 7, 3), dtype=np.float32)
    alt[2, 1] = 0.5  # acceptor gained at 102
    ref[6, 1] = 0.75  # acceptor lost at 106
    alt[(1, 4), 2] = 0.25  # donor gained at 101 and at 104
    ref[3, 2], alt[3, 2] = 1.0, 0.25  # donor lost at 103
    return AlignedTracks(100, ref, alt)


def test_gains_and_losses_with_offsets_from_pos():
    delta, _ = delta_scores(tracks(), 103, None)
    assert (delta.DS_AG, delta.DS_AL, delta.DS_DG, delta.DS_DL) == (0.5, 0.75, 0.25, 0.75)
    assert (delta.DP_AG, delta.DP_AL, delta.DP_DG, delta.DP_DL) == (-1, 3, -2, 0)
    assert delta.largest == 0.75


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        (103, (0.5, 0, 0.25, 0.75)),
        (106, (0.5, 0.75, 0.25, 0)),
        (102, (0, 0, 0.25, 0)),
        (101, (0.5, 0, 0, 0)),
        (104, (0.5, 0, 0.25, 0)),
        (5_000, (0.5, 0, 0.25, 0)),
    ],
)
def test_masking_hides_gains_at_the_boundary_and_losses_elsewhere_and_keeps_positions(boundary, expected):
    delta, _ = delta_scores(tracks(), 103, boundary)
    assert expected == (delta.DS_AG, delta.DS_AL, delta.DS_DG, delta.DS_DL)
    assert (delta.DP_AG, delta.DP_AL, delta.DP_DG, delta.DP_DL) == (-1, 3, -2, 0)


def test_raw_scores_are_those_at_the_four_positions_and_never_masked():
    _, raw = delta_scores(tracks(), 103, 5_000)
    assert (raw.REF_AG, raw.ALT_AG, raw.REF_AL, raw.ALT_AL) == (0, 0.5, 0.75, 0)
    assert (raw.REF_DG, raw.ALT_DG, raw.REF_DL, raw.ALT_DL) == (0, 0.25, 1, 0.25)
