"""Entry of the worker: ``python -m splicecore.isolation.worker``, started by :mod:`splicecore.isolation.client`.

The pipes are taken over before anything else is imported: whatever a library prints goes to stderr and cannot get
between the frames.
"""

from __future__ import annotations

import os
import signal

__all__ = ["main"]


def _take_over_pipes() -> tuple[int, int]:
    """Return (requests, replies); from now on stdin is empty and stdout is stderr."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def main() -> None:
    """Serve until the other side closes the pipe. The interrupt key is the other side's business."""
    requests, replies = _take_over_pipes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from splicecore.isolation.serving import serve

    serve(requests, replies)


if __name__ == "__main__":
    main()
