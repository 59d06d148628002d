"""Recognizing bgzip (BGZF) files: gzip files made of blocks, with an empty block as the mark of their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEAD_BYTES", "has_bgzf_end", "is_bgzf", "is_gzip"]

HEAD_BYTES = 18
"""Bytes of a file's beginning that :func:`is_bgzf` needs."""

_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def is_gzip(head: bytes) -> bool:
    """Whether the first bytes are those of a gzip file, bgzip included."""
    return head[:2] == b"\x1f\x8b"


def is_bgzf(head: bytes) -> bool:
    """Whether the first 18 bytes are those of a BGZF block, not of ordinary gzip."""
    return len(head) >= HEAD_BYTES and is_gzip(head) and bool(head[3] & 4) and head[12:14] == b"BC"


def has_bgzf_end(path: Path) -> bool:
    """Whether a bgzip file ends with the block that marks its end; without it the file is truncated."""
    with path.open("rb") as handle:
        handle.seek(max(0, path.stat().st_size - len(_EOF_BLOCK)))
        return handle.read() == _EOF_BLOCK
