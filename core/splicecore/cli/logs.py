"""Logging of a command: what matters on stderr, everything in ``run.log``."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING

import splicecore
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["command_log"]

_LEVELS = {0: logging.WARNING, 1: logging.INFO}


@contextlib.contextmanager
def command_log(path: Path, *, quiet: bool, verbose: int) -> Iterator[None]:
    """Log to stderr at the level that the user chose, and to ``path`` (appended) from INFO on, while a command runs.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    root = logging.getLogger() if verbose >= 3 else logging.getLogger("splicecore")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.ERROR if quiet else _LEVELS.get(verbose, logging.DEBUG))
    terminal.setFormatter(logging.Formatter("splicecore: %(levelname)s: %(message)s"))
    try:
        file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}", hint="choose a folder that you may write to"
        ) from error
    file.setLevel(logging.DEBUG if verbose >= 2 else logging.INFO)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(terminal)
    root.addHandler(file)
    try:
        logging.getLogger("splicecore").info("splicecore %s: %s", splicecore.__version__, " ".join(sys.argv[1:]))
        yield
    except KeyboardInterrupt:
        logging.getLogger("splicecore").info("interrupted")
        raise
    except Exception as error:
        logging.getLogger("splicecore").debug("failed: %s", error)
        file.handle(
            logging.makeLogRecord({"name": "splicecore", "levelname": "ERROR", "levelno": 40, "msg": str(error)})
        )
        raise
    finally:
        root.setLevel(before)
        for handler in (terminal, file):
            root.removeHandler(handler)
            handler.close()
