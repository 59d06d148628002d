"""The built-in executors: one after another in this process, or on worker processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_sentinel
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import SplicecoreError
from splicecore.plugins.specs import load_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from splicecore.plugins.protocols import ShardTask

__all__ = ["ProcessExecutor", "SerialExecutor", "WorkerDiedError"]


class WorkerDiedError(SplicecoreError):
    """A worker process ended without a word, most often killed for want of memory."""


@attrs.frozen(kw_only=True)
class SerialExecutor:
    """Runs shards one after another in this process."""

    workers: int = 1

    def map(
        self, task: str, config: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield each shard's result in the order of the shards."""
        opened: ShardTask = load_object(task)(config)
        try:
            for shard in shards:
                yield opened(shard)
        finally:
            opened.close()


@attrs.frozen(kw_only=True)
class ProcessExecutor:
    """Runs shards on worker processes (started by *spawn*, so that no library's threads are forked)."""

    workers: int = attrs.field(validator=attrs.validators.ge(1))

    def map(
        self, task: str, config: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield each shard's result as it finishes.

        Raises
        ------
        WorkerDiedError
            If a worker was killed; shards that finished before are not lost.
        """
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            max_workers=min(self.workers, max(1, len(shards))),
            mp_context=context,
            initializer=_open_worker,
            initargs=(task, dict(config)),
        )
        finished = False
        try:
            pending: set[Future[Mapping[str, Any]]] = {pool.submit(_run_shard, dict(shard)) for shard in shards}
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
            finished = True
        except BrokenProcessPool as error:
            raise WorkerDiedError(
                "a worker process was killed, perhaps for want of memory",
                hint="run the same command again with fewer --workers; finished genes are kept",
            ) from error
        finally:
            if not finished:
                _terminate(pool)
            pool.shutdown(wait=True, cancel_futures=True)


def _terminate(pool: ProcessPoolExecutor) -> None:
    processes = getattr(pool, "_processes", None) or {}
    for process in list(processes.values()):
        process.terminate()


_worker_task: list[ShardTask | BaseException] = []


def _open_worker(task: str, config: Mapping[str, Any]) -> None:
    """Open the task once in this worker; the interrupt key is the parent's business, and so is its death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()
    try:
        _worker_task[:] = [load_object(task)(config)]
    except Exception as error:  # noqa: BLE001 - an initializer must not raise: the pool would hide why
        _worker_task[:] = [error]


def _die_with(sentinel: int) -> None:
    wait_for_sentinel([sentinel])
    os._exit(1)


def _run_shard(shard: Mapping[str, Any]) -> Mapping[str, Any]:
    (task,) = _worker_task
    if isinstance(task, BaseException):
        raise task
    return task(shard)
