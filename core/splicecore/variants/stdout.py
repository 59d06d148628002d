"""Writing bytes to stdout so that a failure is stdout's, and not that of a file written at the same time."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

from splicecore.errors import OutputError

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["Stdout"]


class Stdout:
    """Bytes to stdout, by a buffer of its own: what a failure leaves in it is not written when the process ends.

    Raises
    ------
    OutputError
        From both methods, if stdout cannot be written to. Its ``errno`` is ``EPIPE`` where the reader has enough.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._stream: BinaryIO = sys.stdout.buffer
        try:
            self._stream = io.BufferedWriter(io.FileIO(sys.stdout.fileno(), "wb", closefd=False))
        except (io.UnsupportedOperation, ValueError):
            return  # somebody's replacement of stdout, in memory

    def write(self, data: bytes) -> None:
        """Write bytes."""
        try:
            self._stream.write(data)
        except OSError as error:
            raise _failure(error) from error

    def flush(self) -> None:
        """Let all that was written reach the reader."""
        try:
            self._stream.flush()
        except OSError as error:
            raise _failure(error) from error


def _failure(error: OSError) -> OutputError:
    gone = error.errno == errno.EPIPE
    cause = "its reader ended before all was written" if gone else os.strerror(error.errno or 0)
    failure = OutputError(f"cannot write to stdout: {cause}", hint="the same command goes on from here")
    failure.errno = error.errno
    return failure
