"""bigWig as a signal, read by pybigtools (extra ``splicecore[bigwig]``)."""

from __future__ import annotations

import importlib.util
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError, MissingDependencyError
from splicecore.tracks.binding import OTHER_BUILD, match_contigs

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from splicecore.genome.contigs import Contigs

__all__ = ["BigWigTrack"]

_HEADER_BYTES = 64
_MAGIC = 0x888FFC26


class BigWigTrack:
    """An open bigWig file. Make it by :meth:`open`."""

    def __init__(self, path: Path, file: Any, names: dict[str, str]) -> None:
        self.path = path
        self._file = file
        self._names = names

    @classmethod
    def open(cls, path: Path, contigs: Contigs) -> Self:
        """Open a file and compare its contigs with the reference's.

        Raises
        ------
        MissingDependencyError
            If pybigtools is not installed.
        InputError
            If the file is damaged or truncated, has no contig of the reference, or gives one another length.
        ContigError
            If its contigs cannot be told.
        """
        if importlib.util.find_spec("pybigtools") is None:
            raise MissingDependencyError(
                f"reading bigWig ({path.name}) needs the package pybigtools, which is not installed",
                hint='pip install "splicecore[bigwig]"',
            )
        _check_offsets(path)
        import pybigtools

        try:
            file = pybigtools.open(str(path))
        except (pybigtools.BBIReadError, OSError, ValueError) as error:
            raise _damaged(path, error) from error
        lengths: dict[str, int] = file.chroms()
        names = match_contigs(path, lengths, contigs)
        for own, name in names.items():
            if lengths[name] != contigs.length(own):
                raise InputError(
                    f"track file {path} says that {name} has {lengths[name]:,} bases, but {own} of the reference has "
                    f"{contigs.length(own):,}",
                    hint=OTHER_BUILD,
                )
        return cls(path, file, names)

    def values(self, contig: str, start: int, end: int) -> npt.NDArray[np.float32]:
        """Read the values of a span; see :meth:`splicecore.tracks.signal.SignalTrack.values`."""
        name = self._names.get(contig)
        if name is None or start >= end:
            return np.full(max(end - start, 0), np.nan, dtype=np.float32)
        values = np.empty(end - start, dtype=np.float64)
        try:
            self._file.values(name, start, end, fillna=np.nan, oob=np.nan, arr=values)
        except BaseException as error:
            # What pybigtools does not expect in a file ends as a panic, which is no Exception.
            if isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime":
                raise _damaged(self.path, error) from error
            raise
        if np.isinf(values).any():
            place = start + int(np.argmax(np.isinf(values)))
            raise InputError(f"track file {self.path} has an infinite value at {name}:{place + 1:,}")
        return values.astype(np.float32)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._file.close()


def _check_offsets(path: Path) -> None:
    """Compare the offsets that the header names with the file's size, which finds most truncated files."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            raise _damaged(path, "its header ends too early")
        order = "<" if struct.unpack("<I", head[:4])[0] == _MAGIC else ">"
        (magic, _, zooms, tree, data, index) = struct.unpack(f"{order}IHHQQQ", head[:32])
        if magic != _MAGIC:
            raise InputError(f"track file {path} is not bigWig", hint="leave the kind out to have it told by content")
        levels = handle.read(24 * zooms)
        offsets = [value for level in struct.iter_unpack(f"{order}IIQQ", levels) for value in level[2:]]
    if len(levels) < 24 * zooms or max(tree, data, index, *offsets) >= size:
        raise _damaged(path, f"its parts reach beyond its {size:,} bytes")


def _damaged(path: Path, cause: object) -> InputError:
    return InputError(f"track file {path} is truncated or damaged: {cause}", hint="fetch or copy it again")
