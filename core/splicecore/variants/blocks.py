"""The plan of a pass over a VCF: its records cut into blocks, sorted, on disk.

A block is the unit that workers are given and that an interrupted run goes on from. Blocks are cut where no tile of a
transcript is shared, so that a tile's reference is computed once; where the records of a file are not sorted, an index
on disk sorts them first. Memory is that of one block, whatever the size of the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, Self

import attrs
import pyarrow as pa

from splicecore.artifacts.store import atomic_path, read_json, write_json
from splicecore.variants.windows import tile_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from splicecore.variants.transcripts import Transcripts
    from splicecore.variants.vcf import VcfRecord

__all__ = ["BLOCK_JOBS", "BlockFile", "Plan", "are_whole", "make_plan"]

BLOCK_JOBS = (16, 128)
"""Jobs (an allele in a transcript) that a block holds at least: for few alleles in all, and for many."""

_BLOCKS = 64
_MAX_JOBS = 1024
_MAX_RECORDS = 8192
_BATCH_RECORDS = 4096

_TYPES: dict[str, Any] = {
    "record": pa.int64(),
    "contig": pa.string(),
    "position": pa.int64(),
    "ref": pa.string(),
    "alts": pa.list_(pa.string()),
}
RECORDS = pa.schema(_TYPES)
"""Records as blocks hold them: place in the file (0-based), position 0-based."""

_Row = tuple[int, str, int, str, list[str]]


@attrs.frozen(kw_only=True)
class Plan:
    """What a pass is to do.

    Attributes
    ----------
    first, records
        Place of the first record in the file, and how many there are.
    alleles, jobs
        ALT alleles, and alleles times transcripts.
    sorted
        Whether the records are in the order of positions, each contig in one piece.
    blocks
        Jobs of each block.
    end
        Largest end of a REF, in bases from the start of its contig.
    """

    first: int
    records: int
    alleles: int
    jobs: int
    sorted: bool
    blocks: tuple[int, ...]
    end: int = 0

    def write(self, path: Path, identity: str) -> None:
        """Keep the plan for a later attempt; ``identity`` is what the pass is known by."""
        write_json(path, {"identity": identity, "plan": attrs.asdict(self)})

    @classmethod
    def read(cls, path: Path, identity: str) -> Plan | None:
        """Return the plan of an earlier attempt of the same pass, or None."""
        if not path.exists():
            return None
        value = read_json(path)
        if value.get("identity") != identity:
            return None
        return cls(**{**value["plan"], "blocks": tuple(value["plan"]["blocks"])})


class BlockFile:
    """The records of all blocks in one file, read block by block; a context manager."""

    def __init__(self, path: Path) -> None:
        self._map = pa.memory_map(str(path))
        self._file = pa.ipc.open_file(self._map)

    def __len__(self) -> int:
        return int(self._file.num_record_batches)

    def rows(self, block: int) -> list[_Row]:
        """Return the records of a block: (record, contig, position, ref, alts) each."""
        columns: list[list[Any]] = [column.to_pylist() for column in self._file.get_batch(block).columns]
        return list(zip(*columns, strict=True))

    def close(self) -> None:
        """Close the file."""
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def are_whole(path: Path, number: int) -> bool:
    """Tell whether a file has so many blocks and can be read to its end."""
    try:
        with BlockFile(path) as file:
            return len(file) == number
    except (OSError, pa.ArrowInvalid):
        return False


def make_plan(
    records: Iterable[VcfRecord],
    transcripts: Transcripts,
    path: Path,
    *,
    shard: tuple[int, int] | None = None,
    total: int | None = None,
) -> Plan:
    """Read all records and write them, sorted and in blocks, into a file.

    Parameters
    ----------
    records
        Of the input, in its order.
    transcripts
        Those that alleles are scored in.
    path
        The file of the blocks.
    shard
        (i, n): plan only the i-th of n parts of the records.
    total
        Number of records; needed for a shard.
    """
    first, last = (0, None) if shard is None or total is None else shard_span(shard, total)
    spool = _Spool()
    spool_path = path.with_name(f"{path.name}.spool")
    try:
        with atomic_path(spool_path) as temporary, _write_records(temporary) as write:
            for record in records:
                if record.number < first:
                    continue
                if last is not None and record.number >= last:
                    break
                spool.look(record)
                write((record.number, record.contig, record.position, record.ref, list(record.alts)))
        rows = _rows(spool_path) if spool.sorted else _sorted_rows(spool_path, path.with_name(f"{path.name}.index"))
        target = min(max(spool.alleles // _BLOCKS, BLOCK_JOBS[0]), BLOCK_JOBS[1])
        blocks = _cut(rows, transcripts, path, target)
    finally:
        spool_path.unlink(missing_ok=True)
    return Plan(
        first=first,
        records=spool.records,
        alleles=spool.alleles,
        jobs=sum(blocks),
        sorted=spool.sorted,
        blocks=tuple(blocks),
        end=spool.end,
    )


def shard_span(shard: tuple[int, int], total: int) -> tuple[int, int]:
    """Places of the first record of a shard (i, n) and of the one after its last."""
    index, of = shard
    return (index - 1) * total // of, index * total // of


@attrs.define
class _Spool:
    """Counts records and watches their order."""

    records: int = 0
    alleles: int = 0
    sorted: bool = True
    end: int = 0
    _contig: str = ""
    _position: int = -2
    _seen: set[str] = attrs.field(factory=set)

    def look(self, record: VcfRecord) -> None:
        self.records += 1
        self.alleles += max(1, len(record.alts))
        self.end = max(self.end, record.position + len(record.ref))
        if record.contig != self._contig:
            self.sorted = self.sorted and record.contig not in self._seen
            self._seen.add(record.contig)
            self._contig = record.contig
        elif record.position < self._position:
            self.sorted = False
        self._position = record.position


@contextlib.contextmanager
def _write_records(path: Path) -> Iterator[Any]:
    """Yield a function that adds a row to an Arrow file."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, RECORDS) as writer:
        held: list[_Row] = []

        def add(row: _Row) -> None:
            held.append(row)
            if len(held) == _BATCH_RECORDS:
                writer.write_batch(_batch(held))
                held.clear()

        yield add
        if held:
            writer.write_batch(_batch(held))


def _batch(rows: list[_Row]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(column), type=field.type) for column, field in zip(columns, RECORDS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=RECORDS)


def _rows(path: Path) -> Iterator[_Row]:
    with BlockFile(path) as file:
        for block in range(len(file)):
            yield from file.rows(block)


def _sorted_rows(spool: Path, index: Path) -> Iterator[_Row]:
    """Yield rows by contig (in order of appearance), position and place in the file, sorted by an index on disk."""
    index.unlink(missing_ok=True)
    contigs: dict[str, int] = {}
    try:
        with contextlib.closing(sqlite3.connect(index)) as database:
            database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
            database.execute("CREATE TABLE records (contig INTEGER, position INTEGER, record INTEGER, ref, alts)")
            database.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?)",
                (
                    (contigs.setdefault(contig, len(contigs)), position, record, ref, ",".join(alts))
                    for record, contig, position, ref, alts in _rows(spool)
                ),
            )
            database.execute("CREATE INDEX by_place ON records (contig, position, record, ref, alts)")
            names = list(contigs)
            query = "SELECT * FROM records INDEXED BY by_place ORDER BY contig, position, record"
            for contig, position, record, ref, alts in database.execute(query):
                yield record, names[contig], position, ref, alts.split(",") if alts else []
    finally:
        index.unlink(missing_ok=True)


def _cut(rows: Iterable[_Row], transcripts: Transcripts, path: Path, target: int) -> list[int]:
    """Write rows as one batch a block of at least ``target`` jobs; returns the jobs of each."""
    blocks: list[int] = []
    with (
        atomic_path(path) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, RECORDS) as writer,
    ):
        held: list[_Row] = []
        jobs, before = 0, frozenset[tuple[int, int]]()
        for row in rows:
            found = transcripts.at(row[1], row[2])
            tiles = frozenset((transcript.order, tile_of(transcript, row[2])) for transcript in found)
            full = len(held) >= _MAX_RECORDS or jobs >= _MAX_JOBS
            if held and (full or (jobs >= target and before.isdisjoint(tiles))):
                writer.write_batch(_batch(held))
                blocks.append(jobs)
                held, jobs = [], 0
            held.append(row)
            jobs += len(found) * len(row[4])
            before = tiles
        if held:
            writer.write_batch(_batch(held))
            blocks.append(jobs)
    return blocks
