"""What the commands that change a finished dataset have in common: where the result goes, and what is recorded."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.rewriting import OWN_NAMES
from splicecore.dataset.staging import Staging, recover_folder, staged_folder
from splicecore.errors import ConfigError, OutputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["Changes", "changing", "check_target", "dataset_folder", "rewritten_key"]

_MANIFEST = "dataset.json"


@attrs.define(eq=False)
class Changes:
    """A dataset that is being changed.

    Attributes
    ----------
    dataset
        As it is.
    target
        Where the result will be.
    inplace
        Whether that is where the dataset is.
    """

    dataset: Dataset
    target: Path
    inplace: bool
    _staging: Staging

    @property
    def folder(self) -> Path:
        """Empty folder for the result."""
        return self._staging.path

    def with_entry(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        """Return the further entries of the manifest with one added."""
        return {**self.dataset.manifest.extra, name: entry}

    def nothing_to_do(self) -> None:
        """Leave everything as it was."""
        self._staging.discard = True


@contextlib.contextmanager
def changing(
    folder: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None,
    *,
    inplace: bool,
    overwrite: bool,
    suffix: str,
) -> Iterator[Changes]:
    """Open a dataset to write it anew; the result appears at once, and complete, when the block ends without an error.

    Parameters
    ----------
    folder
        The dataset, or its ``master``.
    dst
        Folder of the result; None for the dataset's with ``suffix`` at the end.
    inplace
        Let the result take the dataset's place.
    overwrite
        Replace a dataset in ``dst``.

    Raises
    ------
    ConfigError
        If ``dst`` is the dataset itself, or given with ``inplace``.
    ResourceNotFoundError, ChecksumError
        If there is no finished dataset, or its manifest is damaged.
    OutputError
        If the result cannot be written there.
    """
    source = dataset_folder(folder)
    if inplace and dst is not None:
        raise ConfigError("both a folder for the result and a change in place are asked for", hint="choose one")
    target = source if inplace else Path(dst) if dst is not None else source.with_name(source.name + suffix)
    if not inplace:
        check_target(target, [source], overwrite=overwrite)
    with staged_folder(target, own=OWN_NAMES if inplace else None) as staging:
        yield Changes(Dataset.open(source), target, inplace, staging)


def dataset_folder(folder: str | os.PathLike[str]) -> Path:
    """Folder of a dataset that is named by itself or by its ``master``."""
    path = Path(folder)
    absolute = recover_folder(path)
    if absolute.name == "master" and not (absolute / _MANIFEST).exists() and (absolute.parent / _MANIFEST).exists():
        return absolute.parent
    return path if path.name else absolute


def check_target(target: Path, sources: list[Path], *, overwrite: bool) -> None:
    """Check that a dataset may be written into a folder.

    Raises
    ------
    ConfigError
        If it is the folder of a dataset that is read, or has one in it.
    OutputError
        If it has other content, or a dataset that is not to be replaced.
    """
    place = target.resolve()
    for source in sources:
        if place == source.resolve() or place in source.resolve().parents:
            raise ConfigError(f"{target} is where the dataset {source} is", hint="choose another folder, or --inplace")
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not (place / _MANIFEST).is_file():
        raise OutputError(f"{target} exists and holds no dataset", hint="choose another folder")
    if not overwrite:
        raise OutputError(f"{target} holds a dataset already", hint="choose another folder, or --overwrite")


def rewritten_key(step: str, key: str, of: Any) -> str:
    """Key of a batch that a step has changed.

    Parameters
    ----------
    step
        Name and version of the step.
    key
        Of the batch before.
    of
        What else decided the result, JSON-able.
    """
    return digest([step, key, of])
