"""bedGraph as a signal: values of a span, from the file's index."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.errors import ChecksumError, InputError
from splicecore.tracks.bedgraph_index import METADATA_KEY, ContigIntervals, ensure_bedgraph_index
from splicecore.tracks.binding import OTHER_BUILD, match_contigs

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from splicecore.genome.contigs import Contigs

__all__ = ["BedGraphTrack"]

_KEPT_ROW_GROUPS = 16

_Intervals = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]


class BedGraphTrack:
    """An open bedGraph file. Make it by :meth:`open`.

    Only the row groups of the index that a span needs are read; the last 16 are kept.
    """

    def __init__(self, index: Path, file: Any, contigs: dict[str, ContigIntervals]) -> None:
        self._index = index
        self._file = file
        self._contigs = contigs
        self._kept: dict[int, _Intervals] = {}
        metadata = file.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        self._first = np.array([group.column(0).statistics.min for group in groups], dtype=np.int64)
        self._last = np.array([group.column(1).statistics.max for group in groups], dtype=np.int64)

    @classmethod
    def open(cls, path: Path, contigs: Contigs, cache: Path) -> Self:
        """Open a file through its index, which is made if the cache has none.

        Raises
        ------
        InputError, ContigError, OutputError
            As :func:`~splicecore.tracks.bedgraph_index.ensure_bedgraph_index` and
            :func:`~splicecore.tracks.binding.match_contigs` say, or if an interval ends beyond its contig.
        ChecksumError
            If the index is damaged.
        """
        index = ensure_bedgraph_index(path, cache)
        try:
            file: Any = pq.ParquetFile(index, page_checksum_verification=True)
            directory = json.loads(file.metadata.metadata[METADATA_KEY.encode()])
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise _damaged(index, error) from error
        entries = {name: ContigIntervals(name, tuple(groups), end, line) for name, groups, end, line in directory}
        matched = match_contigs(path, entries, contigs)
        for own, name in matched.items():
            entry = entries[name]
            if entry.end > contigs.length(own):
                raise InputError(
                    f"{path}, line {entry.line}: the interval ends at {entry.end:,}, but {own} of the reference has "
                    f"{contigs.length(own):,} bases",
                    hint=OTHER_BUILD,
                )
        return cls(index, file, {own: entries[name] for own, name in matched.items()})

    def values(self, contig: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read the values of a span; see :meth:`splicecore.tracks.signal.SignalTrack.values`."""
        values = np.full(end - start, np.nan, dtype=np.float32)
        entry = self._contigs.get(contig)
        if entry is None:
            return values
        low, high = entry.row_groups
        first = low + int(np.searchsorted(self._last[low:high], start, side="right"))
        last = low + int(np.searchsorted(self._first[low:high], end, side="left"))
        for group in range(first, last):
            _paint(values, start, end, self._read(group))
        return values

    def close(self) -> None:
        """Close the index. May be called twice."""
        self._file.close()

    def _read(self, group: int) -> _Intervals:
        if group not in self._kept:
            try:
                table = self._file.read_row_group(group, use_threads=False)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(self._index, error) from error
            starts, ends, values = (table.column(name).to_numpy() for name in ("start", "end", "value"))
            while len(self._kept) >= _KEPT_ROW_GROUPS:
                del self._kept[next(iter(self._kept))]
            self._kept[group] = starts, ends, values
        return self._kept[group]


def _paint(target: npt.NDArray[np.float32], start: int, end: int, intervals: _Intervals) -> None:
    """Write the values of sorted, disjoint intervals into the span that ``target`` stands for."""
    starts, ends, values = intervals
    low, high = np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end, side="left")
    begins = np.maximum(starts[low:high], start) - start
    lengths = np.minimum(ends[low:high], end) - start - begins
    offsets = np.cumsum(lengths) - lengths
    target[np.repeat(begins - offsets, lengths) + np.arange(lengths.sum())] = np.repeat(values[low:high], lengths)


def _damaged(index: Path, cause: Exception) -> ChecksumError:
    return ChecksumError(f"index of a bedGraph file {index} is damaged: {cause}", hint="remove it; it is made again")
