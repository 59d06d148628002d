"""What plugins provide is asked for by name; what cannot be had is explained."""

from __future__ import annotations

import pickle

import pytest
from splicecore.errors import ExitCode, PluginError, PluginLoadError, PluginNotFoundError
from splicecore.plugins.catalog import KINDS
from splicecore.plugins.host import PluginHost

FINDERS = """
from splicecore.api import ResourceFinderSpec, hookimpl

@hookimpl
def splicecore_resource_finders():
    yield ResourceFinderSpec(name="late", factory="m:f", kinds=("weights",), priority=500)
    yield ResourceFinderSpec(name="b", factory="m:f", kinds=("weights",))
    yield ResourceFinderSpec(name="a", factory="m:f", kinds=("weights",))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_accessors(kind):
    host = PluginHost()
    assert isinstance(getattr(host, kind)(), dict)
    with pytest.raises(PluginNotFoundError, match=f"there is no {KINDS[kind].noun} 'nothing'"):
        host.provider(kind, "nothing")
    singular = {"uncertainty_strategies": "uncertainty_strategy"}.get(kind, kind[:-1])
    if kind != "resource_finders":
        with pytest.raises(PluginNotFoundError):
            getattr(host, singular)("nothing")


def test_accessors_are_sorted(site):
    site.install_good("one", model="zeta")
    site.install_good("two", model="alpha")
    assert list(site.discover().base_models()) == ["alpha", "zeta"]


def test_finders_are_sorted_by_priority(site):
    site.install("finders", FINDERS)
    weights = [name for name, spec in site.discover().resource_finders().items() if "weights" in spec.kinds]
    assert weights == ["explicit", "environment", "data-root", "a", "b", "late"]


def test_an_unknown_name_lists_the_installed_ones_and_suggests_the_nearest(site):
    site.install_good("spliceai")
    site.install_good("consensus")
    site.install_bad("raises")
    with pytest.raises(PluginNotFoundError) as caught:
        site.discover().base_model("splicai")
    assert "there is no base model 'splicai'; installed: consensus, spliceai; not loaded: " in caught.value.message
    assert "raises" in caught.value.message
    assert caught.value.hint == "did you mean spliceai?"
    assert caught.value.exit_code == ExitCode.PLUGIN


def test_without_any_model_the_message_says_so():
    with pytest.raises(PluginNotFoundError, match="no base model is installed"):
        PluginHost().base_model("spliceai")


@pytest.mark.parametrize("wanted", ["raises", "raises-10k"])
def test_asking_for_a_faulty_plugin_gives_the_cause(site, wanted):
    site.install_bad("raises")
    with pytest.raises(PluginLoadError) as caught:
        site.discover().base_model(wanted)
    error = caught.value
    assert error.message == (
        f"base model {wanted!r} is not available: plugin 'raises' (raises 1.0) is FAILED: "
        "RuntimeError: first line second line"
    )
    assert error.hint == "splicecore plugins show raises --traceback"
    assert isinstance(error.__cause__, RuntimeError)
    assert error.exit_code == ExitCode.PLUGIN
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_asking_for_an_incompatible_plugin_says_what_it_needs(site):
    site.install_good("too-new", requires=["splicecore>=1.2"])
    with pytest.raises(PluginLoadError, match=r"INCOMPATIBLE: needs splicecore>=1\.2") as caught:
        site.discover().base_model("too-new")
    assert caught.value.hint == "pip install --upgrade splicecore"


def test_a_model_name_that_two_plugins_claim_is_refused_when_asked_for(site):
    site.install_good("one", model="same")
    site.install_good("two", model="same", version="2.5")
    site.install_good("three")
    host = site.discover()
    assert list(host.base_models()) == ["three"]
    assert host.base_model("three").name == "three"
    with pytest.raises(PluginError) as caught:
        host.base_model("same")
    assert "plugin 'one' (one 1.0) and plugin 'two' (two 2.5)" in caught.value.message
    assert "--disable-plugin" in caught.value.hint
    (problem,) = host.problems()
    assert problem.startswith("base model 'same' is provided by plugin 'one' (one 1.0) and plugin 'two' (two 2.5)")
    assert site.discover(disable=["two"]).base_model("same").factory == "one:Model"


def test_asking_does_not_import_what_it_does_not_need(site):
    site.install(
        "lazy",
        "from splicecore.api import ExecutorSpec, hookimpl\n"
        "@hookimpl\ndef splicecore_executors():\n"
        "    yield ExecutorSpec(name='far-away', factory='no_such_package.at_all:Executor')\n",
    )
    assert site.discover().executor("far-away").factory == "no_such_package.at_all:Executor"
