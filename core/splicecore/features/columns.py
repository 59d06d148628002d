"""Declared columns: a type with its meaning, unit and range in the schema's own metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Column", "column_batch", "column_schema", "is_near_label"]

_EITHER = {b"true": True, b"false": False}


@attrs.frozen
class Column:
    """One column of a feature set.

    Attributes
    ----------
    name
        Of the column.
    dtype
        Arrow type.
    formula
        What it is, for the documentation.
    unit
        ``"probability"``, ``"bases"``, ``"count"``, ``"ratio"``, ...
    span
        The values that are possible, in words: ``"0 to 1"``.
    nullable
        Whether values may be missing.
    near_label
        Whether it is close to the label; None: as the set.
    """

    name: str
    dtype: pa.DataType
    formula: str
    unit: str
    span: str
    nullable: bool = False
    near_label: bool | None = None

    def field(self) -> pa.Field[Any]:
        """Return the column as a field with metadata ``description``, ``unit``, ``range`` and maybe ``near_label``."""
        metadata = {"description": self.formula, "unit": self.unit, "range": self.span}
        if self.near_label is not None:
            metadata["near_label"] = "true" if self.near_label else "false"
        return pa.field(self.name, self.dtype, nullable=self.nullable, metadata=metadata)


def column_schema(columns: Iterable[Column]) -> pa.Schema:
    """Make a schema of columns."""
    return pa.schema([column.field() for column in columns])


def is_near_label(field: pa.Field[Any], default: bool) -> bool:
    """Return what the field's metadata says of ``near_label``; ``default``, the set's own, where it says nothing."""
    return _EITHER[(field.metadata or {}).get(b"near_label", b"true" if default else b"false")]


def column_batch(schema: pa.Schema, columns: Mapping[str, npt.NDArray[Any] | pa.Array[Any]]) -> pa.RecordBatch:
    """Cast columns to a schema's types and put them in its order.

    Parameters
    ----------
    schema
        The declared columns.
    columns
        Name -> values, shape (k,), in any numeric type. NaN in a nullable column of floats becomes null.
    """
    arrays: Sequence[pa.Array[Any]] = [_array(field, columns[field.name]) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(field: pa.Field[Any], values: npt.NDArray[Any] | pa.Array[Any]) -> pa.Array[Any]:
    if isinstance(values, pa.Array):
        return values
    typed = np.ascontiguousarray(values, dtype=field.type.to_pandas_dtype())
    missing = np.isnan(typed) if field.nullable and pa.types.is_floating(field.type) else None
    array: pa.Array[Any] = pa.array(
        typed, type=field.type, mask=missing if missing is not None and missing.any() else None
    )
    return array
