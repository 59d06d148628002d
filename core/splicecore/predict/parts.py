"""Score parts: one gene's scores in one file, whole or absent, named by the key of what decides them.

A part is Parquet with one float32 column per output, rows in transcript orientation, page checksums on, and the key in
its metadata. It is what an interrupted run goes on from.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.errors import ChecksumError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from splicecore.plugins.protocols import Scores

__all__ = ["PartReader", "part_path", "write_part"]

_KEY = b"splicecore.key"


def part_path(folder: Path, key: str) -> Path:
    """Where the part of a key lies."""
    return folder / f"{key}.parquet"


def write_part(path: Path, key: str, outputs: Sequence[str], tiles: Iterator[Scores]) -> int:
    """Write a gene's scores tile by tile; the file appears when the last one is written.

    Returns
    -------
    The number of rows.
    """
    schema = pa.schema([(name, pa.float32()) for name in outputs], metadata={_KEY: key.encode()})
    rows = 0
    with (
        atomic_path(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression="zstd", use_dictionary=False, write_page_checksum=True
        ) as writer,
    ):
        for tile in tiles:
            columns = [pa.array(np.ascontiguousarray(tile[:, channel])) for channel in range(len(outputs))]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            rows += len(tile)
    return rows


class PartReader:
    """Reads spans of a part; holds at most two row groups.

    Raises
    ------
    ChecksumError
        From any method, if the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._guard():
            self._file = pq.ParquetFile(path, page_checksum_verification=True)
            counts = [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        self._groups: dict[int, Scores] = {}

    @property
    def key(self) -> str:
        """The key that the part was written under."""
        metadata: dict[bytes, bytes] = self._file.schema_arrow.metadata or {}
        return metadata.get(_KEY, b"").decode()

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the base model's outputs."""
        return tuple(self._file.schema_arrow.names)

    @property
    def length(self) -> int:
        """Number of rows."""
        return int(self._starts[-1])

    def read(self, start: int, stop: int) -> Scores:
        """Scores of a half-open span of rows: float32, shape (stop - start, outputs)."""
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        pieces = []
        while start < stop:
            group = self._group(first)
            offset = int(self._starts[first])
            end = min(stop, int(self._starts[first + 1]))
            pieces.append(group[start - offset : end - offset])
            start, first = end, first + 1
        if not pieces:
            return np.empty((0, len(self._file.schema_arrow)), dtype=np.float32)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def verify(self) -> None:
        """Read everything, and with it every page's checksum."""
        for index in range(len(self._starts) - 1):
            self._group(index)

    def _group(self, index: int) -> Scores:
        if index not in self._groups:
            while len(self._groups) >= 2:
                del self._groups[next(iter(self._groups))]
            with self._guard():
                table: Any = self._file.read_row_group(index)
            self._groups[index] = np.column_stack([column.to_numpy() for column in table.columns])
        return self._groups[index]

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowInvalid) as error:
            raise ChecksumError(
                f"{self.path} is damaged: {error}", hint="remove the file and run the same command again"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._groups.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
