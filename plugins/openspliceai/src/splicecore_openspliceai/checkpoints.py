"""Folders of OpenSpliceAI checkpoints: how they are laid out and named. Opens no file.

A checkpoint folder holds one ensemble: the ``.pt`` or ``.pth`` files of networks of one species and context, one a
seed. The published releases keep them as ``openspliceai-mane/10000nt/model_10000nt_rs10.pt`` (or
``OSAI-MANE/10000nt/…``); any folder of one's own will do, whatever its files are called.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from splicecore.api import ConfigError, ResourceError, ResourceNotFoundError

from splicecore_openspliceai.config import DEFAULT_CONTEXT, DEFAULT_SPECIES, species_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore_openspliceai.config import OpenSpliceAIConfig

__all__ = [
    "PATTERN",
    "REMEDY",
    "CheckpointFolder",
    "checkpoint_folder",
    "choose_checkpoints",
    "find_checkpoints",
    "named_context",
]

PATTERN = "*.pt|*.pth|*nt/*.pt|*nt/*.pth|*/*nt/*.pt|*/*nt/*.pth"
"""What a weights folder holds: checkpoints, or folders of them, ``<context>nt`` or ``<species>/<context>nt``."""

REMEDY = (
    "name a folder of .pt files, or one with <species>/<context>nt folders in it, with --models-dir; "
    "the published ones are in the OpenSpliceAI project"
)

_CONTEXT = re.compile(r"(?:^|[-_.])(\d+)nt(?=$|[-_.])", re.IGNORECASE)
_RELEASE = re.compile(r"_?(?:openspliceai|osai|spliceai)[-_](.+)", re.IGNORECASE)
_SUFFIXES = {".pt", ".pth"}


@attrs.frozen
class CheckpointFolder:
    """One ensemble on disk.

    Attributes
    ----------
    path
        The folder, or the file itself if one file was named.
    files
        Checkpoints in natural order of their names (``rs9`` before ``rs10``).
    context
        Bases of context that the folder's name says; None if it says nothing.
    species
        Species that the folder's name, or that of the folder above it, says; None if they say nothing.
    """

    path: Path
    files: tuple[Path, ...]
    context: int | None = None
    species: str | None = None

    @property
    def title(self) -> str:
        """What to call it in a message."""
        named = [self.species or "", f"{self.context}nt" if self.context else ""]
        return "/".join(name for name in named if name) or str(self.path)

    def select(self, members: Iterable[int | str] | None) -> tuple[Path, ...]:
        """Return the files of some members, in the order of ``files``; of all for None.

        Raises
        ------
        ConfigError
            If a member is no file, or several.
        """
        if members is None:
            return self.files
        chosen = set()
        for member in members:
            found = [file for file in self.files if _is_member(file, member)]
            if len(found) != 1:
                count = f"{len(found)} files" if found else "no file"
                raise ConfigError(
                    f"openspliceai: member {member!r} is {count} of {self.path}",
                    hint=f"it has {', '.join(file.name for file in self.files)}",
                )
            chosen.add(found[0])
        return tuple(file for file in self.files if file in chosen)


def named_context(name: str) -> int | None:
    """Read the context from the name of a file or folder: 10000 from ``model_10000nt_rs10``; None if it says none."""
    found = _CONTEXT.search(name)
    return int(found[1]) if found else None


def checkpoint_folder(path: Path) -> CheckpointFolder | None:
    """Look at one folder, or at one file; None if it holds no checkpoint itself.

    Raises
    ------
    ResourceError
        If it cannot be read.
    """
    try:
        files = [path] if path.is_file() else [file for file in path.iterdir() if _is_checkpoint(file)]
    except OSError as error:
        raise ResourceError(f"openspliceai: {path} cannot be read: {error.strerror}", hint=REMEDY) from error
    if not files:
        return None
    folder = path.parent if path.is_file() else path
    ordered = tuple(sorted(files, key=lambda file: natural_key(file.name)))
    return CheckpointFolder(path, ordered, named_context(folder.name), _named_species(folder.absolute()))


def find_checkpoints(root: Path) -> tuple[CheckpointFolder, ...]:
    """Find every checkpoint folder of a weights folder.

    Parameters
    ----------
    root
        A checkpoint folder, a file, or a folder with ``<context>nt`` or ``<species>/<context>nt`` folders in it.

    Returns
    -------
    In natural order of their paths; only ``root`` itself if it holds checkpoints.

    Raises
    ------
    ResourceError
        If a folder cannot be read.
    """
    own = checkpoint_folder(root)
    if own is not None:
        return (own,)
    below = sorted({*root.glob("*nt"), *root.glob("*/*nt")}, key=lambda path: natural_key(str(path)))
    found = (checkpoint_folder(path) for path in below if path.is_dir() and named_context(path.name) is not None)
    return tuple(_labelled(folder, root) for folder in found if folder is not None)


def choose_checkpoints(root: Path, config: OpenSpliceAIConfig) -> CheckpointFolder:
    """Choose the checkpoint folder that the settings mean.

    Raises
    ------
    ResourceNotFoundError
        If there is none of that species and context; the message lists what there is.
    ResourceError
        If it is not clear which one is meant.
    """
    found = find_checkpoints(root)
    if not found:
        raise ResourceNotFoundError(f"openspliceai: {root} holds no .pt or .pth file", hint=REMEDY)
    there = ", ".join(folder.title for folder in found)
    chosen = _narrow(found, "species", config.species, DEFAULT_SPECIES)
    chosen = _narrow(chosen, "context", config.context, DEFAULT_CONTEXT)
    if not chosen:
        wanted = [config.species or "", f"{config.context} nt" if config.context else ""]
        raise ResourceNotFoundError(
            f"openspliceai: no weights of {', '.join(text for text in wanted if text)} in {root}, which has {there}",
            hint="set species and context to one of these, or name another folder with --models-dir",
        )
    if len(chosen) > 1:
        raise ResourceError(
            f"openspliceai: which weights of {root}? It has {', '.join(str(folder.path) for folder in chosen)}",
            hint="set species and context, or name one of these folders with --models-dir",
        )
    return chosen[0]


def _narrow(
    folders: tuple[CheckpointFolder, ...], name: str, wanted: object, default: object
) -> tuple[CheckpointFolder, ...]:
    """Keep what is wanted (or says nothing about it); with no wish the default, if it is there."""
    if wanted is not None:
        return tuple(folder for folder in folders if getattr(folder, name) in {wanted, None})
    return tuple(folder for folder in folders if getattr(folder, name) == default) or folders


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which numbers in names count as numbers."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _labelled(folder: CheckpointFolder, root: Path) -> CheckpointFolder:
    """Below a root, a species' folder need not be named like a release."""
    if folder.species is not None or folder.path.parent == root:
        return folder
    return attrs.evolve(folder, species=species_name(folder.path.parent.name))


def _named_species(folder: Path) -> str | None:
    for name in (_CONTEXT.sub("", folder.name), folder.parent.name):
        release = _RELEASE.fullmatch(name)
        if release:
            return species_name(release[1])
    return None


def _is_checkpoint(file: Path) -> bool:
    return file.suffix.lower() in _SUFFIXES and not file.name.startswith(".") and file.is_file()


def _is_member(file: Path, member: int | str) -> bool:
    if isinstance(member, str):
        return member in {file.name, file.stem}
    numbers = re.findall(r"\d+", file.stem)
    return bool(numbers) and int(numbers[-1]) == member
