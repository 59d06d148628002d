"""The checks of uncertainty strategies as a pytest class that a plugin's tests inherit from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from splicecore.testing.conformance import uncertainty_checks
from splicecore.testing.conformance.suite import ConformanceSuite, run_check
from splicecore.testing.conformance.uncertainty_case import UncertaintyCase

if TYPE_CHECKING:
    from splicecore.plugins.specs import UncertaintySpec

__all__ = ["UncertaintyConformance"]


class UncertaintyConformance(ConformanceSuite):
    """Everything that the core relies on in an uncertainty strategy.

    Inherit, say which strategy, and all tests run on it.

    Examples
    --------
    .. code-block:: python

        class TestMyStrategy(UncertaintyConformance):
            @pytest.fixture
            def spec(self):
                return MY_SPEC

    A test that a strategy cannot pass is overridden with ``@pytest.mark.xfail(strict=True, reason=...)``; leaving one
    out silently fails :meth:`test_no_standard_test_is_replaced`.
    """

    @pytest.fixture
    def spec(self) -> UncertaintySpec:
        """Return the descriptor that the plugin's hook yields: every author overrides this."""
        raise NotImplementedError(
            f"{type(self).__name__} must override the fixture 'spec' to return its UncertaintySpec"
        )

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """Return the strategy's settings."""
        return {}

    @pytest.fixture
    def case(self, spec: UncertaintySpec, config: dict[str, Any]) -> UncertaintyCase:
        """Return the strategy under test, with two base models; override it for other blocks."""
        return UncertaintyCase(spec=spec, config=config)

    def test_making(self, case: UncertaintyCase) -> None:
        """The factory takes the settings and makes a strategy."""
        run_check(uncertainty_checks.check_making, case)

    def test_scores_have_shape_and_dtype(self, case: UncertaintyCase) -> None:
        """float32 of shape (L,)."""
        run_check(uncertainty_checks.check_shape, case)

    def test_scores_are_finite_and_not_negative(self, case: UncertaintyCase) -> None:
        """Of the undecided too."""
        run_check(uncertainty_checks.check_range, case)

    def test_the_sure_are_never_selected(self, case: UncertaintyCase) -> None:
        """One-hot scores give 0."""
        run_check(uncertainty_checks.check_one_hot, case)

    def test_scores_rise_with_doubt(self, case: UncertaintyCase) -> None:
        """Larger is less sure."""
        run_check(uncertainty_checks.check_order, case)

    def test_same_block_gives_same_bytes(self, case: UncertaintyCase) -> None:
        """Whatever came before."""
        run_check(uncertainty_checks.check_repeatable, case)

    def test_strand_does_not_matter(self, case: UncertaintyCase) -> None:
        """Blocks are in transcript orientation, and so are scores."""
        run_check(uncertainty_checks.check_orientation, case)

    def test_threshold(self, case: UncertaintyCase) -> None:
        """A number above 0, if there is one."""
        run_check(uncertainty_checks.check_threshold, case)

    def test_criteria(self, case: UncertaintyCase) -> None:
        """Columns of numbers, if there are any."""
        run_check(uncertainty_checks.check_criteria, case)

    def test_terms(self, case: UncertaintyCase) -> None:
        """The score is their maximum, if there are any."""
        run_check(uncertainty_checks.check_terms, case)

    def test_input_is_not_changed(self, case: UncertaintyCase) -> None:
        """Blocks are shared."""
        run_check(uncertainty_checks.check_input_untouched, case)

    def test_standard_output_stays_clean(self, case: UncertaintyCase) -> None:
        """It belongs to results."""
        run_check(uncertainty_checks.check_silence, case)

    def test_global_generators_are_left_alone(self, case: UncertaintyCase) -> None:
        """A strategy draws nothing."""
        run_check(uncertainty_checks.check_global_state, case)
