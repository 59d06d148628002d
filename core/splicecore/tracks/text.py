"""Track files as text: plain, gzip or bgzip, parsed in blocks of whole lines, with line numbers for errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from splicecore.errors import InputError
from splicecore.genome.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["WHAT", "TrackText"]

WHAT = "track file"
"""What messages call such a file."""

_BLOCK = 8 << 20
_SNIFFED_LINES = 10_000
_SKIPPED = re.compile(rb"^(?:#|track(?=[ \t\r\n])|browser(?=[ \t\r\n])|[ \t]*\r?$)[^\n]*(?:\n|\Z)", re.MULTILINE)
_MAY_BE_SKIPPED = np.frombuffer(b"#tb \t\r\n", dtype=np.uint8)
_PATTERNS = {pa.int64(): re.compile(r"-?\d{1,18}"), pa.float64(): re.compile(r"\S+")}
_NAMES = {pa.int64(): "a whole number", pa.float64(): "a number"}
_CSV: Any = pyarrow.csv

Lines = npt.NDArray[np.int64]


@attrs.frozen
class TrackText(TextSource):
    """A text file that may be compressed. Comments, ``track`` and ``browser`` lines and empty lines are skipped."""

    what: ClassVar[str] = WHAT
    error: ClassVar[type[InputError]] = InputError

    def first_line(self) -> tuple[int, str]:
        """Find number (from 1) and text of the first line that is not skipped.

        Raises
        ------
        InputError
            If there is none among the first 10,000 lines, the file is damaged, or it is not text.
        """
        for number, raw in self.raw_lines():
            if _SKIPPED.match(raw) is None:
                return number, self.text(number, raw)
            if number >= _SNIFFED_LINES:
                break
        raise InputError(f"track file {self.path} has no data line")

    def tables(self, columns: Mapping[str, pa.DataType]) -> Iterator[tuple[pa.Table, Lines]]:
        """Yield the data lines in blocks.

        Parameters
        ----------
        columns
            Name and type (int64, float64 or string) of every column of the file, in its order. Columns are separated by
            tabs, or by blanks where the first line has no tab.

        Yields
        ------
        table, lines
            Columns without nulls, and the 1-based line of each row.

        Raises
        ------
        InputError
            If a line has another number of columns or a value of another type (with its line), or the file is damaged
            or truncated.
        """
        blanks = "\t" not in self.first_line()[1]
        above = 0
        for block in self.blocks(_BLOCK):
            data, lines, count = _data_lines(block, above)
            if len(lines):
                yield self._parse(re.sub(rb"[ \t]+", b"\t", data) if blanks else data, lines, columns), lines
            above += count

    def _parse(self, data: bytes, lines: Lines, columns: Mapping[str, pa.DataType]) -> pa.Table:
        try:
            table: pa.Table = _CSV.read_csv(
                pa.BufferReader(data),
                read_options=_CSV.ReadOptions(use_threads=False, column_names=list(columns), block_size=len(data) + 1),
                parse_options=_CSV.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
                convert_options=_CSV.ConvertOptions(column_types=dict(columns), null_values=[]),
            )
        except pa.ArrowInvalid as error:
            raise self._explained(data, lines, columns, error) from error
        if len(table) != len(lines):
            raise InputError(f"{self.path}, lines {lines[0]} to {lines[-1]}: {len(table)} rows in {len(lines)} lines")
        return table

    def _explained(
        self, data: bytes, lines: Lines, columns: Mapping[str, pa.DataType], error: pa.ArrowInvalid
    ) -> InputError:
        for number, raw in zip(lines.tolist(), data.split(b"\n"), strict=False):
            where = f"{self.path}, line {number}"
            try:
                fields = raw.decode("utf-8").rstrip("\r").split("\t")
            except UnicodeDecodeError:
                return InputError(f"{where} is not text (UTF-8)")
            if len(fields) != len(columns):
                return InputError(f"{where}: {len(fields)} columns instead of {len(columns)} ({', '.join(columns)})")
            for (name, kind), value in zip(columns.items(), fields, strict=True):
                if kind in _PATTERNS and not (_PATTERNS[kind].fullmatch(value) and _is_number(value)):
                    return InputError(f"{where}: {name} {value!r} is not {_NAMES[kind]}")
        return InputError(f"{self.path}, lines {lines[0]} to {lines[-1]}: {error}")


def _data_lines(block: bytes, above: int) -> tuple[bytes, Lines, int]:
    """Bytes of the lines that are not skipped, their 1-based numbers, and the number of all lines of the block."""
    stops = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    if not len(stops) or stops[-1] != len(block):
        stops = np.append(stops, len(block))
    numbers = np.arange(above + 1, above + 1 + len(stops), dtype=np.int64)
    first = np.frombuffer(block, dtype=np.uint8)[np.concatenate([[0], stops[:-1]])]
    if not np.isin(first, _MAY_BE_SKIPPED).any():
        return block, numbers, len(stops)
    skipped = [match.span() for match in _SKIPPED.finditer(block) if match.end() > match.start()]
    if not skipped:
        return block, numbers, len(stops)
    rows = np.searchsorted(stops, [start for start, _ in skipped], side="right")
    starts, ends = zip(*skipped, strict=True)
    kept = [block[low:high] for low, high in zip((0, *ends), (*starts, len(block)), strict=True)]
    return b"".join(kept), np.delete(numbers, rows), len(stops)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
