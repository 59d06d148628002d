"""The meta-model suite passes a good model and catches every single mistake, and no more than that."""

from __future__ import annotations

import random

import numpy as np
import pytest
from splicecore.testing.conformance import MetaModelConformance, meta_checks
from splicecore.testing.conformance.meta_case import MetaModelCase
from splicecore.testing.conformance.meta_checks import META_MODEL_CHECKS, run_meta_model_checks
from splicecore.testing.meta_fakes import BAYES_SPEC, META_FAULTS

CAUGHT_BY = {
    "no save": {"making", "seed", "round_trip", "no_pickle", "damage"},
    "float64": {"shape"},
    "not normalised": {"probabilities", "contributions"},
    "donor first": {"learning", "weights", "contributions"},
    "needs validation": {"without_validation", "weights", "input_untouched"},
    "ignores weights": {"weights"},
    "no missing values": {"missing"},
    "random": {"repeatable", "round_trip"},
    "batch mean": {"row_order", "contributions"},
    "empty": {"empty"},
    "any width": {"other_width"},
    "no bias": {"contributions"},
    "noisy contributions": {"contributions"},
    "names itself": {"seed"},
    "rounds": {"round_trip"},
    "pickle": {"no_pickle"},
    "bare error": {"damage"},
    "writes input": {"input_untouched"},
    "read-only": {"input_untouched"},
    "prints": {"silence"},
    "seeds": {"global_state"},
}


@pytest.fixture(autouse=True)
def state_is_restored():
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global generator is what is kept
    yield
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002


def failures(fault: str) -> dict[str, str | None]:
    case = MetaModelCase(spec=BAYES_SPEC, config={"fault": fault})
    return {result.name: result.message for result in run_meta_model_checks(case) if result.outcome == "failed"}


def test_a_good_model_passes_every_check():
    results = list(run_meta_model_checks(MetaModelCase(spec=BAYES_SPEC)))
    assert {result.outcome for result in results} == {"passed"}, results
    assert len(results) == len(META_MODEL_CHECKS)
    assert all(result.summary.startswith("Check that") for result in results)


def test_every_mistake_is_listed_and_every_check_has_one():
    assert META_FAULTS.keys() == CAUGHT_BY.keys()
    assert set().union(*CAUGHT_BY.values()) == {check.__name__.removeprefix("check_") for check in META_MODEL_CHECKS}


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_mistake_fails_its_checks_and_no_others(fault):
    failed = failures(fault)
    assert failed.keys() == CAUGHT_BY[fault], failed
    assert all(failed.values())


def test_settings_are_held_to_their_class():
    from splicecore.errors import ConfigError

    with pytest.raises(ConfigError, match="falt"):
        MetaModelCase(spec=BAYES_SPEC, config={"falt": "x"}).make()


class TestBayes(MetaModelConformance):
    @pytest.fixture
    def spec(self):
        return BAYES_SPEC


def test_the_class_runs_every_check():
    import inspect

    source = inspect.getsource(MetaModelConformance)
    assert all(f"meta_checks.{check.__name__}," in source for check in META_MODEL_CHECKS)
    public = {name for name in vars(meta_checks) if name.startswith("check_")}
    assert public == {check.__name__ for check in META_MODEL_CHECKS}
