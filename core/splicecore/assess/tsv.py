"""The tables of a pass as TSV files, for pipelines that read splice positions as text.

Their names, columns and conventions differ from those of the tables: ``position``, ``predicted_position``,
``true_position`` and windows count from the gene's 5' end (0-based, windows half-open), a found or missed site has one
row for every transcript (other rows have an empty ``transcript_id``), and ``score`` of TP and FN is the maximum of the
window. A field without a value is empty. Rows keep the order of the tables.
"""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path, make_folder
from splicecore.assess.enhanced import enhanced_schema
from splicecore.assess.schemas import ERRORS, PERFORMANCE, POSITIONS, SEQUENCES
from splicecore.errors import ChecksumError, InputError
from splicecore.export.tsv_text import tsv_lines
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


__all__ = [
    "MANIFEST_COLUMNS",
    "write_errors_tsv",
    "write_gene_manifest_tsv",
    "write_performance_tsv",
    "write_positions_tsv",
    "write_sequences_tsv",
]

_ROWS = 65_536

MANIFEST_COLUMNS = {
    "gene_id": "gene_id",
    "gene_name": "gene_name",
    "requested": "requested",
    "status": "status",
    "reason": "reason",
    "num_positions": "rows",
    "num_nucleotides": "positions",
    "num_splice_sites": "sites",
    "processing_time_sec": "seconds",
    "base_model": "base_model",
    "genomic_build": "build",
    "timestamp": "timestamp",
}
"""Column of ``gene_manifest.tsv`` -> column that it is taken from."""

_PERFORMANCE = {
    "gene_id": "gene_id",
    "gene_name": "gene_name",
    "chrom": "contig",
    "strand": "strand",
    "splice_type": "site_type",
    "n_splice_sites": "sites",
    "TP": "tp",
    "FP": "fp",
    "FN": "fn",
    "TN": "tn",
    "precision": "precision",
    "recall": "recall",
    "f1_score": "f1",
    "average_precision": "average_precision",
    "top_k": "top_k",
}

_Columns = dict[str, Any]


def write_positions_tsv(positions: Path, path: Path) -> int:
    """Write ``full_splice_positions_enhanced.tsv`` from the table of positions (Parquet).

    Returns
    -------
    The number of rows, one for every transcript of a site.

    Raises
    ------
    ChecksumError
        If the table is damaged or of another schema.
    OutputError
        If the file cannot be written.
    """
    return _write(path, (_position_columns(batch, explode=True) for batch in _batches(positions, enhanced_schema())))


def write_errors_tsv(errors: Path, path: Path) -> int:
    """Write ``full_splice_errors.tsv`` from the table of errors; returns the number of rows."""
    return _write(path, map(_error_columns, _batches(errors, ERRORS)))


def write_performance_tsv(performance: Path, path: Path) -> int:
    """Write ``full_splice_performance.tsv``, a row for every gene and class; returns the number of rows."""

    def columns(batch: pa.RecordBatch) -> _Columns:
        rows = batch.filter(pc.not_equal(batch.column("site_type"), "both"))
        return {name: rows.column(source) for name, source in _PERFORMANCE.items()}

    return _write(path, map(columns, _batches(performance, PERFORMANCE)))


def write_gene_manifest_tsv(genes: pa.Table, path: Path) -> int:
    """Write ``gene_manifest.tsv``, a row for every row of ``genes``; returns their number.

    Columns are taken as :data:`MANIFEST_COLUMNS` says; those that ``genes`` lacks are empty.
    """
    batches = genes.to_batches() or [pa.RecordBatch.from_pylist([], schema=genes.schema)]

    def columns(batch: pa.RecordBatch) -> _Columns:
        known, empty = set(batch.schema.names), pa.nulls(batch.num_rows, pa.string())
        return {name: batch.column(key) if key in known else empty for name, key in MANIFEST_COLUMNS.items()}

    return _write(path, (columns(_plain(batch)) for batch in batches))


def write_sequences_tsv(positions: Path, sequences: Path, folder: Path) -> list[Path]:
    """Write ``analysis_sequences_<contig>.tsv`` from the tables of positions and sequences, which have the same rows.

    Contigs are percent-encoded in the names. Columns are those of the positions' file and sequence, window_start,
    window_end, transcript_count; but a site has one row, with the first of its transcripts.

    Returns
    -------
    The files, in the order of the contigs in the tables.

    Raises
    ------
    InputError
        If the tables do not have the same rows, or the rows of a contig are not together.
    """
    make_folder(folder)
    files: dict[str, Path] = {}
    with contextlib.ExitStack() as stack:
        handle: BinaryIO | None = None
        last = None
        for contig, columns in _sequence_batches(positions, sequences):
            header = contig != last
            if header:
                if contig in files:
                    raise InputError(f"the rows of contig {contig} are not together in {positions}")
                last = contig
                files[contig] = folder / f"analysis_sequences_{quote(contig, safe='')}.tsv"
                stack.close()
                handle = stack.enter_context(stack.enter_context(atomic_path(files[contig])).open("wb"))
            assert handle is not None
            _write_batch(handle, columns, header=header)
    return list(files.values())


def _sequence_batches(positions: Path, sequences: Path) -> Iterator[tuple[str, _Columns]]:
    pairs = _aligned(_batches(positions, enhanced_schema()), _batches(sequences, SEQUENCES))
    for rows, windows in pairs:
        for name in ("gene_id", "position", "site_type", "pred_type"):
            if not rows.column(name).equals(windows.column(name)):
                raise InputError(f"{positions} and {sequences} do not have the same rows ({name} differs)")
        contigs: Any = rows.column("contig").to_numpy(zero_copy_only=False)
        cuts = np.flatnonzero(contigs[1:] != contigs[:-1]) + 1
        bounds = [0, *cuts.tolist(), len(contigs)]
        for start, stop in itertools.pairwise(bounds):
            columns = _position_columns(rows.slice(start, stop - start), explode=False)
            for name in ("sequence", "window_start", "window_end", "transcript_count"):
                columns[name] = windows.column(name).slice(start, stop - start)
            yield str(contigs[start]), columns


def _position_columns(batch: pa.RecordBatch, *, explode: bool) -> _Columns:
    """Columns of the file of positions, a row for every transcript if ``explode``."""
    sign = np.where(pc.equal(batch.column("strand"), "+"), 1, -1)
    rel, position = (batch.column(name).to_numpy() for name in ("rel_position", "position"))
    predicted = batch.column("predicted_position")
    at_site = pc.is_in(batch.column("pred_type"), value_set=pa.array(["TP", "FN"])).to_numpy(zero_copy_only=False)
    shift = sign * (predicted.fill_null(0).to_numpy() - position)
    columns = {
        "gene_id": batch.column("gene_id"),
        "transcript_id": None,
        "position": batch.column("rel_position"),
        "predicted_position": pa.array(rel + shift, mask=predicted.is_null().to_numpy(zero_copy_only=False)),
        "true_position": pa.array(rel, mask=~at_site),
        "pred_type": batch.column("pred_type"),
        "score": pc.if_else(pa.array(at_site), batch.column("window_score"), batch.column("score")),
        "strand": batch.column("strand"),
        "donor_score": batch.column("donor_score"),
        "acceptor_score": batch.column("acceptor_score"),
        "neither_score": batch.column("neither_score"),
        "splice_type": pc.if_else(pa.array(at_site), batch.column("site_type"), pa.scalar(None, pa.string())),
        "chrom": batch.column("contig"),
        **{name: batch.column(name) for name in batch.schema.names[len(POSITIONS.names) :]},
    }
    rows, transcripts = _transcripts(batch.column("transcript_ids"), explode=explode)
    columns = {name: None if column is None else column.take(rows) for name, column in columns.items()}
    columns["transcript_id"] = transcripts
    return columns


def _transcripts(lists: Any, *, explode: bool) -> tuple[Any, Any]:
    """Rows to take, repeated for every transcript or not, and the transcript of each (empty where there is none)."""
    lengths = pc.list_value_length(lists).to_numpy()
    flat = pc.list_flatten(lists)
    first = np.cumsum(lengths) - lengths
    repeats = np.maximum(lengths, 1) if explode else np.ones_like(lengths)
    rows = np.repeat(np.arange(len(lengths)), repeats)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    entry = pa.array(first[rows] + nth, mask=lengths[rows] == 0)
    return pa.array(rows), flat.take(entry).fill_null("")


def _error_columns(batch: pa.RecordBatch) -> _Columns:
    rows, transcripts = _transcripts(batch.column("transcript_ids"), explode=True)
    taken = batch.take(rows)
    plus = pc.equal(taken.column("strand"), "+").to_numpy(zero_copy_only=False)
    rel, position, start, end = (
        taken.column(name).to_numpy() for name in ("rel_position", "position", "window_start", "window_end")
    )
    before = np.where(plus, position - start, end - 1 - position)
    after = np.where(plus, end - position, position - start + 1)
    return {
        "error_type": taken.column("pred_type"),
        "gene_id": taken.column("gene_id"),
        "position": taken.column("rel_position"),
        "splice_type": taken.column("site_type"),
        "strand": taken.column("strand"),
        "transcript_id": transcripts,
        "window_start": pa.array(rel - before),
        "window_end": pa.array(rel + after),
    }


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file as plain strings and numbers; at least one batch, which may be empty."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            if file.schema_arrow.names != schema.names:
                raise ChecksumError(
                    f"{path} does not have the columns of {(schema.metadata or {})[b'splicecore.schema'].decode()}"
                )
            yield _plain(pa.RecordBatch.from_pylist([], schema=schema))
            for batch in file.iter_batches(_ROWS, use_threads=False):
                yield _plain(batch)
    except (OSError, pa.ArrowInvalid) as error:
        raise ChecksumError(
            f"{path} cannot be read: {error}", hint="remove the file and run the same command again"
        ) from error


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    arrays: list[Any] = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _aligned(
    left: Iterator[pa.RecordBatch], right: Iterator[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield pairs of equally long batches of two tables with the same number of rows."""
    one, two = next(left, None), next(right, None)
    while one is not None and two is not None:
        rows = min(one.num_rows, two.num_rows)
        if rows:
            yield one.slice(0, rows), two.slice(0, rows)
        one = one.slice(rows) if one.num_rows > rows else next(left, None)
        two = two.slice(rows) if two.num_rows > rows else next(right, None)
    if one is not None or two is not None:
        raise InputError("the tables of positions and of sequences do not have the same number of rows")


def _write(path: Path, batches: Iterator[_Columns]) -> int:
    rows = 0
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        for number, columns in enumerate(batches):
            rows += _write_batch(handle, columns, header=number == 0)
    return rows


def _write_batch(handle: BinaryIO, columns: _Columns, *, header: bool) -> int:
    if header:
        handle.write(("\t".join(columns) + "\n").encode())
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    handle.write(tsv_lines(batch))
    return batch.num_rows
