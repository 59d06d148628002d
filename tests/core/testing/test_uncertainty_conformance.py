"""The suite of uncertainty strategies passes good ones and catches every single mistake, and no more than that."""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest
from splicecore.errors import ConfigError
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.testing.conformance import UncertaintyConformance, uncertainty_checks
from splicecore.testing.conformance.uncertainty_case import UncertaintyCase
from splicecore.testing.conformance.uncertainty_checks import UNCERTAINTY_CHECKS, run_uncertainty_checks
from splicecore.testing.uncertainty_fakes import EVEN_ODDS_SPEC, UNCERTAINTY_FAULTS

NEEDS_SCORES = {check.__name__.removeprefix("check_") for check in UNCERTAINTY_CHECKS} - {
    "threshold",
    "criteria",
    "terms",
}
CAUGHT_BY = {
    "no score": NEEDS_SCORES,
    "float64": {"shape"},
    "not finite": {"range"},
    "selects the sure": {"one_hot"},
    "confidence": {"order"},
    "ranks within a run": {"repeatable"},
    "genomic order": {"orientation"},
    "threshold of zero": {"threshold"},
    "criteria of sites": {"criteria"},
    "sum of terms": {"terms"},
    "normalizes in place": {"input_untouched"},
    "prints": {"silence"},
    "seeds": {"global_state"},
}
CORE = PluginHost.discover(PluginSettings(load=())).uncertainty_strategies()


@pytest.fixture(autouse=True)
def state_is_restored():
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global generator is what is kept
    yield
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002


def failures(fault):
    case = UncertaintyCase(spec=EVEN_ODDS_SPEC, config={"fault": fault})
    return {result.name: result.message for result in run_uncertainty_checks(case) if result.outcome == "failed"}


def test_a_good_strategy_passes_every_check():
    results = list(run_uncertainty_checks(UncertaintyCase(spec=EVEN_ODDS_SPEC)))
    assert {result.outcome for result in results} == {"passed"}, results
    assert len(results) == len(UNCERTAINTY_CHECKS)
    assert all(result.summary.startswith("Check that") for result in results)


def test_every_mistake_is_listed_and_every_check_has_one_of_its_own():
    assert UNCERTAINTY_FAULTS.keys() == CAUGHT_BY.keys()
    alone = set().union(*(checks for checks in CAUGHT_BY.values() if len(checks) == 1))
    assert alone | {"making"} == {check.__name__.removeprefix("check_") for check in UNCERTAINTY_CHECKS}


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_mistake_fails_its_checks_and_no_others(fault):
    failed = failures(fault)
    assert failed.keys() == CAUGHT_BY[fault], failed
    assert all(failed.values())


def test_what_a_strategy_may_leave_out_is_skipped():
    case = UncertaintyCase(spec=EVEN_ODDS_SPEC, config={"fault": "prints"})
    outcomes = {result.name: result.outcome for result in run_uncertainty_checks(case)}
    assert {name for name, outcome in outcomes.items() if outcome == "skipped"} == {"threshold", "criteria", "terms"}


def test_settings_are_held_to_their_class():
    with pytest.raises(ConfigError, match="falt"):
        UncertaintyCase(spec=EVEN_ODDS_SPEC, config={"falt": "x"}).make()


class TestOfTheCore(UncertaintyConformance):
    @pytest.fixture(params=sorted(CORE))
    def spec(self, request):
        return CORE[request.param]


class TestMembersOfAnEnsemble(UncertaintyConformance):
    @pytest.fixture
    def case(self):
        spec = CORE["ensemble_disagreement"]
        return UncertaintyCase(spec=spec, models=("only",), extras=("acceptor_spread", "donor_spread"))


def test_the_class_runs_every_check():
    source = inspect.getsource(UncertaintyConformance)
    assert all(f"uncertainty_checks.{check.__name__}," in source for check in UNCERTAINTY_CHECKS)
    public = {name for name in vars(uncertainty_checks) if name.startswith("check_")}
    assert public == {check.__name__ for check in UNCERTAINTY_CHECKS}
