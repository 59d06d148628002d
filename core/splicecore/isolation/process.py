"""The process of a worker: started, written to and read from with a limit of time, and never left behind."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import select
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from splicecore.errors import PluginError
from splicecore.isolation.protocol import HEADER, LOG_MARK, MAGIC, ProtocolError, decode, encode, frame_length

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

    import numpy.typing as npt

__all__ = ["WorkerProcess"]

logger = logging.getLogger(__name__)

_Answer = tuple[dict[str, Any], "list[npt.NDArray[Any]]"]

_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")
"""Variables that would make this environment's packages those of the other one."""

_KEPT_LINES = 40
_SHOWN_LINES = 6
_LONGEST_LINE = 1 << 16
_CLOSING = 10.0
_CHUNK = 1 << 20


class WorkerProcess:
    """A worker in another interpreter.

    Parameters
    ----------
    command
        What to start.
    title
        What it is, for messages.

    Raises
    ------
    PluginError
        If it cannot be started.
    """

    def __init__(self, command: Sequence[str], title: str) -> None:
        self.title = title
        self._lock = threading.Lock()
        self._ended: str | None = None
        self._owner = os.getpid()
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a session of its own: Ctrl-C is for the parent
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise PluginError(
                f"{title} cannot be started: {error.strerror}", hint="--base-model-env takes a Python interpreter"
            ) from error
        self._finalizer = weakref.finalize(self, _kill, self._process, os.getpid())
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        self._log = threading.Thread(
            target=_drain, args=(io.BufferedReader(self._process.stderr), self._lines, title), daemon=True
        )
        self._log.start()

    @property
    def pid(self) -> int:
        """Of the process, which is also its group's."""
        return self._process.pid

    @property
    def last_lines(self) -> list[str]:
        """What it wrote to stderr last."""
        return list(self._lines)[-_SHOWN_LINES:]

    def hello(self, timeout: float) -> dict[str, Any]:
        """Return what the worker says first; what came on its stdout before is skipped.

        Raises
        ------
        PluginError
            If it ends or says nothing in time. The process is ended then.
        """
        return self._guarded(self._receive_first, timeout, "starting")[0]

    def ask(
        self, head: Mapping[str, Any], arrays: Sequence[npt.NDArray[Any]] = (), *, timeout: float
    ) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        """Send a request and return its answer.

        Raises
        ------
        PluginError
            If the worker ends, garbles its answer, or takes longer than ``timeout`` seconds. The process is ended then,
            as after any other interruption, and every later call says so.
        """
        frame = encode(head, arrays)

        def exchange(deadline: float) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
            self._write(frame, deadline)
            return self._receive(deadline, b"")

        return self._guarded(exchange, timeout, str(head["do"]))

    def close(self) -> None:
        """End the worker: it may close its model first. May be called twice."""
        with self._lock:
            if self._ended is None:
                self._ended = "was closed"
                try:
                    _close(self._process.stdin)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self._process.wait(_CLOSING)
                finally:
                    self._end()

    def kill(self) -> None:
        """End the worker at once. May be called twice."""
        self._ended = self._ended or "was ended"
        self._end()

    def _guarded(self, action: Callable[[float], _Answer], timeout: float, doing: str) -> _Answer:
        with self._lock:
            if self._ended is not None:
                raise PluginError(f"{self.title} {self._ended}")
            try:
                return action(time.monotonic() + timeout)
            except TimeoutError:
                self._fail(f"did not answer within {timeout:g} s ({doing}) and was ended", timeout_hint=True)
            except ProtocolError as error:
                self._fail(f"sent something else than an answer and was ended: {error}")
            except (EOFError, BrokenPipeError):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_CLOSING)
                self._fail(
                    f"ended while it was asked to {doing}" if doing != "starting" else "ended before it was ready"
                )
            except BaseException:
                self._ended = "was interrupted"
                self._end()
                raise

    def _fail(self, what: str, *, timeout_hint: bool = False) -> NoReturn:
        code = self._process.poll()
        self._ended = what
        self._end()
        how = f" ({_how(code)})" if code is not None else ""
        said = "; it wrote last:\n  " + "\n  ".join(self.last_lines) if self.last_lines else ""
        hint = "raise [models.NAME] base_model_timeout, in seconds, if it only is slow" if timeout_hint else None
        if code == -signal.SIGKILL:
            hint = "perhaps for want of memory; the same command goes on from here"
        raise PluginError(f"{self.title} {what}{how}{said}", hint=hint)

    def _end(self) -> None:
        """Kill what is left of it, wait for it, close the pipes."""
        _kill(self._process, self._owner)
        self._finalizer.detach()
        self._log.join(1.0)

    # ------------------------------------------------------------------------------------------------------ the pipes

    def _write(self, data: memoryview, deadline: float) -> None:
        while data:
            _wait(self._stdin, select.POLLOUT, deadline)
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._stdin, data[:_CHUNK]) :]

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray(size)
        view, filled = memoryview(data), 0
        while filled < size:
            _wait(self._stdout, select.POLLIN, deadline)
            count = os.readv(self._stdout, [view[filled : filled + _CHUNK]])
            if not count:
                raise EOFError
            filled += count
        return data

    def _receive(self, deadline: float, begun: bytes) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        header = begun + bytes(self._read(HEADER.size - len(begun), deadline))
        return decode(self._read(frame_length(header), deadline))

    def _receive_first(self, deadline: float) -> tuple[dict[str, Any], list[npt.NDArray[Any]]]:
        seen, noise = b"", bytearray()
        while seen != MAGIC:
            noise += seen[:1] if len(seen) == len(MAGIC) else b""
            seen = seen[-len(MAGIC) + 1 :] + bytes(self._read(1, deadline))
        for line in bytes(noise).decode(errors="replace").splitlines():
            logger.info("%s: %s", self.title, line)
        return self._receive(deadline, MAGIC)


def _wait(pipe: int, event: int, deadline: float) -> None:
    """Wait until a pipe can be used; its end is an event too."""
    poll = select.poll()
    poll.register(pipe, event)
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if poll.poll(min(left, 3600.0) * 1000):
            return


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return {**kept, "PYTHONSAFEPATH": "1"}


def _kill(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process and what it started, and take its exit status, so that no zombie is left; not from a fork."""
    if os.getpid() == owner and process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    _close(process.stdin)
    _close(process.stdout)


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()


def _how(code: int) -> str:
    if code < 0:
        try:
            return f"killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"killed by signal {-code}"
    return f"exit status {code}"


def _drain(stream: IO[bytes], lines: deque[str], title: str) -> None:
    """Read a worker's stderr to its end; records of its logging are logged as such, all else as information."""
    with stream, contextlib.suppress(ValueError, OSError):
        while raw := stream.readline(_LONGEST_LINE):
            line = raw.decode(errors="replace").rstrip()
            if line.startswith(LOG_MARK) and _relogged(line[len(LOG_MARK) :], lines):
                continue
            if line:
                lines.append(line)
                logger.info("%s: %s", title, line)


def _relogged(text: str, lines: deque[str]) -> bool:
    try:
        level, name, message = json.loads(text)
        logging.getLogger(str(name)).log(int(level), "%s", message)
    except (ValueError, TypeError):
        return False
    if int(level) >= logging.WARNING:
        lines.append(str(message))
    return True
