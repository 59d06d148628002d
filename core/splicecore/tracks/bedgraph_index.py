"""The index of a bedGraph file: its intervals sorted, in Parquet, so that reading a gene touches few of them.

The file may be unsorted and larger than memory: its intervals are first laid down by contig and bin of 1 Mb in a
temporary file, then sorted bin by bin. The name of an index holds the hash of the file's content.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path, file_sha256, make_folder
from splicecore.errors import InputError
from splicecore.tracks.text import TrackText

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

__all__ = ["METADATA_KEY", "ContigIntervals", "ensure_bedgraph_index"]

_LOG = logging.getLogger(__name__)

METADATA_KEY = "splicecore.bedgraph"
"""Key of the index's metadata: a JSON list of :class:`ContigIntervals`."""

_VERSION = 1
_BIN_BITS = 20
_ROW_GROUP = 32_768
_COLUMNS: dict[str, pa.DataType] = {
    "contig": pa.string(),
    "start": pa.int64(),
    "end": pa.int64(),
    "value": pa.float64(),
}
_ROW = np.dtype([("start", "<i8"), ("end", "<i8"), ("line", "<i8"), ("value", "<f4")])
_TYPES = {"start": pa.int64(), "end": pa.int64(), "value": pa.float32()}
_SCHEMA = pa.schema([pa.field(name, kind, nullable=False) for name, kind in _TYPES.items()])

_Rows = npt.NDArray[Any]


@attrs.frozen
class ContigIntervals:
    """The intervals of one contig in an index.

    Attributes
    ----------
    name
        As in the bedGraph file.
    row_groups
        First and one after last row group of the index.
    end
        Largest end of an interval, 0-based half-open.
    line
        Line of the bedGraph file with that interval.
    """

    name: str
    row_groups: tuple[int, int]
    end: int
    line: int


def ensure_bedgraph_index(path: Path, cache: Path) -> Path:
    """Find the index of a bedGraph file in the cache, or make it.

    Parameters
    ----------
    path
        The file: plain, gzip or bgzip, sorted or not.
    cache
        Folder of what can be computed again.

    Returns
    -------
    Parquet file with columns start, end (int64, 0-based half-open) and value (float32), sorted by contig and start.

    Raises
    ------
    InputError
        If a line is malformed, an interval is inverted or negative, a value is not finite, or intervals overlap (with
        the line), or the file is damaged.
    OutputError
        If the cache cannot be written.
    """
    source = TrackText.of(path)
    index = cache / "tracks" / f"{file_sha256(path, cache)}.v{_VERSION}.parquet"
    if index.exists():
        return index
    make_folder(index.parent)
    _LOG.info("indexing %s", path)
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(atomic_path(index))
        bins = _Bins(stack.enter_context(tempfile.TemporaryFile(dir=index.parent)))
        for contig, rows in _intervals(source):
            bins.add(contig, rows)
        _write(temporary, bins, path)
    return index


def _intervals(source: TrackText) -> Iterator[tuple[str, _Rows]]:
    """Yield contig and rows, of one contig each, in any order; intervals without a number as value are left out."""
    for table, lines in source.tables(_COLUMNS):
        rows = np.empty(len(table), dtype=_ROW)
        with np.errstate(over="ignore"):
            for name in ("start", "end", "value"):
                rows[name] = table.column(name).to_numpy()
        rows["line"] = lines
        _check(source, rows)
        contigs: Any = table.column("contig").combine_chunks().dictionary_encode()
        code = contigs.indices.to_numpy()
        for number, contig in enumerate(contigs.dictionary.to_pylist()):
            chosen = rows[(code == number) & ~np.isnan(rows["value"])]
            if len(chosen):
                yield contig, chosen


def _check(source: TrackText, rows: _Rows) -> None:
    problems = (
        (rows["start"] < 0, "start {start} is negative"),
        (rows["end"] <= rows["start"], "end {end} does not lie after start {start}"),
        (np.isinf(rows["value"]), "the value is infinite or too large for 32 bits"),
    )
    for bad, problem in problems:
        if bad.any():
            row = rows[int(np.argmax(bad))]
            reason = problem.format(start=row["start"], end=row["end"])
            raise InputError(
                f"{source.path}, line {row['line']}: {reason}", hint="bedGraph is 0-based, half-open: start < end"
            )


class _Bins:
    """Rows by contig and bin of 1 Mb (of their start) in a temporary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._pieces: dict[str, dict[int, list[tuple[int, int]]]] = {}

    @property
    def contigs(self) -> tuple[str, ...]:
        """Names, in the order in which they came."""
        return tuple(self._pieces)

    def add(self, contig: str, rows: _Rows) -> None:
        """Lay down rows of one contig, in any order."""
        number = rows["start"] >> _BIN_BITS
        if (number[1:] < number[:-1]).any():
            order = np.argsort(number, kind="stable")
            rows, number = rows[order], number[order]
        first = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]]))
        pieces = self._pieces.setdefault(contig, {})
        for low, high in zip(first.tolist(), [*first[1:].tolist(), len(rows)], strict=True):
            pieces.setdefault(int(number[low]), []).append((self._file.tell(), high - low))
            self._file.write(rows[low:high].tobytes())

    def sorted(self, contig: str) -> Iterator[_Rows]:
        """Yield the rows of a contig bin by bin, sorted by start."""
        for _, pieces in sorted(self._pieces[contig].items()):
            parts = []
            for offset, count in pieces:
                self._file.seek(offset)
                parts.append(np.frombuffer(self._file.read(count * _ROW.itemsize), dtype=_ROW))
            rows = np.concatenate(parts)
            yield rows[np.argsort(rows["start"], kind="stable")]


def _write(path: Path, bins: _Bins, source: Path) -> None:
    if not bins.contigs:
        raise InputError(f"track file {source} has no value")
    directory: list[ContigIntervals] = []
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        groups = 0
        for contig in bins.contigs:
            end = line = 0
            first = groups
            for rows in _row_groups(_disjoint(bins.sorted(contig), contig, source)):
                columns = [pa.array(rows[name], type=_SCHEMA.field(name).type) for name in _SCHEMA.names]
                writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA), row_group_size=_ROW_GROUP)
                end, line, groups = int(rows["end"][-1]), int(rows["line"][-1]), groups + 1
            directory.append(ContigIntervals(contig, (first, groups), end, line))
        entries = json.dumps([attrs.astuple(entry) for entry in directory])
        writer.add_key_value_metadata({METADATA_KEY: entries})


def _disjoint(parts: Iterator[_Rows], contig: str, source: Path) -> Iterator[_Rows]:
    """Pass sorted rows on; an interval that overlaps the one before is an error."""
    end, line = 0, 0
    for rows in parts:
        before = np.concatenate([[end], rows["end"][:-1]])
        overlapping = rows["start"] < before
        if overlapping.any():
            row = int(np.argmax(overlapping))
            other = line if row == 0 else int(rows["line"][row - 1])
            raise InputError(
                f"{source}, line {rows['line'][row]}: {contig}:{rows['start'][row]}-{rows['end'][row]} overlaps the "
                f"interval of line {other}",
                hint="intervals of a bedGraph file must not overlap",
            )
        end, line = int(rows["end"][-1]), int(rows["line"][-1])
        yield rows


def _row_groups(parts: Iterator[_Rows]) -> Iterator[_Rows]:
    """Cut rows into pieces of the size of a row group; the last may be smaller."""
    held: list[_Rows] = []
    for rows in parts:
        held.append(rows)
        if sum(map(len, held)) < _ROW_GROUP:
            continue
        joined = np.concatenate(held)
        full = len(joined) // _ROW_GROUP * _ROW_GROUP
        yield from np.split(joined[:full], range(_ROW_GROUP, full, _ROW_GROUP))
        held = [joined[full:]] if full < len(joined) else []
    if held:
        yield np.concatenate(held)
