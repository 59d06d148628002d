"""Short ways into Arrow tables, typed as loosely as pyarrow's compute functions are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["compute", "labels", "numbers", "schema", "take"]

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


def take(values: Any, rows: npt.NDArray[np.integer[Any]]) -> Any:
    """Take rows of an array, chunked array or table; null where the row is negative (arrays only)."""
    indices: Any = pa.array
    return values.take(indices(rows, mask=rows < 0))
