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
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from splicecore.plugins.protocols import Scores

__all__ = ["JoinedParts", "PartReader", "part_path", "write_part"]

_KEY = b"splicecore.key"
_NONE: Mapping[str, str] = {}


def part_path(folder: Path, key: str) -> Path:
    """Where the part of a key lies."""
    return folder / f"{key}.parquet"


def write_part(
    path: Path, key: str, outputs: Sequence[str], tiles: Iterable[Scores], metadata: Mapping[str, str] = _NONE
) -> int:
    """Write a gene's scores tile by tile; the file appears when the last one is written.

    Parameters
    ----------
    path
        The file.
    key
        Of everything that decides the scores.
    outputs
        Names of the columns.
    tiles
        float32 of shape (rows, outputs) each.
    metadata
        Facts about the gene's scores, kept beside the key.

    Returns
    -------
    The number of rows.
    """
    facts: dict[str | bytes, str | bytes] = {_KEY: key.encode()}
    facts.update(metadata.items())
    schema = pa.schema([(name, pa.float32()) for name in outputs], metadata=facts)
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
    def metadata(self) -> dict[str, str]:
        """Facts that were written beside the key."""
        metadata: dict[bytes, bytes] = self._file.schema_arrow.metadata or {}
        return {name.decode(): value.decode() for name, value in metadata.items() if name != _KEY}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the base model's outputs."""
        return tuple(self._file.schema_arrow.names)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._file.schema_arrow.names)

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


class JoinedParts:
    """Parts of one gene, their columns side by side.

    Raises
    ------
    ChecksumError
        From any method, if a file is damaged.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        with contextlib.ExitStack() as opening:
            self._readers = [opening.enter_context(PartReader(path)) for path in paths]
            self._stack = opening.pop_all()

    def read(self, start: int, stop: int) -> Scores:
        """Values of a half-open span of rows: float32, shape (stop - start, columns of all parts)."""
        pieces = [reader.read(start, stop) for reader in self._readers]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=1)

    def close(self) -> None:
        """Close the files."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
