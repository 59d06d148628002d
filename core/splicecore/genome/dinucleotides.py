"""Dinucleotides of introns beside splice sites: first two bases for donors, last two for acceptors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.genome.arrow import codes_of, numbers
from splicecore.genome.encoding import decode, reverse_complement

if TYPE_CHECKING:
    import pyarrow as pa

    from splicecore.genome.reference import Reference

__all__ = ["WORDS", "dinucleotides"]

_BASES = 5

WORDS: tuple[str, ...] = tuple(
    decode(np.array([first, second], dtype=np.uint8)) for first in range(_BASES) for second in range(_BASES)
)
"""The 25 pairs of A, C, G, T, N by code: five times the first base's code, plus the second's."""

_PIECE = 1 << 22
_GAP = 1 << 15

_Ints = npt.NDArray[np.int64]


def dinucleotides(reference: Reference, sites: pa.Table) -> npt.NDArray[np.int8]:
    """Read the two intronic bases beside every splice site, contig by contig in pieces.

    Parameters
    ----------
    reference
        The genome.
    sites
        Columns contig, position (genomic, 0-based, the exon's base), strand, site_type; any order.

    Returns
    -------
    int8, shape (rows,)
        Indices of :data:`WORDS`: 5' to 3' on the site's strand; N beyond the ends of the contig.
    """
    contig, contigs = codes_of(sites, "contig")
    minus = _is(sites, "strand", "-")
    start = numbers(sites, "position") + np.where(_is(sites, "site_type", "donor") == minus, -2, 1)
    order = np.lexsort((start, contig))
    pairs = np.empty((len(start), 2), dtype=np.uint8)
    for rows in _pieces(order, contig[order], start[order]):
        low, high = int(start[rows[0]]), int(start[rows[-1]]) + 2
        codes = reference.fetch(contigs[contig[rows[0]]], low, high)
        offset = start[rows] - low
        pairs[rows, 0], pairs[rows, 1] = codes[offset], codes[offset + 1]
    pairs[minus] = reverse_complement(pairs[minus])
    return (pairs[:, 0] * _BASES + pairs[:, 1]).astype(np.int8)


def _is(table: pa.Table, name: str, word: str) -> npt.NDArray[np.bool_]:
    codes, words = codes_of(table, name)
    return np.asarray(codes == (words.index(word) if word in words else -1), dtype=np.bool_)


def _pieces(order: _Ints, contig: _Ints, start: _Ints) -> list[_Ints]:
    """Rows in runs on one contig that are worth reading at once: no wide gap within, at most 4 Mb."""
    if not len(order):
        return []
    new = (np.diff(contig) != 0) | (np.diff(start) > _GAP) | (np.diff(start // _PIECE) != 0)
    pieces: Any = np.split(order, np.flatnonzero(new) + 1)
    return list(pieces)
