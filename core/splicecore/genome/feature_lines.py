"""The lines of GTF and GFF3: nine columns separated by tabs, among comments, read without a loop over lines.

Arrow's CSV reader needs a Python function, called from its own threads, to get past comments within a file, and it does
not say on which line a row was. So blocks of whole lines are taken apart here by NumPy and ``pyarrow.compute``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from splicecore.genome.text_source import TextSource

__all__ = ["LINES", "misplaced", "read_feature_lines", "refuse_first"]

LINES: pa.Schema = schema(
    line=pa.int64(),
    contig=pa.string(),
    feature=pa.string(),
    start=pa.int64(),
    end=pa.int64(),
    strand=pa.string(),
    attributes=pa.string(),
)
"""Columns of :func:`read_feature_lines`: ``line`` counts from 1; ``start`` and ``end`` are as in the file, 1-based and
both included."""

_N_COLUMNS = 9
_PLACES = {"contig": 0, "feature": 2, "start": 3, "end": 4, "strand": 6, "attributes": 8}
_WHOLE = "^[0-9]{1,18}$"
_HASH, _GREATER, _ENDS = ord("#"), ord(">"), (ord("\n"), ord("\r"))
_BLOCK = 8 << 20


def read_feature_lines(
    source: TextSource, keep: Callable[[Any], Any], *, stop_at_fasta: bool = False
) -> Iterator[pa.RecordBatch]:
    """Read the lines of a GTF or GFF3 file, without comments, directives and empty lines.

    Parameters
    ----------
    source
        The file.
    keep
        Given the types of features (array of strings), says which lines are wanted (array of bools). All lines must
        have nine columns and whole numbers as start and end, wanted or not.
    stop_at_fasta
        Whether sequence may follow the features, after ``##FASTA`` or a line that begins with ``>``; it is not read.

    Yields
    ------
    RecordBatch of the schema :data:`LINES`
        The wanted lines of one block, in the order of the file.

    Raises
    ------
    AnnotationError
        If a line is malformed or not UTF-8 (with its 1-based number), or the file is damaged or truncated.
    """
    above = 0
    for block in source.blocks(_BLOCK):
        if not block.isascii():
            _check_utf8(source, block, above)
        starts, text = _split_lines(block)
        first = np.frombuffer(block, dtype=np.uint8)[starts[:-1]]
        end = _fasta_begins(text, first) if stop_at_fasta else None
        rows = np.flatnonzero((first != _HASH) & ~np.isin(first, _ENDS))
        rows = rows if end is None else rows[rows < end]
        if len(rows):
            yield _columns(source, text.take(pa.array(rows)), rows + above + 1, keep)
        if end is not None:
            return
        above += len(text)


def misplaced(rows: pa.RecordBatch | pa.Table) -> Any:
    """Say which rows (columns of :data:`LINES`) have coordinates or a strand that no exon can have."""
    inverted = pc.greater(rows.column("start"), rows.column("end"))
    unstranded = pc.invert(pc.is_in(rows.column("strand"), value_set=pa.array(["+", "-"])))
    return pc.or_(pc.or_(pc.less(rows.column("start"), 1), inverted), unstranded)


def refuse_first(source: TextSource, rows: pa.RecordBatch | pa.Table, bad: Any, problem: str | None = None) -> None:
    """Refuse the first row that is ``bad``, if any is.

    Parameters
    ----------
    source
        The file.
    rows
        Columns of :data:`LINES`.
    bad
        bool, one for each row.
    problem
        What is wrong with it, in which ``{feature}`` stands for its type; None: its coordinates or its strand.

    Raises
    ------
    AnnotationError
        Naming the line.
    """
    first = pc.index(bad, value=True).as_py()
    if first >= 0:
        row = rows.slice(first, 1).to_pylist()[0]
        reason = _row_problem(row) if problem is None else problem.format(**row)
        raise AnnotationError(f"{source.path}, line {row['line']}: {reason}")


def _row_problem(row: dict[str, Any]) -> str:
    if row["start"] < 1:
        return f"start {row['start']}; coordinates begin at 1"
    if row["start"] > row["end"]:
        return f"start {row['start']} lies after end {row['end']}"
    return f"strand {row['strand']!r} is neither '+' nor '-'"


def _check_utf8(source: TextSource, block: bytes, above: int) -> None:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = above + block.count(b"\n", 0, error.start) + 1
        raise AnnotationError(f"{source.path}, line {line} is not text (UTF-8)") from error


def _split_lines(block: bytes) -> tuple[np.ndarray[Any, np.dtype[np.int32]], Any]:
    """Offsets of the lines and of the end, and the lines with their ends."""
    stops = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    if not len(stops) or stops[-1] != len(block):
        stops = np.append(stops, len(block))
    offsets = np.concatenate([[0], stops]).astype(np.int32)
    buffer: Any = pa.py_buffer
    buffers: Any = [None, buffer(offsets), buffer(block)]
    return offsets, pa.Array.from_buffers(pa.string(), len(stops), buffers)


def _fasta_begins(text: Any, first: np.ndarray[Any, np.dtype[np.uint8]]) -> int | None:
    """Index of the line that ends the features, or None."""
    comments = np.flatnonzero(first == _HASH)
    marks = comments[pc.starts_with(text.take(pa.array(comments)), "##FASTA").to_numpy(zero_copy_only=False)]
    found = np.concatenate([marks, np.flatnonzero(first == _GREATER)])
    return int(found.min()) if len(found) else None


def _columns(source: TextSource, text: Any, line: np.ndarray[Any, np.dtype[np.int64]], keep: Any) -> pa.RecordBatch:
    parts = pc.split_pattern(text, "\t", max_splits=_N_COLUMNS - 1)
    count = pc.list_value_length(parts).to_numpy()
    if (count != _N_COLUMNS).any():
        row = int(np.flatnonzero(count != _N_COLUMNS)[0])
        raise _wrong_count(source, text, line, row)
    flat, first = parts.flatten(), np.arange(len(line), dtype=np.int64) * _N_COLUMNS
    numbers = {
        name: _whole_numbers(source, name, flat.take(pa.array(first + _PLACES[name])), line)
        for name in ("start", "end")
    }
    mask = pc.fill_null(keep(flat.take(pa.array(first + _PLACES["feature"]))), False).to_numpy(zero_copy_only=False)
    kept = np.flatnonzero(mask)
    columns: dict[str, Any] = {"line": pa.array(line[kept])}
    for name, place in _PLACES.items():
        if name in numbers:
            columns[name] = numbers[name].take(pa.array(kept))
        else:
            columns[name] = flat.take(pa.array(first[kept] + place))
    columns["attributes"] = pc.ascii_rtrim(columns["attributes"], characters="\r\n")
    tabs = pc.find_substring(columns["attributes"], "\t").to_numpy()
    if (tabs >= 0).any():
        raise _wrong_count(source, text, line, int(kept[np.flatnonzero(tabs >= 0)[0]]))
    return pa.RecordBatch.from_arrays([columns[field.name] for field in LINES], schema=LINES)


def _wrong_count(source: TextSource, text: Any, line: np.ndarray[Any, np.dtype[np.int64]], row: int) -> AnnotationError:
    count = text[row].as_py().rstrip("\r\n").count("\t") + 1
    return AnnotationError(
        f"{source.path}, line {line[row]}: {count} columns separated by tabs instead of {_N_COLUMNS}"
    )


def _whole_numbers(source: TextSource, name: str, values: Any, line: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid as error:
        for row, value in enumerate(values.to_pylist()):
            if re.fullmatch(_WHOLE, value) is None:
                raise AnnotationError(
                    f"{source.path}, line {line[row]}: {name} {value!r} is not a whole number"
                ) from error
        raise
