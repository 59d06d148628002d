"""What pytest sees of the kit: the plugin that it loads everywhere, and the suite in somebody else's project."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROJECT = """
import pytest
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.conformance import BaseModelConformance
from splicecore.testing.fakes import MOTIF_SPEC


class TestGood(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return MOTIF_SPEC


class TestPrints(TestGood):
    @pytest.fixture
    def request_(self):
        return OpenRequest(config={"fault": "prints"})


class TestForgotten(BaseModelConformance):
    pass


@pytest.mark.splicecore_plugins("no-such-plugin")
def test_marker_is_known():
    pass
"""


def run(*arguments: str, cwd) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, check=False)


def test_the_suite_runs_in_another_project(tmp_path):
    (tmp_path / "test_model.py").write_text(PROJECT)
    done = run("-m", "pytest", "-q", "-rfs", "--strict-markers", "-W", "error", "-p", "no:cacheprovider", cwd=tmp_path)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert [line for line in failed if "TestGood" in line] == []
    assert len([line for line in failed if "TestPrints" in line]) == 1
    assert "test_standard_output_stays_clean" in "".join(line for line in failed if "TestPrints" in line)
    assert "TestForgotten must override the fixture 'spec'" in done.stdout
    assert "SKIPPED" in done.stdout
    assert "override the altered_request fixture" in done.stdout
    assert "test_marker_is_known" not in "".join(failed)


def test_pytest_loads_nothing_heavy(tmp_path):
    program = (
        "import sys, splicecore.testing.pytest_plugin; "
        "print(*{'attrs', 'numpy', 'pyarrow', 'pysam', 'splicecore.plugins', 'torch'} & set(sys.modules))"
    )
    done = run("-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_checks_do_not_need_pytest(tmp_path):
    program = "import sys, splicecore.testing.conformance.checks; print('pytest' in sys.modules)"
    done = run("-c", program, cwd=tmp_path)
    assert done.stdout.strip() == "False", done.stderr


def test_the_host_fixture_loads_no_plugin(splicecore_host):
    assert splicecore_host.base_models() == {}
    assert {record.name for record in splicecore_host.records if record.state == "LOADED"} == {"core"}


@pytest.mark.splicecore_plugins("consensus")
def test_the_host_fixture_loads_what_the_marker_names(splicecore_host):
    pytest.importorskip("splicecore_consensus")
    assert set(splicecore_host.base_models()) == {"consensus"}


def test_conformance_has_no_other_names():
    from splicecore.testing import conformance

    with pytest.raises(AttributeError, match="no_such_suite"):
        _ = conformance.no_such_suite
