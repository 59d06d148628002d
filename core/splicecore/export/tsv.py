"""TSV: the score table as text, gzipped, for spreadsheets and shells."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from splicecore.artifacts.store import atomic_path
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.export.score_file import ScoreFile

__all__ = ["write_tsv"]

_LEVEL = 6
_OPTIONS = pyarrow.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")


def write_tsv(scores: ScoreFile, path: Path) -> int:
    """Write the table as gzipped TSV with a header line, atomically; the same table gives the same bytes.

    Columns and rows are those of the table. Positions stay 0-based; a score is the shortest decimal that reads back as
    the same float32. Nothing is quoted: a tab, quotation mark or line break within a name becomes ``_``.

    Returns
    -------
    The number of rows.

    Raises
    ------
    ChecksumError
        If the table is damaged.
    OutputError
        If the file cannot be written.
    """
    rows = 0
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=raw, mtime=0) as handle,
    ):
        handle.write(("\t".join(scores.columns) + "\n").encode())
        for batch in scores.batches():
            handle.write(_text(batch))
            rows += batch.num_rows
    return rows


def _text(batch: pa.RecordBatch) -> bytes:
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
