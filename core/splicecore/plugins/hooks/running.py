"""Hooks of runs: what does their shards, and who observes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from splicecore.plugins.hooks.interface import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from splicecore.plugins.specs import ExecutorSpec

__all__ = ["splicecore_executors", "splicecore_run_finished", "splicecore_run_started", "splicecore_shard_finished"]


@hookspec
def splicecore_executors() -> Iterable[ExecutorSpec]:
    """Yield executors: what runs the shards of a run. ``serial`` and ``process`` are built in.

    The factory is called with ``workers`` and returns an :class:`~splicecore.api.Executor`.

    Examples
    --------
    Threads, each with a task of its own:

    .. code-block:: python

        # thread_executor.py
        from concurrent.futures import ThreadPoolExecutor, as_completed
        from queue import SimpleQueue

        from splicecore.api import ExecutorSpec, hookimpl, load_object


        @hookimpl
        def splicecore_executors():
            yield ExecutorSpec(name="threads", factory="thread_executor:Threads")


        class Threads:
            def __init__(self, workers):
                self.workers = workers

            def map(self, task, config, shards):
                idle = SimpleQueue()
                for _ in range(self.workers):
                    idle.put(load_object(task)(config))

                def work(shard):
                    opened = idle.get()
                    try:
                        return opened(shard)
                    finally:
                        idle.put(opened)

                pool = ThreadPoolExecutor(self.workers)
                try:
                    for done in as_completed([pool.submit(work, shard) for shard in shards]):
                        yield done.result()
                finally:
                    pool.shutdown(cancel_futures=True)
                    while not idle.empty():
                        idle.get().close()
    """
    return ()


@hookspec
def splicecore_run_started(run: Mapping[str, Any]) -> None:
    """Observe that a run begins. ``run`` holds JSON-able facts of it, its ``id`` (a digest of the others) among them.

    Observers are isolated from each other and from the run: each gets its own copy of the arguments, and one that
    raises is logged and counted.

    Examples
    --------
    .. code-block:: python

        # run_diary.py
        from splicecore.api import hookimpl

        DIARY = []


        @hookimpl
        def splicecore_run_started(run):
            DIARY.append(f"run {run['id']} started")
    """


@hookspec
def splicecore_shard_finished(run: Mapping[str, Any], shard: Mapping[str, Any]) -> None:
    """Observe that a shard of a run is done. ``shard`` holds JSON-able facts of it and of its result.

    Examples
    --------
    An implementation may leave out arguments that it does not need:

    .. code-block:: python

        # shard_counter.py
        from splicecore.api import hookimpl

        SEEN = []


        @hookimpl
        def splicecore_shard_finished(shard):
            SEEN.append(shard["id"])
    """


@hookspec
def splicecore_run_finished(run: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Observe that a run ends, whole or in part. ``summary`` holds JSON-able figures of it.

    Examples
    --------
    .. code-block:: python

        # run_notifier.py
        import json
        import logging

        from splicecore.api import hookimpl

        log = logging.getLogger(__name__)


        @hookimpl
        def splicecore_run_finished(run, summary):
            log.warning("run %s finished: %s", run["id"], json.dumps(summary, sort_keys=True))
    """
