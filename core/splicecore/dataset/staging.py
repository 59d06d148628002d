"""Replacing a whole folder at once: the new one is written beside it and takes its place in one step.

Whoever looks finds the old folder or the new one, never a mix, whenever the process dies. Files are never changed where
they are, so those that are shared with other folders by hard links keep their content there.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.locks import only_holder
from splicecore.artifacts.store import make_folder, sync
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Staging", "link_or_copy", "recover_folder", "staged_folder"]

_LOCK = ".lock"
_AT_FDCWD = -100
_EXCHANGE = 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


@attrs.define
class Staging:
    """A folder that is about to take the place of another.

    Attributes
    ----------
    path
        Where to write.
    discard
        Set to leave everything as it was.
    """

    path: Path
    discard: bool = False


@contextlib.contextmanager
def staged_folder(target: Path, *, own: frozenset[str] | None = None) -> Iterator[Staging]:
    """Yield an empty folder that takes the place of ``target`` when the block ends without an error.

    Both folders are held by their ``.lock``, the one of ``target`` if it exists. After an error nothing is changed;
    what a killed process left beside ``target`` is removed by the next one.

    Parameters
    ----------
    target
        The folder to make or to replace; links are followed.
    own
        Names in ``target`` that the new folder replaces; all else in it is taken over (by hard links). None: nothing is
        taken over.

    Raises
    ------
    OutputError
        If another process holds it, or the file system refuses.
    """
    place = recover_folder(target)
    staging = place.with_name(f".{place.name}.rewrite")
    make_folder(place.parent)
    with contextlib.ExitStack() as stack:
        if place.is_dir():
            stack.enter_context(_locked(place))
        _empty(staging, place)
        if not (staging / _LOCK).exists():
            stack.enter_context(_locked(staging))
        given = Staging(staging)
        try:
            yield given
            if not given.discard:
                _replace(place, staging, own)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def recover_folder(target: Path) -> Path:
    """Put back a folder that a killed process had moved aside; returns its path with links followed."""
    place = Path(os.path.realpath(target))
    former = _former(place)
    if former.is_dir():
        if place.exists():
            shutil.rmtree(former, ignore_errors=True)
        else:
            former.rename(place)
    return place


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file under a new name, or copy it to another file system.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOENT):
                raise
            shutil.copy2(source, target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


def _locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    return only_holder(folder / _LOCK, folder, who="another process", fate="replaced")


def _empty(staging: Path, place: Path) -> None:
    """Make the staging folder; what is left of it is cleared by whoever holds ``place``, or finds it free."""
    if staging.exists():
        if not place.is_dir():
            with _locked(staging):
                shutil.rmtree(staging)
        else:
            shutil.rmtree(staging)
    make_folder(staging)
    if place.is_dir():
        os.link(place / _LOCK, staging / _LOCK)


def _take_over(place: Path, staging: Path, own: frozenset[str]) -> None:
    for entry in sorted(place.iterdir()):
        if entry.name in own or entry.name == _LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, staging / entry.name, symlinks=True, copy_function=_link)
        elif entry.is_symlink():
            (staging / entry.name).symlink_to(entry.readlink())
        else:
            _link(str(entry), str(staging / entry.name))


def _link(source: str, target: str) -> None:
    link_or_copy(Path(source), Path(target))


def _replace(place: Path, staging: Path, own: frozenset[str] | None) -> None:
    """Put the new folder in place; what is in its place afterwards under the name ``staging`` is the old one."""
    try:
        if own is not None and place.is_dir():
            _take_over(place, staging, own)
        for folder, _, _ in os.walk(staging):
            sync(Path(folder))
        if not place.exists():
            staging.rename(place)
        elif not _exchange(staging, place):
            _move_aside(place, staging)
        sync(place.parent)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write {place}: {error.strerror or error}") from error


def _move_aside(place: Path, staging: Path) -> None:
    """Replace a folder in two steps; whoever comes after a crash between them puts the old one back."""
    former = _former(place)
    place.rename(former)
    try:
        staging.rename(place)
    except OSError:
        former.rename(place)
        raise
    shutil.rmtree(former, ignore_errors=True)


def _former(place: Path) -> Path:
    return place.with_name(f".{place.name}.former")


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    swap = _system_call()
    if swap is None:
        return False
    if swap(os.fsencode(first), os.fsencode(second)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNSUPPORTED:
        return False
    raise OSError(code, os.strerror(code), str(second))


@functools.cache
def _system_call() -> Callable[[bytes, bytes], int] | None:
    """Return the C library's way to swap two paths, or None."""
    library: Any = ctypes.CDLL(None, use_errno=True)
    name = "renamex_np" if sys.platform == "darwin" else "renameat2"
    function = getattr(library, name, None)
    if function is None:
        return None
    if sys.platform == "darwin":
        return lambda first, second: int(function(first, second, ctypes.c_uint(_EXCHANGE)))
    return lambda first, second: int(function(_AT_FDCWD, first, _AT_FDCWD, second, ctypes.c_uint(_EXCHANGE)))
