"""Tables of splice junctions: STAR's ``SJ.out.tab`` and BED12 as TopHat and ``regtools junctions extract`` write it.

A junction is given by the exon's bases beside its intron: ``left`` and ``right`` on the genome. On the plus strand the
donor is ``left`` and the acceptor ``right``; on the minus strand the other way round.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.errors import InputError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import schema
from splicecore.tracks.text import TrackText

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["JUNCTIONS", "read_junctions"]

_LOG = logging.getLogger(__name__)

JUNCTIONS: pa.Schema = schema(
    contig=pa.string(),
    strand=pa.string(),
    left=pa.int64(),
    right=pa.int64(),
    donor=pa.int64(),
    acceptor=pa.int64(),
    unique_reads=pa.int64(),
    multi_reads=pa.int64(),
    line=pa.int64(),
)
"""Columns of :func:`read_junctions`."""

_INT, _TEXT = pa.int64(), pa.string()
_STAR: Mapping[str, pa.DataType] = {
    "contig": _TEXT, "first": _INT, "last": _INT, "strand": _INT, "motif": _INT, "annotated": _INT,
    "unique_reads": _INT, "multi_reads": _INT, "overhang": _INT,
}  # fmt: skip
_BED12: Mapping[str, pa.DataType] = {
    "contig": _TEXT, "start": _INT, "end": _INT, "name": _TEXT, "score": _INT, "strand": _TEXT, "thick_start": _TEXT,
    "thick_end": _TEXT, "rgb": _TEXT, "block_count": _INT, "block_sizes": _TEXT, "block_starts": _TEXT,
}  # fmt: skip
_STRANDS = pa.array([".", "+", "-"])
_PAIR = r"^(?P<first>\d{1,18}),(?P<second>\d{1,18}),?$"
_STAR_HINT = "SJ.out.tab has the intron's first and last base, 1-based, and the strand as 0, 1 or 2"
_BED_HINT = "a junction in BED12 has two blocks, the parts of the exons on both sides of the intron"

_Ints = npt.NDArray[np.int64]
_Refuse = tuple[Any, str]


class _Junctions(NamedTuple):
    strand: Any
    left: _Ints
    right: _Ints
    unique: _Ints
    multi: _Ints


def read_junctions(path: Path) -> pa.Table:
    """Read a table of junctions; the number of columns tells the format (STAR 9, BED12 12).

    Returns
    -------
    Table of the schema :data:`JUNCTIONS`
        One row for each line, in the order of the file. ``left``, ``right``: the exon's bases beside the intron,
        genomic, 0-based. ``strand``: ``"+"``, ``"-"``, or ``"."`` where the file does not know it. ``donor``,
        ``acceptor``: ``left`` and ``right`` by strand, null where it is unknown. ``unique_reads``: STAR's column 7, or
        the score of BED12; ``multi_reads``: STAR's column 8, else 0. ``line``: 1-based.

    Raises
    ------
    InputError
        If a line is malformed or is no junction (with its line), or the file is damaged or truncated.
    """
    source = TrackText.of(path)
    number, line = source.first_line()
    count = len(line.split("\t") if "\t" in line else line.split())
    formats: dict[int, tuple[Mapping[str, pa.DataType], Callable[[pa.Table, Refuse], _Junctions]]] = {
        len(_STAR): (_STAR, _star),
        len(_BED12): (_BED12, _bed12),
    }
    if count not in formats:
        raise InputError(
            f"{path}, line {number}: {count} columns, which is no junction table",
            hint="STAR's SJ.out.tab has 9, BED12 junctions (TopHat, regtools) have 12",
        )
    columns, convert = formats[count]
    parts = []
    for table, lines in source.tables(columns):
        junctions = convert(table, Refuse(path, lines))
        parts.append(_table(table.column("contig"), junctions, lines))
    return pa.concat_tables(parts).combine_chunks()


class Refuse:
    """Raises the error of the first row that is bad."""

    def __init__(self, path: Path, lines: _Ints) -> None:
        self.path = path
        self.lines = lines

    def __call__(self, bad: Any, problem: str, hint: str) -> None:
        """Raise if any row is ``bad`` (bool, one for each row)."""
        rows = np.flatnonzero(np.asarray(bad))
        if len(rows):
            raise InputError(f"{self.path}, line {self.lines[rows[0]]}: {problem}", hint=hint)


def _star(table: pa.Table, refuse: Refuse) -> _Junctions:
    first, last, strand, unique, multi = (
        table.column(name).to_numpy() for name in ("first", "last", "strand", "unique_reads", "multi_reads")
    )
    refuse(first < 2, "the intron begins before base 2; there is no exon before it", _STAR_HINT)
    refuse(last < first, "the intron ends before it begins", _STAR_HINT)
    refuse((strand < 0) | (strand > 2), "the strand is not 0, 1 or 2", _STAR_HINT)
    refuse((unique < 0) | (multi < 0), "the number of reads is negative", _STAR_HINT)
    return _Junctions(_STRANDS.take(pa.array(strand)), first - 2, last, unique, multi)


def _bed12(table: pa.Table, refuse: Refuse) -> _Junctions:
    start, end, score, blocks = (table.column(name).to_numpy() for name in ("start", "end", "score", "block_count"))
    refuse(blocks != 2, "the row does not have two blocks", _BED_HINT)
    sizes, starts = (_pair(table.column(name), name, refuse) for name in ("block_sizes", "block_starts"))
    refuse(start < 0, "the start is negative", _BED_HINT)
    refuse((sizes[0] < 1) | (sizes[1] < 1), "a block has no base", _BED_HINT)
    refuse((starts[0] != 0) | (starts[1] + sizes[1] != end - start), "the blocks do not span the row", _BED_HINT)
    refuse(starts[1] <= sizes[0], "there is no intron between the blocks", _BED_HINT)
    refuse(score < 0, "the score (number of reads) is negative", _BED_HINT)
    strand: Any = table.column("strand").combine_chunks()
    strand = pc.replace_substring(strand, "?", ".")
    refuse(pc.invert(pc.is_in(strand, value_set=_STRANDS)), "the strand is not +, -, . or ?", _BED_HINT)
    return _Junctions(strand, start + sizes[0] - 1, start + starts[1], score, np.zeros_like(score))


def _pair(column: Any, name: str, refuse: Refuse) -> tuple[_Ints, _Ints]:
    """Split a list of two whole numbers ("20,30" or "20,30,")."""
    match = pc.extract_regex(column.combine_chunks(), _PAIR)
    refuse(pc.is_null(match), f"{name} is not two whole numbers", _BED_HINT)
    first, second = (pc.struct_field(match, place).cast(_INT).to_numpy() for place in (0, 1))
    return first, second


def _table(contig: Any, junctions: _Junctions, lines: _Ints) -> pa.Table:
    unknown, minus = (pc.equal(junctions.strand, mark).to_numpy(zero_copy_only=False) for mark in (".", "-"))
    donor = pa.array(np.where(minus, junctions.right, junctions.left), mask=unknown)
    acceptor = pa.array(np.where(minus, junctions.left, junctions.right), mask=unknown)
    ends: tuple[Any, ...] = (junctions.left, junctions.right, donor, acceptor)
    numbers = (*ends, junctions.unique, junctions.multi, lines)
    columns: Any = [contig.combine_chunks(), junctions.strand, *(pa.array(values) for values in numbers)]
    return pa.Table.from_arrays(columns, schema=JUNCTIONS)
