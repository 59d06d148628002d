"""The checks of feature sets as a pytest class that a plugin's tests inherit from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from splicecore.testing.conformance import feature_checks
from splicecore.testing.conformance.feature_case import FeatureSetCase, toy_resources
from splicecore.testing.conformance.suite import ConformanceSuite, run_check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from splicecore.plugins.specs import FeatureSetSpec
    from splicecore.predict.blocks import Block

__all__ = ["FeatureSetConformance"]


class FeatureSetConformance(ConformanceSuite):
    """Everything that the core relies on in a feature set.

    Inherit, say which set, and all tests run on it.

    Examples
    --------
    .. code-block:: python

        class TestMyFeatures(FeatureSetConformance):
            @pytest.fixture
            def spec(self):
                return MY_SPEC

    A test that a set cannot pass is overridden with ``@pytest.mark.xfail(strict=True, reason=...)``; leaving one out
    silently fails :meth:`test_no_standard_test_is_replaced`.
    """

    @pytest.fixture
    def spec(self) -> FeatureSetSpec:
        """Return the descriptor that the plugin's hook yields: every author overrides this."""
        raise NotImplementedError(
            f"{type(self).__name__} must override the fixture 'spec' to return its FeatureSetSpec"
        )

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """Return the set's settings."""
        return {}

    @pytest.fixture
    def resources(self) -> Callable[[Block], Mapping[str, Any]] | Mapping[str, Any]:
        """Return what the spec's ``requires`` names, or a function of a module that returns it for a block."""
        return toy_resources

    @pytest.fixture
    def uses_coordinates(self) -> bool:
        """Whether features depend on where in the genome the gene lies, as those of tracks do."""
        return False

    @pytest.fixture
    def case(
        self,
        spec: FeatureSetSpec,
        config: dict[str, Any],
        resources: Callable[[Block], Mapping[str, Any]] | Mapping[str, Any],
        uses_coordinates: bool,
    ) -> FeatureSetCase:
        """Return the set under test; assembled from the other fixtures."""
        return FeatureSetCase(spec=spec, config=config, resources=resources, uses_coordinates=uses_coordinates)

    def test_making(self, case: FeatureSetCase) -> None:
        """The factory takes the settings and makes a set."""
        run_check(feature_checks.check_making, case)

    def test_schema(self, case: FeatureSetCase) -> None:
        """Columns of numbers with names that files can carry."""
        run_check(feature_checks.check_schema, case)

    def test_columns_are_as_declared(self, case: FeatureSetCase) -> None:
        """Names, types, order, a row a position."""
        run_check(feature_checks.check_columns, case)

    def test_missing_values_are_declared(self, case: FeatureSetCase) -> None:
        """Null where allowed, never NaN."""
        run_check(feature_checks.check_missing, case)

    def test_positions_do_not_depend_on_each_other(self, case: FeatureSetCase) -> None:
        """All, some, in another order."""
        run_check(feature_checks.check_positions, case)

    def test_no_positions(self, case: FeatureSetCase) -> None:
        """No rows of the declared columns."""
        run_check(feature_checks.check_empty, case)

    def test_gene_of_one_base(self, case: FeatureSetCase) -> None:
        """The smallest gene."""
        run_check(feature_checks.check_one_base, case)

    def test_unknown_bases(self, case: FeatureSetCase) -> None:
        """Nothing but N."""
        run_check(feature_checks.check_unknown_bases, case)

    def test_halo_is_enough(self, case: FeatureSetCase) -> None:
        """Bases beyond it make no difference."""
        run_check(feature_checks.check_halo, case)

    def test_strand_does_not_matter(self, case: FeatureSetCase) -> None:
        """Blocks are in transcript orientation, and so are features."""
        run_check(feature_checks.check_orientation, case)

    def test_any_base_model_will_do(self, case: FeatureSetCase) -> None:
        """Of any name, with any further outputs."""
        run_check(feature_checks.check_models, case)

    def test_same_block_gives_same_values(self, case: FeatureSetCase) -> None:
        """Whatever came before."""
        run_check(feature_checks.check_repeatable, case)

    def test_other_process_gives_same_values(self, case: FeatureSetCase) -> None:
        """Workers make sets of their own."""
        run_check(feature_checks.check_other_process, case)

    def test_settings_are_plain(self, case: FeatureSetCase) -> None:
        """They are written into contracts."""
        run_check(feature_checks.check_settings, case)

    def test_input_is_not_changed(self, case: FeatureSetCase) -> None:
        """Blocks are shared."""
        run_check(feature_checks.check_input_untouched, case)

    def test_standard_output_stays_clean(self, case: FeatureSetCase) -> None:
        """It belongs to results."""
        run_check(feature_checks.check_silence, case)

    def test_global_generators_are_left_alone(self, case: FeatureSetCase) -> None:
        """Features draw nothing."""
        run_check(feature_checks.check_global_state, case)
