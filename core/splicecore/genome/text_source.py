"""Files of text: plain, gzip or bgzip, checked for truncation, with line numbers for errors."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from splicecore.errors import AnnotationError, InputError
from splicecore.genome.bgzf import is_compressed_text, whole_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = ["TextSource"]


@attrs.frozen
class TextSource:
    """A text file that may be compressed: an annotation, unless a class made of this one says otherwise.

    Attributes
    ----------
    path
        The file.
    compressed
        Whether it is gzip or bgzip.
    what
        What messages call it.
    error
        Raised if something is wrong with it.
    """

    what: ClassVar[str] = "annotation file"
    error: ClassVar[type[InputError]] = AnnotationError

    path: Path
    compressed: bool

    @classmethod
    def of(cls, path: Path) -> Self:
        """Look at a file.

        Raises
        ------
        InputError
            If it is missing, a folder, unreadable, empty, or a bgzip file without its end.
        """
        return cls(path, is_compressed_text(path, cls.what, cls.error))

    def open_arrow(self) -> Any:
        """Open as a pyarrow input stream of uncompressed bytes."""
        import pyarrow as pa

        compression: Any = "gzip" if self.compressed else None
        return pa.input_stream(str(self.path), compression=compression)

    def blocks(self, size: int = 8 << 20) -> Iterator[bytes]:
        """Yield the uncompressed content in blocks of whole lines, about ``size`` bytes each.

        The last line may lack its end; no other does.

        Raises
        ------
        InputError
            If the file is damaged or truncated.
        """
        try:
            with self.open_arrow() as stream:
                yield from whole_lines(stream, size)
        except OSError as error:
            raise self.damaged(error) from error

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (1-based number, line without its end), slowly: for sniffing and for finding the line of an error.

        Raises
        ------
        InputError
            If the file is damaged, truncated or not UTF-8.
        """
        for number, raw in self.raw_lines():
            yield number, self.text(number, raw)

    def raw_lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1-based number, line with its end), slowly.

        Raises
        ------
        InputError
            If the file is damaged or truncated.
        """
        try:
            with gzip.open(self.path) if self.compressed else self.path.open("rb") as handle:
                yield from enumerate(handle, start=1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self.damaged(error) from error

    def text(self, number: int, raw: bytes) -> str:
        """Decode a line, without its end.

        Raises
        ------
        InputError
            If it is not UTF-8; names the line.
        """
        try:
            return raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise self.error(f"{self.path}, line {number} is not text (UTF-8)") from error

    def damaged(self, cause: Exception) -> InputError:
        """Make the error for a file that cannot be decompressed to its end."""
        return self.error(f"{self.what} {self.path} is truncated or damaged: {cause}", hint="fetch or copy it again")
