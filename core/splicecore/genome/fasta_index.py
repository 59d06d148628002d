"""The index of a FASTA file (``.fai``, and ``.gzi`` if compressed by bgzip): made if missing, distrusted if present.

An index that belongs to another version of the file gives wrong bases without any error, so its claims are compared
with the file before it is used: sizes, the header line of every contig, the blocks of the compressed file.
"""

from __future__ import annotations

import gzip
import logging
import os
import shlex
import struct
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import digest
from splicecore.errors import FastaError
from splicecore.genome.bgzf import HEAD_BYTES, check_bgzf_end, is_bgzf, is_gzip, read_head
from splicecore.genome.htslib import quiet_htslib

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FastaIndex", "Kind", "classify", "ensure_index", "verify_index"]

Kind = str
"""``"plain"`` or ``"bgzip"``."""

_LOG = logging.getLogger(__name__)
_FEW_CONTIGS = 5_000
_LONG_HEADER = 1_000
_GAP_SHOWN = 65_536


def classify(path: Path) -> Kind:
    """Tell plain from bgzip FASTA and refuse everything else.

    Raises
    ------
    FastaError
        If the file is missing, a folder, empty, compressed by plain gzip, truncated or no FASTA.
    """
    head = read_head(path, "FASTA file", FastaError)
    if not is_gzip(head):
        _check_first_letter(path, head)
        return "plain"
    if not is_bgzf(head):
        raise FastaError(
            f"FASTA file {path} is compressed by gzip, which allows no random access",
            hint=f"recompress it by bgzip: {_bgzip_command(path)}",
        )
    check_bgzf_end(path, head, f"FASTA file {path}", FastaError)
    try:
        with gzip.open(path) as text:
            _check_first_letter(path, text.read(1))
    except (EOFError, OSError, zlib.error) as error:
        raise FastaError(f"FASTA file {path} is damaged: {error}", hint="fetch or copy it again") from error
    return "bgzip"


def _bgzip_command(path: Path) -> str:
    """Shell command that makes a bgzip file of a gzip file, beside it."""
    name = path.name.removesuffix(".gz")
    new = path.with_name(f"{name.removesuffix('.fa').removesuffix('.fasta')}.bgzip.fa.gz")
    return f"gunzip -c {shlex.quote(str(path))} | bgzip -c > {shlex.quote(str(new))}"


def _check_first_letter(path: Path, head: bytes) -> None:
    if not head.startswith(b">"):
        raise FastaError(f"{path} is not a FASTA file: it does not begin with '>'")


@attrs.frozen(eq=False)
class FastaIndex:
    """What a ``.fai`` says.

    Attributes
    ----------
    path
        The ``.fai`` file.
    names
        Names of the contigs, in the order of the file.
    lengths, offsets, line_bases, line_width
        int64, shape (contigs,): bases of the contig, offset of its first base in the uncompressed file (bytes), bases
        per line, bytes per line.
    """

    path: Path
    names: tuple[str, ...]
    lengths: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    line_bases: npt.NDArray[np.int64]
    line_width: npt.NDArray[np.int64]

    @classmethod
    def read(cls, path: Path) -> FastaIndex:
        """Read a ``.fai`` file.

        Raises
        ------
        FastaError
            If it is empty or malformed (with the line), or names a contig twice.
        """
        names: list[str] = []
        rows: list[tuple[int, ...]] = []
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            fields = line.split("\t")
            if len(fields) != 5 or not all(field.isdigit() for field in fields[1:]) or int(fields[3]) == 0:
                raise FastaError(f"index {path}, line {number} is malformed", hint=f"delete {path}; it is made again")
            names.append(fields[0])
            rows.append(tuple(int(field) for field in fields[1:]))
        if not rows:
            raise FastaError(f"index {path} is empty", hint=f"delete {path}; it is made again")
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise FastaError(f"index {path} has contig {twice[0]} twice", hint="names of contigs must be unique")
        table = np.array(rows, dtype=np.int64)
        return cls(path, tuple(names), table[:, 0], table[:, 1], table[:, 2], table[:, 3])

    @property
    def ends(self) -> npt.NDArray[np.int64]:
        """int64, shape (contigs,): offset just after each contig's last base, without the end of its line."""
        last = np.maximum(self.lengths - 1, 0)
        ends: npt.NDArray[np.int64] = self.offsets + last // self.line_bases * self.line_width + last % self.line_bases
        return ends + (self.lengths > 0)


def ensure_index(path: Path, kind: Kind, cache: Path | None = None) -> tuple[Path, Path | None]:
    """Paths of the ``.fai`` and ``.gzi`` of a FASTA; made if one is missing.

    Parameters
    ----------
    path
        The FASTA file.
    kind
        As :func:`classify` tells.
    cache
        Folder for the index of a FASTA in a folder that is not writable; kept there by the FASTA's path, size and
        mtime_ns.

    Raises
    ------
    FastaError
        If an index is missing and neither folder is writable, or the FASTA cannot be indexed.
    """
    folders = [path.parent] if cache is None else [path.parent, cache / "fasta_index" / _identity(path)]
    for folder in folders:
        fai, gzi = _index_in(folder, path, kind)
        if fai.is_file() and (gzi is None or gzi.is_file()):
            return fai, gzi
        if _writable(folder, make=folder is not path.parent):
            _LOG.info("indexing %s into %s", path, folder)
            try:
                _make_index(path, fai, gzi)
            except OSError as error:
                _LOG.info("cannot write into %s: %s", folder, error)
                continue
            return fai, gzi
    fai, gzi = _index_in(path.parent, path, kind)
    nor = "" if cache is None else f", nor is the cache {cache}"
    raise FastaError(
        f"index {gzi if gzi is not None and fai.is_file() else fai} is missing and the folder is not writable{nor}",
        hint=f"run 'samtools faidx {path}' where it can be written, or set SPLICECORE_CACHE_DIR to a writable folder",
    )


def _identity(path: Path) -> str:
    status = path.stat()
    return digest([str(path.resolve()), status.st_size, status.st_mtime_ns])[:32]


def _index_in(folder: Path, path: Path, kind: Kind) -> tuple[Path, Path | None]:
    return folder / f"{path.name}.fai", folder / f"{path.name}.gzi" if kind == "bgzip" else None


def _writable(folder: Path, *, make: bool) -> bool:
    if make:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _LOG.info("cannot make %s: %s", folder, error)
            return False
    return os.access(folder, os.W_OK)


def _make_index(path: Path, fai: Path, gzi: Path | None) -> None:
    """Index into a temporary folder beside the index, then rename: another process never sees half an index."""
    import pysam

    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=fai.parent) as folder:
        new_fai, new_gzi = Path(folder, "fai"), Path(folder, "gzi")
        options = ["--fai-idx", str(new_fai), *(["--gzi-idx", str(new_gzi)] if gzi is not None else [])]
        try:
            with quiet_htslib():
                pysam.faidx(*options, str(path))
        except pysam.utils.SamtoolsError as error:
            raise FastaError(
                f"FASTA file {path} cannot be indexed",
                hint="all lines of a contig but the last must have the same length, and blank lines are not allowed",
            ) from error
        if gzi is not None:
            new_gzi.replace(gzi)
        new_fai.replace(fai)


class _Text:
    """Random access to the uncompressed bytes of a FASTA, independent of htslib."""

    def __init__(self, path: Path, handle: BinaryIO, gzi: Path | None) -> None:
        self._path = path
        self._handle = handle
        self._blocks: npt.NDArray[np.int64] | None = None
        self.size = path.stat().st_size
        if gzi is not None:
            self._blocks, self.size = self._read_blocks(gzi)

    def read(self, start: int, stop: int) -> bytes:
        if stop <= start:
            return b""
        if self._blocks is None:
            self._handle.seek(start)
            return self._handle.read(stop - start)
        compressed, plain = self._blocks[np.searchsorted(self._blocks[:, 1], start, side="right") - 1]
        self._handle.seek(int(compressed))
        with gzip.GzipFile(fileobj=self._handle) as text:
            text.read(start - int(plain))
            return text.read(stop - start)

    def _read_blocks(self, gzi: Path) -> tuple[npt.NDArray[np.int64], int]:
        """(compressed, uncompressed) offsets of the blocks, and the uncompressed size of the whole file."""
        raw = gzi.read_bytes()
        count = struct.unpack_from("<Q", raw)[0] if len(raw) >= 8 else 0
        if len(raw) != 8 + 16 * count:
            raise self._stale(gzi)
        listed = np.frombuffer(raw, dtype="<u8", offset=8).astype(np.int64).reshape(-1, 2)
        blocks = np.concatenate([np.zeros((1, 2), dtype=np.int64), listed])
        position, size = (int(value) for value in blocks[-1])
        end = self._path.stat().st_size
        while position < end:
            self._handle.seek(position)
            head = self._handle.read(HEAD_BYTES)
            if not is_bgzf(head):
                raise self._stale(gzi)
            position += struct.unpack_from("<H", head, 16)[0] + 1
            self._handle.seek(position - 4)
            size += struct.unpack("<I", self._handle.read(4))[0] if position <= end else 0
        if position != end:
            raise self._stale(gzi)
        return blocks, size

    def _stale(self, gzi: Path) -> FastaError:
        return FastaError(
            f"index {gzi} does not belong to {self._path} as it is now (stale index, or truncated or changed FASTA)",
            hint=f"check the FASTA, then delete {gzi} and its .fai; they are made again",
        )


def verify_index(path: Path, index: FastaIndex, gzi: Path | None) -> None:
    """Compare an index with the file that it claims to describe.

    Raises
    ------
    FastaError
        If the file is shorter or longer than the index says, a contig's header is not where it should be, or the file
        has a contig twice.
    """
    try:
        with path.open("rb") as handle:
            text = _Text(path, handle, gzi)
            _check_size(path, index, text.size)
            _check_gaps(path, index, text.read, text.size)
    except (EOFError, OSError, zlib.error) as error:
        raise FastaError(f"FASTA file {path} is damaged: {error}", hint="fetch or copy it again") from error


def _stale(path: Path, index: FastaIndex, detail: str) -> FastaError:
    age = "older" if index.path.stat().st_mtime_ns < path.stat().st_mtime_ns else "not older"
    return FastaError(
        f"index {index.path} ({age} than the FASTA) does not describe {path}: {detail}",
        hint=f"if the FASTA is right, delete {index.path}; it is made again",
    )


def _check_size(path: Path, index: FastaIndex, size: int) -> None:
    end = int(index.ends.max())
    if end > size:
        name = index.names[int(index.ends.argmax())]
        detail = f"{name} should end at byte {end:,}, but the file ends at {size:,}"
        raise _stale(path, index, f"{detail} (truncated FASTA or stale index)")


def _check_gaps(path: Path, index: FastaIndex, read: Callable[[int, int], bytes], size: int) -> None:
    """Between the bases of two contigs there is one header line, that of the second; after the last, nothing."""
    order = np.argsort(index.offsets, kind="stable")
    ends = np.concatenate([[0], index.ends[order]])
    starts = np.concatenate([index.offsets[order], [size]])
    for gap, (start, stop) in enumerate(zip(ends.tolist(), starts.tolist(), strict=True)):
        if len(order) > _FEW_CONTIGS and 0 < gap < len(order) and stop - start < _LONG_HEADER:
            continue
        name = index.names[order[gap]] if gap < len(order) else None
        if stop - start <= 2 * _GAP_SHOWN:
            gap_text = read(start, stop)
        else:
            gap_text = read(start, start + _GAP_SHOWN) + b"\n" + read(stop - _GAP_SHOWN, stop)
        _check_gap(path, index, gap_text, name)


def _check_gap(path: Path, index: FastaIndex, gap: bytes, name: str | None) -> None:
    lines = [line.rstrip(b"\r") for line in gap.split(b"\n")]
    titles = [line[1:].split() for line in lines if line[:1] == b">"]
    headers = [words[0].decode("utf-8", "replace") for words in titles if words]
    if name is not None:
        if not headers or headers[-1] != name or lines[-1]:
            raise _stale(path, index, f"the header of {name} is not where it should be")
        headers.pop()
    for header in headers:
        if header in index.names:
            raise FastaError(f"FASTA file {path} has contig {header} twice", hint="names of contigs must be unique")
    # Contigs without any base are in no index; anything else between two contigs is sequence that the index leaves out.
    if any(line and line[:1] != b">" for line in lines):
        raise _stale(path, index, "it leaves out sequence that the file has")
