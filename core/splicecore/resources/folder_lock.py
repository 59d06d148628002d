"""A lock on a folder that processes share: one writes, the others wait."""

from __future__ import annotations

import contextlib
import fcntl
import logging
from typing import IO, TYPE_CHECKING

from splicecore.artifacts.store import make_folder
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["folder_lock"]

_LOG = logging.getLogger(__name__)
_NAME = ".lock"


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if it is missing; wait while another process holds it.

    The lock is the system's: it is gone when its process is, however that ended.

    Raises
    ------
    OutputError
        If the folder cannot be made or written to, or its file system knows no locks.
    """
    make_folder(folder)
    with _open(folder) as handle:
        try:
            _acquire(handle, folder)
        except OSError as error:
            raise OutputError(f"cannot lock {folder}: {error.strerror or error}") from error
        yield


def _open(folder: Path) -> IO[str]:
    try:
        return (folder / _NAME).open("a", encoding="utf-8")
    except OSError as error:
        hint = "choose a folder that you may write to"
        raise OutputError(f"cannot write into {folder}: {error.strerror or error}", hint=hint) from error


def _acquire(handle: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _LOG.info("another process is deriving into %s; waiting for it", folder)
        fcntl.flock(handle, fcntl.LOCK_EX)
