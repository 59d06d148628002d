"""``splicecore plugins`` shows every plugin, loaded or not, to people and to programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from splicecore.cli.plugins import command
from splicecore.errors import PluginNotFoundError
from splicecore.plugins.host import PluginSettings


@pytest.fixture
def invoke(site):
    """Call ``splicecore plugins`` with the plugins of the site; return the result."""

    def call(*arguments: str, **settings):
        settings.setdefault("load", tuple(site.names))
        return CliRunner().invoke(command, arguments, obj=PluginSettings(**settings))

    return call


@pytest.fixture
def all_sorts(site):
    """Install a good plugin, every faulty one, one for another core and a shadowed one; return the expected states."""
    site.install_good("good")
    site.install_good("too-new", requires=["splicecore>=1.2"])
    site.install_good("b-dist", plugin="same", module="same_b", model="b")
    site.install_good("a-dist", plugin="same", module="same_a", model="a")
    for name in ("broken-import", "exits", "bad-signature", "typo-hook", "hook-raises", "no-spec"):
        site.install_bad(name)
    return {
        "good": "LOADED",
        "too-new": "INCOMPATIBLE",
        "same": "SHADOWED",
        "broken-import": "FAILED",
        "exits": "FAILED",
        "bad-signature": "FAILED",
        "typo-hook": "FAILED",
        "hook-raises": "FAILED",
        "no-spec": "FAILED",
    }


def test_list_for_programs(site, invoke, all_sorts):
    result = invoke("list", "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    states = {record["name"]: record["state"] for record in answer["plugins"] if record["name"] in site.names}
    assert states == all_sorts
    assert "core" not in {record["name"] for record in answer["plugins"]}
    assert len(answer["problems"]) == 8
    assert result.stdout == json.dumps(answer, indent=2, sort_keys=True) + "\n"


def test_list_for_people(invoke, all_sorts):
    result = invoke("list")
    assert result.exit_code == 0, result.output
    for name, state in all_sorts.items():
        assert any(line.startswith(name) and state in line for line in result.stdout.splitlines())
    assert len(result.stderr.splitlines()) == 8
    assert "needs splicecore>=1.2" in result.stderr


def test_list_all_has_the_core(invoke):
    listed = json.loads(invoke("list", "--json", "--all").stdout)["plugins"]
    assert listed[0]["name"] == "core"
    assert listed[0]["provides"]["executors"] == ["process", "serial"]


def test_show(site, invoke):
    site.install_good("good", model="some-model", version="3.2", requires=["splicecore>=0.1"])
    result = invoke("show", "good")
    assert result.exit_code == 0
    lines = {line[:22].strip(): line[22:].strip() for line in result.stdout.splitlines()}
    assert lines == {
        "name": "good",
        "distribution": "good",
        "version": "3.2",
        "entry point": "good",
        "requires": "splicecore>=0.1",
        "state": "LOADED",
        "hooks": "splicecore_base_models",
        "base model": "some-model [weights: MIT]",
    }


def test_show_a_faulty_plugin(site, invoke):
    site.install_bad("raises")
    plain, full = invoke("show", "raises"), invoke("show", "raises", "--traceback")
    assert "RuntimeError: first line second line" in plain.stdout
    assert "Traceback" not in plain.stdout
    assert "Traceback (most recent call last)" in full.stdout
    assert "raises.py" in full.stdout
    (record,) = json.loads(invoke("show", "raises", "--json").stdout)["plugins"]
    assert "traceback" not in record
    (record,) = json.loads(invoke("show", "raises", "--json", "--traceback").stdout)["plugins"]
    assert record["state"] == "FAILED"
    assert "Traceback" in record["traceback"]


def test_show_works_by_distribution_and_shows_shadows(site, invoke):
    site.install_good("b-dist", plugin="same", module="same_b", model="b")
    site.install_good("a-dist", plugin="same", module="same_a", model="a")
    both = json.loads(invoke("show", "same", "--json").stdout)["plugins"]
    assert [record["distribution"] for record in both] == ["a-dist", "b-dist"]
    (one,) = json.loads(invoke("show", "b-dist", "--json").stdout)["plugins"]
    assert one["state"] == "SHADOWED"
    assert invoke("show", "same").stdout.count("state ") == 2


def test_show_a_model_that_two_plugins_claim(site, invoke):
    site.install_good("one", model="same")
    site.install_good("two", model="same")
    assert "provided by another plugin too" in invoke("show", "one").stdout


def test_an_unknown_plugin_suggests_the_nearest(site, invoke):
    site.install_good("spliceai-like")
    result = invoke("show", "spliceai-lik")
    assert isinstance(result.exception, PluginNotFoundError)
    assert result.exception.hint == "did you mean spliceai-like?"


def test_strictness_does_not_hide_what_is_wrong(site, invoke):
    site.install_bad("raises")
    result = invoke("list", strict=True)
    assert result.exit_code == 0
    assert "FAILED" in result.stdout


def test_the_environment_decides_where_no_settings_are_given(site, monkeypatch):
    site.install_good("one")
    site.install_good("two")
    monkeypatch.setenv("SPLICECORE_LOAD_PLUGINS", "one,two")
    monkeypatch.setenv("SPLICECORE_DISABLE_PLUGINS", "two")
    listed = json.loads(CliRunner().invoke(command, ["list", "--json"]).stdout)["plugins"]
    states = {record["name"]: record["state"] for record in listed}
    assert (states["one"], states["two"]) == ("LOADED", "DISABLED")


def test_the_whole_command_line(site):
    """In a process of its own, through ``splicecore`` itself: states, options, exit codes."""
    site.install_good("one")
    site.install_bad("exits")
    environ = {**os.environ, "PYTHONPATH": str(site.folder), "SPLICECORE_LOAD_PLUGINS": "one,exits"}

    def splicecore(*arguments: str) -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-c", "from splicecore.cli.main import main; main()", *arguments]
        return subprocess.run(call, env=environ, capture_output=True, text=True, check=False)

    listed = splicecore("--disable-plugin", "one", "plugins", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    states = {record["name"]: record["state"] for record in json.loads(listed.stdout)["plugins"]}
    assert (states["one"], states["exits"]) == ("DISABLED", "FAILED")
    unknown = splicecore("plugins", "show", "onne")
    assert unknown.returncode == 4
    assert unknown.stderr.count("\n") == 1
    assert "did you mean one?" in unknown.stderr
