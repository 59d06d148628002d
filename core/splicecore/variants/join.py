"""Writing the files of shards one after the other: the header once, and the records of all."""

from __future__ import annotations

import contextlib
import gzip
import heapq
import shutil
import struct
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.errors import ChecksumError, InputError
from splicecore.genome.bgzf import is_gzip
from splicecore.variants.tables import SETTINGS, open_table
from splicecore.variants.vcf_output import open_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from splicecore.variants.shard_part import Form, ShardPart

__all__ = ["join_bytes", "join_sorted", "join_tables"]

_PIECE = 1 << 20
_BATCH_ROWS = 1 << 16
_BCF_BEGIN = 9


def join_bytes(parts: Sequence[ShardPart], target: Path) -> None:
    """Write VCF, BCF or TSV; compressed as the names of the parts and of the target say.

    Raises
    ------
    InputError
        If headers are not the same; names the files.
    """
    form = parts[0].form
    name = ".gz" if form == "BCF" else target.name
    first: bytes | None = None
    with atomic_path(target) as temporary, open_text(temporary, name) as stream:
        for part in parts:
            with _open(part.path) as source:
                header = _header(source, form)
                if first is None:
                    first = header
                    stream.write(header)
                elif header != first:
                    raise InputError(
                        f"{parts[0].path} and {part.path} have not the same header",
                        hint="run the commands of all shards with one version of splicecore",
                    )
                shutil.copyfileobj(source, stream, _PIECE)


def join_sorted(parts: Sequence[ShardPart], target: Path) -> None:
    """Write VCF by contig (in order of appearance in the input) and position, of parts that are so themselves."""
    contigs = dict.fromkeys(contig for part in parts for contig in part.extent.contigs)
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(_Sorted(part.path)) for part in parts]
        stream = stack.enter_context(open_text(stack.enter_context(atomic_path(target)), target.name))
        stream.write(sources[0].header)
        for contig in contigs:
            lines = heapq.merge(*(source.lines(contig.encode()) for source in sources), key=_position)
            for line in lines:
                stream.write(line + b"\n")


class _Sorted:
    """Reads the records of a sorted bgzip VCF contig by contig; a context manager."""

    def __init__(self, path: Path) -> None:
        import pysam

        with _open(path) as source:
            self.header = _header(source, "VCF")
        self._stream = pysam.BGZFile(str(path), "rb", None)
        self._starts: dict[bytes, int] = {}
        place = self._stream.tell()
        while line := self._stream.readline():
            self._starts.setdefault(_contig(line), place)
            place = self._stream.tell()

    def lines(self, contig: bytes) -> Iterator[bytes]:
        """Yield the records on a contig, without their ends."""
        if contig not in self._starts:
            return
        self._stream.seek(self._starts[contig])
        while (line := self._stream.readline()) and _contig(line) == contig:
            yield line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _contig(line: bytes) -> bytes:
    return line.partition(b"\t")[0]


def _position(line: bytes) -> int:
    return int(line.split(b"\t", 2)[1])


def _open(path: Path) -> Any:
    with path.open("rb") as stream:
        compressed = is_gzip(stream.read(2))
    return gzip.open(path) if compressed else path.open("rb")


def _header(source: Any, form: Form) -> bytes:
    """Read what comes before the records."""
    if form == "TSV":
        return bytes(source.readline())
    if form == "BCF":
        begin = bytes(source.read(_BCF_BEGIN))
        (size,) = struct.unpack_from("<I", begin, _BCF_BEGIN - 4)
        return begin + bytes(source.read(size))
    lines = []
    for line in source:
        lines.append(line)
        if not line.startswith(b"##"):
            break
    return b"".join(lines)


def join_tables(parts: Sequence[ShardPart], schema: pa.Schema, target: Path) -> int:
    """Write a Parquet table with the columns of ``schema``; returns its rows.

    Raises
    ------
    ChecksumError
        If a part is damaged.
    """
    rows = 0
    settings = (pq.read_schema(parts[0].path).metadata or {})[SETTINGS]
    with open_table(target, settings, schema) as table:
        for part in parts:
            try:
                with pq.ParquetFile(part.path, page_checksum_verification=True) as file:
                    for batch in file.iter_batches(_BATCH_ROWS):
                        table.add(batch)
                        rows += batch.num_rows
            except (OSError, pa.ArrowInvalid) as error:
                raise ChecksumError(f"{part.path} is damaged: {error}", hint="run the shard's command again") from error
    return rows
