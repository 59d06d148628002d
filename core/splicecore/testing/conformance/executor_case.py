"""What a check of an executor is given: how to make it, and a task with its notes."""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.plugins.specs import ExecutorSpec, load_object
from splicecore.testing.conformance.executor_tasks import events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from splicecore.plugins.protocols import Executor

__all__ = ["ExecutorCase", "Notes"]

TASK = "splicecore.testing.conformance.executor_tasks:open_task"


@attrs.frozen
class Notes:
    """What the tasks noted in a folder."""

    folder: str

    def count(self, kind: str) -> int:
        """How often something happened: ``opened``, ``closed``, ``two-at-once``, ``began-3``, ``done-3``."""
        return len(events(self.folder, kind))


@attrs.frozen(kw_only=True)
class ExecutorCase:
    """An executor under test.

    Attributes
    ----------
    spec
        The descriptor that the plugin's hook yields.
    workers
        Workers that it is made with.
    folder
        Folder that this process and the workers share, for the tasks' notes; None for a temporary one.
    patience
        Seconds that a shard takes where a check needs slow ones.
    """

    spec: ExecutorSpec
    workers: int = 2
    folder: str | None = None
    patience: float = 0.3

    def make(self, workers: int | None = None) -> Executor:
        """Make the executor as the core does."""
        made: Executor = load_object(self.spec.factory)(workers=self.workers if workers is None else workers)
        return made

    @contextlib.contextmanager
    def notes(self) -> Iterator[Notes]:
        """Make a fresh folder for notes."""
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as folder:
            yield Notes(folder)

    def run(
        self,
        notes: Notes,
        shards: Sequence[Mapping[str, Any]],
        *,
        workers: int | None = None,
        **config: Any,
    ) -> Iterator[Mapping[str, Any]]:
        """Start the task on shards; ``factor`` is 3."""
        given = [dict(shard) for shard in shards]
        return iter(self.make(workers).map(TASK, {"folder": notes.folder, "factor": 3, **config}, given))
