"""The rule that tells acceptors from donors, against the table of its documentation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from splicecore.api import encode
from splicecore_pangolin.motif import acceptor_share

BEFORE = {"AG": 3, "AC": 1}
BEHIND = {"GT": 3, "GC": 2, "AT": 1}


def expected_share(before, behind):
    first, second = BEFORE.get(before, 0), BEHIND.get(behind, 0)
    return 0.5 if first == second else float(first > second)


def test_every_pair_of_dinucleotides():
    pairs = ["".join(pair) for pair in itertools.product("ACGTN", repeat=2)]
    for base in "CN":
        codes = np.stack([encode(before + base + behind) for before in pairs for behind in pairs])
        expected = [expected_share(before, behind) for before in pairs for behind in pairs]
        assert acceptor_share(codes)[:, 0].tolist() == expected


@pytest.mark.parametrize("length", [0, 1, 50])
def test_positions_are_independent(length):
    codes = np.random.default_rng(1).integers(0, 5, size=(3, length + 4), dtype=np.uint8)
    whole = acceptor_share(codes)
    assert whole.shape == (3, length)
    assert whole.dtype == np.float32
    for at in range(length):
        np.testing.assert_array_equal(whole[:, at : at + 1], acceptor_share(codes[:, at : at + 5]))
