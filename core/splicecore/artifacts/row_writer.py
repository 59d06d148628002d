"""Writing rows into Parquet in row groups of one size, whatever the sizes of what is added."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["RowWriter"]


class RowWriter:
    """Writes a file that appears when it is whole; a context manager.

    Parameters
    ----------
    path
        The file.
    schema
        Of every batch that is added.
    group_rows
        Rows of a row group, but for the last one; at most twice as many are held.

    Attributes
    ----------
    rows
        Rows added so far.
    """

    def __init__(self, path: Path, schema: pa.Schema, group_rows: int) -> None:
        self.path, self.schema, self.group_rows = path, schema, group_rows
        self.rows = 0
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            texts: Any = [field.name for field in self.schema if pa.types.is_dictionary(field.type)]
            self._writer = stack.enter_context(
                pq.ParquetWriter(
                    temporary, self.schema, compression="zstd", use_dictionary=texts, write_page_checksum=True
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            if kind is None:
                self._write(self._held_rows)
        except BaseException as failure:
            self._stack.__exit__(type(failure), failure, failure.__traceback__)
            raise
        return self._stack.__exit__(kind, error, trace)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, self.group_rows - self._held_rows)
            self._held.append(piece)
            self._held_rows += piece.num_rows
            start += piece.num_rows
            if self._held_rows == self.group_rows:
                self._write(self.group_rows)
        self.rows += batch.num_rows

    def _write(self, rows: int) -> None:
        if rows:
            table = pa.Table.from_batches(self._held, self.schema).unify_dictionaries().combine_chunks()
            self._held, self._held_rows = [], 0
            self._writer.write_table(table, row_group_size=self.group_rows)
