"""The files of a saved model: ``model.json`` says what it is, one more file holds its numbers. Never a pickle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.api import (
    ChecksumError,
    OutputError,
    PluginError,
    ResourceNotFoundError,
    atomic_path,
    read_json,
    write_json,
)

if TYPE_CHECKING:
    import os

    from splicecore_xgb_meta.config import Config

__all__ = ["SCHEMA", "read_model", "write_model"]

SCHEMA = "splicecore-xgb-meta/1"

_PICKLES = (".pkl", ".pickle", ".joblib")
_RESTORE = "restore the folder, or train the model again"


def write_model(
    directory: str | os.PathLike[str], *, kind: str, name: str, content: bytes, facts: dict[str, Any], config: Config
) -> None:
    """Write a model's two files; the same model gives the same bytes.

    Parameters
    ----------
    directory
        Folder that exists.
    kind
        Name of the meta-model.
    name, content
        Of the file with the numbers.
    facts
        JSON-able entries of ``model.json``: ``features`` (their number), ``library``, ``training``.
    config
        Hyper-parameters.
    """
    from splicecore_xgb_meta.config import recorded

    folder = Path(directory)
    with atomic_path(folder / name) as temporary:
        temporary.write_bytes(content)
    described = {"name": name, "sha256": hashlib.sha256(content).hexdigest()}
    write_json(
        folder / "model.json", {**facts, "schema": SCHEMA, "kind": kind, "config": recorded(config), "file": described}
    )


def read_model(directory: str | os.PathLike[str], *, kind: str, name: str) -> tuple[dict[str, Any], bytes]:
    """Read what :func:`write_model` wrote.

    Returns
    -------
    Content of ``model.json`` and of the file with the numbers.

    Raises
    ------
    ResourceNotFoundError
        If the folder holds no model.
    PluginError
        If it holds a pickle, a model of another kind or one of another version.
    ChecksumError
        If a file is missing, truncated or changed.
    """
    folder = Path(directory)
    facts = _description(folder)
    if facts.get("schema") != SCHEMA:
        raise PluginError(
            f"{folder / 'model.json'} is of schema {facts.get('schema')!r}, not {SCHEMA!r}",
            hint="use the version of splicecore-xgb-meta that wrote it",
        )
    if facts.get("kind") != kind:
        raise PluginError(
            f"{folder} holds a model of kind {facts.get('kind')!r}, not {kind!r}",
            hint=f"open it as {facts.get('kind')!r}",
        )
    path = folder / name
    if not path.is_file():
        raise ChecksumError(f"{path} is missing", hint=_RESTORE)
    content = path.read_bytes()
    if content[:1] == b"\x80":  # every pickle since protocol 2, and no file that is written here
        raise _pickle_error(path)
    described = facts.get("file")
    if not isinstance(described, dict) or described.get("sha256") != hashlib.sha256(content).hexdigest():
        raise ChecksumError(f"{path} is truncated or changed: it is not what model.json says", hint=_RESTORE)
    if not isinstance(facts.get("features"), int):
        raise ChecksumError(f"{folder / 'model.json'} does not give the number of features", hint=_RESTORE)
    return facts, content


def _description(folder: Path) -> dict[str, Any]:
    path = folder / "model.json"
    if not path.is_file():
        pickles = sorted(file for file in folder.glob("*") if file.suffix in _PICKLES)
        if pickles:
            raise _pickle_error(pickles[0])
        raise ResourceNotFoundError(f"{folder} holds no model: it has no model.json", hint="name a model's folder")
    if path.read_bytes()[:1] == b"\x80":
        raise _pickle_error(path)
    try:
        facts = read_json(path)
    except OutputError as error:
        raise ChecksumError(f"{path} is damaged: {error.message}", hint=_RESTORE) from error
    if not isinstance(facts, dict):
        raise ChecksumError(f"{path} is damaged: it is no JSON object", hint=_RESTORE)
    return facts


def _pickle_error(path: Path) -> PluginError:
    return PluginError(
        f"{path} is a pickle, which could run any code when it is read", hint="train the model again with splicecore"
    )
