"""Some rows of a dataset as checks see them: facts in numbers, each gene by its row in the manifest of genes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.dataset.schema import CLASSES, PRED_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FN", "FP", "TN", "TP", "GeneIndex", "RowBatch", "coded"]

TP, FP, FN, TN = range(4)

_Ints = npt.NDArray[np.int64]


def _codes(values: Any) -> tuple[_Ints, list[str]]:
    """Text as codes (-1: null) and what they stand for."""
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    indices = encoded.indices.cast(pa.int64()).fill_null(-1)
    return indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def coded(values: Any, known: Sequence[str]) -> _Ints:
    """Text as its place in ``known``: int64, shape (k,); -1 for null, ``len(known)`` for any other."""
    codes, names = _codes(values)
    places = [known.index(name) if name in known else len(known) for name in names]
    return np.array([*places, -1], dtype=np.int64)[codes]


class GeneIndex:
    """The genes of a dataset by id, contig and strand.

    Parameters
    ----------
    table
        The manifest of genes: gene_id, contig, strand, start, end, batch, rows.

    Attributes
    ----------
    start, end
        int64: genomic, 0-based, half-open; -1 where the manifest has none.
    rows
        int64: rows that the manifest promises of each gene.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        columns: list[list[Any]] = [table.column(name).to_pylist() for name in ("gene_id", "contig", "strand")]
        self.keys: list[tuple[Any, Any, Any]] = list(zip(*columns, strict=True))
        self._places = {key: row for row, key in enumerate(self.keys)}
        self.start, self.end = (self._numbers(name) for name in ("start", "end"))
        self.rows = np.maximum(self._numbers("rows"), 0)

    def __len__(self) -> int:
        return len(self.keys)

    def row(self, key: tuple[Any, Any, Any]) -> int:
        """Row of a gene in the manifest; -1 if it has none."""
        return self._places.get(key, -1)

    def _numbers(self, name: str) -> _Ints:
        column: Any = self.table.column(name)
        return np.asarray(column.cast(pa.int64()).fill_null(-1).to_numpy())


@attrs.define(eq=False, slots=False)
class RowBatch:
    """Rows of one file, in its order.

    Attributes
    ----------
    batch
        Of the dataset's schema.
    file
        Name of the file.
    first
        Number of the first row in its file, from 0.
    index
        All genes.
    """

    batch: pa.RecordBatch
    file: str
    first: int
    index: GeneIndex

    def __len__(self) -> int:
        return self.batch.num_rows

    @functools.cached_property
    def position(self) -> _Ints:
        """Genomic positions, 0-based; -1 where null."""
        return self._integers("position")

    @functools.cached_property
    def rel_position(self) -> _Ints:
        """Offsets in transcript orientation, 0-based; -1 where null."""
        return self._integers("rel_position")

    @functools.cached_property
    def label(self) -> _Ints:
        """0 neither, 1 acceptor, 2 donor; -1 where null."""
        return self._integers("label")

    @functools.cached_property
    def inclusion_prob(self) -> npt.NDArray[np.float64]:
        """Probability that sampling kept the row; NaN where null."""
        return self.numbers("inclusion_prob")

    @functools.cached_property
    def pred_type(self) -> _Ints:
        """Place in :data:`~splicecore.dataset.schema.PRED_TYPES`; -1 where null, 4 where it is none of them."""
        return coded(self.batch.column("pred_type"), PRED_TYPES)

    @functools.cached_property
    def site_type(self) -> _Ints:
        """1 acceptor, 2 donor; 0 where null, 3 where it is neither of them."""
        codes = coded(self.batch.column("site_type"), CLASSES)
        return np.where(codes == 0, 3, np.maximum(codes, 0))

    @functools.cached_property
    def gene(self) -> _Ints:
        """Row of the gene in the manifest of genes; -1 where it has none."""
        columns = [_codes(self.batch.column(name)) for name in ("gene_id", "contig", "strand")]
        combined = np.zeros(len(self), dtype=np.int64)
        for codes, names in columns:
            combined = combined * (len(names) + 1) + codes + 1
        _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
        keys = zip(
            *([names[code] if code >= 0 else None for code in codes[first]] for codes, names in columns), strict=True
        )
        return np.array([self.index.row(key) for key in keys], dtype=np.int64)[inverse]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Column of numbers as float64, NaN where null."""
        column: Any = self.batch.column(name)
        if column.null_count:
            column = column.cast(pa.float64(), safe=False).fill_null(float("nan"))
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

    def place(self, row: int) -> str:
        """Say which row it is, for people."""
        values = {name: self.batch.column(name)[row].as_py() for name in ("gene_id", "contig", "strand", "position")}
        where = "{gene_id}, position {position} of {contig} ({strand})".format(**values)
        return f"{where}, row {self.first + row} of {self.file}"

    def _integers(self, name: str) -> _Ints:
        column: Any = self.batch.column(name).cast(pa.int64()).fill_null(-1)
        return np.asarray(column.to_numpy(zero_copy_only=False))
