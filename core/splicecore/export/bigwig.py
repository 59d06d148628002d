"""bigWig: the scores of one site type on one strand as a signal track for genome browsers.

The file is written by pybigtools (extra ``splicecore[bigwig]``) in a child process: the library reports most failures
on stderr only, and a disk that fills up ends its thread. The child checks what was written by reading it back.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import atomic_path
from splicecore.errors import MissingDependencyError, OutputError
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Literal

    from splicecore.export.score_file import ScoreFile

__all__ = ["TRACKS", "require_bigwig_support", "write_bigwig"]

logger = logging.getLogger(__name__)

TRACKS: dict[str, tuple[Literal["acceptor", "donor"], Literal["+", "-"]]] = {
    "acceptor.plus": ("acceptor", "+"),
    "acceptor.minus": ("acceptor", "-"),
    "donor.plus": ("donor", "+"),
    "donor.minus": ("donor", "-"),
}
"""Name of each track -> site type and strand."""

_LONGEST = 2**32 - 1
_PROGRAM = "import sys; sys.path[:] = {path!r}; from splicecore.export.bigwig_worker import main; main(sys.argv[1])"

_Positions = npt.NDArray[np.int64]
_Values = npt.NDArray[np.float32]


def require_bigwig_support() -> None:
    """Check that pybigtools is installed, without importing it.

    Raises
    ------
    MissingDependencyError
        If it is not; the hint says what to install.
    """
    if importlib.util.find_spec("pybigtools") is None:
        raise MissingDependencyError(
            "writing bigWig needs the package pybigtools, which is not installed",
            hint='pip install "splicecore[bigwig]"',
        )


def write_bigwig(
    scores: ScoreFile,
    path: Path,
    *,
    site_type: Literal["acceptor", "donor"],
    strand: Literal["+", "-"],
    lengths: Mapping[str, int],
) -> int:
    """Write one track, atomically. Positions without a row have no value; where genes overlap, the larger score counts.

    Parameters
    ----------
    scores
        The open table.
    path
        The file to write; none is written if the track has no value.
    site_type, strand
        Which scores.
    lengths
        Length in bases of every contig, by the table's name of it.

    Returns
    -------
    The number of bases with a value.

    Raises
    ------
    MissingDependencyError
        If pybigtools is not installed.
    OutputError
        If a position lies beyond its contig's length, a contig is too long for the format, or the file cannot be
        written; no file appears then.
    ChecksumError
        If the table is damaged.
    """
    require_bigwig_support()
    contigs = scores.contigs
    header = {contig: _length(contig, lengths) for contig in contigs}
    blocks = (
        (contig, *block) for contig in contigs for block in _blocks(scores, contig, site_type, strand, header[contig])
    )
    first = next(blocks, None)
    if first is None:
        logger.info("%s: no %s on strand %s, no track written", path.name, site_type, strand)
        return 0
    with atomic_path(path) as temporary, _Writer(temporary, path.name, header) as writer:
        writer.write(*first)
        for block in blocks:
            writer.write(*block)
        return writer.finish()


def _length(contig: str, lengths: Mapping[str, int]) -> int:
    if contig not in lengths:
        raise OutputError(f"bigWig: the length of contig {contig} is unknown", hint="give the reference of the run")
    if lengths[contig] > _LONGEST:
        raise OutputError(
            f"bigWig: contig {contig} has {lengths[contig]:,} bases; the format ends at {_LONGEST:,}",
            hint="use --bed or --tsv for this genome",
        )
    return lengths[contig]


def _blocks(
    scores: ScoreFile, contig: str, site_type: str, strand: str, length: int
) -> Iterator[tuple[_Positions, _Positions, _Values]]:
    """Yield starts, ends and values of half-open intervals by rising position; neighbors of equal value are joined."""
    for position, value in _maxima(scores, contig, site_type, strand):
        if int(position[-1]) >= length:
            raise OutputError(
                f"bigWig: {scores.path.name} has position {int(position[-1]):,} of {contig}, "
                f"which has {length:,} bases",
                hint="the table and the reference are not of the same build",
            )
        new = np.concatenate([[True], (np.diff(position) != 1) | (np.diff(value) != 0)])
        starts = np.flatnonzero(new)
        yield position[starts], position[np.append(starts[1:], len(position)) - 1] + 1, value[starts]


def _maxima(scores: ScoreFile, contig: str, site_type: str, strand: str) -> Iterator[tuple[_Positions, _Values]]:
    """Yield positions, each once over all pieces, with the largest score of the genes there."""
    position: _Positions = np.empty(0, dtype=np.int64)
    value: _Values = np.empty(0, dtype=np.float32)
    for batch in scores.on_contig(contig, ["position", "strand", scores.column(site_type)]):
        rows = batch.filter(pc.equal(batch.column("strand"), strand))
        position = np.concatenate([position, rows.column("position").to_numpy()])
        value = np.concatenate([value, rows.column(scores.column(site_type)).to_numpy()])
        if not len(position):
            continue
        starts = np.flatnonzero(np.concatenate([[True], np.diff(position) != 0]))
        position, value = position[starts], np.maximum.reduceat(value, starts)
        if len(position) > 1:
            yield position[:-1], value[:-1]
        position, value = position[-1:], value[-1:]  # its other genes may be in the next batch
    if len(position):
        yield position, value


class _Writer:
    """The child process that writes a file; a context manager that ends it in any case."""

    def __init__(self, path: Path, name: str, lengths: Mapping[str, int]) -> None:
        self.path = path
        self.name = name
        self.bases = 0
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-c", _PROGRAM.format(path=sys.path), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "RUST_BACKTRACE": "0"},
        )
        self._send({"lengths": dict(lengths)})

    def write(self, contig: str, starts: _Positions, ends: _Positions, values: _Values) -> None:
        """Send a block of intervals; contigs in alphabetical order, intervals by rising position."""
        self.bases += int((ends - starts).sum())
        arrays = (starts.astype("<u4"), ends.astype("<u4"), values.astype("<f4"))
        self._send({"contig": contig, "intervals": len(starts)}, *(array.tobytes() for array in arrays))

    def finish(self) -> int:
        """Wait until the file is whole; returns the number of bases with a value."""
        self._send({"bases": self.bases})
        _, errors = self._process.communicate()
        if self._process.returncode != 0:
            self._fail(errors)
        return self.bases

    def _send(self, message: Mapping[str, Any], *data: bytes) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(json.dumps(message).encode() + b"\n")
            for item in data:
                pipe.write(item)
            pipe.flush()
        except BrokenPipeError:
            _, errors = self._process.communicate()
            self._fail(errors)

    def _fail(self, errors: bytes) -> None:
        _raise_if_full(self.path.parent)
        lines = errors.decode(errors="replace").split("\n")
        told = " ".join(line.strip() for line in lines if line.strip())[-300:]
        raise OutputError(f"bigWig: pybigtools could not write {self.name}: {told or 'it said nothing'}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.path.with_name(self.path.name + ".bw").unlink(missing_ok=True)
        pipes: tuple[IO[bytes] | None, ...] = (self._process.stdin, self._process.stderr)
        for pipe in pipes:
            if pipe is not None and not pipe.closed:
                _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        logger.debug("the child ended before it was told everything")


def _raise_if_full(folder: Path) -> None:
    """Raise the system's own error if the disk is full, which pybigtools does not pass on."""
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        probe.write(bytes(65_536))
        probe.flush()
        os.fsync(probe.fileno())
