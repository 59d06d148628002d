"""Results of blocks in the order of the input, counted, and record by record."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pyarrow as pa

from splicecore.errors import ChecksumError
from splicecore.variants.tables import DELTAS, META, OFFSETS, ROWS
from splicecore.variants.task import block_path, read_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from splicecore.variants.blocks import Plan

__all__ = ["AlleleCounts", "ResultRow", "by_record", "in_input_order", "in_plan_order"]

_BUCKET_RECORDS = 1 << 16
_MAX_BUCKETS = 200
_PLAIN = (
    "base_model", "contig", "position", "ref", "alt", "gene_name", "transcript_id", "strand", "order", "unscored",
)  # fmt: skip
_USED = (*_PLAIN, *DELTAS, *OFFSETS)


@attrs.frozen
class ResultRow:
    """What VCF shows of one result; scores and offsets are AG, AL, DG, DL, or None."""

    base_model: str
    contig: str
    position: int
    ref: str
    alt: str
    gene_name: str | None
    transcript_id: str | None
    strand: str | None
    order: int
    unscored: str | None
    scores: tuple[float, ...] | None
    offsets: tuple[int, ...] | None


def in_plan_order(plan: Plan, parts: Path, key: str) -> Iterator[pa.RecordBatch]:
    """Yield the results of block after block: sorted by contig (in order of appearance) and position."""
    for block in range(len(plan.blocks)):
        rows = read_block(parts, block, key)
        if rows is None:
            raise ChecksumError(f"{block_path(parts, block)} is gone", hint="run the same command again")
        yield rows


def in_input_order(plan: Plan, parts: Path, key: str) -> Iterator[pa.RecordBatch]:
    """Yield results in the order of the records in the input; a record's are in one batch."""
    if plan.sorted:
        yield from in_plan_order(plan, parts, key)
        return
    size = max(_BUCKET_RECORDS, -(-plan.records // _MAX_BUCKETS))
    folder = parts / "buckets"
    folder.mkdir(exist_ok=True)
    try:
        for path in _distribute(in_plan_order(plan, parts, key), folder, plan.first, size):
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_stream(source).read_all().combine_chunks()
            order = np.argsort(table.column("record").to_numpy(), kind="stable")
            yield from table.take(order).combine_chunks().to_batches()
            path.unlink()
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _distribute(batches: Iterable[pa.RecordBatch], folder: Path, first: int, size: int) -> list[Path]:
    """Write rows into one file for each span of ``size`` records; returns the files in the order of the records."""
    writers: dict[int, Any] = {}
    with contextlib.ExitStack() as stack:
        for rows in batches:
            bucket = (rows.column("record").to_numpy() - first) // size
            for number in np.unique(bucket).tolist():
                if number not in writers:
                    sink = stack.enter_context(pa.OSFile(str(folder / f"{number:05d}.arrow"), "wb"))
                    writers[number] = stack.enter_context(pa.ipc.new_stream(sink, ROWS))
                writers[number].write_batch(rows.filter(pa.array(bucket == number)))
    return sorted(folder.glob("*.arrow"))


def by_record(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, list[ResultRow]]]:
    """Yield (record, its rows) of batches in which a record's rows are together."""
    for batch in batches:
        columns: dict[str, list[Any]] = {name: batch.column(name).to_pylist() for name in _USED}
        record = batch.column("record").to_numpy()
        starts = np.flatnonzero(np.diff(record, prepend=-1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(record)], strict=True):
            yield int(record[start]), [_row(columns, index) for index in range(start, end)]


def _row(columns: dict[str, list[Any]], index: int) -> ResultRow:
    fields: dict[str, Any] = {name: columns[name][index] for name in _PLAIN}
    if columns[DELTAS[0]][index] is None:
        return ResultRow(**fields, scores=None, offsets=None)
    scores, offsets = (tuple(columns[name][index] for name in names) for names in (DELTAS, OFFSETS))
    return ResultRow(**fields, scores=scores, offsets=offsets)


@attrs.define
class AlleleCounts:
    """Counts alleles by base model: those with scores, and the others by reason.

    An allele counts as scored if it has scores in any transcript; otherwise under the reason of the first one.
    """

    scored: Counter[str] = attrs.field(factory=Counter)
    unscored: dict[str, Counter[str]] = attrs.field(factory=dict)
    rows: int = 0
    """Of tables: a meta-model's own rows do not count."""

    def add(self, batch: pa.RecordBatch, models: Sequence[str]) -> None:
        """Count the alleles of rows in which a record's are together and sorted."""
        model = np.array(batch.column("base_model").to_pylist(), dtype=object)
        self.rows += int((model != META).sum())
        for name in models:
            own = batch.filter(pa.array(model == name))
            if not own.num_rows:
                continue
            record, allele = (own.column(column).to_numpy() for column in ("record", "allele"))
            starts = np.flatnonzero((np.diff(record, prepend=-1) != 0) | (np.diff(allele, prepend=-2) != 0))
            scored = own.column(DELTAS[0]).is_valid().to_numpy(zero_copy_only=False)
            any_scored = np.maximum.reduceat(scored, starts)
            self.scored[name] += int(any_scored.sum())
            reasons = own.column("unscored").to_pylist()
            first = starts[~any_scored].tolist()
            self.unscored.setdefault(name, Counter()).update(str(reasons[index]) for index in first)
