"""Copying a finished test into a new production version, whole or not at all."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from splicecore.artifacts.pass_validation import UNHASHED
from splicecore.artifacts.store import file_sha256, make_folder, sync, write_json
from splicecore.errors import ChecksumError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.artifacts.pass_record import PassRecord

__all__ = ["STAGING", "TRASH", "copy_pass", "move_away", "sweep"]

STAGING = ".staging-"
"""Begins the name of a folder that is not whole yet."""

TRASH = ".trash-"
"""Begins the name of a folder that is being removed."""


def copy_pass(record: PassRecord, target: Path) -> None:
    """Copy a finished pass; ``target`` appears when everything in it is on the disk and has the right content.

    Parameters
    ----------
    record
        The pass, which nobody may be writing into.
    target
        Folder to make; it must not exist.

    Raises
    ------
    ChecksumError
        If a file is missing or has other content than the manifest says; nothing is left behind.
    OutputError
        If the file system refuses.
    """
    staging = target.with_name(f"{STAGING}{target.name}")
    try:
        make_folder(staging)
        for name, expected in sorted(record.files.items()):
            _copy_file(record.folder / name, staging / name)
            if file_sha256(staging / name) != expected:
                raise ChecksumError(
                    f"{record.folder / name} has other content than its manifest says",
                    hint="make the test again before it is promoted",
                )
        for name in sorted(UNHASHED - {"manifest.json"}):
            if (record.folder / name).is_file():
                _copy_file(record.folder / name, staging / name)
        write_json(staging / "manifest.json", {**record.manifest, "promoted_from": record.name})
        staging.rename(target)
        sync(target.parent)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot copy {record.folder} to {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _copy_file(source: Path, target: Path) -> None:
    if not source.is_file():
        raise ChecksumError(f"{source} is missing, which its manifest lists", hint="make the test again")
    make_folder(target.parent)
    shutil.copyfile(source, target)
    sync(target)


def move_away(folder: Path) -> None:
    """Remove a folder: it disappears at one stroke, its files after that.

    Raises
    ------
    OutputError
        If the file system refuses.
    """
    trash = folder.with_name(f"{TRASH}{folder.name}")
    try:
        if trash.exists():
            shutil.rmtree(trash)
        folder.rename(trash)
        shutil.rmtree(trash)
    except OSError as error:
        raise OutputError(f"cannot remove {folder}: {error.strerror or error}") from error


def sweep(folder: Path) -> None:
    """Remove what a killed process left of copies and removals; only for who holds the lock."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith((STAGING, TRASH)) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
