"""From a batch of features to the matrix that a meta-model takes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["to_matrix"]

_ROWS = 4096


def to_matrix(batch: pa.RecordBatch) -> npt.NDArray[np.float32]:
    """Matrix of a batch's columns, in their order; what is missing (null) becomes NaN.

    Integers above 2**24 are rounded to the nearest float32: genomic coordinates of human are up to 8 bases off.

    Returns
    -------
    float32, shape (rows, columns), C order

    Raises
    ------
    TypeError
        If a column is not of numbers.
    """
    columns = [_numbers(batch.schema.field(i), batch.column(i)) for i in range(batch.num_columns)]
    matrix = np.empty((batch.num_rows, len(columns)), dtype=np.float32)
    for first in range(0, batch.num_rows, _ROWS):
        rows = slice(first, first + _ROWS)
        for i, column in enumerate(columns):
            matrix[rows, i] = column[rows]
    return matrix


def _numbers(field: pa.Field[pa.DataType], column: pa.Array[pa.Scalar[pa.DataType]]) -> npt.NDArray[np.generic]:
    if not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
        raise TypeError(f"column {field.name} is of type {field.type}, not of numbers")
    return np.asarray(column.to_numpy(zero_copy_only=False))  # integers with nulls come as float64 with NaN
