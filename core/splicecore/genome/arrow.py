"""Short ways into Arrow tables, typed as loosely as pyarrow's compute functions are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["codes_of", "compute", "labels", "numbers", "schema", "take"]

compute: Any = pyarrow.compute
"""``pyarrow.compute``: its functions accept Python scalars, which published type stubs do not know."""


def schema(**columns: Any) -> pa.Schema:
    """Make a schema from names and types."""
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


def numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """Column of numbers without nulls as a NumPy array."""
    column: npt.NDArray[Any] = table.column(name).to_numpy()
    return column


def labels(table: pa.Table, name: str) -> list[str]:
    """Column of strings without nulls as a list."""
    column: Any = table.column(name).to_pylist()
    return list(column)


def codes_of(table: pa.Table, name: str) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Column of strings as codes (-1: null) and the distinct strings that they stand for."""
    import numpy as np

    column: Any = table.column(name)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], type=column.type)
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, column.dictionary.to_pylist()


def take(values: Any, rows: npt.NDArray[np.integer[Any]]) -> Any:
    """Take rows of an array, chunked array or table; null where the row is negative (arrays only)."""
    indices: Any = pa.array
    return values.take(indices(rows, mask=rows < 0))
