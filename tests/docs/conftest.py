"""The tools of the documentation, which the source distribution does not have."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def load_tool(name):
    """Import a module of docs/tools; skips where there is none."""
    path = ROOT / "docs" / "tools" / f"{name}.py"
    if not path.exists():
        pytest.skip("the documentation is not part of the source distribution", allow_module_level=True)
    qualified = f"splicecore_docs_{name}"
    if qualified not in sys.modules:
        spec = importlib.util.spec_from_file_location(qualified, path)
        sys.modules[qualified] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[qualified])
    return sys.modules[qualified]


@pytest.fixture(scope="session")
def docs():
    """Folder of the documentation."""
    folder = ROOT / "docs"
    if not folder.is_dir():
        pytest.skip("the documentation is not part of the source distribution")
    return folder


@pytest.fixture(scope="session")
def runner():
    """What finds and runs examples."""
    return load_tool("examples")


@pytest.fixture(scope="session")
def tables():
    """The column tables."""
    return load_tool("tables")


@pytest.fixture(scope="session")
def notebooks():
    """What makes notebooks of pages."""
    return load_tool("notebook")
