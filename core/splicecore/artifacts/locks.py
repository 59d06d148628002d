"""Locks between processes, held on a file that stays."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from typing import IO, TYPE_CHECKING

from splicecore.artifacts.store import make_folder
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["exclusive", "is_locked", "only_holder"]

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


@contextlib.contextmanager
def only_holder(path: Path, folder: Path, *, who: str, fate: str) -> Iterator[None]:
    """Hold the lock of a folder that may be taken away; waits for nobody.

    Parameters
    ----------
    path
        The file to lock.
    folder
        What messages say is held.
    who
        What messages call another holder, such as ``"another run"``.
    fate
        What messages say became of a folder that is not there any more, such as ``"removed"``.

    Raises
    ------
    OutputError
        If the file cannot be written, another process holds it, or it is another file by now.
    """
    try:
        handle = path.open("w")
    except OSError as error:
        raise OutputError(f"cannot write into {path.parent}: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            hint = "wait for it to end or choose another folder"
            raise OutputError(f"{who} is writing into {folder}", hint=hint) from error
        if not _names(path, handle):
            raise OutputError(f"{folder} was {fate} meanwhile", hint="run the same command again")
        yield


def _names(path: Path, handle: IO[str]) -> bool:
    """Whether a path still names an open file."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except OSError:
        return False


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
