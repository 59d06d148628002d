"""The public interface is complete and light."""

from __future__ import annotations

import subprocess
import sys

import pytest
from splicecore import api, errors
from splicecore.plugins import protocols, specs

HEAVY = ("pyarrow", "pysam", "torch", "tensorflow", "xgboost", "h5py", "cattrs", "rich", "click", "splicecore.session")


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("module", ["splicecore", "splicecore.api"])
def test_importing_is_light(module):
    code = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    assert run_python(code).split() == []


def test_importing_splicecore_does_not_even_import_numpy():
    assert run_python("import sys, splicecore; print('numpy' in sys.modules)").strip() == "False"


def test_discovery_and_listing_import_no_framework():
    code = (
        "import sys; from splicecore.plugins.host import PluginHost; PluginHost.discover();"
        "print(*(name for name in ('torch', 'tensorflow', 'pysam', 'pyarrow', 'h5py') if name in sys.modules))"
    )
    assert run_python(code).split() == []


def test_every_contract_is_public():
    for module in (errors, specs, protocols):
        assert set(module.__all__) <= set(api.__all__), module.__name__


def test_names_are_sorted_and_real():
    lazy = set(api._LAZY)
    assert sorted(set(api.__all__)) == sorted(api.__all__)
    assert all(name in vars(api) for name in set(api.__all__) - lazy)
    assert dir(api) == sorted(api.__all__)


@pytest.mark.parametrize("name", sorted(api._LAZY))
def test_lazy_names_are_imported_when_used(name):
    assert getattr(api, name).__name__ == name


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="has no attribute 'Sessions'"):
        _ = api.Sessions
