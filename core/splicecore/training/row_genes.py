"""From the rows of one table to the genes of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.errors import InputError
from splicecore.genome.arrow import codes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["GeneLookup"]

_Ints = npt.NDArray[np.int64]
_KEY = ("contig", "strand", "gene_id")


class GeneLookup:
    """Finds genes by contig, strand and gene_id.

    Parameters
    ----------
    genes
        Table with these columns, as text; every combination once.

    Raises
    ------
    InputError
        If a gene occurs twice.
    """

    def __init__(self, genes: pa.Table) -> None:
        columns = [codes_of(genes, name) for name in _KEY]
        self._words: list[dict[str, int]] = [{word: i for i, word in enumerate(words)} for _, words in columns]
        key = self._combine([codes for codes, _ in columns])
        self._order = np.argsort(key, kind="stable")
        self._key = key[self._order]
        twice = np.flatnonzero(self._key[1:] == self._key[:-1])
        if len(twice):
            gene_id = genes.column("gene_id")[int(self._order[twice[0]])].as_py()
            raise InputError(f"gene {gene_id} occurs twice on one contig and strand")

    def rows(self, table: pa.Table | pa.RecordBatch) -> _Ints:
        """Row of the table of genes for every row of another table; -1: not a gene of it.

        Parameters
        ----------
        table
            Columns contig, strand, gene_id, as text or dictionaries of text.

        Returns
        -------
        int64, shape (rows,)
        """
        whole = pa.Table.from_batches([table]) if isinstance(table, pa.RecordBatch) else table
        codes = [self._translate(whole, name, words) for name, words in zip(_KEY, self._words, strict=True)]
        unknown = np.any([column < 0 for column in codes], axis=0)
        key = self._combine(codes)
        place = np.searchsorted(self._key, key)
        found = np.zeros(len(key), dtype=np.bool_)
        inside = place < len(self._key)
        found[inside] = self._key[place[inside]] == key[inside]
        result = np.full(len(key), -1, dtype=np.int64)
        known = found & ~unknown
        result[known] = self._order[place[known]]
        return result

    def _translate(self, table: pa.Table, name: str, words: dict[str, int]) -> _Ints:
        codes, found = codes_of(table, name)
        own: Any = np.array([*(words.get(word, -1) for word in found), -1], dtype=np.int64)
        translated: _Ints = own[codes]
        return translated

    def _combine(self, codes: Sequence[_Ints]) -> _Ints:
        contig, strand, gene = codes
        return (contig * len(self._words[1]) + strand) * max(1, len(self._words[2])) + gene
