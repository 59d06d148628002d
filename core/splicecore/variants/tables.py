"""Scores of alleles as tables: the columns, and writing them as Parquet or tab-separated text."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import pyarrow as pa

from splicecore.artifacts.row_writer import RowWriter
from splicecore.artifacts.store import atomic_path, canonical_json
from splicecore.export.tsv_text import tsv_lines
from splicecore.variants.alleles import Unscored
from splicecore.variants.vcf_output import open_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from splicecore.variants.scorer import AlleleResult

__all__ = [
    "DELTAS",
    "META",
    "META_SCORES",
    "OFFSETS",
    "ROWS",
    "SCORES",
    "SETTINGS",
    "SHARD",
    "TableWriter",
    "open_table",
    "result_rows",
    "score_table",
]

META = "meta"
"""What stands in the place of a base model's name in a meta-model's own rows, and what its columns begin with."""

DELTAS = ("ds_ag", "ds_al", "ds_dg", "ds_dl")
OFFSETS = ("dp_ag", "dp_al", "dp_dg", "dp_dl")
RAW = tuple(f"{allele}_{kind}" for kind in ("ag", "al", "dg", "dl") for allele in ("ref", "alt"))

_WORD = pa.dictionary(pa.int32(), pa.string())
_GROUP_ROWS = 1 << 17
SETTINGS, SHARD = b"splicecore.variants", b"splicecore.shard"
"""Keys of a Parquet file's metadata: what the scores were made with, and which shard of which pass the file is."""

SCORES = pa.schema(
    [
        ("record", pa.int64()),
        ("allele", pa.int32()),
        ("build", _WORD),
        ("contig", _WORD),
        ("position", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("base_model", _WORD),
        ("gene_id", _WORD),
        ("gene_name", _WORD),
        ("transcript_id", _WORD),
        ("strand", _WORD),
        ("transcript_start", pa.int64()),
        ("transcript_end", pa.int64()),
        *((name, pa.float32()) for name in DELTAS),
        *((name, pa.int32()) for name in OFFSETS),
        *((name, pa.float32()) for name in RAW),
        ("unscored", _WORD),
        ("flags", _WORD),
    ]
)
"""One row per ALT, transcript and base model; sorted by record, base model, allele, transcript's place in the table.

``record`` and ``allele`` are 0-based: place of the record in the input, of the ALT in the record (-1 where there is
none). ``contig``, ``ref`` and ``alt`` are as in the input, ``position`` is 0-based. A row without scores says why in
``unscored``, and has nulls for what it does not have.
"""

_BESIDE = (*DELTAS, *OFFSETS, *RAW, "unscored")
META_SCORES = pa.schema([*SCORES, *(pa.field(f"{META}_{name}", SCORES.field(name).type) for name in _BESIDE)])
"""Rows with a meta-model: its scores stand beside those of the primary base model, and are null beside others."""

ROWS = pa.schema(
    [pa.field(field.name, pa.string() if field.type == _WORD else field.type) for field in SCORES]
    + [pa.field("order", pa.int32())]
)
"""Rows as workers leave them: words as plain text, and the transcript's place in the table (-1 for none)."""


@attrs.frozen(kw_only=True)
class Place:
    """What a result belongs to: place of the record, of the ALT in it, and the base model."""

    record: int
    allele: int
    base_model: str
    build: str


def result_rows(results: Iterable[tuple[Place, AlleleResult]]) -> pa.RecordBatch:
    """Make rows of results, in their order.

    Returns
    -------
    Batch of :data:`ROWS`.
    """
    rows = [_row(place, result) for place, result in results]
    columns = zip(*rows, strict=True) if rows else [()] * len(ROWS)
    arrays = [pa.array(list(column), type=field.type) for column, field in zip(columns, ROWS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=ROWS)


def _row(place: Place, result: AlleleResult) -> tuple[Any, ...]:
    variant, transcript = result.job.variant, result.job.transcript
    where = (variant.contig, variant.position, variant.ref, variant.alt)
    if transcript is None:
        gene: tuple[Any, ...] = (None,) * 6
    else:
        gene = (
            transcript.gene_id, transcript.gene_name, transcript.transcript_id,
            transcript.strand, transcript.start, transcript.end,
        )  # fmt: skip
    numbers: tuple[Any, ...] = (None,) * (len(DELTAS) + len(OFFSETS) + len(RAW))
    if result.delta is not None and result.raw is not None:
        numbers = (*attrs.astuple(result.delta), *attrs.astuple(result.raw))
    return (
        place.record, place.allele, place.build, *where, place.base_model, *gene, *numbers,
        None if result.unscored is None else Unscored(result.unscored).value, ",".join(result.flags) or None,
        -1 if transcript is None else transcript.order,
    )  # fmt: skip


def score_table(rows: pa.RecordBatch, schema: pa.Schema = SCORES) -> pa.RecordBatch:
    """Turn rows of :data:`ROWS` (or what :func:`beside` made of them) into rows as tables hold them."""
    arrays = [
        rows.column(field.name).dictionary_encode() if field.type == _WORD else rows.column(field.name)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def beside(rows: pa.RecordBatch, primary: str) -> pa.RecordBatch:
    """Move the scores of a meta-model's own rows beside those of the primary base model.

    Parameters
    ----------
    rows
        Of :data:`ROWS`, a record's together.
    primary
        Name of the primary base model.

    Returns
    -------
    Batch with the columns of :data:`META_SCORES`, words as plain text.
    """
    model = np.array(rows.column("base_model").to_pylist(), dtype=object)
    base, own = rows.filter(pa.array(model != META)), rows.filter(pa.array(model == META))
    first = model[model != META] == primary
    place = pa.array(np.cumsum(first) - 1, mask=~first)
    arrays = [base.column(name) for name in SCORES.names] + [own.column(name).take(place) for name in _BESIDE]
    return pa.RecordBatch.from_arrays(arrays, names=META_SCORES.names)


def open_table(path: Path, settings: bytes, schema: pa.Schema, shard: Mapping[str, Any] | None = None) -> RowWriter:
    """Open a Parquet table of :data:`SCORES` or :data:`META_SCORES` to write to, with its metadata."""
    metadata: dict[bytes | str, bytes | str] = {SETTINGS: settings}
    metadata |= {} if shard is None else {SHARD: canonical_json(shard)}
    return RowWriter(path, schema.with_metadata(metadata), _GROUP_ROWS)


class TableWriter:
    """Writes rows as Parquet, or as tab-separated text where the file's name says so; a context manager.

    Parameters
    ----------
    path
        ``.parquet``, ``.tsv`` or ``.tsv.gz`` (bgzip).
    settings
        What the scores were made with; kept in a Parquet file's metadata, JSON-able.
    primary
        Name of the primary base model of the meta-model whose rows are among those that are added; None without one.
    shard
        What the metadata says of the shard, JSON-able; None for a whole pass.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        primary: str | None = None,
        shard: Mapping[str, Any] | None = None,
    ) -> None:
        self.path, self.primary, self._shard = path, primary, shard
        self._schema = SCORES if primary is None else META_SCORES
        self._settings = canonical_json(settings)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            if self.path.suffix == ".parquet":
                writer = open_table(self.path, self._settings, self._schema, self._shard)
                self._parquet: RowWriter | None = stack.enter_context(writer)
            else:
                self._parquet = None
                temporary = stack.enter_context(atomic_path(self.path))
                self._text = stack.enter_context(open_text(temporary, self.path.name))
                self._text.write(("\t".join(self._schema.names) + "\n").encode())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows of :data:`ROWS`."""
        rows = rows if self.primary is None else beside(rows, self.primary)
        if self._parquet is not None:
            self._parquet.add(score_table(rows, self._schema))
        else:
            plain = [rows.column(name) for name in self._schema.names]
            self._text.write(tsv_lines(pa.RecordBatch.from_arrays(plain, names=self._schema.names)))
