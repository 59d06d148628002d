"""Logging of a command: what matters on stderr, everything in ``run.log``."""

from __future__ import annotations

import contextlib
import logging
import sys
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING

import splicecore
from splicecore.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["CommandLog", "command_log"]

_LEVELS = {0: logging.WARNING, 1: logging.INFO}


class CommandLog:
    """Where a command's log goes; what was logged before the file was known goes into it too."""

    def __init__(self) -> None:
        self._held = MemoryHandler(capacity=1_000_000, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
        self._file: logging.FileHandler | None = None

    @property
    def handler(self) -> logging.Handler:
        """What loggers are given."""
        return self._held

    def write_to(self, path: Path, *, level: int) -> None:
        """Append to a file from now on.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        try:
            self._file = logging.FileHandler(path, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot write {path}: {error.strerror}", hint="choose a folder that you may write to"
            ) from error
        self._file.setLevel(level)
        self._file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._held.setTarget(_AtLevel(self._file))
        self._held.flush()
        self._held.capacity = 1

    def failed(self, error: BaseException) -> None:
        """Note what the command ended with."""
        if self._file is not None:
            record = {"name": "splicecore", "levelname": "ERROR", "levelno": 40, "msg": str(error)}
            self._file.handle(logging.makeLogRecord(record))

    def close(self) -> None:
        """Close the file."""
        self._held.close()
        if self._file is not None:
            self._file.close()


class _AtLevel(logging.Handler):
    """Hands on what is at the level of another handler."""

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._target.level:
            self._target.handle(record)


@contextlib.contextmanager
def command_log(
    path: Path | None, *, quiet: bool, verbose: int, problems: Callable[[], Iterable[str]] = tuple
) -> Iterator[Callable[[Path], None]]:
    """Log to stderr at the level that the user chose, and to ``path`` (appended) from INFO on, while a command runs.

    Parameters
    ----------
    path
        The log file, or None.
    quiet, verbose
        As the user asked: errors alone; how much more than warnings.
    problems
        Tells what to warn of first: a session's ``host.problems``.

    Yields
    ------
    A function that names the file, for a command that learns it only while it runs (``path`` is None then).

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    root = logging.getLogger() if verbose >= 3 else logging.getLogger("splicecore")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.ERROR if quiet else _LEVELS.get(verbose, logging.DEBUG))
    terminal.setFormatter(logging.Formatter("splicecore: %(levelname)s: %(message)s"))
    log = CommandLog()
    level = logging.DEBUG if verbose >= 2 else logging.INFO
    if path is not None:
        log.write_to(path, level=level)
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(terminal)
    root.addHandler(log.handler)
    try:
        logging.getLogger("splicecore").info("splicecore %s: %s", splicecore.__version__, " ".join(sys.argv[1:]))
        for problem in problems():
            logging.getLogger("splicecore").warning("%s", problem)
        yield lambda named: log.write_to(named, level=level)
    except KeyboardInterrupt:
        logging.getLogger("splicecore").info("interrupted")
        raise
    except Exception as error:
        logging.getLogger("splicecore").debug("failed: %s", error)
        log.failed(error)
        raise
    finally:
        root.setLevel(before)
        for handler in (terminal, log.handler):
            root.removeHandler(handler)
        terminal.close()
        log.close()
