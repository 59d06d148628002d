"""scikit-learn models as skops files: the same model gives the same bytes, and only known types are read."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import skops.io
from splicecore.api import ChecksumError, PluginError

__all__ = ["TRUSTED", "dump", "restore"]

TRUSTED: tuple[str, ...] = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""Types that skops does not trust by itself and that models of this package have."""

_INDEX = "schema.json"


def dump(model: dict[str, Any]) -> bytes:
    """Return the skops file of a mapping; without times and memory addresses, which skops would put into it."""
    members: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(model))) as source:
        index = json.loads(source.read(_INDEX))
        names: dict[str, str] = {}
        _rename(index, names, [0])
        for old, new in names.items():
            members[new] = source.read(old)
    members[_INDEX] = json.dumps(index, sort_keys=False, separators=(",", ":")).encode()
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, content)
    return written.getvalue()


def _rename(node: Any, names: dict[str, str], count: list[int]) -> None:
    """Give the objects and files of an index numbers, by where they first appear in it."""
    if isinstance(node, dict):
        if "__id__" in node:
            count[0] += 1
            node["__id__"] = count[0]
        if "__loader__" in node and isinstance(node.get("file"), str):
            old = node["file"]
            node["file"] = names.setdefault(old, f"{len(names)}.{old.rpartition('.')[2]}")
        for value in node.values():
            _rename(value, names, count)
    elif isinstance(node, list):
        for value in node:
            _rename(value, names, count)


def restore(content: bytes, where: str) -> dict[str, Any]:
    """Read what :func:`dump` returned.

    Raises
    ------
    PluginError
        If the file has types that no model of this package has.
    ChecksumError
        If it is damaged.
    """
    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise ChecksumError(f"{where} holds no skops file: {error}", hint="train the model again") from error
    if foreign:
        raise PluginError(
            f"the model in {where} has types that are not trusted: {', '.join(foreign)}",
            hint="train the model again with splicecore",
        )
    try:
        model = skops.io.loads(content, trusted=list(TRUSTED))
    except Exception as error:
        raise ChecksumError(f"{where}: {error}", hint="train the model again with this scikit-learn") from error
    if not isinstance(model, dict):
        raise ChecksumError(f"{where} holds a {type(model).__name__}, not a mapping", hint="train the model again")
    return model
