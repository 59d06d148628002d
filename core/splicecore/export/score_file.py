"""Reading a finished score table batch by batch, whole or contig by contig."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.errors import ChecksumError
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["ScoreFile"]

_ROWS = 65_536


class ScoreFile:
    """A score table on disk, sorted by contig, position, strand and gene; holds one batch at a time.

    Parameters
    ----------
    path
        The Parquet file.
    scores
        What ends the names of the columns with the scores: ``"score"``, or ``"meta"`` of final ones.

    Raises
    ------
    ChecksumError
        From any method, if the file is missing or damaged.
    """

    def __init__(self, path: Path, scores: str = "score") -> None:
        self.path, self.scores = path, scores
        with self._guard():
            self._file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._file.schema_arrow.names)

    @property
    def contigs(self) -> tuple[str, ...]:
        """Names of the contigs that have rows, in alphabetical order."""
        names: set[str] = set()
        for batch in self.batches(["contig"]):
            values: Any = batch.column(0).unique().to_pylist()
            names.update(values)
        return tuple(sorted(names))

    def column(self, site_type: str) -> str:
        """Name of the column with the scores of a site type."""
        return f"{site_type}_{self.scores}"

    def batches(
        self, columns: Sequence[str] | None = None, *, groups: list[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, as batches of ``columns`` (None: all); text columns are plain strings."""
        names = self.columns if columns is None else list(columns)
        with self._guard():
            for batch in self._file.iter_batches(_ROWS, columns=names, row_groups=groups, use_threads=False):
                yield _plain(batch.select(names))

    def on_contig(self, contig: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield one contig's rows in order; only the row groups that can hold it are read."""
        for batch in self.batches(["contig", *columns], groups=self._groups_of(contig)):
            rows = batch.filter(pc.equal(batch.column("contig"), contig))
            if rows.num_rows:
                yield rows.select(list(columns))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _groups_of(self, contig: str) -> list[int]:
        index = self.columns.index("contig")
        groups = []
        for group in range(self._file.num_row_groups):
            statistics: Any = self._file.metadata.row_group(group).column(index).statistics
            if statistics is None or not statistics.has_min_max or statistics.min <= contig <= statistics.max:
                groups.append(group)
        return groups

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowInvalid) as error:
            raise ChecksumError(
                f"{self.path} cannot be read: {error}", hint="remove the file and run the same command again"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays: list[Any] = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
