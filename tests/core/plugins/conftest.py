"""A folder that stands for site-packages, and plugins to install into it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.testing.plugins import fake_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOOD = """
from splicecore.api import BaseModelSpec, hookimpl

@hookimpl
def splicecore_base_models():
    yield BaseModelSpec(name="{model}", factory="{module}:Model", left=1, right=1, licence="MIT", citation="none")

class Model:
    fingerprint = "f"

    def __init__(self, spec, request):
        self.spec = spec

    def predict(self, codes):
        raise NotImplementedError

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
"""

BAD = {
    "broken-import": "import a_package_that_nobody_has\n",
    "raises": "raise RuntimeError('first line\\nsecond line')\n",
    "exits": "import sys\nsys.exit(0)\n",
    "syntax": "def f(:\n",
    "no-hook": "def helper():\n    pass\n",
    "unmarked": "def splicecore_base_models():\n    return []\n",
    "typo-hook": "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_base_model():\n    return []\n",
    "bad-signature": (
        "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_base_models(config):\n    return []\n"
    ),
    "useless-default": (
        "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_run_started(run=None):\n    pass\n"
    ),
    "wrapper": "from splicecore.api import hookimpl\n@hookimpl(wrapper=True)\ndef splicecore_executors():\n    yield\n",
    "hook-raises": (
        "from splicecore.api import hookimpl\n"
        "@hookimpl\ndef splicecore_executors():\n    return []\n"
        "@hookimpl\ndef splicecore_base_models():\n    yield 1 / 0\n"
    ),
    "no-spec": "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_base_models():\n    yield 'spliceai'\n",
    "not-iterable": "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_base_models():\n    return 3\n",
    "bad-spec": (
        "from splicecore.api import ExecutorSpec, hookimpl\n"
        "@hookimpl\ndef splicecore_executors():\n    yield ExecutorSpec(name='Not A Name', factory='m:f')\n"
    ),
    "twice": (
        "from splicecore.api import ExecutorSpec, hookimpl\n"
        "@hookimpl\ndef splicecore_executors():\n    return [ExecutorSpec(name='x', factory='m:f')] * 2\n"
    ),
    "steals": (
        "from splicecore.api import ExecutorSpec, hookimpl\n"
        "@hookimpl\ndef splicecore_executors():\n    yield ExecutorSpec(name='serial', factory='m:f')\n"
    ),
}
"""Source of a faulty plugin by its name."""


class Site:
    """A folder on ``sys.path``; real installed plugins stay out of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []

    def install(self, name: str, source: str, *, version: str = "1.0", plugin: str | None = None, **more) -> None:
        """Install a distribution with one plugin."""
        fake_distribution(self.folder, name, version, source, plugin=plugin, **more)
        self.names.append(plugin or name)

    def install_good(self, name: str, *, model: str | None = None, plugin: str | None = None, **more) -> None:
        """Install a plugin with one base model, which has the plugin's name unless told otherwise."""
        module = more.setdefault("module", name.replace("-", "_"))
        source = GOOD.format(model=model or plugin or name, module=module)
        self.install(name, source, plugin=plugin, **more)

    def install_bad(self, name: str) -> None:
        """Install one of the faulty plugins."""
        self.install(name, BAD[name])

    def discover(self, **settings) -> PluginHost:
        """Make a host of what is installed here."""
        settings.setdefault("load", tuple(self.names))
        return PluginHost.discover(PluginSettings(**settings))


@pytest.fixture
def forget_modules() -> Iterator[None]:
    """Forget the modules that the test imports, so that their names are free again."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("splicecore", "numpy", "pyarrow", "pluggy")):
            del sys.modules[name]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_modules: None) -> Site:
    """An empty folder on ``sys.path`` to install plugins into."""
    for name in ("DISABLE", "LOAD", "STRICT"):
        monkeypatch.delenv(f"SPLICECORE_{name}_PLUGINS", raising=False)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return Site(folder)


@pytest.fixture
def record_of() -> Callable:
    """Return the one record of a name."""

    def find(host: PluginHost, name: str):
        (record,) = [record for record in host.records if record.name == name]
        return record

    return find


@pytest.fixture
def bad_plugins() -> dict[str, str]:
    """Source of each faulty plugin by its name."""
    return BAD
