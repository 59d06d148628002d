"""Checks of an executor: every shard once, tasks opened and closed, errors and early ends; and running them."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from splicecore.errors import InputError
from splicecore.plugins.protocols import Executor
from splicecore.testing.conformance.case import ConformanceFailure, expect
from splicecore.testing.conformance.checks import CheckResult, run_checks
from splicecore.testing.conformance.executor_case import TASK, ExecutorCase
from splicecore.testing.conformance.isolation import captured_stdout

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXECUTOR_CHECKS", "ExecutorCheck", "run_executor_checks"]

ExecutorCheck: TypeAlias = Callable[[ExecutorCase], None]
"""Returns if the executor conforms, raises ConformanceFailure; any other exception is a failure too."""

_SHARDS: tuple[dict[str, Any], ...] = tuple({"n": number} for number in range(5))


def check_making(case: ExecutorCase) -> None:
    """Check that the factory takes ``workers`` and makes an executor.

    Remedy: give the factory a parameter workers and return an object with map.
    """
    for workers in (1, case.workers):
        made = case.make(workers)
        expect(isinstance(made, Executor), f"{type(made).__name__} has no method map")


def check_every_shard(case: ExecutorCase) -> None:
    """Check that every shard is done once and its result comes as it is, for one worker and several.

    Remedy: submit each shard once and yield what the task returned, in any order.
    """
    for workers in (1, case.workers):
        with case.notes() as notes:
            results = list(case.run(notes, _SHARDS, workers=workers))
            done = [notes.count(f"done-{shard['n']}") for shard in _SHARDS]
        numbers = sorted(_number(result) for result in results)
        expect(numbers == [0, 3, 6, 9, 12], f"{workers} workers: the results of five shards are {numbers}")
        expect(done == [1] * 5, f"{workers} workers: the five shards were done {done} times")
        kept = all(result.get("nested") == {"list": [1, None, "x"]} for result in results)
        expect(kept, f"{workers} workers: results are not what the task returned")


def check_no_shards(case: ExecutorCase) -> None:
    """Check that no shards give no results, and that one shard is enough for several workers.

    Remedy: start no more workers than shards, and none for none.
    """
    with case.notes() as notes:
        expect(list(case.run(notes, ())) == [], "no shards give results")
    with case.notes() as notes:
        numbers = [_number(result) for result in case.run(notes, _SHARDS[1:2])]
    expect(numbers == [3], f"one shard gives {numbers}")


def check_tasks(case: ExecutorCase) -> None:
    """Check that a task is opened once a worker at most and does one shard at a time.

    Remedy: open the task where the worker starts, not for every shard, and share it with no other worker.
    """
    shards = [{**shard, "seconds": case.patience / 5} for shard in _SHARDS]
    with case.notes() as notes:
        list(case.run(notes, shards))
        opened, together = notes.count("opened"), notes.count("two-at-once")
    expect(not together, "a task was called while it was at work")
    expect(opened <= case.workers, f"{case.workers} workers opened {opened} tasks")


def check_streaming(case: ExecutorCase) -> None:
    """Check that results come as shards finish, not when all are done.

    Remedy: yield each result at once; map is a generator.
    """
    shards = [{**shard, "seconds": case.patience} for shard in (*_SHARDS, {"n": 5})]
    with case.notes() as notes:
        results = case.run(notes, shards, workers=1)
        next(results)
        done = sum(notes.count(f"done-{shard['n']}") for shard in shards)
        _close(results)
    expect(done < len(shards), "the first result came when all shards were done")


def check_leaving_early(case: ExecutorCase) -> None:
    """Check that closing the iterator stops the work: shards that nobody waits for are not begun.

    Remedy: cancel what is pending in a finally block around the yields.
    """
    shards: list[dict[str, Any]] = [{"n": 0}, *({"n": number, "seconds": case.patience} for number in range(1, 12))]
    with case.notes() as notes:
        results = case.run(notes, shards, workers=1)
        next(results)
        _close(results)
        begun = sum(notes.count(f"began-{shard['n']}") for shard in shards)
        expect(begun < len(shards), "all shards were begun although the iterator was closed after the first result")


def check_failing_shard(case: ExecutorCase) -> None:
    """Check that the error of a shard comes out with its class, message and hint.

    Remedy: let the task's exception through; errors of splicecore can be pickled.
    """
    with case.notes() as notes:
        _expect_input_error(case.run(notes, [{"n": 1, "fail": True}]), "shard 1 is bad")


def check_failing_task(case: ExecutorCase) -> None:
    """Check that a task that cannot be opened, or does not exist, raises its error.

    Remedy: keep the exception of opening and raise it for the first shard.
    """
    with case.notes() as notes:
        _expect_input_error(case.run(notes, _SHARDS, fail_to_open=True), "the task cannot be opened")


def check_closing(case: ExecutorCase) -> None:
    """Check that tasks of this process are closed in the end: after the last result, an early end, an error.

    Workers that are processes of their own may end with them.

    Remedy: close the tasks in a finally block.
    """
    endings: dict[str, Sequence[Mapping[str, Any]]] = {"the last result": _SHARDS, "an error": [{"n": 1, "fail": True}]}
    for what, shards in endings.items():
        with case.notes() as notes:
            with contextlib.suppress(Exception):  # other checks look at errors
                list(case.run(notes, shards))
            opened, closed = notes.count("opened"), notes.count("closed")
            expect(closed <= opened, f"after {what}: {opened} tasks were closed {closed} times")
            if _in_this_process(case):
                expect(closed == opened, f"after {what}: {closed} of {opened} tasks were closed")


def check_input_untouched(case: ExecutorCase) -> None:
    """Check that config and shards are left as they are.

    Remedy: copy what you add to.
    """
    with case.notes() as notes:
        config: dict[str, Any] = {"folder": notes.folder, "factor": 3}
        shards = [dict(shard) for shard in _SHARDS]
        before = copy.deepcopy((config, shards))
        list(case.make().map(TASK, config, shards))
    expect((config, shards) == before, "config or shards are changed")


def check_results(case: ExecutorCase) -> None:
    """Check that results are mappings that JSON keeps.

    Remedy: yield what the task returned and nothing else.
    """
    with case.notes() as notes:
        for result in case.run(notes, _SHARDS):
            expect(isinstance(result, Mapping), f"a result is a {type(result).__name__}, not a mapping")
            expect(
                json.loads(json.dumps(dict(result))) == dict(result), "a result holds values that JSON does not keep"
            )


def check_again(case: ExecutorCase) -> None:
    """Check that one executor runs one lot of shards after another.

    Remedy: make pools in map, not in the factory, or keep them usable.
    """
    executor = case.make()
    for _ in range(2):
        with case.notes() as notes:
            found = list(executor.map(TASK, {"folder": notes.folder, "factor": 3}, _SHARDS))
        expect(len(found) == len(_SHARDS), f"a lot of {len(_SHARDS)} shards gives {len(found)} results")


def check_silence(case: ExecutorCase) -> None:
    """Check that nothing is written to standard output.

    Remedy: log with the logging module.
    """
    with captured_stdout() as written, case.notes() as notes:
        list(case.run(notes, _SHARDS))
    text = "".join(written)
    expect(not text, f"standard output got {text[:60]!r}; it belongs to results")


EXECUTOR_CHECKS: tuple[ExecutorCheck, ...] = (
    check_making,
    check_every_shard,
    check_no_shards,
    check_tasks,
    check_streaming,
    check_leaving_early,
    check_failing_shard,
    check_failing_task,
    check_closing,
    check_input_untouched,
    check_results,
    check_again,
    check_silence,
)
"""All of them, in the order in which they are best read."""


def run_executor_checks(case: ExecutorCase) -> Iterator[CheckResult]:
    """Run every check on an executor, one by one, whatever the others say."""
    return run_checks(EXECUTOR_CHECKS, case)


def _number(result: Mapping[str, Any]) -> int:
    number: int = result["n"]
    return number


def _close(results: Iterator[Any]) -> None:
    close = getattr(results, "close", None)
    expect(close is not None, "map returns an iterator without close: make it a generator")
    if close is not None:
        close()


def _in_this_process(case: ExecutorCase) -> bool:
    with case.notes() as notes:
        return {result.get("pid") for result in case.run(notes, _SHARDS[:1])} == {os.getpid()}


def _expect_input_error(results: Iterator[Any], message: str) -> None:
    try:
        list(results)
    except InputError as error:
        expect(message in str(error), f"the error says {str(error)!r}, not {message!r}")
        expect(error.hint == "as it should", f"the error's hint is {error.hint!r}, not the task's")
        return
    except Exception as error:
        raise ConformanceFailure(f"raised {error!r} instead of the task's InputError") from error
    raise ConformanceFailure("the task's error is swallowed")
