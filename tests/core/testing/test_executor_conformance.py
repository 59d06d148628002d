"""The suite of executors passes good ones and catches every single mistake, and no more than that."""

from __future__ import annotations

import inspect

import pytest
from splicecore.plugins.host import PluginHost
from splicecore.testing.conformance import ExecutorConformance, executor_checks
from splicecore.testing.conformance.executor_case import ExecutorCase
from splicecore.testing.conformance.executor_checks import EXECUTOR_CHECKS, run_executor_checks
from splicecore.testing.executor_fakes import EXECUTOR_FAULTS, THREADS_SPEC, faulty_executor_spec

ALL = {check.__name__.removeprefix("check_") for check in EXECUTOR_CHECKS}
CAUGHT_BY = {
    "no map": ALL,
    "loses the last": {"every_shard"},
    "waits for a shard": {"no_shards"},
    "task per shard": {"tasks"},
    "shared task": {"tasks"},
    "all at the end": {"streaming"},
    "goes on": {"leaving_early"},
    "wraps errors": {"failing_shard"},
    "swallows errors": {"failing_task"},
    "leaves open": {"closing"},
    "closes twice": {"closing"},
    "numbers shards": {"input_untouched"},
    "tuples": {"results"},
    "once only": {"again"},
    "prints": {"silence"},
}
CORE = PluginHost().executors()


def failures(spec):
    case = ExecutorCase(spec=spec, patience=0.1)
    return {result.name: result.message for result in run_executor_checks(case) if result.outcome == "failed"}


def test_a_good_executor_passes_every_check():
    results = list(run_executor_checks(ExecutorCase(spec=THREADS_SPEC, patience=0.1)))
    assert {result.outcome for result in results} == {"passed"}, results
    assert len(results) == len(EXECUTOR_CHECKS)


def test_every_mistake_is_listed_and_every_check_has_one_of_its_own():
    assert EXECUTOR_FAULTS.keys() == CAUGHT_BY.keys()
    alone = set().union(*(checks for checks in CAUGHT_BY.values() if len(checks) == 1))
    assert alone | {"making"} == ALL


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_mistake_fails_its_checks_and_no_others(fault):
    failed = failures(faulty_executor_spec(fault))
    assert failed.keys() == CAUGHT_BY[fault], failed
    assert all(failed.values())


class TestOfTheCore(ExecutorConformance):
    @pytest.fixture(params=sorted(CORE))
    def spec(self, request):
        return CORE[request.param]


class TestThreads(ExecutorConformance):
    @pytest.fixture
    def spec(self):
        return THREADS_SPEC


def test_the_class_runs_every_check():
    source = inspect.getsource(ExecutorConformance)
    assert all(f"executor_checks.{check.__name__}," in source for check in EXECUTOR_CHECKS)
    public = {name for name in vars(executor_checks) if name.startswith("check_")}
    assert public == {check.__name__ for check in EXECUTOR_CHECKS}
