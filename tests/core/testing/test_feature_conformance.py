"""The suite of feature sets passes good ones and catches every single mistake, and no more than that."""

from __future__ import annotations

import inspect

import attrs
import pytest
from splicecore.errors import ConfigError
from splicecore.genome.contigs import Contigs
from splicecore.plugins.host import PluginHost
from splicecore.testing.conformance import FeatureSetConformance, feature_checks
from splicecore.testing.conformance.feature_case import FeatureSetCase
from splicecore.testing.conformance.feature_checks import FEATURE_SET_CHECKS, run_feature_set_checks
from splicecore.testing.feature_fakes import FEATURE_FAULTS, MARGIN_SPEC, Margin

ALL = {check.__name__.removeprefix("check_") for check in FEATURE_SET_CHECKS}
CAUGHT_BY = {
    "no compute": ALL - {"schema", "settings"},
    "column name": {"schema"},
    "float64": {"columns"},
    "null": {"missing"},
    "infinite": {"missing"},
    "selection": {"positions"},
    "empty": {"empty"},
    "one base": {"one_base"},
    "unknown bases": {"unknown_bases"},
    "halo": {"halo"},
    "turns around": {"orientation"},
    "last output": {"models"},
    "named model": {"models"},
    "running mean": {"repeatable"},
    "process": {"other_process"},
    "paths": {"settings"},
    "closes once": {"settings"},
    "writes input": {"input_untouched"},
    "read-only": {"input_untouched"},
    "prints": {"silence"},
    "seeds": {"global_state"},
}
CORE = PluginHost().feature_sets()


def failures(fault):
    case = FeatureSetCase(spec=MARGIN_SPEC, config={"fault": fault})
    return {result.name: result.message for result in run_feature_set_checks(case) if result.outcome == "failed"}


def test_a_good_set_passes_every_check():
    results = list(run_feature_set_checks(FeatureSetCase(spec=MARGIN_SPEC)))
    assert {result.outcome for result in results} == {"passed"}, results
    assert len(results) == len(FEATURE_SET_CHECKS)


def test_every_mistake_is_listed_and_every_check_has_one_of_its_own():
    assert FEATURE_FAULTS.keys() == CAUGHT_BY.keys()
    alone = set().union(*(checks for checks in CAUGHT_BY.values() if len(checks) == 1))
    assert alone | {"making"} == ALL


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_mistake_fails_its_checks_and_no_others(fault):
    failed = failures(fault)
    assert failed.keys() == CAUGHT_BY[fault], failed
    assert all(failed.values())


def test_columns_of_text_are_caught(monkeypatch):
    monkeypatch.setitem(FEATURE_FAULTS, "column of text", Margin)
    assert "not of numbers" in failures("column of text")["schema"]


def test_what_the_kit_cannot_make_up_is_skipped_with_a_reason():
    spec = attrs.evolve(MARGIN_SPEC, requires=("pangenome",))
    results = {result.name: result for result in run_feature_set_checks(FeatureSetCase(spec=spec))}
    assert results["columns"].outcome == "skipped"
    assert "pangenome: override the fixture resources" in results["columns"].message


def test_settings_are_held_to_their_class():
    with pytest.raises(ConfigError, match="falt"):
        FeatureSetCase(spec=MARGIN_SPEC, config={"falt": "x"}).make()


class TestOfTheCore(FeatureSetConformance):
    @pytest.fixture(params=sorted(CORE.keys() - {"tracks"}))
    def spec(self, request):
        return CORE[request.param]

    @pytest.fixture
    def config(self, spec):
        return {"kmer_sizes": [2]} if spec.name == "sequence" else {}


class TestTracksOfTheCore(FeatureSetConformance):
    @pytest.fixture
    def spec(self):
        return CORE["tracks"]

    @pytest.fixture
    def config(self, tmp_path):
        path = tmp_path / "signal.bedgraph"
        path.write_text("chr1\t900\t1100\t0.5\nchr1\t1100\t1150\t-2\n")
        return {"tracks": [{"name": "signal", "path": str(path), "windows": [0, 3]}]}

    @pytest.fixture
    def resources(self, tmp_path):
        return {"contigs": Contigs.from_mapping({"chr1": 10_000}), "cache": tmp_path / "cache"}


class TestMargin(FeatureSetConformance):
    @pytest.fixture
    def spec(self):
        return MARGIN_SPEC


def test_the_class_runs_every_check():
    source = inspect.getsource(FeatureSetConformance)
    assert all(f"feature_checks.{check.__name__}," in source for check in FEATURE_SET_CHECKS)
    public = {name for name in vars(feature_checks) if name.startswith("check_")}
    assert public == {check.__name__ for check in FEATURE_SET_CHECKS}
