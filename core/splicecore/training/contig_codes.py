"""Contigs of genes as numbers, whatever style of names they have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from splicecore.genome.arrow import codes_of
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["contig_codes"]


def contig_codes(genes: pa.Table) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Give the contigs of a table numbers, by their names in natural order; names of one chromosome have one number.

    ``chrM`` and ``MT`` count as one here, although hg19 may have both: genes of both are then kept together.

    Parameters
    ----------
    genes
        Column contig, text.

    Returns
    -------
    codes : int64, shape (genes,)
        Number of each gene's contig.
    names : tuple of str
        A name of each.
    """
    codes, words = codes_of(genes, "contig")
    used = sorted({words[code] for code in np.unique(codes).tolist()}, key=_natural)
    first: dict[str, str] = {}
    for name in used:
        first.setdefault(canonical_name(name), name)
    names = tuple(first.values())
    own = {name: names.index(first[canonical_name(name)]) for name in used}
    numbers = np.array([own.get(word, -1) for word in words], dtype=np.int64)
    return numbers[codes], names


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
