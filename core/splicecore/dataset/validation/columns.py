"""Checks of feature columns as wholes: dead, equal to another, mostly missing, counts that cannot be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.dataset.validation.check import DatasetCheck, Tally
from splicecore.tracks.monitor import ChannelMonitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch
    from splicecore.features.contract import FeatureColumn

__all__ = ["ColumnCheck", "WordCheck"]

_SAME_BY_DEFINITION = (("gene_start", "tx_start"), ("gene_end", "tx_end"), ("gene_length", "transcript_length"))
_WORD = re.compile(r"(\d+)mer_[ACGT]+")
_LONG_WORD = 5
_MOSTLY_MISSING = 0.5
_SHOWN = 8
_U = np.uint64


class ColumnCheck:
    """Constant columns, columns equal to another in every row, and columns that are mostly missing."""

    def __init__(self, opened: OpenedDataset) -> None:
        self._columns = opened.dataset.contract.columns
        self._monitor = ChannelMonitor()
        self._missing = np.zeros(len(self._columns), dtype=np.int64)
        self._sums = np.zeros(len(self._columns), dtype=np.uint64)
        self._rows = 0

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        names = [column.name for column in self._columns]
        self._monitor.add(rows.batch.select(names))
        factors = _factors(self._rows, len(rows))
        for number, name in enumerate(names):
            values: Any = rows.batch.column(name)
            self._missing[number] += values.null_count
            bits = (rows.numbers(name) + 0.0).view(np.uint64)
            self._sums[number : number + 1] += np.sum(bits * factors, dtype=np.uint64, keepdims=True)
        self._rows += len(rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        dead = {one.column: str(one) for one in self._monitor.dead()}
        yield self._dead(dead)
        yield self._equal(set(dead))
        yield self._mostly_missing(set(dead))

    def _dead(self, dead: dict[str, str]) -> DatasetCheck:
        by_name = {column.name: column for column in self._columns}
        wrong = [text for name, text in dead.items() if not _may_be_constant(by_name[name])]
        others = [text for name, text in dead.items() if _may_be_constant(by_name[name])]
        data = {"columns": sorted(dead)}
        if wrong:
            return DatasetCheck(
                name="constant columns",
                status="failed",
                details=_list([*wrong, *others], "; "),
                remedy="look at where the column is from: contig names, the track's file, the base model; "
                "or leave its feature set out",
                data=data,
            )
        if others:
            text = f"{_list(others, '; ')}: possible, but nothing can be learned from that"
            return DatasetCheck(name="constant columns", status="warned", details=text, data=data)
        text = f"each of {len(self._columns)} features varies"
        return DatasetCheck(name="constant columns", status="passed", details=text)

    def _equal(self, dead: set[str]) -> DatasetCheck:
        groups: dict[int, list[str]] = {}
        for column, total in zip(self._columns, self._sums.tolist(), strict=True):
            if column.name not in dead:
                groups.setdefault(total, []).append(column.name)
        equal = [names for names in groups.values() if len(names) > 1]
        known = [names for names in equal if tuple(names) in _SAME_BY_DEFINITION]
        others = [names for names in equal if tuple(names) not in _SAME_BY_DEFINITION]
        data = {"equal": equal}
        if others:
            text = _list([" = ".join(names) for names in others], "; ")
            remedy = "leave one of them out, unless they are known to be equal; models gain nothing from both"
            return DatasetCheck(name="equal columns", status="warned", details=text, remedy=remedy, data=data)
        texts = ["no two features are equal in every row"]
        if known:
            texts = [f"equal by definition: {'; '.join(' = '.join(names) for names in known)}"]
        return DatasetCheck(name="equal columns", status="passed", details=texts[0], data=data)

    def _mostly_missing(self, dead: set[str]) -> DatasetCheck:
        shares = {
            column.name: missing / self._rows
            for column, missing in zip(self._columns, self._missing.tolist(), strict=True)
            if missing and column.name not in dead
        }
        high = {name: share for name, share in shares.items() if share > _MOSTLY_MISSING}
        data = {"shares": {name: round(share, 6) for name, share in shares.items()}}
        if high:
            text = _list([f"{name} is null in {share:.1%} of the rows" for name, share in high.items()], "; ")
            return DatasetCheck(name="missing values", status="warned", details=text, data=data)
        most = max(shares.items(), key=lambda one: one[1], default=None)
        text = "no feature has nulls" if most is None else f"at most {most[1]:.1%} of a feature's values ({most[0]})"
        return DatasetCheck(name="missing values", status="passed", details=text, data=data)


def _may_be_constant(column: FeatureColumn) -> bool:
    """Whether a sound dataset can have one value in all rows: of gene and chromosome, and counts of rare words."""
    word = _WORD.fullmatch(column.name)
    rare = word is not None and int(word[1]) >= _LONG_WORD
    return rare or column.feature_set == "structural" or column.name == "sequence_length"


def _factors(first: int, count: int) -> npt.NDArray[np.uint64]:
    """Odd pseudo-random number for each row of the dataset: sums with them tell columns apart."""
    words = (np.arange(first, first + count, dtype=np.uint64) + _U(1)) * _U(0x9E3779B97F4A7C15)
    words = (words ^ (words >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> _U(27))) * _U(0x94D049BB133111EB)
    return (words ^ (words >> _U(31))) | _U(1)


def _list(names: list[str], separator: str) -> str:
    shown = separator.join(names[:_SHOWN])
    return shown + (f"{separator}... ({len(names)} in all)" if len(names) > _SHOWN else "")


class WordCheck:
    """Whether the k-mer counts of each row can be: of a window of W bases at most W - k + 1 words."""

    def __init__(self, opened: OpenedDataset) -> None:
        contract = opened.dataset.contract
        self._window = next((used.settings.get("window") for used in contract.sets if used.name == "sequence"), None)
        self._words: dict[int, list[str]] = {}
        for column in contract.columns:
            word = _WORD.fullmatch(column.name)
            if word is not None and column.feature_set == "sequence":
                self._words.setdefault(int(word[1]), []).append(column.name)
        self._length = "sequence_length" in contract.names
        self._tally = Tally()

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        if self._window is None:
            return
        known = rows.numbers("sequence_length") if self._length else np.full(len(rows), float(self._window))
        for k, names in self._words.items():
            total = np.zeros(len(rows))
            below = np.zeros(len(rows), dtype=np.bool_)
            for name in names:
                counts = rows.numbers(name)
                total += counts
                below |= counts < 0
            self._tally.note(f"a count of {k}-mers is negative", below, rows)
            most = np.maximum(known - k + 1, 0)
            self._tally.note(f"more {k}-mers are counted than the window has", total > most, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        if self._window is None or not self._words:
            yield DatasetCheck(name="k-mers", status="skipped", details="there are no k-mer counts")
            return
        sizes = ", ".join(f"{k}-mers" for k in self._words)
        remedy = "build the dataset anew: the columns are not of these rows"
        yield self._tally.check("k-mers", f"counts of {sizes} fit into windows of {self._window} bases", remedy)
