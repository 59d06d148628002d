"""The plotting library that is put into a report: BokehJS, from the Python package that brings it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from splicecore.errors import MissingDependencyError

__all__ = ["bokeh_script", "has_bokeh", "require_bokeh"]

_FILES = ("bokeh.min.js", "bokeh-api.min.js")


def has_bokeh() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("bokeh") is not None


def require_bokeh() -> None:
    """Check that reports can be made.

    Raises
    ------
    MissingDependencyError
        If they cannot; the hint says what to install.
    """
    if not has_bokeh():
        raise MissingDependencyError(
            "a report needs the package bokeh, which is not installed", hint='pip install "splicecore[report]"'
        )


def bokeh_script() -> str:
    """Read the library's script, which fetches nothing; the package itself is not imported.

    Raises
    ------
    MissingDependencyError
        If the package is not installed or lacks the script.
    """
    require_bokeh()
    spec = importlib.util.find_spec("bokeh")
    origin = None if spec is None else spec.origin
    folder = Path(origin or "").parent / "server" / "static" / "js"
    try:
        parts = [(folder / name).read_text(encoding="utf-8") for name in _FILES]
    except OSError as error:
        raise MissingDependencyError(
            f"the installed package bokeh has no {error.filename}", hint='pip install --upgrade "splicecore[report]"'
        ) from error
    return "\n".join(parts).replace("</script", "<\\/script")
