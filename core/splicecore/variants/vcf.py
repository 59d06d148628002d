"""Reading VCF and BCF so that a record can be written again as it was.

A line of text is split only as far as it must be and kept as bytes: what other programs wrote into a record comes out
byte for byte. BCF records are kept as pysam has them.
"""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import InputError
from splicecore.genome.bgzf import HEAD_BYTES, check_bgzf_end, is_gzip, read_head
from splicecore.genome.htslib import quiet_htslib

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["VcfRecord", "VcfSource"]

_COLUMNS = (b"#CHROM", b"POS", b"ID", b"REF", b"ALT", b"QUAL", b"FILTER", b"INFO")
_DECLARED = re.compile(rb"##(INFO|FORMAT|FILTER|contig)=<(?:.*?,)?ID=([^,>]+)")
_CONTIG_LENGTH = re.compile(rb"##contig=<(?:.*,)?length=(\d+)")
_POS_DIGITS = 12  # more than any contig has, and no more than an index can have
_AGAIN = "fetch or copy it again"


@attrs.define(eq=False)
class VcfRecord:
    """One record.

    Attributes
    ----------
    number
        0-based place in the file.
    contig
        As in the file.
    position
        0-based, of the first base of ``ref``.
    ref
        As in the file.
    alts
        ALT alleles in their order; empty where ALT is ``.``.
    raw
        The line without its end (bytes), or the pysam record of a BCF file.
    """

    number: int
    contig: str
    position: int
    ref: str
    alts: tuple[str, ...]
    raw: Any


@attrs.frozen(eq=False, kw_only=True)
class VcfSource:
    """A VCF or BCF file, opened. Make it by :meth:`open`.

    Attributes
    ----------
    path
        The file.
    kind
        ``"text"`` (VCF) or ``"bcf"``.
    compressed
        Whether a text file is gzip or bgzip.
    header
        Lines of the header without their ends, ``#CHROM`` last.
    name
        What messages call the file.
    """

    path: Path
    kind: str
    compressed: bool
    header: tuple[bytes, ...]
    name: str

    @classmethod
    def open(cls, path: Path, *, name: str | None = None) -> VcfSource:
        """Look at a file and read its header.

        Parameters
        ----------
        path
            VCF, plain or compressed by gzip or bgzip, or BCF; its content tells which, not its name.
        name
            What messages call it; None for the path.

        Raises
        ------
        InputError
            If it is missing, empty, truncated, no VCF, or has no proper header; names the line.
        """
        called = str(path) if name is None else name
        head = _read_head(path, called)
        check_bgzf_end(path, head, called, InputError)
        kind = "bcf" if _first_bytes(path, called, is_gzip(head)) == b"BCF" else "text"
        source = cls(path=path, kind=kind, compressed=is_gzip(head), header=(), name=called)
        return attrs.evolve(source, header=source._bcf_header() if kind == "bcf" else source._text_header())

    @property
    def samples(self) -> int:
        """Number of samples."""
        return max(0, self.header[-1].count(b"\t") - len(_COLUMNS))

    def declared(self, kind: str) -> set[str]:
        """Ids that the header declares; ``kind`` is ``INFO``, ``FORMAT``, ``FILTER`` or ``contig``."""
        matches = filter(None, map(_DECLARED.match, self.header))
        return {_text(match[2]) for match in matches if match[1] == kind.encode()}

    def contig_lengths(self) -> dict[str, int]:
        """Lengths of the contigs for which the header gives one, in its order."""
        lengths = {}
        for line in self.header:
            name, length = _DECLARED.match(line), _CONTIG_LENGTH.match(line)
            if name is not None and length is not None:
                lengths[_text(name[2])] = int(length[1])
        return lengths

    def records(self) -> Iterator[VcfRecord]:
        """Yield the records in the order of the file.

        Raises
        ------
        InputError
            If the file is damaged or a record is malformed; names the line (text) or the record (BCF).
        """
        return self._bcf_records() if self.kind == "bcf" else self._text_records()

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of a text file without their line feeds; a carriage return stays."""
        number = 0
        try:
            with gzip.open(self.path) if self.compressed else self.path.open("rb") as stream:
                for line in stream:
                    number += 1
                    yield line.removesuffix(b"\n")
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(
                f"{self.name} is truncated or damaged after line {number}: {error}", hint=_AGAIN
            ) from error

    def _text_header(self) -> tuple[bytes, ...]:
        header = []
        for number, line in enumerate(self._lines(), start=1):
            header.append(line.removesuffix(b"\r"))
            if number == 1 and not line.startswith(b"##fileformat=VCF"):
                raise InputError(
                    f"{self.name}, line 1: {_shown(line)} is not the beginning of a VCF",
                    hint="it must be ##fileformat=VCFv4.x",
                )
            if line.startswith(b"##"):
                continue
            if tuple(header[-1].split(b"\t")[: len(_COLUMNS)]) != _COLUMNS:
                hint = "the header ends with #CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO, separated by tabs"
                raise InputError(f"{self.name}, line {number}: {_shown(line)} is no line of columns", hint=hint)
            return tuple(header)
        raise InputError(f"{self.name} has no line of columns (#CHROM ...)", hint=_AGAIN)

    def _text_records(self) -> Iterator[VcfRecord]:
        columns = self.header[-1].count(b"\t") + 1
        skipped, number = len(self.header), 0
        contigs: dict[bytes, str] = {}
        for index, line in enumerate(self._lines()):
            if index < skipped or not line.rstrip(b"\r"):
                continue
            fields = line.split(b"\t", 8)
            found = line.count(b"\t") + 1
            if found != columns:
                what = f"{found} columns, the header has {columns}" if found > 1 else f"{_shown(line)} is no record"
                raise InputError(f"{self.name}, line {index + 1}: {what}", hint="columns are separated by tabs")
            contig = contigs.get(fields[0])
            if contig is None:
                contig = contigs.setdefault(fields[0], _text(fields[0]))
            ref, alt = _text(fields[3]), _text(fields[4])
            if not _is_position(fields[1]) or not contig or not ref or not alt:
                raise InputError(f"{self.name}, line {index + 1}: {_problem(fields)}")
            alts = () if alt == "." else tuple(alt.split(","))
            yield VcfRecord(number, contig, int(fields[1]) - 1, ref, alts, line)
            number += 1

    def _open_bcf(self) -> Any:
        import pysam

        try:
            with quiet_htslib():
                return pysam.VariantFile(str(self.path), "rb")
        except (OSError, ValueError) as error:
            raise InputError(f"{self.name} cannot be read: {error}", hint=_AGAIN) from error

    def _bcf_header(self) -> tuple[bytes, ...]:
        with self._open_bcf() as handle:
            return tuple(str(handle.header).encode().splitlines())

    def _bcf_records(self) -> Iterator[VcfRecord]:
        with self._open_bcf() as handle:
            for number in itertools.count():
                try:
                    with quiet_htslib():
                        record = next(handle)
                except StopIteration:
                    return
                except (OSError, ValueError) as error:
                    raise InputError(
                        f"{self.name} is truncated or damaged after {number} records: {error}", hint=_AGAIN
                    ) from error
                yield VcfRecord(number, record.contig, record.start, record.ref or "", record.alts or (), record)


def _read_head(path: Path, called: str) -> bytes:
    try:
        return read_head(path, "VCF", InputError)
    except InputError as error:
        message = error.message if called == str(path) else error.message.replace(f"VCF {path}", called)
        raise InputError(message, hint=error.hint) from error


def _first_bytes(path: Path, called: str, compressed: bool) -> bytes:
    """Return the first three bytes of the content."""
    try:
        with gzip.open(path) if compressed else path.open("rb") as stream:
            return stream.read(HEAD_BYTES)[:3]
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{called} is truncated or damaged: {error}", hint=_AGAIN) from error


def _text(raw: bytes) -> str:
    """Decode a name or allele; bytes that are no UTF-8 stay visible."""
    return raw.decode("utf-8", "backslashreplace")


def _shown(line: bytes) -> str:
    text = _text(line)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _is_position(text: bytes) -> bool:
    return text.isdigit() and len(text) <= _POS_DIGITS


def _problem(fields: list[bytes]) -> str:
    if not _is_position(fields[1]):
        return f"POS is {_shown(fields[1])}, {'too large' if fields[1].isdigit() else 'not a number'}"
    name = next(
        name for name, value in zip(("CHROM", "", "", "REF", "ALT"), fields, strict=False) if name and not value
    )
    return f"{name} is empty"
