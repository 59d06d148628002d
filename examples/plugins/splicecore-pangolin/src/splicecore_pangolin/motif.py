"""Telling acceptors from donors by the intron's dinucleotide, for models that only say that there is a splice site.

The site is the exon's base. An acceptor has the end of the intron before it, a donor its beginning behind it. Both
dinucleotides of a position get a rank:

==== ================ ================
rank two bases before two bases behind
==== ================ ================
3    AG               GT
2                     GC
1    AC               AT
0    any other        any other
==== ================ ================

All of P(splice) goes to the side of the higher rank; equal ranks, no motif on either side included, take half each. A
dinucleotide with an N has rank 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from splicecore.api import Codes, N, encode

__all__ = ["REACH", "acceptor_share"]

REACH = 2
"""Bases on either side of a position that are looked at."""

_CODES = N + 1


def _ranks(motifs: dict[str, int]) -> npt.NDArray[np.int8]:
    ranks = np.zeros(_CODES * _CODES, dtype=np.int8)
    for letters, rank in motifs.items():
        first, second = encode(letters)
        ranks[int(first) * _CODES + int(second)] = rank
    return ranks


_BEFORE = _ranks({"AG": 3, "AC": 1})
_BEHIND = _ranks({"GT": 3, "GC": 2, "AT": 1})


def acceptor_share(codes: Codes) -> npt.NDArray[np.float32]:
    """Return which part of P(splice) is P(acceptor); the rest is P(donor).

    Parameters
    ----------
    codes
        uint8, shape (..., 2 + L + 2): A, C, G, T, N = 0..4, on the transcribed strand, 5' to 3'.

    Returns
    -------
    float32, shape (..., L)
        1, 0 or 0.5.
    """
    length = codes.shape[-1] - 2 * REACH
    pairs = codes[..., :-1] * np.uint8(_CODES) + codes[..., 1:]  # pair i is the bases i and i + 1
    before, behind = _BEFORE[pairs[..., :length]], _BEHIND[pairs[..., REACH + 1 : REACH + 1 + length]]
    share: npt.NDArray[np.float32] = (np.sign(before - behind).astype(np.float32) + np.float32(1)) / np.float32(2)
    return share
