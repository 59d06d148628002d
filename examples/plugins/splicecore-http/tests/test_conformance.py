"""A model behind a server conforms, its package too, and it needs nothing but the public interface."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from splicecore.api import OpenRequest
from splicecore.testing.conformance import BaseModelConformance, PackagingConformance
from splicecore_http.plugin import SPEC

PUBLIC = ("splicecore.api", "splicecore.testing")


class TestHttp(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return SPEC

    @pytest.fixture
    def request_(self, consensus, serve):
        return OpenRequest(config={"url": serve(consensus).url})

    @pytest.fixture
    def altered_request(self, altered_consensus, serve):
        return OpenRequest(config={"url": serve(altered_consensus).url})


class TestPackage(PackagingConformance):
    @pytest.fixture
    def plugin(self):
        return "http"


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
