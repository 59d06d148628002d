"""What pytest gets from splicecore wherever it is installed: one marker and one fixture.

pytest imports this module in every project of an environment that has splicecore, before coverage measurement starts.
So it imports nothing of splicecore at module level, and no third-party package but pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from splicecore.plugins.host import PluginHost

__all__ = ["pytest_configure", "splicecore_host"]

_MARKER = "splicecore_plugins(*names): entry points that the splicecore_host fixture may load; none without it"


def pytest_configure(config: pytest.Config) -> None:
    """Register the kit's marker, so that projects with ``--strict-markers`` can use it."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def splicecore_host(request: pytest.FixtureRequest) -> PluginHost:
    """Plugin host that loads no entry point, whatever is installed, unless the test asks for it by name.

    ``@pytest.mark.splicecore_plugins("mymodel")`` names the entry points to load. The environment variables that choose
    plugins are not looked at: a test sees the same plugins on every machine.
    """
    from splicecore.plugins.host import PluginHost, PluginSettings

    names = tuple(str(name) for mark in request.node.iter_markers("splicecore_plugins") for name in mark.args)
    return PluginHost.discover(PluginSettings(load=names))
