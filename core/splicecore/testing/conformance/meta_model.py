"""The meta-model checks as a pytest class that a plugin's tests inherit from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from splicecore.testing.conformance import meta_checks
from splicecore.testing.conformance.meta_case import MetaModelCase
from splicecore.testing.conformance.suite import ConformanceSuite, run_check

if TYPE_CHECKING:
    from splicecore.plugins.specs import MetaModelSpec

__all__ = ["MetaModelConformance"]


class MetaModelConformance(ConformanceSuite):
    """Everything that the core relies on in a meta-model.

    Inherit, say which model, and all tests run on it.

    Examples
    --------
    .. code-block:: python

        class TestMyModel(MetaModelConformance):
            @pytest.fixture
            def spec(self):
                return MY_SPEC

            @pytest.fixture
            def config(self):
                return {"rounds": 20}

    A test that a model cannot pass is overridden with ``@pytest.mark.xfail(strict=True, reason=...)``; leaving one out
    silently fails :meth:`test_no_standard_test_is_replaced`.
    """

    @pytest.fixture
    def spec(self) -> MetaModelSpec:
        """Return the descriptor that the plugin's hook yields: every author overrides this."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture 'spec' to return its MetaModelSpec")

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """Return the model's settings; few rounds make the tests fast."""
        return {}

    @pytest.fixture
    def case(self, spec: MetaModelSpec, config: dict[str, Any]) -> MetaModelCase:
        """Return the model under test; assembled from the other fixtures."""
        return MetaModelCase(spec=spec, config=config)

    def test_making(self, case: MetaModelCase) -> None:
        """The factory takes the settings and makes a meta-model."""
        run_check(meta_checks.check_making, case)

    def test_probabilities_have_shape_and_dtype(self, case: MetaModelCase) -> None:
        """float32 of shape (k, 3)."""
        run_check(meta_checks.check_shape, case)

    def test_probabilities_are_probabilities(self, case: MetaModelCase) -> None:
        """Finite, in [0, 1], rows sum to one."""
        run_check(meta_checks.check_probabilities, case)

    def test_classes_are_learned_in_their_order(self, case: MetaModelCase) -> None:
        """Neither, acceptor, donor."""
        run_check(meta_checks.check_learning, case)

    def test_validation_rows_are_optional(self, case: MetaModelCase) -> None:
        """None is an ordinary value of ``valid``."""
        run_check(meta_checks.check_without_validation, case)

    def test_weights_count(self, case: MetaModelCase) -> None:
        """Sampled rows stand for many."""
        run_check(meta_checks.check_weights, case)

    def test_missing_values(self, case: MetaModelCase) -> None:
        """NaN is an ordinary value of a feature."""
        run_check(meta_checks.check_missing, case)

    def test_same_rows_give_same_bytes(self, case: MetaModelCase) -> None:
        """Twice in a row from one model."""
        run_check(meta_checks.check_repeatable, case)

    def test_order_of_rows_does_not_matter(self, case: MetaModelCase) -> None:
        """Rows together, one by one and in another order."""
        run_check(meta_checks.check_row_order, case)

    def test_no_rows(self, case: MetaModelCase) -> None:
        """Shape (0, 3)."""
        run_check(meta_checks.check_empty, case)

    def test_other_features_are_refused(self, case: MetaModelCase) -> None:
        """One too few, one too many."""
        run_check(meta_checks.check_other_width, case)

    def test_contributions(self, case: MetaModelCase) -> None:
        """Shape (k, 3, features + 1), or a PluginError."""
        run_check(meta_checks.check_contributions, case)

    def test_same_seed_saves_same_bytes(self, case: MetaModelCase) -> None:
        """Two trainings, one model."""
        run_check(meta_checks.check_seed, case)

    def test_saved_and_loaded(self, case: MetaModelCase) -> None:
        """The same probabilities, bit for bit."""
        run_check(meta_checks.check_round_trip, case)

    def test_no_pickle_is_saved(self, case: MetaModelCase) -> None:
        """Models are data, not code."""
        run_check(meta_checks.check_no_pickle, case)

    def test_truncated_files_are_refused(self, case: MetaModelCase) -> None:
        """With an error of splicecore's."""
        run_check(meta_checks.check_damage, case)

    def test_input_is_not_changed(self, case: MetaModelCase) -> None:
        """The core uses its arrays again; some are read-only."""
        run_check(meta_checks.check_input_untouched, case)

    def test_standard_output_stays_clean(self, case: MetaModelCase) -> None:
        """It belongs to results."""
        run_check(meta_checks.check_silence, case)

    def test_global_generators_are_left_alone(self, case: MetaModelCase) -> None:
        """Seeds are given, not set."""
        run_check(meta_checks.check_global_state, case)
