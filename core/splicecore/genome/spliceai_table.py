"""Reader of SpliceAI's annotation tables: one transcript a line, exons in comma-separated lists.

Columns ``#NAME CHROM STRAND TX_START TX_END EXON_START EXON_END``, separated by tabs. Starts are 0-based and ends
1-based inclusive, which together is 0-based half-open. The lists may end with a comma or not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers
from splicecore.genome.gene_models import EXON, FEATURES, TRANSCRIPT

if TYPE_CHECKING:
    from splicecore.genome.text_source import TextSource

__all__ = ["COLUMNS", "read_spliceai_table"]

COLUMNS = ("#NAME", "CHROM", "STRAND", "TX_START", "TX_END", "EXON_START", "EXON_END")
_NUMBERS = ("TX_START", "TX_END")
_Ints = npt.NDArray[np.int64]
_LIST = re.compile(r"\d+(,\d+)*,?")


class _MalformedError(Exception):
    """Some line of the file is wrong; which one is found by a second, slow pass."""


def read_spliceai_table(source: TextSource) -> list[pa.RecordBatch]:
    """Read an annotation table of SpliceAI.

    The table names genes only: ``NAME`` becomes gene_id, gene_name and transcript_id (a second line of the same name
    gets ``NAME#2``, and so on). Biotypes are unknown.

    Returns
    -------
    list of RecordBatch of the schema :data:`~splicecore.genome.gene_models.FEATURES`

    Raises
    ------
    AnnotationError
        If a line is malformed (with its 1-based number) or there is no line.
    """
    try:
        with source.open_arrow() as stream:
            table = pcsv.read_csv(
                stream,
                read_options=pcsv.ReadOptions(column_names=list(COLUMNS), skip_rows=1, block_size=16 << 20),
                parse_options=pcsv.ParseOptions(delimiter="\t", quote_char=False),
                convert_options=pcsv.ConvertOptions(
                    column_types={name: pa.int64() if name in _NUMBERS else pa.string() for name in COLUMNS}
                ),
            )
        if not table.num_rows:
            raise AnnotationError(f"annotation file {source.path} has a header but no transcript")
        return _features(table.combine_chunks())
    except (_MalformedError, pa.ArrowInvalid) as error:
        _explain(source, error)
    except OSError as error:
        raise source.damaged(error) from error


def _features(table: pa.Table) -> list[pa.RecordBatch]:
    """One batch of transcripts and one of exons."""
    tx_start, tx_end = (numbers(table, name) for name in _NUMBERS)
    counts, starts = _flatten(table.column("EXON_START"))
    end_counts, ends = _flatten(table.column("EXON_END"))
    if not np.array_equal(counts, end_counts):
        raise _MalformedError
    parent = np.repeat(np.arange(table.num_rows), counts)
    good = (
        (tx_start < tx_end).all()
        and (starts < ends).all()
        and ((starts >= tx_start[parent]) & (ends <= tx_end[parent])).all()
        and pc.all(pc.is_in(table.column("STRAND"), value_set=pa.array(["+", "-"]))).as_py()
        and not pc.any(pc.equal(table.column(COLUMNS[0]), "")).as_py()
    )
    if not good:
        raise _MalformedError
    shared = table.select([COLUMNS[0], "CHROM", "STRAND"]).append_column("ID", _unique_names(table.column(COLUMNS[0])))
    return [_batch(shared, TRANSCRIPT, tx_start, tx_end), _batch(shared.take(parent), EXON, starts, ends)]


def _batch(shared: pa.Table, kind: int, start: _Ints, end: _Ints) -> pa.RecordBatch:
    """Rows of one kind; ``shared`` has the names, contig and strand of each."""
    words = {name: shared.column(name).combine_chunks().dictionary_encode() for name in shared.schema.names}
    unknown = pa.nulls(len(start), pa.dictionary(pa.int32(), pa.string()))
    columns: dict[str, Any] = {
        "kind": pa.array(np.full(len(start), kind, dtype=np.int8)),
        "contig": words["CHROM"],
        "strand": words["STRAND"],
        "start": pa.array(start),
        "end": pa.array(end),
        "gene_id": words[COLUMNS[0]],
        "transcript_id": words["ID"],
        "gene_name": words[COLUMNS[0]],
        "gene_biotype": unknown,
        "biotype": unknown,
        "tags": unknown,
    }
    return pa.RecordBatch.from_arrays([columns[field.name] for field in FEATURES], schema=FEATURES)


def _flatten(column: Any) -> tuple[_Ints, _Ints]:
    """Numbers of items of each list, and all items."""
    lists = pc.split_pattern(pc.utf8_rtrim(column, ",").combine_chunks(), ",")
    counts: _Ints = pc.list_value_length(lists).to_numpy().astype(np.int64)
    items: _Ints = lists.flatten().cast(pa.int64()).to_numpy()
    return counts, items


def _unique_names(column: Any) -> Any:
    """Append a number to every name that occurred before."""
    seen: dict[str, int] = {}
    unique: list[Any] = []
    for name in column.to_pylist():
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return pa.chunked_array([unique], type=pa.string())


def _explain(source: TextSource, cause: Exception) -> NoReturn:
    """Find the malformed line and raise the error that names it."""
    for number, line in source.lines():
        problem = _problem(line.split("\t")) if line and number > 1 else None
        if problem is not None:
            raise AnnotationError(f"{source.path}, line {number}: {problem}")
    raise AnnotationError(f"annotation file {source.path} cannot be parsed: {cause}") from cause


def _problem(fields: list[str]) -> str | None:
    """Say what is wrong with a line, or None."""
    if len(fields) != len(COLUMNS):
        return f"{len(fields)} columns separated by tabs instead of {len(COLUMNS)}"
    row = dict(zip(COLUMNS, fields, strict=True))
    if not row["#NAME"]:
        return "NAME is empty"
    if row["STRAND"] not in ("+", "-"):
        return f"strand {row['STRAND']!r} is neither '+' nor '-'"
    for name in _NUMBERS:
        if not re.fullmatch(r"\d+", row[name]):
            return f"{name} {row[name]!r} is not a whole number"
    for name in ("EXON_START", "EXON_END"):
        if not _LIST.fullmatch(row[name]):
            return f"{name} {row[name]!r} is not a list of whole numbers separated by commas"
    return _inconsistency(row)


def _inconsistency(row: dict[str, str]) -> str | None:
    tx_start, tx_end = int(row["TX_START"]), int(row["TX_END"])
    starts, ends = ([int(item) for item in row[name].rstrip(",").split(",")] for name in ("EXON_START", "EXON_END"))
    if tx_start >= tx_end:
        return f"TX_START {tx_start} does not lie before TX_END {tx_end}"
    if len(starts) != len(ends):
        return f"{len(starts)} exon starts but {len(ends)} exon ends"
    for start, end in zip(starts, ends, strict=True):
        if start >= end:
            return f"exon start {start} does not lie before its end {end}"
        if start < tx_start or end > tx_end:
            return f"exon {start}-{end} lies outside the transcript {tx_start}-{tx_end}"
    return None
