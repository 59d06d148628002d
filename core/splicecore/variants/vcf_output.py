"""Writing records with scores added: VCF text, bgzip with an index, BCF, or text to stdout.

A file appears under its name when it is whole; the index follows. Text is the input's own, with the new tags at the end
of INFO.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import re
import shutil
from typing import TYPE_CHECKING, Any, Self

from splicecore.artifacts.store import atomic_path
from splicecore.errors import InputError
from splicecore.genome.htslib import quiet_htslib
from splicecore.variants.bcf import BcfBytes, edit_info, write_header, write_record
from splicecore.variants.stdout import Stdout

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from splicecore.variants.vcf import VcfRecord, VcfSource

__all__ = ["VcfWriter", "add_info", "drop_indices", "index_file", "open_writer"]

logger = logging.getLogger(__name__)

_TBI_LIMIT = 1 << 29
_PIECE = 1 << 20
_INDICES = (".tbi", ".csi")
_ID = re.compile(rb"##INFO=<(?:.*?,)?ID=([^,>]+)")


def add_info(line: bytes, values: Mapping[str, str], replaced: Collection[str]) -> bytes:
    """Return a record with values added to INFO.

    Parameters
    ----------
    line
        The record without its end; everything but INFO comes out as it is.
    values
        Tag -> value, in the order to be written.
    replaced
        Tags that are taken out first, where the record has them.
    """
    fields = line.split(b"\t", 8)
    info = fields[7]
    ending = b""
    if len(fields) == 8 and info.endswith(b"\r"):
        info, ending = info[:-1], b"\r"
    for tag in replaced:
        if tag.encode() in info:
            kept = [item for item in info.split(b";") if item.partition(b"=")[0] != tag.encode()]
            info = b";".join(kept)
    if values:
        text = ";".join(f"{tag}={value}" for tag, value in values.items()).encode()
        info = text if info in (b"", b".") else info.removesuffix(b";") + b";" + text
    fields[7] = (info or b".") + ending
    return b"\t".join(fields)


def new_header(source: VcfSource, lines: Sequence[bytes], replaced: Collection[str]) -> list[bytes]:
    """Return the header with lines added before ``#CHROM``, and declarations of replaced tags taken out."""
    header = []
    for line in source.header[:-1]:
        match = _ID.match(line)
        if match is None or match[1].decode("utf-8", "replace") not in replaced:
            header.append(line)
    return [*header, *lines, source.header[-1]]


class VcfWriter:
    """Writes records in the order in which they are given; a context manager.

    Parameters
    ----------
    source
        Where the records come from.
    lines
        Lines to be added to the header.
    replaced
        INFO tags that the records may have from before and that are taken out.
    """

    def __init__(self, source: VcfSource, lines: Sequence[bytes], replaced: Collection[str]) -> None:
        self.source, self.lines, self.replaced = source, list(lines), tuple(replaced)
        self._stack = contextlib.ExitStack()

    def write(self, record: VcfRecord, values: Mapping[str, str]) -> None:
        """Write a record with values added to its INFO."""
        raise NotImplementedError

    def _open(self) -> None:
        """Open what is written to, on the stack."""

    def _finish(self) -> None:
        """Complete the file before it gets its name."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._open()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            if kind is None:
                self._finish()
        except BaseException as failure:
            self._stack.__exit__(type(failure), failure, failure.__traceback__)
            raise
        return self._stack.__exit__(kind, error, trace)


class TextWriter(VcfWriter):
    """Writes VCF text: to a file, compressed by bgzip where its name ends in ``gz``, or to stdout (path None)."""

    def __init__(self, path: Path | None, source: VcfSource, lines: Sequence[bytes], replaced: Collection[str]) -> None:
        super().__init__(source, lines, replaced)
        self.path = path

    def _open(self) -> None:
        if self.path is None:
            self._stream: Any = Stdout()
        else:
            temporary = self._stack.enter_context(atomic_path(self.path))
            self._stream = self._stack.enter_context(open_text(temporary, self.path.name))
        for line in new_header(self.source, self.lines, self.replaced):
            self._stream.write(line + b"\n")

    def write(self, record: VcfRecord, values: Mapping[str, str]) -> None:
        line = record.raw if self.source.kind == "text" else str(record.raw).rstrip("\n").encode()
        self._stream.write(add_info(line, values, self.replaced) + b"\n")

    def _finish(self) -> None:
        if self.path is None:
            self._stream.flush()


def open_text(path: Path, name: str) -> Any:
    """Open a file of bytes to write to; bgzip where ``name`` says so."""
    if name.endswith((".gz", ".bgz")):
        import pysam

        return pysam.BGZFile(str(path), "wb", None)
    return path.open("wb")


class BcfWriter(VcfWriter):
    """Writes BCF from the bytes of a BCF file, so that nothing but INFO is written anew."""

    def __init__(self, path: Path, source: VcfSource, lines: Sequence[bytes], replaced: Collection[str]) -> None:
        super().__init__(source, lines, replaced)
        self.path = path

    def _open(self) -> None:
        self._input = BcfBytes(self.source.path, self.source.name)
        self._stack.callback(self._input.close)
        self._records = enumerate(self._input.records())
        header = self._input.header
        self._replaced = [header.numbers[tag.encode()] for tag in self.replaced if tag.encode() in header.numbers]
        for line in self.lines:
            header.declare(line)
        temporary = self._stack.enter_context(atomic_path(self.path))
        self._stream = self._stack.enter_context(open_text(temporary, ".gz"))
        write_header(self._stream, header)

    def write(self, record: VcfRecord, values: Mapping[str, str]) -> None:
        shared, own = next(raw for number, raw in self._records if number == record.number)
        numbers = self._input.header.numbers
        added = {numbers[tag.encode()]: value.encode() for tag, value in values.items()}
        write_record(self._stream, edit_info(shared, added, self._replaced), own)


class TextToBcfWriter(VcfWriter):
    """Writes BCF from text: first as text beside the file, then, once all that it names can be declared, as BCF.

    Parameters
    ----------
    part
        Whether not all records of the source will be written: what all of them name is declared, so that the headers
        of all parts are the same.
    """

    def __init__(
        self, path: Path, source: VcfSource, lines: Sequence[bytes], replaced: Collection[str], *, part: bool = False
    ) -> None:
        super().__init__(source, lines, replaced)
        self.path, self.part = path, part

    def _open(self) -> None:
        self._final = self._stack.enter_context(atomic_path(self.path))
        self._body_path = self._temporary("body")
        self._body = self._stack.enter_context(self._body_path.open("wb"))
        self._gaps = _Gaps(self.source)
        if self.part:
            for record in self.source.records():
                self._gaps.look(record.raw)

    def _temporary(self, what: str) -> Path:
        path = self.path.with_name(f".{self.path.name}.{what}.tmp")
        self._stack.callback(path.unlink, missing_ok=True)
        return path

    def write(self, record: VcfRecord, values: Mapping[str, str]) -> None:
        if not self.part:
            self._gaps.look(record.raw)
        self._body.write(add_info(record.raw, values, self.replaced).removesuffix(b"\r") + b"\n")

    def _finish(self) -> None:
        self._body.close()
        whole, plain = self._temporary("text"), self._temporary("plain")
        lines = [*self._gaps.declarations(), *self.lines]
        with whole.open("wb") as target, self._body_path.open("rb") as body:
            target.writelines(line + b"\n" for line in new_header(self.source, lines, self.replaced))
            shutil.copyfileobj(body, target, _PIECE)
        self._body_path.unlink()
        _convert(whole, plain, self.source.name)
        whole.unlink()
        with gzip.open(plain) as content, open_text(self._final, ".gz") as target:
            shutil.copyfileobj(content, target, _PIECE)


class _Gaps:
    """Collects what records name without a declaration in the header, which BCF cannot do without."""

    def __init__(self, source: VcfSource) -> None:
        kinds = ("contig", "FILTER", "INFO", "FORMAT")
        self._known = {kind: {name.encode() for name in source.declared(kind)} for kind in kinds}
        self._known["FILTER"] |= {b"PASS", b"."}
        self._missing: dict[str, dict[bytes, bool]] = {kind: {} for kind in kinds}

    def look(self, line: bytes) -> None:
        """Note what a record names."""
        fields = line.rstrip(b"\r").split(b"\t", 9)
        self._note("contig", fields[0])
        for name in fields[6].split(b";"):
            self._note("FILTER", name)
        if fields[7] != b".":
            for item in fields[7].split(b";"):
                name, equals, _ = item.partition(b"=")
                self._note("INFO", name, flag=not equals)
        for name in fields[8].split(b":") if len(fields) > 8 else ():
            self._note("FORMAT", name)

    def _note(self, kind: str, name: bytes, *, flag: bool = False) -> None:
        if name and name not in self._known[kind]:
            self._missing[kind][name] = self._missing[kind].get(name, True) and flag

    def declarations(self) -> list[bytes]:
        """Lines that declare all that was missing, by kind and in order of appearance."""
        lines = [b"##contig=<ID=%s>" % name for name in self._missing["contig"]]
        text = b'Description="not declared in the input"'
        lines += [b"##FILTER=<ID=%s,%s>" % (name, text) for name in self._missing["FILTER"]]
        for name, flag in self._missing["INFO"].items():
            kind = b"Number=0,Type=Flag" if flag else b"Number=.,Type=String"
            lines.append(b"##INFO=<ID=%s,%s,%s>" % (name, kind, text))
        lines += [b"##FORMAT=<ID=%s,Number=.,Type=String,%s>" % (name, text) for name in self._missing["FORMAT"]]
        if any(self._missing.values()):
            logger.warning("declared in the header for BCF: %s", b", ".join(lines).decode("utf-8", "replace"))
        return lines


def _convert(text: Path, target: Path, name: str) -> None:
    """Convert VCF text to BCF (in blocks that are not compressed).

    It is read back, as htslib writes what it cannot read from some odd headers.
    """
    import pysam.bcftools

    read = 0
    try:
        with quiet_htslib():
            pysam.bcftools.view("--no-version", "-Ou", "-o", str(target), str(text), catch_stdout=False)
            with pysam.VariantFile(str(target)) as written:
                for _ in written:
                    read += 1
    except (OSError, ValueError, pysam.utils.SamtoolsError) as error:
        cause = " ".join(str(error).split())
        raise InputError(
            f"{name} cannot be written as BCF, of which {read} records can be read: {cause}",
            hint="write VCF: --output NAME.vcf.gz",
        ) from error


def open_writer(
    path: Path | None, source: VcfSource, lines: Sequence[bytes], replaced: Collection[str], *, part: bool = False
) -> VcfWriter:
    """Choose the writer for a file by its suffix: ``.bcf``, ``.vcf.gz``, ``.vcf.bgz`` or ``.vcf``; None is stdout.

    ``part`` tells that not all records of the source will be written.
    """
    if path is None or path.suffix != ".bcf":
        return TextWriter(path, source, lines, replaced)
    if source.kind == "bcf":
        return BcfWriter(path, source, lines, replaced)
    return TextToBcfWriter(path, source, lines, replaced, part=part)


def drop_indices(path: Path) -> None:
    """Remove the indices of a file that is about to be written anew: they would be those of another one."""
    for suffix in _INDICES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def index_file(path: Path, longest: int) -> Path | None:
    """Make the index of a bgzip VCF (``.tbi``, or ``.csi`` for long contigs) or BCF (``.csi``) that is sorted.

    Parameters
    ----------
    path
        The file; no other kind gets an index.
    longest
        Length of the longest contig, in bases.

    Returns
    -------
    The index, or None if there is none; also, with a warning, where htslib cannot make it, as of a BCF whose header
    gives a contig fewer bases than its records need.
    """
    import pysam

    bcf = path.suffix == ".bcf"
    if not bcf and not path.name.endswith((".gz", ".bgz")):
        return None
    csi = bcf or longest >= _TBI_LIMIT
    index = path.with_name(path.name + (".csi" if csi else ".tbi"))
    try:
        with atomic_path(index) as temporary, quiet_htslib():
            if bcf:
                import pysam.bcftools

                pysam.bcftools.index("-f", "-o", str(temporary), str(path), catch_stdout=False)
            else:
                pysam.tabix_index(str(path), preset="vcf", index=str(temporary), force=True, csi=csi)
    except pysam.utils.SamtoolsError as error:
        logger.warning("%s gets no index: htslib cannot make it (%s)", path, " ".join(str(error).split()))
        return None
    return index
