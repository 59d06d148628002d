"""The conformance suite passes a good model and catches every single mistake, and no more than that."""

from __future__ import annotations

import os
import random
from unittest import mock

import attrs
import numpy as np
import pytest
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.conformance import BaseModelConformance, MetaModelConformance
from splicecore.testing.conformance.case import BaseModelCase, find_plugin_module
from splicecore.testing.conformance.checks import BASE_MODEL_CHECKS, run_base_model_checks, run_checks
from splicecore.testing.conformance.sites import check_zero_offset
from splicecore.testing.conformance.suite import ConformanceSuite
from splicecore.testing.fakes import COMPLETE_SPEC, MOTIF_SPEC, open_motif_model, write_motif_weights
from splicecore.testing.faulty_models import FAULTS, faulty_request
from splicecore.testing.simulate import SimulationConfig, simulate_genome

CAUGHT_BY = {
    "other name": {"opening"},
    "extra channel": {"shape", "n_around_bases", "empty", "one_position"},
    "float64": {"shape"},
    "not normalised": {"probabilities"},
    "above one": {"probabilities"},
    "random": {"repeatable", "other_process", "threads", "edits_alone"},
    "process": {"other_process"},
    "process fingerprint": {"other_process"},
    "threads": {"threads"},
    "batch size": {"batch_invariance"},
    "batch place": {"batch_invariance"},
    "tile edge": {"tiling_invariance", "flanks"},
    "place in tile": {"tiling_invariance"},
    "share of n": {"flanks"},
    "rare n": {"letters"},
    "shifted": {"zero_offset"},
    "donor first": {"zero_offset"},
    "sites in n": {"only_n"},
    "n among bases": {"n_around_bases"},
    "both strands": {"given_strand_only"},
    "empty": {"empty"},
    "no positions": {"empty"},
    "one position": {"one_position", "tiling_invariance"},
    "writes input": {"input_untouched"},
    "layout": {"input_layout"},
    "read-only": {"input_layout"},
    "prints": {"silence"},
    "prints below python": {"silence"},
    "seeds": {"global_state"},
    "environment": {"global_state"},
    "logging": {"global_state"},
    "no input check": {"bad_input"},
    "fingerprint": {"fingerprint", "other_process"},
    "fingerprint words": {"fingerprint"},
    "fingerprint of threads": {"fingerprint"},
    "fingerprint of acceptors": {"altered_weights"},
    "fingerprint of donors": {"fingerprint_of_altered_weights"},
    "fingerprint of name": {"fingerprint_of_altered_weights", "altered_weights"},
    "close twice": {"closing"},
    "any device": {"unknown_device"},
    "missing device": {"unknown_device"},
    "any engine": {"unknown_engine"},
    "edits of the reference": {"edits"},
    "edits in company": {"edits_alone"},
    "default weights": {"missing_weights"},
    "missing file": {"missing_weights"},
    "half the weights": {"truncated_weights"},
    "memory": {"memory"},
}


@pytest.fixture(autouse=True)
def state_is_restored():
    """Some of the mistakes are made in this process too."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global generator is what is kept
    with mock.patch.dict(os.environ):
        yield
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Weights, and other ones that differ in the acceptor's motif."""
    made = [tmp_path_factory.mktemp(name) for name in ("weights", "altered")]
    return [str(write_motif_weights(folder, acceptor=site)) for folder, site in zip(made, (5.0, 5.001), strict=True)]


@pytest.fixture(scope="module")
def case_of(folders):
    """The good model, or a faulty one, with files of weights."""

    def make(fault: str | None = None) -> BaseModelCase:
        request = OpenRequest() if fault is None else faulty_request(fault)
        # What takes a process of its own is done where it makes a difference.
        case = BaseModelCase(
            spec=COMPLETE_SPEC if fault in {None, "memory"} else attrs.evolve(COMPLETE_SPEC, memory=None),
            request=attrs.evolve(request, weights=folders[0]),
            altered_request=attrs.evolve(request, weights=folders[1]),
            plugin_module="splicecore.testing.fakes" if fault is None else None,
        )
        # The plugin host refuses unknown engines before the model sees them.
        return attrs.evolve(case, opener=open_motif_model) if fault == "any engine" else case

    return make


def failures(case: BaseModelCase) -> dict[str, str | None]:
    return {result.name: result.message for result in run_base_model_checks(case) if result.outcome == "failed"}


def test_a_good_model_passes_every_check(case_of):
    results = list(run_base_model_checks(case_of()))
    assert {result.outcome for result in results} == {"passed"}, results
    assert len(results) == len(BASE_MODEL_CHECKS)
    assert all(result.summary.startswith("Check that") for result in results)


def test_every_mistake_is_listed():
    assert FAULTS.keys() == CAUGHT_BY.keys()


@pytest.mark.parametrize("fault", sorted(CAUGHT_BY))
def test_a_mistake_fails_its_checks_and_no_others(fault, case_of):
    failed = failures(case_of(fault))
    assert failed.keys() == CAUGHT_BY[fault], failed
    assert all(failed.values())


def test_every_check_catches_something():
    caught = set().union(*CAUGHT_BY.values())
    elsewhere = {"light_import", "spec"}
    assert {check.__name__.removeprefix("check_") for check in BASE_MODEL_CHECKS} == caught | elsewhere


def test_a_module_that_imports_a_framework_is_caught(tmp_path, monkeypatch, case_of):
    (tmp_path / "torch.py").write_text("")
    (tmp_path / "heavy_plugin.py").write_text("import torch\n")
    monkeypatch.syspath_prepend(tmp_path)
    failed = failures(attrs.evolve(case_of(), plugin_module="heavy_plugin"))
    assert failed.keys() == {"light_import"}
    assert "torch" in failed["light_import"]


def test_a_module_that_cannot_be_imported_is_caught(case_of):
    failed = failures(attrs.evolve(case_of(), plugin_module="splicecore_no_such_module"))
    assert failed.keys() == {"light_import"}
    assert "splicecore_no_such_module" in failed["light_import"]


@pytest.mark.parametrize(
    "change",
    [
        {"licence": " "},
        {"citation": ""},
        {"summary": "two\nlines"},
        {"tolerance": 0.1},
        {"tolerance": -1.0},
        {"output_length": 30_000},
        {"config_cls": dict},
        {"engines": ("numpy", "numpy")},
    ],
)
def test_an_incomplete_spec_is_caught(change, case_of):
    (check,) = [check for check in BASE_MODEL_CHECKS if check.__name__ == "check_spec"]
    with pytest.raises(AssertionError):
        check(attrs.evolve(case_of(), spec=attrs.evolve(MOTIF_SPEC, **change)))


def test_a_request_that_json_does_not_keep_is_caught(case_of):
    (check,) = [check for check in BASE_MODEL_CHECKS if check.__name__ == "check_spec"]
    with pytest.raises(AssertionError, match="JSON"):
        check(attrs.evolve(case_of(), request=OpenRequest(config={"site": (1, 2)})))


def test_what_cannot_be_checked_is_skipped_with_a_reason(case_of):
    results = {r.name: r for r in run_base_model_checks(attrs.evolve(case_of(), altered_request=None))}
    skipped = results["fingerprint_of_altered_weights"]
    assert skipped.outcome == "skipped"
    assert "altered_request" in skipped.message


def test_a_model_that_is_not_position_invariant_skips_tiling_and_flanks(case_of):
    spec = attrs.evolve(COMPLETE_SPEC, position_invariant=False)
    results = {r.name: r for r in run_base_model_checks(attrs.evolve(case_of("tile edge"), spec=spec))}
    assert {results[name].outcome for name in ("tiling_invariance", "flanks")} == {"skipped"}


def test_a_model_that_raises_fails_and_the_other_checks_still_run(case_of):
    def broken(spec, request):
        raise RuntimeError("no such luck")

    results = list(run_base_model_checks(attrs.evolve(case_of(), opener=broken)))
    assert len(results) == len(BASE_MODEL_CHECKS)
    assert "RuntimeError: no such luck" in {result.message for result in results}


def test_a_package_without_entry_point_has_no_plugin_module():
    assert find_plugin_module(attrs.evolve(MOTIF_SPEC, factory="no_such_package.model:open")) is None


def test_a_model_of_fixed_output_length_conforms():
    spec = attrs.evolve(MOTIF_SPEC, output_length=50)
    case = BaseModelCase(spec=spec, altered_request=OpenRequest(config={"site": 5.001}))
    outcomes = {r.name: r.outcome for r in run_base_model_checks(case)}
    assert {name for name, outcome in outcomes.items() if outcome == "failed"} == set()
    skipped = {name for name, outcome in outcomes.items() if outcome == "skipped"}
    of_weights = {"missing_weights", "truncated_weights", "altered_weights"}
    assert skipped == {"light_import", "one_position", "edits", "edits_alone", "memory", *of_weights}


@pytest.fixture(scope="module")
def real_genome(tmp_path_factory):
    """Genome and annotation in files, as an author would give them."""
    paths = simulate_genome(SimulationConfig(contigs=("chr1",)), seed=2).write(tmp_path_factory.mktemp("genome"))
    return str(paths.fasta), str(paths.annotation)


@pytest.mark.parametrize(("fault", "outcome"), [(None, "passed"), ("shifted", "failed"), ("donor first", "failed")])
def test_sites_of_a_genome_in_files(case_of, real_genome, fault, outcome):
    (result,) = run_checks([check_zero_offset], attrs.evolve(case_of(fault), genome=real_genome))
    assert result.outcome == outcome, result


def test_a_model_that_knows_no_sites_skips_their_place(tmp_path):
    file = write_motif_weights(tmp_path) / "motif.bin"
    file.write_bytes(bytes(file.stat().st_size))
    case = BaseModelCase(spec=COMPLETE_SPEC, request=OpenRequest(weights=str(tmp_path)))
    (result,) = run_checks([check_zero_offset], case)
    assert result.outcome == "skipped"
    assert "genome" in result.message


class TestMotifModel(BaseModelConformance):
    @pytest.fixture
    def spec(self):
        return COMPLETE_SPEC

    @pytest.fixture
    def request_(self, folders):
        return OpenRequest(weights=folders[0])

    @pytest.fixture
    def altered_request(self, folders):
        return OpenRequest(weights=folders[1])

    @pytest.fixture
    def plugin_module(self):
        return "splicecore.testing.fakes"


def test_the_class_runs_every_check():
    tests = [name for name in vars(BaseModelConformance) if name.startswith("test_")]
    assert len(tests) == len(BASE_MODEL_CHECKS)
    assert BaseModelConformance.test_no_standard_test_is_replaced is ConformanceSuite.test_no_standard_test_is_replaced


def test_replacing_a_standard_test_is_caught():
    class Careless(TestMotifModel):
        def test_closing(self):
            """Not today."""

    class Honest(TestMotifModel):
        @pytest.mark.xfail(strict=True, reason="closes once only")
        def test_closing(self, case):
            super().test_closing(case)

    Honest().test_no_standard_test_is_replaced()
    with pytest.raises(AssertionError, match="test_closing"):
        Careless().test_no_standard_test_is_replaced()


def test_replacing_is_caught_in_every_suite():
    class Careless(MetaModelConformance):
        def test_no_rows(self):
            """Not today."""

    with pytest.raises(AssertionError, match="test_no_rows"):
        Careless().test_no_standard_test_is_replaced()
