"""Rows with the same key, anywhere in the dataset, found in bounded memory: hashes of keys, parted on disk."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.dataset.schema import KEY
from splicecore.dataset.validation.check import DatasetCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["DuplicateCheck"]

_PART_ROWS = 1 << 20
_RECORD = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])
_U = np.uint64

_Words = npt.NDArray[np.uint64]


class DuplicateCheck:
    """Whether a key (build, contig, strand, position, gene_id) occurs twice, within a file or in two.

    Keys are compared by a hash of 128 bits. There are as many parts as keep one below a million rows or so.
    """

    def __init__(self, opened: OpenedDataset) -> None:
        self._parts = max(1, opened.dataset.manifest.rows // _PART_ROWS)
        self._folder = tempfile.TemporaryDirectory(prefix="splicecore-")
        self._rows = 0
        self._starts: list[tuple[int, str]] = []

    def add(self, rows: RowBatch) -> None:
        """Put the keys of some rows aside."""
        if rows.first == 0:
            self._starts.append((self._rows, rows.file))
        high, low = self._hash(rows)
        records = np.empty(len(rows), dtype=_RECORD)
        records["high"], records["low"] = high, low
        records["row"] = np.arange(self._rows, self._rows + len(rows))
        self._rows += len(rows)
        part = (high >> _U(40)) % _U(self._parts)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part.astype(np.int64), minlength=self._parts))
        for number, chunk in enumerate(np.split(records[order], ends[:-1])):
            if len(chunk):
                with self._path(number).open("ab") as handle:
                    chunk.tofile(handle)

    def checks(self) -> Iterator[DatasetCheck]:
        """Compare the keys and say what was found."""
        with self._folder:
            repeated = [self._repeated(number) for number in range(self._parts) if self._path(number).exists()]
        found = np.concatenate(repeated) if repeated else np.empty((0, 2), dtype=np.int64)
        if not len(found):
            yield DatasetCheck(
                name="duplicates", status="passed", details=f"no key occurs twice in {self._rows:,} rows"
            )
            return
        again, first = found[np.argmin(found[:, 0])].tolist()
        yield DatasetCheck(
            name="duplicates",
            status="failed",
            details=f"{len(found):,} rows repeat the key {', '.join(KEY)} of another: {self._place(again)} that of "
            f"{self._place(first)}, for one",
            remedy="build the dataset anew, or remove them: splicecore dataset dedup",
            data={"rows": len(found)},
        )

    def _repeated(self, number: int) -> npt.NDArray[np.int64]:
        """Rows of a part that repeat an earlier one, and the earlier: shape (k, 2)."""
        records = np.fromfile(self._path(number), dtype=_RECORD)
        records = records[np.lexsort((records["row"], records["low"], records["high"]))]
        same = (records["high"][1:] == records["high"][:-1]) & (records["low"][1:] == records["low"][:-1])
        return np.column_stack([records["row"][1:][same], records["row"][:-1][same]])

    def _place(self, row: int) -> str:
        start, file = next(one for one in reversed(self._starts) if one[0] <= row)
        return f"row {row - start} of {file}"

    def _path(self, number: int) -> Path:
        return Path(self._folder.name) / f"{number}.keys"

    def _hash(self, rows: RowBatch) -> tuple[_Words, _Words]:
        """Two independent 64-bit hashes of each row's key."""
        high = _mixed(rows.position.view(np.uint64) + _U(0x9E3779B97F4A7C15))
        low = _mixed(rows.position.view(np.uint64) + _U(0xD1B54A32D192ED03))
        for name in KEY:
            if name != "position":
                one, two = self._text(rows.batch.column(name))
                high, low = _mixed(high ^ one), _mixed(low ^ two)
        return high, low

    def _text(self, column: Any) -> tuple[_Words, _Words]:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        digests = [
            hashlib.blake2b(str(name).encode(), digest_size=16).digest() for name in encoded.dictionary.to_pylist()
        ]
        words = np.frombuffer(b"".join([*digests, bytes(16)]), dtype="<u8").reshape(-1, 2).astype(np.uint64)
        return words[codes, 0], words[codes, 1]


def _mixed(words: _Words) -> _Words:
    """Mix bits by the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    words = (words ^ (words >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> _U(27))) * _U(0x94D049BB133111EB)
    return words ^ (words >> _U(31))
