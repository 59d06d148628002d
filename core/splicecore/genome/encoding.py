"""Bases as codes: A, C, G, T, N = 0, 1, 2, 3, 4, one ``uint8`` each.

Every other letter (IUPAC ambiguity codes, gaps) becomes N; case is ignored, so soft-masked sequence is ordinary
sequence.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["A", "C", "Codes", "G", "N", "T", "decode", "encode", "reverse_complement"]

A, C, G, T, N = range(5)

Codes = npt.NDArray[np.uint8]
"""Bases as codes, any shape, dtype uint8, values 0-4."""


def _encoding_table() -> Codes:
    table = np.full(256, N, dtype=np.uint8)
    for code, letters in enumerate((b"Aa", b"Cc", b"Gg", b"Tt")):
        table[list(letters)] = code
    return table


_ENCODE = _encoding_table()
_DECODE = np.frombuffer(b"ACGTN", dtype=np.uint8)
_COMPLEMENT = np.array([T, G, C, A, N], dtype=np.uint8)


def encode(sequence: str | bytes) -> Codes:
    """Encode letters as codes.

    Parameters
    ----------
    sequence
        Letters, ASCII. U is not T: RNA is not accepted silently, it becomes N.

    Returns
    -------
    uint8 array of shape (len(sequence),)
    """
    raw = sequence.encode("ascii", "replace") if isinstance(sequence, str) else sequence
    return _ENCODE[np.frombuffer(raw, dtype=np.uint8)]


def decode(codes: Codes) -> str:
    """Letters (A, C, G, T, N) of a one-dimensional array of codes."""
    return bytes(_DECODE[codes]).decode("ascii")


def reverse_complement(codes: npt.NDArray[Any]) -> Codes:
    """Reverse complement along the last axis; a new array of the same shape."""
    complement: Codes = _COMPLEMENT[codes[..., ::-1]]
    return complement
