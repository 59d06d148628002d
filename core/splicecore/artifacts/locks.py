"""Locks between processes, held on a file that stays."""

from __future__ import annotations

import contextlib
import fcntl
import logging
from typing import TYPE_CHECKING

from splicecore.artifacts.store import make_folder
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["exclusive", "is_locked"]

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock; waits for whoever has it. The kernel drops it when the process ends, however it ends.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    make_folder(path.parent)
    try:
        handle = path.open("w")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", hint="choose a folder you may write to") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting for another process that holds %s", path)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on a file; writes nothing."""
    try:
        handle = path.open()
    except OSError:
        return False
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
