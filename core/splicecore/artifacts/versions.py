"""Versions of a folder's content: ``v<N>_<YYYYMMDD>`` beside a link ``latest``."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from typing import TYPE_CHECKING, Self

import attrs

from splicecore.artifacts.store import make_folder, read_json, write_json
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["LATEST", "VersionName", "point_latest", "read_latest"]

logger = logging.getLogger(__name__)

LATEST = "latest"
_VERSION = re.compile(r"v([1-9][0-9]*)_([0-9]{8})")


@attrs.frozen(order=True)
class VersionName:
    """Name of a version.

    Attributes
    ----------
    number
        Counts from 1.
    date
        The day that it was begun on, ``YYYYMMDD``.
    """

    number: int
    date: str

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the version of that name, or None if it is none."""
        match = _VERSION.fullmatch(name)
        return None if match is None else cls(int(match[1]), match[2])

    @classmethod
    def after(cls, numbers: list[int], today: datetime) -> Self:
        """Return the version that follows those with these numbers."""
        return cls(max(numbers, default=0) + 1, f"{today:%Y%m%d}")

    def __str__(self) -> str:
        return f"v{self.number}_{self.date}"


def read_latest(folder: Path) -> str | None:
    """Name that ``latest`` in a folder stands for: a link, else ``latest.json``; None where there is neither."""
    link, file = folder / LATEST, folder / f"{LATEST}.json"
    if link.is_symlink():
        return str(link.readlink())
    if not file.exists():
        return None
    value = read_json(file)
    if not isinstance(value, dict) or not isinstance(value.get("version"), str):
        raise OutputError(f"{file} does not name a version", hint="remove the file")
    return str(value["version"])


def point_latest(folder: Path, name: str | None) -> None:
    """Make ``latest`` in a folder stand for a name, at one stroke; None takes it away.

    It is a relative link, or ``latest.json`` where the file system has no links.

    Raises
    ------
    OutputError
        If neither can be written, or ``latest`` is a file or folder.
    """
    link, file = make_folder(folder) / LATEST, folder / f"{LATEST}.json"
    if link.exists() and not link.is_symlink():
        raise OutputError(f"{link} is no link", hint="move it out of the way")
    temporary = folder / f".{LATEST}.{os.getpid()}.tmp"
    try:
        if name is None:
            link.unlink(missing_ok=True)
            file.unlink(missing_ok=True)
            return
        temporary.unlink(missing_ok=True)
        try:
            temporary.symlink_to(name, target_is_directory=True)
        except (OSError, NotImplementedError) as error:
            logger.debug("no link in %s: %s", folder, error)
            write_json(file, {"version": name})
            link.unlink(missing_ok=True)
            return
        temporary.replace(link)
        file.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write {link}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
