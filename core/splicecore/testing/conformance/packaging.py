"""The packaging checks as a pytest class that a plugin's tests inherit from."""

from __future__ import annotations

import pytest

from splicecore.errors import PluginNotFoundError
from splicecore.testing.conformance import packaging_checks
from splicecore.testing.conformance.packaging_checks import PluginCase
from splicecore.testing.conformance.suite import ConformanceSuite, run_check

__all__ = ["PackagingConformance"]


class PackagingConformance(ConformanceSuite):
    """Everything that the core and other plugins rely on in a plugin's package, as it is installed.

    Examples
    --------
    .. code-block:: python

        class TestMyPackage(PackagingConformance):
            @pytest.fixture
            def plugin(self):
                return "mymodel"

    A test that a package cannot pass is overridden with ``@pytest.mark.xfail(strict=True, reason=...)``; leaving one
    out silently fails :meth:`test_no_standard_test_is_replaced`.
    """

    @pytest.fixture
    def plugin(self) -> str:
        """Return the name of the entry point: every author overrides this."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture 'plugin' to return its name")

    @pytest.fixture
    def case(self, plugin: str) -> PluginCase:
        """Return the plugin as the host finds it."""
        from splicecore.plugins.host import PluginHost, PluginSettings

        host = PluginHost.discover(PluginSettings(load=(plugin,)))
        for record in host.records:
            if record.name == plugin:
                return PluginCase(record=record, problems=tuple(host.problems()))
        raise PluginNotFoundError(f"there is no plugin {plugin!r}", hint="install it: pip install -e .")

    def test_is_loaded(self, case: PluginCase) -> None:
        """Nothing speaks against it."""
        run_check(packaging_checks.check_loading, case)

    def test_names(self, case: PluginCase) -> None:
        """Of entry point, distribution and package."""
        run_check(packaging_checks.check_names, case)

    def test_entry_point_is_light(self, case: PluginCase) -> None:
        """Listing plugins imports it."""
        run_check(packaging_checks.check_entry_point, case)

    def test_metadata(self, case: PluginCase) -> None:
        """Licence and summary."""
        run_check(packaging_checks.check_metadata, case)

    def test_requires_a_range_of_splicecore(self, case: PluginCase) -> None:
        """From the version it was made for to the next incompatible one."""
        run_check(packaging_checks.check_requirement, case)

    def test_no_weights_are_packaged(self, case: PluginCase) -> None:
        """Weights are data with a licence of their own."""
        run_check(packaging_checks.check_contents, case)

    def test_imports_the_public_interface_alone(self, case: PluginCase) -> None:
        """What stays compatible."""
        run_check(packaging_checks.check_imports, case)
