"""An executor of threads that does everything right, and one with a single mistake for every conformance check."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from splicecore.plugins.specs import ExecutorSpec, load_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from splicecore.plugins.protocols import ShardTask

__all__ = ["EXECUTOR_FAULTS", "THREADS_SPEC", "Threads", "faulty_executor_spec"]

Shard: TypeAlias = "Mapping[str, Any]"


class Threads:
    """Runs shards on threads, each with a task of its own."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        """See :meth:`splicecore.api.Executor.map`."""
        pool = ThreadPoolExecutor(self.workers)
        idle: SimpleQueue[ShardTask] = SimpleQueue()
        opened: list[ShardTask] = []
        try:
            for _ in range(min(self.workers, len(shards))):
                opened.append(load_object(task)(config))
                idle.put(opened[-1])
            for done in as_completed([pool.submit(self._work, idle, shard) for shard in shards]):
                yield done.result()
        finally:
            pool.shutdown(cancel_futures=True)
            self._close(opened)

    def _work(self, idle: SimpleQueue[ShardTask], shard: Shard) -> Any:
        task = idle.get()
        try:
            return task(shard)
        finally:
            idle.put(task)

    def _close(self, opened: list[ShardTask]) -> None:
        for task in opened:
            task.close()


THREADS_SPEC = ExecutorSpec(
    name="fake-threads",
    factory="splicecore.testing.executor_fakes:Threads",
    summary="threads: a stand-in for tests",
)
"""Descriptor of the good executor."""

EXECUTOR_FAULTS: dict[str, Callable[..., Any]] = {}
"""Executors with one mistake each, by the mistake's name."""


def faulty_executor_spec(fault: str) -> ExecutorSpec:
    """Descriptor of the executor with that mistake (a key of :data:`EXECUTOR_FAULTS`)."""
    return ExecutorSpec(name="fake-threads", factory=f"{__name__}:{EXECUTOR_FAULTS[fault].__qualname__}")


def _fault(name: str) -> Callable[[type], type]:
    def register(executor: type) -> type:
        EXECUTOR_FAULTS[name] = executor
        return executor

    return register


@_fault("no map")
class _NoMap:
    def __init__(self, workers: int) -> None:
        self.workers = workers


@_fault("loses the last")
class _LosesTheLast(Threads):
    """Of several; with every one of them opened and closed as it should be."""

    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        wrong = [dict(shard) for shard in shards]
        if len(wrong) > 1 and self.workers > 1:
            wrong[-1] = wrong[0]
        return super().map(task, config, wrong)


@_fault("waits for a shard")
class _WaitsForAShard(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        shards[0]
        return super().map(task, config, shards)


@_fault("task per shard")
class _TaskPerShard(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        for shard in shards:
            yield from super().map(task, config, [shard])


@_fault("shared task")
class _SharedTask(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        self.__dict__.pop("shared", None)
        yield from super().map(task, config, shards)

    def _work(self, idle: SimpleQueue[ShardTask], shard: Shard) -> Any:
        task = idle.get()
        shared = self.__dict__.setdefault("shared", task)
        idle.put(task)
        return shared(shard)


@_fault("all at the end")
class _AllAtTheEnd(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        results = super().map(task, config, shards)
        if len(shards) == 6:
            results = iter(list(results))
        yield from results


@_fault("goes on")
class _GoesOn(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        results = super().map(task, config, shards)
        try:
            yield from results
        finally:
            if len(shards) == 12:
                list(super().map(task, config, shards))


@_fault("wraps errors")
class _WrapsErrors(Threads):
    def _work(self, idle: SimpleQueue[ShardTask], shard: Shard) -> Any:
        try:
            return super()._work(idle, shard)
        except Exception as error:
            raise RuntimeError(f"a worker failed: {error}") from error


@_fault("swallows errors")
class _SwallowsErrors(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        if config.get("fail_to_open"):
            return
        yield from super().map(task, config, shards)


@_fault("leaves open")
class _LeavesOpen(Threads):
    def _close(self, opened: list[ShardTask]) -> None:
        """Let the garbage collector do it."""


@_fault("closes twice")
class _ClosesTwice(Threads):
    def _close(self, opened: list[ShardTask]) -> None:
        super()._close(opened)
        super()._close(opened)


@_fault("numbers shards")
class _NumbersShards(Threads):
    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Any]) -> Iterator[Any]:
        for number, shard in enumerate(shards):
            if isinstance(shard, dict):
                shard.setdefault("number", number)
        return super().map(task, config, shards)


@_fault("tuples")
class _Tuples(Threads):
    def _work(self, idle: SimpleQueue[ShardTask], shard: Shard) -> Any:
        return {**super()._work(idle, shard), "place": (0, 1)}


@_fault("once only")
class _OnceOnly(Threads):
    used = False

    def map(self, task: str, config: Mapping[str, Any], shards: Sequence[Shard]) -> Iterator[Any]:
        if self.used:
            raise RuntimeError("cannot schedule new futures after shutdown")
        self.used = True
        yield from super().map(task, config, shards)


@_fault("prints")
class _Prints(Threads):
    def _close(self, opened: list[ShardTask]) -> None:
        super()._close(opened)
        sys.stdout.write("done\n")
