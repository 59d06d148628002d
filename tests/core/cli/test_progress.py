"""The progress bar counts what is told to it, and says nothing without a terminal."""

from __future__ import annotations

import io

from rich.console import Console
from splicecore.cli import progress
from splicecore.cli.progress import BarProgress


def test_it_reaches_the_end_from_where_a_run_goes_on(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=stream, force_terminal=True, width=100, no_color=True)
    )
    bar = BarProgress()
    bar.started(1000, 250)
    bar.advanced(500)
    bar.advanced(250)
    task = bar._progress.tasks[0]
    assert (task.completed, task.total) == (1000, 1000)
    assert "kb/s" in task.fields["rate"]
    bar.stopped()
    assert "100%" in stream.getvalue()


def test_a_bar_can_begin_again(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=stream, force_terminal=True, width=100, no_color=True)
    )
    bar = BarProgress()
    for total in (1000, 400):
        bar.started(total, 0)
        bar.advanced(total // 2)
        bar.stopped()
    (task,) = bar._progress.tasks
    assert (task.completed, task.total) == (200, 400)


def test_stopping_before_the_start_is_harmless():
    bar = BarProgress()
    bar.advanced(1)
    bar.stopped()
