"""Recognizing bgzip (BGZF) files: gzip files made of blocks, with an empty block as the mark of their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from splicecore.errors import InputError

__all__ = ["HEAD_BYTES", "check_bgzf_end", "is_bgzf", "is_compressed_text", "is_gzip", "read_head", "whole_lines"]

HEAD_BYTES = 18
"""Bytes of a file's beginning that :func:`is_bgzf` needs."""

_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def is_gzip(head: bytes) -> bool:
    """Whether the first bytes are those of a gzip file, bgzip included."""
    return head[:2] == b"\x1f\x8b"


def is_bgzf(head: bytes) -> bool:
    """Whether the first 18 bytes are those of a BGZF block, not of ordinary gzip."""
    return len(head) >= HEAD_BYTES and is_gzip(head) and bool(head[3] & 4) and head[12:14] == b"BC"


def check_bgzf_end(path: Path, head: bytes, called: str, error: type[InputError]) -> None:
    """Raise ``error`` if a bgzip file lacks the block that marks its end; other files pass.

    Parameters
    ----------
    path
        The file.
    head
        Its first 18 bytes.
    called
        What the message calls it.
    error
        Raised if the block is missing.
    """
    if not is_bgzf(head):
        return
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - len(_EOF_BLOCK)))
        if handle.read() == _EOF_BLOCK:
            return
    raise error(f"{called} is truncated: the block that ends a bgzip file is missing", hint="fetch or copy it again")


def read_head(path: Path, what: str, error: type[InputError]) -> bytes:
    """Read the first 18 bytes of a file, or fewer if it is shorter.

    Parameters
    ----------
    path
        The file.
    what
        What messages call it, such as ``"annotation file"``.
    error
        Raised if it is missing, a folder, unreadable or empty.
    """
    if path.is_dir():
        raise error(f"{path} is a folder, not {'an' if what[0] in 'aeiou' else 'a'} {what}")
    if not path.exists():
        raise error(f"{what} {path} does not exist")
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except OSError as problem:
        raise error(f"{what} {path} cannot be read: {problem.strerror}") from problem
    if not head:
        raise error(f"{what} {path} is empty")
    return head


def whole_lines(stream: Any, size: int) -> Iterator[bytes]:
    """Yield a stream of bytes in blocks of whole lines, about ``size`` bytes each; the last line may lack its end."""
    rest = b""
    while data := stream.read(size):
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut]
            rest = data[cut:]
        else:
            rest += data
    if rest:
        yield rest


def is_compressed_text(path: Path, what: str, error: type[InputError]) -> bool:
    """Look at a text file that may be compressed: whether it is gzip or bgzip.

    Parameters
    ----------
    path, what, error
        As in :func:`read_head`; ``error`` is raised for a bgzip file without its end too.
    """
    head = read_head(path, what, error)
    check_bgzf_end(path, head, f"{what} {path}", error)
    return is_gzip(head)
