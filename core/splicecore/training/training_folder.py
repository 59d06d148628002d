"""The folder that a training writes: whose it is, what of it is finished, and putting the model in its place."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import digest, json_differences, make_folder, read_json, write_json
from splicecore.errors import ChecksumError, OutputError, SplicecoreError
from splicecore.training.fold_training import IMPORTANCE, PRUNING
from splicecore.training.model_directory import (
    CALIBRATION,
    CONTRACT,
    MODEL,
    OPERATING_POINTS,
    TRAINING,
    WEIGHTS,
    ModelDirectory,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["begin", "fold_is_done", "is_finished", "place_model", "refuse_foreign"]

_OWN = {".lock", "run.log", TRAINING, "folds", "final", "ablation"}
_SHOWN = 6


def fold_is_done(folder: Path, key: str) -> bool:
    """Whether a fold of this key is there and whole."""
    try:
        directory = ModelDirectory.open(folder)
    except SplicecoreError:
        return False
    return directory.manifest.get("key") == key and not directory.verify()


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that has files of others."""
    if not folder.exists() or (folder / TRAINING).exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file", hint="choose another --out-dir")
    others = sorted(path.name for path in folder.iterdir() if path.name not in _OWN and not path.name.endswith(".tmp"))
    if others:
        raise OutputError(f"{folder} holds {others[0]}, but no meta-model", hint="choose another --out-dir")


def is_finished(folder: Path, identity: dict[str, Any], *, overwrite: bool) -> bool:
    """Whether this very training is there, finished and whole.

    Another one is discarded if that is allowed, or if it never finished a fold.
    """
    if not (folder / TRAINING).exists():
        return False
    try:
        found = read_json(folder / TRAINING)["identity"]
    except (OutputError, KeyError, TypeError) as error:
        if not overwrite:
            raise ChecksumError(
                f"{folder / TRAINING} is damaged: {error}", hint="--overwrite to train again"
            ) from error
        found = None
    if found is None or digest(found) != digest(identity):
        if not overwrite and any((folder / "folds").glob("*/manifest.json")):
            pairs = list(json_differences(found, json.loads(json.dumps(identity))))
            shown = "; ".join(f"{name} was {was}, is {now}" for name, was, now in pairs[:_SHOWN])
            raise OutputError(
                f"{folder} holds a meta-model of other settings: {shown}",
                hint="choose another --out-dir, or --overwrite to replace it",
            )
        _discard(folder)
        return False
    try:
        directory = ModelDirectory.open(folder)
    except SplicecoreError:
        return False
    return directory.manifest.get("key") == digest(identity) and not directory.verify()


def _discard(folder: Path) -> None:
    try:
        for path in folder.iterdir():
            if path.name in (".lock", "run.log"):
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        raise OutputError(f"cannot clear {folder}: {error.strerror or error}") from error


def begin(folder: Path, identity: dict[str, Any]) -> None:
    """Claim the folder; a manifest of before is no longer true."""
    (folder / "manifest.json").unlink(missing_ok=True)
    write_json(folder / TRAINING, {"complete": False, "identity": identity})
    make_folder(folder / "folds")


def place_model(source: Path, folder: Path) -> None:
    """Copy a fold's model to where the trained model is."""
    try:
        shutil.rmtree(folder / WEIGHTS, ignore_errors=True)
        shutil.copytree(source / WEIGHTS, folder / WEIGHTS)
        for name in (MODEL, CONTRACT, CALIBRATION, OPERATING_POINTS, PRUNING, IMPORTANCE):
            shutil.copyfile(source / name, folder / name)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror or error}") from error
