"""Keep results out of the data root's resources: an output folder may not be, hold or lie in one of their folders."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from splicecore.errors import OutputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["check_output_folder"]


def check_output_folder(
    output: str | os.PathLike[str],
    data_root_folders: Iterable[str | os.PathLike[str]],
    *,
    data_root: str | os.PathLike[str] | None = None,
) -> None:
    """Refuse an output folder that would mix results with resources.

    Links are followed, and folders that exist are compared by what they are rather than by their names.

    Parameters
    ----------
    output
        The folder that the user chose; it need not exist.
    data_root_folders
        Folders that hold resources, as :meth:`~splicecore.resources.registry.Registry.folders` lists them.
    data_root
        The data root itself, which the output folder may neither be nor hold; None to leave it out.

    Raises
    ------
    OutputError
        If the output folder is one of these folders, lies in it or holds it; the message names both.
    """
    chosen = Path(output)
    above_output = _lineage(chosen)
    for folder in map(Path, data_root_folders):
        if _is_one_of(folder, above_output):
            place = "is" if _is_one_of(chosen, _lineage(folder)) else "lies in"
            raise _refused(chosen, place, folder, "a folder of resources, which are read-only")
        if _is_one_of(chosen, _lineage(folder)):
            raise _refused(chosen, "holds", folder, "a folder of resources, which are read-only")
    if data_root is not None and _is_one_of(chosen, _lineage(Path(data_root))):
        place = "is" if _is_one_of(Path(data_root), above_output) else "holds"
        raise _refused(chosen, place, Path(data_root), "the data root")


def _lineage(path: Path) -> set[object]:
    """Identities of a folder and of all folders above it: resolved paths and, where they exist, device and inode."""
    resolved = path.resolve()
    return {identity for folder in (resolved, *resolved.parents) for identity in _identities(folder)}


def _is_one_of(path: Path, lineage: set[object]) -> bool:
    return not lineage.isdisjoint(_identities(path.resolve()))


def _identities(resolved: Path) -> list[object]:
    found: list[object] = [resolved]
    with contextlib.suppress(OSError):
        status = resolved.stat()
        found.append((status.st_dev, status.st_ino))
    return found


def _refused(chosen: Path, place: str, folder: Path, what: str) -> OutputError:
    named = f"{chosen}" if str(chosen) == str(chosen.resolve()) else f"{chosen} ({chosen.resolve()})"
    return OutputError(f"output folder {named} {place} {folder}, {what}", hint="choose a folder of its own")
