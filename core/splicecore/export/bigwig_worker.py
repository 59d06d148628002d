"""The child process of :mod:`splicecore.export.bigwig`: writes intervals from standard input into a bigWig file.

A message is a line of JSON, followed by arrays where it announces intervals: starts and ends (uint32) and values
(float32), little-endian. Only the last message, ``{"bases": n}``, makes the file count.
"""

from __future__ import annotations

import array
import json
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

_MAGIC = bytes.fromhex("26fc8f88")


class _Intervals:
    """What comes in, as pybigtools wants it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.contigs: set[str] = set()
        self.bases: int | None = None

    def message(self) -> dict[str, Any]:
        line = self.stream.readline()
        if not line:
            raise EOFError("standard input ended too early")
        message: dict[str, Any] = json.loads(line)
        return message

    def __iter__(self) -> Iterator[tuple[str, int, int, float]]:
        while "contig" in (message := self.message()):
            contig, count = message["contig"], message["intervals"]
            self.contigs.add(contig)
            columns = [self._array(kind, count) for kind in ("I", "I", "f")]
            for start, end, value in zip(*columns, strict=True):
                yield contig, start, end, value
        self.bases = message["bases"]

    def _array(self, kind: str, count: int) -> list[Any]:
        values = array.array(kind)
        values.frombytes(self.stream.read(count * values.itemsize))
        if sys.byteorder == "big":
            values.byteswap()
        if len(values) != count:
            raise EOFError("standard input ended too early")
        return values.tolist()


def main(path: str) -> None:
    """Write ``path``; ends the process with 0 only if the file reads back whole.

    Until then the file is ``path`` and ``.bw``, the ending by which pybigtools knows what to write.
    """
    import pybigtools

    intervals = _Intervals(sys.stdin.buffer)
    lengths = intervals.message()["lengths"]
    unfinished = path + ".bw"
    pybigtools.open(unfinished, "w").write(lengths, iter(intervals))
    with Path(unfinished).open("rb") as handle:
        handle.seek(-len(_MAGIC), 2)
        whole = handle.read() == _MAGIC
    if not whole or intervals.bases is None:
        sys.exit(1)
    file = pybigtools.open(unfinished)
    contigs, covered = file.chroms(), file.info()["summary"]["basesCovered"]
    file.close()
    same = contigs == {name: lengths[name] for name in intervals.contigs} and covered == intervals.bases
    if not same:
        sys.exit(1)
    Path(unfinished).rename(path)
