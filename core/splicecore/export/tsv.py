"""TSV: the score table as text, gzipped, for spreadsheets and shells."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from splicecore.artifacts.store import atomic_path
from splicecore.export.tsv_text import tsv_lines

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.export.score_file import ScoreFile

__all__ = ["write_tsv"]

_LEVEL = 6


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
            handle.write(tsv_lines(batch))
            rows += batch.num_rows
    return rows
