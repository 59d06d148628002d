"""Progress of long work: a bar on stderr, on a terminal only."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["BarProgress"]


class BarProgress:
    """Draws what a run tells its :class:`~splicecore.predict.workflow.ProgressListener`."""

    def __init__(self) -> None:
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

    def started(self, total: int, done: int) -> None:
        """Begin: ``total`` positions in all, ``done`` of them found from an earlier attempt."""
        self._task = self._progress.add_task("scoring", total=total, completed=done, rate="")
        self._progress.start()

    def advanced(self, positions: int) -> None:
        """Move on by ``positions``."""
        if self._task is None:
            return
        self._progress.advance(self._task, positions)
        speed = self._progress.tasks[0].speed
        self._progress.update(self._task, rate=f"{speed / 1000:.0f} kb/s" if speed else "")

    def stopped(self) -> None:
        """End, for whatever reason."""
        self._progress.stop()
