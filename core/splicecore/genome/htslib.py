"""Keeping htslib from writing messages of its own to stderr while pysam is at work."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["quiet_htslib"]


@contextlib.contextmanager
def quiet_htslib() -> Iterator[None]:
    """Silence htslib's log inside a ``with`` block; what fails there is told by the exception alone.

    The level is one of the whole process and is restored on leaving.
    """
    import pysam

    level = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(level)
