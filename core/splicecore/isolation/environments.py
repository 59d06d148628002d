"""Which base model runs in which interpreter: what the user says about it, and where that interpreter is."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Isolation", "interpreters", "isolation_of"]

_NAMED = re.compile(r"([a-z][a-z0-9._-]*)=(.+)")
_PYTHONS = ("bin/python", "bin/python3", "python.exe", "Scripts/python.exe")


@attrs.frozen(kw_only=True)
class Isolation:
    """Where a base model runs, and how long one call of it may take.

    Attributes
    ----------
    interpreter
        Path of the Python interpreter, or None for this one.
    timeout
        Seconds that a call may take, or None for what goes by its number of bases.
    """

    interpreter: str | None = None
    timeout: float | None = None


def interpreters(items: Sequence[str], base_models: Sequence[str]) -> dict[str, str]:
    """Read ``--base-model-env``.

    Parameters
    ----------
    items
        ``PATH``, which is for every base model that has none of its own, or ``NAME=PATH`` for one.
    base_models
        Names of the base models.

    Returns
    -------
    Interpreter by base model, as it was written; without an entry for those that run in this process.

    Raises
    ------
    ConfigError
        If an item names another model, or there are two for one.
    """
    named: dict[str, str] = {}
    shared: list[str] = []
    for item in items:
        match = _NAMED.fullmatch(item)
        if match is None:
            shared.append(item)
            continue
        if match[1] not in base_models:
            raise ConfigError(
                f"--base-model-env {item!r} is for {match[1]}, which is no base model of this command",
                hint=f"base models: {', '.join(base_models)}",
            )
        if match[1] in named:
            raise ConfigError(f"--base-model-env is given twice for {match[1]}")
        named[match[1]] = match[2]
    if len(shared) > 1:
        raise ConfigError(
            f"--base-model-env is given twice without a name: {', '.join(shared)}",
            hint="NAME=PATH says whose interpreter it is",
        )
    return {name: shared[0] for name in base_models if shared} | named


def isolation_of(name: str, items: Sequence[str], settings: Mapping[str, Any]) -> tuple[Isolation, dict[str, Any]]:
    """Tell where a base model runs.

    Parameters
    ----------
    name
        Its name.
    items
        What ``--base-model-env`` says; it comes before the settings.
    settings
        Table ``[models.NAME]``: ``base_model_env`` (a path) and ``base_model_timeout`` (seconds) are read here.

    Returns
    -------
    Where it runs, and the settings that are left for the model itself.

    Raises
    ------
    ConfigError
        If the interpreter is not there, or a setting makes no sense.
    """
    own = dict(settings)
    where = f"[models.{name}]"
    listed, timeout = own.pop("base_model_env", None), own.pop("base_model_timeout", None)
    if listed is not None and not isinstance(listed, str):
        raise ConfigError(f"{where} base_model_env is {listed!r}; it must be the path of a Python interpreter")
    if timeout is not None and (type(timeout) not in (int, float) or not timeout > 0):
        raise ConfigError(f"{where} base_model_timeout is {timeout!r}; it must be seconds, more than 0")
    path = interpreters(items, (name,)).get(name, listed)
    isolation = Isolation(
        interpreter=None if path is None else _python(path), timeout=None if timeout is None else float(timeout)
    )
    return isolation, own


def _python(text: str) -> str:
    """Absolute path of an interpreter; links are kept, because an environment is known by that of its interpreter."""
    path = Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 - resolve() would follow links
    if path.is_dir():
        inside = [path / name for name in _PYTHONS if (path / name).is_file()]
        if not inside:
            raise ConfigError(
                f"--base-model-env {text} is a folder without a Python interpreter",
                hint="name the file: ENV/bin/python",
            )
        return str(inside[0])
    if path.is_file():
        if not os.access(path, os.X_OK):
            raise ConfigError(f"--base-model-env {text} cannot be executed", hint="name the file: ENV/bin/python")
        return str(path)
    found = shutil.which(text) if os.sep not in text else None
    if found is None:
        raise ConfigError(f"--base-model-env {text}: there is no such interpreter", hint="for example ENV/bin/python")
    return os.path.abspath(found)  # noqa: PTH100
