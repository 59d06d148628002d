"""Strings of big tables, encoded by a dictionary without ever being spelled out row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import codes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["encoded", "label_rows"]


def encoded(codes: npt.NDArray[np.integer[Any]], words: Sequence[str]) -> pa.DictionaryArray[Any, Any]:
    """Make a dictionary array (int32) of codes into words; a negative code is null."""
    indices: Any = pa.array
    return pa.DictionaryArray.from_arrays(
        indices(codes.astype(np.int32), mask=codes < 0), pa.array(words, type=pa.string())
    )


def label_rows(table: pa.Table, name: str, rows: npt.NDArray[np.integer[Any]]) -> pa.DictionaryArray[Any, Any]:
    """Take rows of a column of strings as a dictionary array (int32)."""
    codes, words = codes_of(table, name)
    return encoded(codes[rows], words)
