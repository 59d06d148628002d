"""Evidence of splice junctions at positions, by the role that the position has in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.errors import InputError
from splicecore.genome.arrow import compute as pc
from splicecore.tracks.binding import OTHER_BUILD, match_contigs
from splicecore.tracks.config import JUNCTION_COLUMNS
from splicecore.tracks.junctions import read_junctions

if TYPE_CHECKING:
    from typing import Literal

    from splicecore.genome.contigs import Contigs
    from splicecore.tracks.config import TrackConfig

__all__ = ["JunctionIndex"]

_ROLES = ("donor", "acceptor")
_KEY = ["contig", "strand", "left", "right"]

_Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class _Ends:
    """Different ends of one role, sorted by position."""

    position: _Ints
    reads: _Ints
    partners: _Ints
    undefined: _Ints

    @classmethod
    def of(cls, position: _Ints, reads: _Ints, undefined: _Ints) -> _Ends:
        unique, place = np.unique(position, return_inverse=True)
        sums = np.zeros((3, len(unique)), dtype=np.int64)
        for row, values in enumerate((reads, np.ones_like(reads), undefined)):
            np.add.at(sums[row], place, values)
        return cls(unique, *sums)

    def at(self, position: _Ints, values: _Ints) -> _Ints:
        """Values of the ends at positions, 0 where there is none."""
        if not len(self.position):
            return np.zeros(len(position), dtype=np.int64)
        place = np.minimum(np.searchsorted(self.position, position), len(self.position) - 1)
        return np.where(self.position[place] == position, values[place], 0)

    def distance(self, position: _Ints) -> _Ints:
        """Bases to the nearest end; very large where there is none."""
        far = np.int64(np.iinfo(np.int64).max // 4)
        around = np.concatenate([[-far], self.position, [far]])
        place = np.searchsorted(around, position)
        nearest: _Ints = np.minimum(position - around[place - 1], around[place] - position)
        return nearest


@attrs.frozen(eq=False)
class _View:
    """The junctions that count for genes of one strand of a contig."""

    ends: dict[str, _Ends]
    left: _Ints
    right: _Ints
    reads_from_left: _Ints
    reads_from_right: _Ints

    @classmethod
    def of(cls, table: pa.Table, strand: str) -> _View:
        undefined = pc.if_else(pc.equal(table.column("strand"), "."), table.column("reads"), 0)
        pairs = table.append_column("undefined", undefined).group_by(["left", "right"], use_threads=False)
        merged = pairs.aggregate([("reads", "sum"), ("undefined", "sum")])
        left, right, reads, unknown = (
            merged.column(name).to_numpy() for name in ("left", "right", "reads_sum", "undefined_sum")
        )
        roles = (left, right) if strand == "+" else (right, left)
        ends = {role: _Ends.of(position, reads, unknown) for role, position in zip(_ROLES, roles, strict=True)}
        by_left, by_right = np.argsort(left, kind="stable"), np.argsort(right, kind="stable")
        sums = (np.concatenate([[0], np.cumsum(reads[order])]) for order in (by_left, by_right))
        return cls(ends, left[by_left], right[by_right], *sums)

    def overlapping_reads(self, position: _Ints) -> _Ints:
        """Count the reads of the junctions with ``left <= position <= right``."""
        begun = self.reads_from_left[np.searchsorted(self.left, position, side="right")]
        ended = self.reads_from_right[np.searchsorted(self.right, position, side="left")]
        return begun - ended


class JunctionIndex:
    """The junctions of a file, bound to a reference. Make it by :meth:`open`.

    Parameters
    ----------
    table
        Columns contig (the reference's name), strand (``"+"``, ``"-"``, ``"."``), left, right, reads; each junction
        once.
    contigs
        Contigs of the reference.
    config
        The track.
    """

    def __init__(self, table: pa.Table, contigs: Contigs, config: TrackConfig) -> None:
        self._contigs = contigs
        self._config = config
        self._table = table
        self._present = frozenset(pc.unique(table.column("contig")).to_pylist())
        self._views: dict[tuple[str, str], _View] = {}

    @classmethod
    def open(cls, config: TrackConfig, contigs: Contigs) -> JunctionIndex:
        """Read a track's file.

        Raises
        ------
        InputError, ContigError
            As :func:`~splicecore.tracks.junctions.read_junctions` and
            :func:`~splicecore.tracks.binding.match_contigs` say; if a junction ends beyond its contig, or none has
            enough reads.
        """
        path = Path(config.path)
        table = read_junctions(path)
        matched = match_contigs(path, pc.unique(table.column("contig")).to_pylist(), contigs)
        names = pa.array(list(matched.values()))
        table = table.filter(pc.is_in(table.column("contig"), value_set=names))
        own = pa.array(list(matched)).take(pc.index_in(table.column("contig").combine_chunks(), value_set=names))
        _check_ends(path, table, own, contigs)
        reads: Any = table.column("unique_reads")
        if config.multimapped:
            reads = pc.add(reads, table.column("multi_reads"))
        columns = [own, table.column("strand"), table.column("left"), table.column("right"), reads]
        merged = pa.table(dict(zip([*_KEY, "reads"], columns, strict=True)))
        merged = merged.group_by(_KEY, use_threads=False).aggregate([("reads", "sum")]).rename_columns([*_KEY, "reads"])
        enough = merged.filter(pc.greater_equal(merged.column("reads"), config.min_reads))
        if not len(enough):
            raise InputError(
                f"track file {path}: none of {len(merged):,} junctions has {config.min_reads} reads",
                hint="lower min_reads, or use multimapped",
            )
        return cls(enough, contigs, config)

    def columns(self, contig: str, strand: Literal["+", "-"], position: _Ints) -> dict[str, pa.Array[Any]]:
        """Evidence at positions.

        Parameters
        ----------
        contig
            The reference's name.
        strand
            Of the gene.
        position
            int64, shape (k,): genomic, 0-based, in any order.

        Returns
        -------
        Each of :data:`~splicecore.tracks.config.JUNCTION_COLUMNS`, k values. Null where the file does not have the
        contig, beyond its ends, where a share would divide by 0, and where no end is within reach.
        """
        outside = (position < 0) | (position >= self._contigs.length(contig))
        if contig not in self._present:
            outside = np.ones(len(position), dtype=np.bool_)
        view = self._view(contig, strand)
        overlapping = view.overlapping_reads(position)
        undefined = np.zeros(len(position), dtype=np.int64)
        columns: dict[str, pa.Array[Any]] = {}
        for role, ends in view.ends.items():
            reads, distance = ends.at(position, ends.reads), ends.distance(position)
            undefined += ends.at(position, ends.undefined)
            share = np.divide(reads, overlapping, out=np.zeros(len(reads)), where=overlapping > 0)
            far = distance > self._config.reach
            columns[f"{role}_reads"] = _array(reads, pa.int64(), outside)
            columns[f"{role}_reads_log1p"] = _array(np.log1p(reads), pa.float32(), outside)
            columns[f"{role}_partners"] = _array(ends.at(position, ends.partners), pa.int32(), outside)
            columns[f"{role}_share"] = _array(share, pa.float32(), outside | (overlapping == 0))
            columns[f"{role}_distance"] = _array(np.where(far, 0, distance), pa.int32(), outside | far)
        columns["undefined_strand_reads"] = _array(undefined, pa.int64(), outside)
        return {name: columns[name] for name in JUNCTION_COLUMNS}

    def _view(self, contig: str, strand: str) -> _View:
        key = contig, strand
        if key not in self._views:
            chosen = pc.equal(self._table.column("contig"), contig)
            if self._config.strand != "both":
                strands = pc.is_in(self._table.column("strand"), value_set=pa.array([strand, "."]))
                chosen = pc.and_(chosen, strands)
            self._views[key] = _View.of(self._table.filter(chosen), strand)
        return self._views[key]


def _array(values: npt.NDArray[Any], kind: Any, missing: npt.NDArray[np.bool_]) -> pa.Array[Any]:
    array: pa.Array[Any] = pa.array(values.astype(kind.to_pandas_dtype()), type=kind, mask=missing)
    return array


def _check_ends(path: Path, table: pa.Table, own: Any, contigs: Contigs) -> None:
    lengths = pa.array(contigs.lengths, type=pa.int64()).take(pc.index_in(own, value_set=pa.array(contigs.names)))
    beyond = np.flatnonzero(pc.greater_equal(table.column("right"), lengths).to_numpy())
    if len(beyond):
        row = table.slice(int(beyond[0]), 1).to_pylist()[0]
        raise InputError(
            f"{path}, line {row['line']}: the exon after the junction begins at {row['right'] + 1:,}, beyond the "
            f"{lengths[int(beyond[0])].as_py():,} bases of {row['contig']}",
            hint=OTHER_BUILD,
        )
