"""The packaging checks pass our own plugins and catch every single mistake, and no more than that."""

from __future__ import annotations

import inspect
import sys
from importlib import metadata

import pytest
from splicecore.plugins.hookspecs import ENTRY_POINT_GROUP
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.testing.conformance import PackagingConformance
from splicecore.testing.conformance.packaging_checks import PACKAGING_CHECKS, PluginCase, run_packaging_checks
from splicecore.testing.plugins import fake_distribution

GOOD = """
from splicecore.api import ExecutorSpec, hookimpl

@hookimpl
def splicecore_executors():
    yield ExecutorSpec(name="lab-queue", factory="lab_queue:Queue")
"""
METADATA = ("License-Expression: MIT", "Summary: runs shards on the queue of our lab")
RANGE = ("splicecore>=0.1,<0.2",)
CAUGHT_BY = {
    "fails": {"loading", "entry_point"},
    "twin": {"loading"},
    "capitals": {"names"},
    "package of another": {"names"},
    "heavy": {"entry_point"},
    "no licence": {"metadata"},
    "no summary": {"metadata"},
    "no requirement": {"requirement"},
    "no upper bound": {"requirement"},
    "no lower bound": {"requirement"},
    "too new": {"requirement", "loading"},
    "weights": {"contents"},
    "large": {"contents"},
    "private": {"imports"},
    "private, from the top": {"imports"},
}


@pytest.fixture
def failures(tmp_path, monkeypatch):
    """Install the good plugin, or one with a mistake; return the checks that fail."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def run(fault=None):
        source, more, plugin, requires = GOOD, list(METADATA), "lab-queue", RANGE
        source = {
            "fails": "import no_such_package\n" + GOOD,
            "heavy": "import jax\n" + GOOD,
            "private": GOOD + "\nfrom splicecore.plugins.specs import OUTPUTS\n",
            "private, from the top": GOOD + "\nfrom splicecore import config\n",
        }.get(fault, source)
        requires = {
            "no requirement": (),
            "no upper bound": ("splicecore>=0.1",),
            "no lower bound": ("splicecore<1",),
            "too new": ("splicecore>=7,<8",),
        }.get(fault, requires)
        plugin = "Lab" if fault == "capitals" else plugin
        if fault in {"no licence", "no summary"}:
            del more[fault == "no summary"]
        (tmp_path / "jax.py").write_text("")
        module = "lab_queue"
        info = fake_distribution(tmp_path, "lab-queue", "1.0", source, requires=requires, plugin=plugin, module=module)
        with (info / "METADATA").open("a", encoding="utf-8") as file:
            file.write("\n".join(more) + "\n")
        (info / "RECORD").write_text("lab_queue.py,,\n")
        names = [plugin]
        if fault == "twin":
            fake_distribution(tmp_path, "copy-queue", "1.0", GOOD, plugin="copy-queue")
            names.append("copy-queue")
        if fault == "package of another":
            other = fake_distribution(tmp_path, "other", "1.0", "", plugin="other")
            (other / "RECORD").write_text("lab_queue.py,,\n")
            (other / "entry_points.txt").unlink()
        if fault in {"weights", "large"}:
            (tmp_path / "lab_queue.py").unlink()
            (tmp_path / "lab_queue").mkdir()
            (tmp_path / "lab_queue" / "__init__.py").write_text(GOOD)
            extra = tmp_path / "lab_queue" / ("network.pt" if fault == "weights" else "table.parquet")
            extra.write_bytes(bytes(10 if fault == "weights" else 20_000_001))
        host = PluginHost.discover(PluginSettings(load=tuple(names)))
        (record,) = [record for record in host.records if record.name == plugin]
        case = PluginCase(record=record, problems=tuple(host.problems()))
        results = list(run_packaging_checks(case))
        assert all(result.remedy for result in results if result.outcome == "failed")
        return {result.name: result.message for result in results if result.outcome == "failed"}

    yield run
    for name in set(sys.modules) - before:
        if name.startswith(("lab_queue", "copy_queue", "other", "jax")):
            del sys.modules[name]


def test_a_good_package_passes_every_check(failures):
    assert failures() == {}


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_mistake_fails_its_checks_and_no_others(failures, fault):
    failed = failures(fault)
    assert failed.keys() == CAUGHT_BY[fault], failed


def test_every_check_has_a_mistake_of_its_own():
    alone = set().union(*(checks for checks in CAUGHT_BY.values() if len(checks) == 1))
    assert alone == {check.__name__.removeprefix("check_") for check in PACKAGING_CHECKS}


class TestOurOwn(PackagingConformance):
    @pytest.fixture(params=["consensus", "openspliceai", "spliceai", "xgb-meta"])
    def plugin(self, request):
        if request.param not in metadata.entry_points(group=ENTRY_POINT_GROUP).names:
            pytest.skip(f"{request.param} is not installed")
        return request.param


def test_the_class_runs_every_check():
    source = inspect.getsource(PackagingConformance)
    assert all(f"packaging_checks.{check.__name__}," in source for check in PACKAGING_CHECKS)
