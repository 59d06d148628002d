"""BCF as bytes: adding values to the INFO of records without touching anything else in them.

A record of BCF is two runs of bytes, what its samples share and what they do not; INFO is the end of the first. Ids are
numbers of a dictionary that the header implies: PASS is 0, and each FILTER, INFO or FORMAT has the next number, in the
order in which the ids appear, unless ``IDX`` says another.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from splicecore.errors import InputError
from splicecore.genome.bgzf import is_gzip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["BcfBytes", "BcfHeader", "edit_info"]

_MAGIC = b"BCF\x02\x02"
_SIZES = struct.Struct("<II")
_FIXED = 24
_COUNTS, _COUNTS_AT = struct.Struct("<HH"), 16
_DECLARED = re.compile(rb"##(?:INFO|FORMAT|FILTER)=<(?:.*?,)?ID=([^,>]+)")
_IDX = re.compile(rb",IDX=(\d+)>$")
_WIDTHS = {0: 0, 1: 1, 2: 2, 3: 4, 5: 4, 7: 1}
_INTEGERS = {1: "<b", 2: "<h", 3: "<i"}
_LONG = 15
_TEXT = 7


class BcfHeader:
    """The header of a BCF file: its lines, and the number of each id.

    Parameters
    ----------
    text
        The header as text.
    """

    def __init__(self, text: bytes) -> None:
        self.lines = text.rstrip(b"\0").splitlines()
        self.numbers: dict[bytes, int] = {b"PASS": 0}
        for line in self.lines:
            self._number(line)

    @property
    def text(self) -> bytes:
        """The header as text."""
        return b"\n".join(self.lines) + b"\n\0"

    def declare(self, line: bytes) -> None:
        """Add a line; an INFO id that is declared already is declared anew, in its old place and with its number."""
        match = _DECLARED.match(line)
        if match is not None:
            for index, old in enumerate(self.lines):
                found = _DECLARED.match(old)
                if found is not None and found[1] == match[1] and old.startswith(b"##INFO"):
                    number = _IDX.search(old)
                    self.lines[index] = line if number is None else line[:-1] + number[0]
                    return
            explicit = any(_IDX.search(old) for old in self.lines)
            number_of = self._number(line)
            line = line[:-1] + b",IDX=%d>" % number_of if explicit else line
        self.lines.insert(-1, line)

    def _number(self, line: bytes) -> int:
        match = _DECLARED.match(line)
        if match is None:
            return -1
        explicit = _IDX.search(line)
        if explicit is not None:
            self.numbers[match[1]] = int(explicit[1])
        elif match[1] not in self.numbers:
            self.numbers[match[1]] = max(self.numbers.values()) + 1
        return self.numbers[match[1]]


class BcfBytes:
    """Reads the header and the records of a BCF file as bytes.

    Parameters
    ----------
    path
        The file.
    name
        What messages call it.

    Raises
    ------
    InputError
        From any method, if the file is damaged.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        stream = path.open("rb")
        compressed = is_gzip(stream.read(2))
        stream.seek(0)
        self._raw: BinaryIO = stream
        self._stream: Any = gzip.GzipFile(fileobj=stream) if compressed else stream
        magic = self._read(len(_MAGIC))
        if magic != _MAGIC:
            raise InputError(f"{name} is no BCF of version 2.2")
        (size,) = struct.unpack("<I", self._read(4))
        self.header = BcfHeader(self._read(size))

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield what the samples of each record share, and what they do not."""
        while sizes := self._read(_SIZES.size, end=True):
            shared, own = _SIZES.unpack(sizes)
            yield self._read(shared), self._read(own)

    def _read(self, size: int, *, end: bool = False) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(f"{self._name} is truncated or damaged: {error}", hint="fetch or copy it again") from error
        if len(data) < size and not (end and not data):
            raise InputError(f"{self._name} is truncated", hint="fetch or copy it again")
        return data

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


def write_header(stream: BinaryIO, header: BcfHeader) -> None:
    """Write the beginning of a BCF file."""
    text = header.text
    stream.write(_MAGIC + struct.pack("<I", len(text)) + text)


def write_record(stream: BinaryIO, shared: bytes, own: bytes) -> None:
    """Write a record."""
    stream.write(_SIZES.pack(len(shared), len(own)) + shared + own)


def edit_info(shared: bytes, values: Mapping[int, bytes], replaced: Sequence[int]) -> bytes:
    """Return what the samples of a record share, with values added to its INFO.

    Parameters
    ----------
    shared
        As :meth:`BcfBytes.records` yields it.
    values
        Number of the id -> text.
    replaced
        Numbers of the ids that are taken out first.
    """
    n_info, n_allele = _COUNTS.unpack_from(shared, _COUNTS_AT)
    place = _FIXED
    for _ in range(n_allele + 2):  # ID, alleles, FILTER
        place = _after(shared, place)
    kept = [shared[_FIXED:place]]
    number = 0
    for _ in range(n_info):
        start = place
        key, place = _integer(shared, place)
        place = _after(shared, place)
        if key not in replaced:
            kept.append(shared[start:place])
            number += 1
    kept += [_typed_integer(key) + _typed_text(text) for key, text in values.items()]
    counts = _COUNTS.pack(number + len(values), n_allele)
    return shared[:_COUNTS_AT] + counts + shared[_COUNTS_AT + _COUNTS.size : _FIXED] + b"".join(kept)


def _size(data: bytes, place: int) -> tuple[int, int, int]:
    """Type, number of values, and place of the first value."""
    kind, length = data[place] & 0xF, data[place] >> 4
    place += 1
    if length == _LONG:
        length, place = _integer(data, place)
    return kind, length, place


def _integer(data: bytes, place: int) -> tuple[int, int]:
    kind, _, place = _size(data, place)
    (value,) = struct.unpack_from(_INTEGERS[kind], data, place)
    return int(value), place + _WIDTHS[kind]


def _after(data: bytes, place: int) -> int:
    kind, length, place = _size(data, place)
    return place + length * _WIDTHS[kind]


def _typed_integer(value: int) -> bytes:
    for kind, form in _INTEGERS.items():
        if -(1 << 8 * _WIDTHS[kind] - 1) + 8 <= value < 1 << 8 * _WIDTHS[kind] - 1:
            return bytes([1 << 4 | kind]) + struct.pack(form, value)
    raise OverflowError(value)


def _typed_text(text: bytes) -> bytes:
    if len(text) < _LONG:
        return bytes([len(text) << 4 | _TEXT]) + text
    return bytes([_LONG << 4 | _TEXT]) + _typed_integer(len(text)) + text
