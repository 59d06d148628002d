"""Writing files so that a reader finds a whole one or none, and hashing them without reading twice.

A file is written under a temporary name in its own folder, flushed to disk and renamed. Every failure of the file
system becomes an :class:`~splicecore.errors.OutputError` that names the path.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "atomic_path",
    "canonical_json",
    "digest",
    "file_sha256",
    "json_differences",
    "make_folder",
    "read_json",
    "replace_quietly",
    "sweep_temporary",
    "sync",
    "write_json",
    "write_text",
]

_HINTS = {
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOSPC: "the disk is full; free some space and run the same command again to go on",
    errno.EDQUOT: "your disk quota is used up; free some space and run the same command again to go on",
    errno.EISDIR: "a folder is in the way",
    errno.ENOTDIR: "a file is in the way of a folder",
    errno.EEXIST: "a file is in the way of a folder",
}


_TEMPORARY = re.compile(r"\..+\.\d+\.tmp")


def _output_error(path: Path, error: OSError) -> OutputError:
    hint = _HINTS.get(error.errno or 0)
    return OutputError(f"cannot write {path}: {error.strerror or error}", hint=hint)


def make_folder(path: Path) -> Path:
    """Create a folder and its parents.

    Raises
    ------
    OutputError
        If it cannot be created or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _output_error(path, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {path}: permission denied", hint=_HINTS[errno.EACCES])
    return path


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on leaving without an error, flush it and rename it into place.

    Raises
    ------
    OutputError
        If the file system refuses; nothing is left behind then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def sweep_temporary(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder; nobody else may be writing into it."""
    for path in folder.glob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def sync(path: Path) -> None:
    """Let what was written to a file, or which files a folder has, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and machines, atomically: indented, sorted keys, one final newline."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that splicecore wrote; a damaged one is an :class:`OutputError` with the remedy."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise OutputError(f"cannot read {path}: {error}", hint="remove the file, or the folder it is in") from error


def canonical_json(value: Any) -> bytes:
    """One byte string per value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def json_differences(first: Any, second: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (path, first value, second value) for all that differs between two JSON values, values cut short."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first.keys() | second.keys()):
            yield from json_differences(first.get(key), second.get(key), f"{where}.{key}" if where else str(key))
    elif first != second:
        yield where, _short(first), _short(second)


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def file_sha256(path: Path, cache: Path | None = None) -> str:
    """SHA-256 (hex) of a file's content.

    Parameters
    ----------
    path
        The file.
    cache
        Folder that remembers hashes by absolute path, size and mtime_ns, so that a genome is read once. A cache that
        cannot be written costs time, nothing else.
    """
    status = path.stat()
    identity = [str(path.resolve()), status.st_size, status.st_mtime_ns]
    remembered = cache / "sha256" / f"{digest(identity)}.json" if cache is not None else None
    if remembered is not None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            entry = json.loads(remembered.read_text(encoding="utf-8"))
            if entry["identity"] == identity:
                return str(entry["sha256"])
    with path.open("rb") as handle:
        result = hashlib.file_digest(handle, "sha256").hexdigest()
    if remembered is not None:
        with contextlib.suppress(OSError):
            remembered.parent.mkdir(parents=True, exist_ok=True)
            replace_quietly(remembered, json.dumps({"identity": identity, "sha256": result}))
    return result


def replace_quietly(path: Path, text: str) -> None:
    """Write a small file of a cache, by renaming; other processes may do the same at the same time."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(path)
