"""The checks of executors as a pytest class that a plugin's tests inherit from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from splicecore.testing.conformance import executor_checks
from splicecore.testing.conformance.executor_case import ExecutorCase
from splicecore.testing.conformance.suite import ConformanceSuite, run_check

if TYPE_CHECKING:
    from splicecore.plugins.specs import ExecutorSpec

__all__ = ["ExecutorConformance"]


class ExecutorConformance(ConformanceSuite):
    """Everything that the core relies on in an executor.

    Inherit, say which executor, and all tests run on it.

    Examples
    --------
    .. code-block:: python

        class TestMyExecutor(ExecutorConformance):
            @pytest.fixture
            def spec(self):
                return MY_SPEC

    A test that an executor cannot pass is overridden with ``@pytest.mark.xfail(strict=True, reason=...)``; leaving one
    out silently fails :meth:`test_no_standard_test_is_replaced`.
    """

    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        """Return the descriptor that the plugin's hook yields: every author overrides this."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture 'spec' to return its ExecutorSpec")

    @pytest.fixture
    def shared_folder(self) -> str | None:
        """Folder that the workers share with the tests; None for a temporary one of this machine."""
        return None

    @pytest.fixture
    def case(self, spec: ExecutorSpec, shared_folder: str | None) -> ExecutorCase:
        """Return the executor under test; assembled from the other fixtures."""
        return ExecutorCase(spec=spec, folder=shared_folder)

    def test_making(self, case: ExecutorCase) -> None:
        """The factory takes a number of workers."""
        run_check(executor_checks.check_making, case)

    def test_every_shard_is_done_once(self, case: ExecutorCase) -> None:
        """By one worker or several."""
        run_check(executor_checks.check_every_shard, case)

    def test_no_shards(self, case: ExecutorCase) -> None:
        """No results; and one shard for several workers."""
        run_check(executor_checks.check_no_shards, case)

    def test_a_task_belongs_to_one_worker(self, case: ExecutorCase) -> None:
        """Opened once, one shard at a time."""
        run_check(executor_checks.check_tasks, case)

    def test_results_come_as_they_are_ready(self, case: ExecutorCase) -> None:
        """Progress can be shown."""
        run_check(executor_checks.check_streaming, case)

    def test_leaving_early_stops_the_work(self, case: ExecutorCase) -> None:
        """An interrupted run ends soon."""
        run_check(executor_checks.check_leaving_early, case)

    def test_error_of_a_shard(self, case: ExecutorCase) -> None:
        """Class, message and hint."""
        run_check(executor_checks.check_failing_shard, case)

    def test_error_of_opening(self, case: ExecutorCase) -> None:
        """Class, message and hint."""
        run_check(executor_checks.check_failing_task, case)

    def test_tasks_are_closed(self, case: ExecutorCase) -> None:
        """They hold models and files."""
        run_check(executor_checks.check_closing, case)

    def test_input_is_not_changed(self, case: ExecutorCase) -> None:
        """Shards may be run again."""
        run_check(executor_checks.check_input_untouched, case)

    def test_results_are_plain(self, case: ExecutorCase) -> None:
        """They may cross machines."""
        run_check(executor_checks.check_results, case)

    def test_can_be_used_again(self, case: ExecutorCase) -> None:
        """One executor, several lots."""
        run_check(executor_checks.check_again, case)

    def test_standard_output_stays_clean(self, case: ExecutorCase) -> None:
        """It belongs to results."""
        run_check(executor_checks.check_silence, case)
