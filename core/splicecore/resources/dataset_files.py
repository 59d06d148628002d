"""Datasets as Parquet files: written whole or not at all, and read only if they are what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.errors import ChecksumError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from splicecore.resources.schemas import DatasetSchema

__all__ = ["file_schema", "read_dataset", "write_dataset"]

_SCHEMA = b"splicecore.schema"
_CONTENT = b"splicecore.content"
_REMEDY = "derive it anew: splicecore resources derive"


def file_schema(schema: DatasetSchema, content: str) -> pa.Schema:
    """Return the Arrow schema of a dataset's file: columns, and in its metadata kind, version and content key."""
    metadata = {_SCHEMA: f"{schema.kind}/{schema.version}".encode(), _CONTENT: content.encode()}
    return schema.arrow().with_metadata(metadata)


def write_dataset(path: Path, table: pa.Table, schema: DatasetSchema, content: str) -> None:
    """Write a table atomically.

    Parameters
    ----------
    path
        Of the file.
    table
        With the columns of the schema, in its order.
    schema
        Of the dataset.
    content
        Key of what decides the rows; kept in the file's metadata.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    whole = table.cast(schema.arrow()).replace_schema_metadata(file_schema(schema, content).metadata)
    with atomic_path(path) as temporary:
        pq.write_table(whole, temporary, compression="zstd", write_page_checksum=True)


def read_dataset(
    paths: Sequence[Path], schema: DatasetSchema, content: str, columns: tuple[str, ...] | None = None
) -> pa.Table:
    """Read a dataset from its files.

    Parameters
    ----------
    paths
        Its files, in order.
    schema
        That they must have.
    content
        Key that they must have been written under.
    columns
        Names of the columns to read; None for all.

    Raises
    ------
    ChecksumError
        If a file is missing, damaged, of another schema, or was written under another key.
    """
    expected = schema.arrow(columns)
    tables = [_read(path, schema, content, expected) for path in paths]
    return pa.concat_tables(tables) if tables else expected.empty_table()


def _read(path: Path, schema: DatasetSchema, content: str, expected: pa.Schema) -> pa.Table:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            _check(path, file.schema_arrow, schema, content)
            table: Any = file.read(columns=expected.names)
    except FileNotFoundError as error:
        raise ChecksumError(f"{path}, which the manifest lists, is missing", hint=_REMEDY) from error
    except (OSError, pa.ArrowException) as error:
        raise ChecksumError(f"{path} is damaged: {error}", hint=_REMEDY) from error
    chosen: pa.Table = table.select(expected.names).replace_schema_metadata(None)
    return chosen


def _check(path: Path, found: pa.Schema, schema: DatasetSchema, content: str) -> None:
    metadata: dict[bytes, bytes] = found.metadata or {}
    wanted = f"{schema.kind}/{schema.version}"
    if metadata.get(_SCHEMA, b"").decode() != wanted:
        written = metadata.get(_SCHEMA, b"").decode() or "unknown"
        raise ChecksumError(f"{path} is of schema {written}, not {wanted}", hint=_REMEDY)
    if not found.remove_metadata().equals(schema.arrow()):
        raise ChecksumError(f"{path} does not have the columns of {wanted}", hint=_REMEDY)
    if metadata.get(_CONTENT, b"").decode() != content:
        raise ChecksumError(f"{path} was derived from other inputs than the manifest says", hint=_REMEDY)
