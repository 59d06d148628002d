"""Pangolin conforms, its package too, and it needs nothing but the public interface."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from splicecore.api import OpenRequest
from splicecore.testing.conformance import BaseModelConformance, PackagingConformance
from splicecore_pangolin.plugin import SPEC

PUBLIC = ("splicecore.api", "splicecore.testing")


@pytest.fixture(scope="module")
def folders(weights, altered_weights, tmp_path_factory):
    """One network of P(splice) in the brain, as it is and altered: 10,000 nt take long enough."""
    folders = []
    for source in (weights, altered_weights):
        folder = tmp_path_factory.mktemp("brain")
        (folder / "final.2.4.3.v2").symlink_to(source / "final.2.4.3.v2")
        folders.append(str(folder))
    return folders


class TestPangolin(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return SPEC

    @pytest.fixture
    def request_(self, folders):
        return OpenRequest(weights=folders[0], config={"tissues": ["brain"]})

    @pytest.fixture
    def altered_request(self, folders):
        return OpenRequest(weights=folders[1], config={"tissues": ["brain"]})


class TestPackage(PackagingConformance):
    @pytest.fixture
    def plugin(self):
        return "pangolin"


def test_only_the_public_interface_is_imported():
    modules = set()
    for path in Path(__file__).parents[1].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                modules.add(str(node.module))
    own = {name for name in modules if name.partition(".")[0] == "splicecore"}
    assert own
    assert all(f"{name}.".startswith(tuple(f"{public}." for public in PUBLIC)) for name in own), own
