"""Progress of long work: a bar on stderr, on a terminal only."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["BarProgress"]


class BarProgress:
    """Draws what a run tells its :class:`~splicecore.predict.workflow.ProgressListener`.

    Parameters
    ----------
    description
        What is being done.
    unit, scale
        What the rate is given in, and how many of the listener's units that is.
    """

    def __init__(self, description: str = "scoring", *, unit: str = "kb/s", scale: float = 1000) -> None:
        self._description, self._unit, self._scale = description, unit, scale
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None
        self._scored = 0
        self._since = time.monotonic()

    def started(self, total: int, done: int) -> None:
        """Begin: ``total`` positions in all, ``done`` of them found from an earlier attempt; may begin again."""
        self._scored, self._since = 0, time.monotonic()
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(self._description, total=total, completed=done, rate="")
        self._progress.start()

    def advanced(self, positions: int) -> None:
        """Move on by ``positions``."""
        if self._task is None:
            return
        self._progress.advance(self._task, positions)
        self._scored += positions
        rate = self._scored / (time.monotonic() - self._since) / self._scale
        self._progress.update(self._task, rate=f"{rate:,.{0 if rate >= 100 else 1}f} {self._unit}")

    def stopped(self) -> None:
        """End, for whatever reason."""
        self._progress.stop()
