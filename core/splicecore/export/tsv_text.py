"""Record batches as lines of tab-separated text, which quotes nothing."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.csv

from splicecore.genome.arrow import compute as pc

__all__ = ["tsv_lines"]

_OPTIONS = pyarrow.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")


def tsv_lines(batch: pa.RecordBatch) -> bytes:
    """Return a line for every row; a tab, line break or quotation mark in a text becomes ``_``."""
    text = pa.BufferOutputStream()
    try:
        pyarrow.csv.write_csv(batch, text, _OPTIONS)
    except pa.ArrowInvalid:  # a name holds one of the characters that would have to be quoted
        text = pa.BufferOutputStream()
        pyarrow.csv.write_csv(_without_structure(batch), text, _OPTIONS)
    return text.getvalue().to_pybytes()


def _without_structure(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays = [
        pc.replace_substring_regex(column, pattern='[\\t\\r\\n"]', replacement="_")
        if column.type == pa.string()
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
