"""``splicecore plugins check``: every kind of thing by name, a report, remedies and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from splicecore.cli.plugins import command
from splicecore.errors import ConfigError, PluginNotFoundError, ResourceNotFoundError
from splicecore.plugins.host import PluginSettings
from splicecore.session import Session
from splicecore.testing.conformance import check_plugin, checks
from splicecore.testing.conformance.executor_checks import EXECUTOR_CHECKS
from splicecore.testing.conformance.feature_checks import FEATURE_SET_CHECKS
from splicecore.testing.conformance.meta_checks import META_MODEL_CHECKS
from splicecore.testing.conformance.packaging_checks import PACKAGING_CHECKS
from splicecore.testing.conformance.report import CHECKED_KINDS
from splicecore.testing.conformance.uncertainty_checks import UNCERTAINTY_CHECKS
from splicecore.testing.fakes import write_motif_weights

ALL = (
    *checks.BASE_MODEL_CHECKS,
    *EXECUTOR_CHECKS,
    *FEATURE_SET_CHECKS,
    *META_MODEL_CHECKS,
    *PACKAGING_CHECKS,
    *UNCERTAINTY_CHECKS,
)
FAKES = """
import attrs
from splicecore.api import hookimpl
from splicecore.testing.executor_fakes import THREADS_SPEC
from splicecore.testing.fakes import COMPLETE_SPEC, MOTIF_SPEC
from splicecore.testing.feature_fakes import MARGIN_SPEC
from splicecore.testing.meta_fakes import BAYES_SPEC
from splicecore.testing.uncertainty_fakes import EVEN_ODDS_SPEC

@hookimpl
def splicecore_base_models():
    yield MOTIF_SPEC
    yield COMPLETE_SPEC

@hookimpl
def splicecore_executors():
    yield THREADS_SPEC

@hookimpl
def splicecore_feature_sets():
    yield MARGIN_SPEC

@hookimpl
def splicecore_meta_models():
    yield BAYES_SPEC

@hookimpl
def splicecore_uncertainty_strategies():
    yield attrs.evolve(EVEN_ODDS_SPEC, name="fake-margin")
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    (tmp_path / "all_the_fakes.py").write_text(FAKES)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield PluginSettings(load=(), extra=("all_the_fakes",))
    sys.modules.pop("all_the_fakes", None)


@pytest.fixture
def invoke(settings):
    def call(*arguments):
        return CliRunner().invoke(command, ("check", *arguments), obj=settings, standalone_mode=False)

    return call


def test_every_check_says_what_it_asks_for_and_what_to_do():
    for check in ALL:
        name, summary, remedy = checks.describe_check(check)
        assert summary.startswith("Check that "), name
        assert len(summary) <= 120, name
        assert remedy, name
        assert remedy.endswith("."), name


def test_a_base_model_with_weights(invoke, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    report = tmp_path / "report.json"
    result = invoke("fake-motif-files", "--models-dir", str(write_motif_weights(folder)), "--report", str(report))
    assert result.exit_code == 0, result.output
    assert result.return_value == 0
    lines = result.output.splitlines()
    assert lines[0] == "base model fake-motif-files"
    assert lines[-1] == f"fake-motif-files: {len(checks.BASE_MODEL_CHECKS) - 1} passed, 0 failed, 1 skipped"
    told = json.loads(report.read_text())
    assert told["passed"]
    (subject,) = told["subjects"]
    assert [check["name"] for check in subject["checks"]] == [
        check.__name__.removeprefix("check_") for check in checks.BASE_MODEL_CHECKS
    ]


def test_what_fails_is_told_with_its_remedy(invoke, tmp_path):
    report = tmp_path / "report.json"
    result = invoke("fake-motif", "--model-option", "fault=donor first", "--report", str(report), "--json")
    assert result.return_value == 4
    told = json.loads(result.output)
    assert told == json.loads(report.read_text())
    assert not told["passed"]
    (failed,) = [check for check in told["subjects"][0]["checks"] if check["outcome"] == "failed"]
    assert failed["name"] == "zero_offset"
    assert "score highest as" in failed["message"]
    assert "outputs are neither, acceptor, donor" in failed["remedy"]


def test_the_table_ends_with_remedies(invoke):
    result = invoke("fake-margin", "--kind", "feature_sets", "--setting", "fault=float64")
    assert result.return_value == 4
    assert "columns          failed   margin came as double, float is declared" in result.output
    assert (
        "fake-margin, columns: build the batch with pa.record_batch(arrays, schema=schema(config)), one row"
        in result.output
    )


@pytest.mark.parametrize(
    ("name", "noun"),
    [("fake-threads", "executor"), ("fake-bayes", "meta-model"), ("hybrid_entropy", "uncertainty strategy")],
)
def test_other_kinds_by_name(invoke, name, noun):
    result = invoke(name)
    assert result.return_value == 0, result.output
    assert result.output.startswith(f"{noun} {name}\n")


def test_a_name_of_two_kinds_is_checked_as_both(settings):
    report = check_plugin(Session(plugins=settings), "fake-margin")
    assert [subject.noun for subject in report.subjects] == ["feature set", "uncertainty strategy"]
    assert report.passed


def test_settings_belong_to_one_thing(settings):
    with pytest.raises(ConfigError, match="2 of what is checked"):
        check_plugin(Session(plugins=settings), "fake-margin", settings={"fault": "null"})
    with pytest.raises(ConfigError, match="0 of what is checked"):
        check_plugin(Session(plugins=settings), "fake-threads", settings={"fault": "null"})


def test_a_plugin_is_checked_with_all_that_it_provides(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("SPLICECORE_MODELS", str(tmp_path))
    with pytest.raises(ResourceNotFoundError, match="fake-motif-files"):
        check_plugin(Session(plugins=settings), "all_the_fakes")
    (tmp_path / "fake-motif-files").mkdir()
    write_motif_weights(tmp_path / "fake-motif-files")
    report = check_plugin(Session(plugins=settings), "all_the_fakes")
    nouns = [subject.noun for subject in report.subjects]
    assert nouns[0] == "plugin"
    assert len(nouns) == 1 + 6
    assert len(set(nouns[1:])) == len(CHECKED_KINDS)
    failed = {check.name for subject in report.subjects for check in subject.results if check.outcome == "failed"}
    assert failed == {"names"} or not failed


def test_unknown_names_are_refused_with_the_nearest(invoke):
    result = invoke("fake-motiv")
    assert isinstance(result.exception, PluginNotFoundError)
    assert "fake-motif" in result.exception.hint
    assert isinstance(invoke("fake-motif", "--kind", "executors").exception, PluginNotFoundError)


def test_a_genome_needs_an_annotation(invoke):
    assert isinstance(invoke("fake-motif", "--fasta", "x.fa").exception, ConfigError)


def test_as_a_user_types_it(tmp_path):
    program = "from splicecore.cli.main import main; main()"
    run = [sys.executable, "-c", program, "plugins", "check", "confidence_only"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("confidence_only: ")
    done = subprocess.run([*run[:-1], "nothing-like-it"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 4
    assert "nothing-like-it" in done.stderr
