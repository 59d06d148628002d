"""Plugins are found, checked and loaded each on its own; what becomes of them is recorded."""

from __future__ import annotations

import logging
import sys
import types

import pytest
import splicecore
from splicecore.api import API_VERSION, ENTRY_POINT_GROUP, hookimpl
from splicecore.errors import ConfigError, PluginLoadError
from splicecore.plugins.discovery import unmet
from splicecore.plugins.host import PluginHost, PluginRecord, PluginSettings, PluginState

CAUSES = {
    "broken-import": "ModuleNotFoundError: No module named 'a_package_that_nobody_has'",
    "raises": "RuntimeError: first line second line",
    "exits": "SystemExit: tried to end the process (exit status 0)",
    "syntax": "SyntaxError: invalid syntax (syntax.py, line 1)",
    "no-hook": "implements no hook",
    "unmarked": "splicecore_base_models lacks the mark @hookimpl",
    "typo-hook": "there is no hook splicecore_base_model; did you mean splicecore_base_models?",
    "bad-signature": "splicecore_base_models has an argument 'config', but the hook takes no argument",
    "useless-default": ("splicecore_run_started never gets its argument 'run': make it positional, without a default"),
    "wrapper": "splicecore_executors cannot be wrapped",
    "hook-raises": "ZeroDivisionError: division by zero",
    "no-spec": "splicecore_base_models must yield BaseModelSpec, but yielded str",
    "not-iterable": "splicecore_base_models must yield BaseModelSpec, but returned int",
    "bad-spec": "name 'Not A Name' is not a valid name (lower-case letters and digits, joined by '-', '_' or '.')",
    "twice": "splicecore_executors yields a name twice: x, x",
    "steals": "executor 'serial' is the core's own",
}


def test_group_and_api_version_agree():
    assert ENTRY_POINT_GROUP.endswith(f".v{API_VERSION[0]}")


def test_a_host_without_discovery_has_only_the_core():
    host = PluginHost()
    (core,) = host.records
    assert (core.name, core.version, core.state) == ("core", splicecore.__version__, PluginState.LOADED)
    assert list(host.executors()) == ["process", "serial"]
    places = ("explicit", "environment", "data-root")
    assert list(host.resource_finders()) == [name for place in places for name in (place, f"genomic-{place}")]
    assert host.problems() == []


def test_a_good_plugin_is_loaded(site, record_of):
    site.install_good("good", model="good-model", requires=["splicecore>=0.1", "numpy"], version="2.1")
    host = site.discover()
    record = record_of(host, "good")
    assert record.state is PluginState.LOADED
    assert (record.distribution, record.version, record.entry_point) == ("good", "2.1", "good")
    assert record.requires == ("splicecore>=0.1",)
    assert record.provides == {"hooks": ("splicecore_base_models",), "base_models": ("good-model",)}
    assert (record.error, record.traceback) == (None, None)
    assert host.base_model("good-model").left == 1
    assert host.provider("base_models", "good-model") is record
    assert host.problems() == []


def test_every_fault_has_its_cause(bad_plugins):
    assert set(CAUSES) == set(bad_plugins)


@pytest.mark.parametrize("name", CAUSES)
def test_a_faulty_plugin_fails_alone(name, site, record_of):
    site.install_good("a-first")
    site.install_bad(name)
    site.install_good("z-last")
    host = site.discover()
    record = record_of(host, name)
    assert record.state is PluginState.FAILED
    assert record.error == CAUSES[name]
    assert "Traceback" in record.traceback
    assert record.provides == {}
    assert list(host.base_models()) == ["a-first", "z-last"]
    assert host.problems() == [
        f"plugin '{name}' ({name} 1.0) not loaded: {CAUSES[name]} (splicecore plugins show {name} --traceback)"
    ]


@pytest.mark.parametrize("name", ["bad-signature", "typo-hook", "hook-raises", "no-spec", "steals"])
def test_nothing_of_a_faulty_plugin_stays_registered(name, site):
    site.install_bad(name)
    host = site.discover()
    assert [plugin.__name__ for plugin in host._pm.get_plugins()] == ["splicecore.plugins.builtin"]
    for caller in vars(host._pm.hook).values():
        assert all(impl.plugin.__name__ == "splicecore.plugins.builtin" for impl in caller.get_hookimpls())
    host._pm.check_pending()


def test_a_plugin_that_is_registered_in_part_is_unregistered(site, monkeypatch, record_of):
    """Should pluggy refuse what our own checks let through, its half-registered plugin goes too."""
    site.install_bad("bad-signature")
    monkeypatch.setattr("splicecore.plugins.host.check_hooks", lambda *_: ("splicecore_base_models",))
    host = site.discover()
    assert "config" in record_of(host, "bad-signature").error
    assert len(host._pm.get_plugins()) == 1


def test_an_interrupt_is_not_taken_for_a_faulty_plugin(site):
    site.install("interrupts", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        site.discover()


def test_a_class_is_not_a_plugin():
    class Plugin:
        @hookimpl
        def splicecore_base_models(self):
            return []

    with pytest.raises(PluginLoadError, match="is a class"):
        PluginHost().register(Plugin)


def test_a_plugin_for_another_core_is_not_imported(site, record_of):
    site.install(
        "too-new", "raise AssertionError('imported')\n", requires=["numpy", "splicecore>=1.2,<2"], version="0.3"
    )
    host = site.discover()
    record = record_of(host, "too-new")
    assert record.state is PluginState.INCOMPATIBLE
    assert record.error == f"needs splicecore<2,>=1.2, have {splicecore.__version__}"
    assert "too_new" not in sys.modules
    assert host.problems() == [
        (
            f"plugin 'too-new' (too-new 0.3) not loaded: needs splicecore<2,>=1.2, have {splicecore.__version__} "
            "(pip install --upgrade splicecore)"
        )
    ]


def test_a_requirement_under_a_marker_that_does_not_hold_is_not_one(site, record_of):
    site.install_good("marked", requires=["splicecore>=9; python_version < '3'", "Splice_Core>=0; extra == 'x'"])
    record = record_of(site.discover(), "marked")
    assert (record.state, record.requires) == (PluginState.LOADED, ())


def test_an_unreadable_requirement_costs_only_that_plugin(site):
    site.install_good("good")
    site.install_good("garbled", requires=["splicecore>>one"])
    host = site.discover()
    assert list(host.base_models()) == ["good"]
    (problem,) = host.problems()
    assert "'garbled'" in problem
    assert "the metadata of its distribution cannot be read: InvalidRequirement" in problem


def test_the_second_plugin_of_a_name_is_shadowed(site):
    site.install_good("dist-b", plugin="same", module="same_b", model="from-b")
    site.install_good("dist-a", plugin="same", module="same_a", model="from-a")
    host = site.discover()
    first, second = (record for record in host.records if record.name == "same")
    assert (first.distribution, first.state) == ("dist-a", PluginState.LOADED)
    assert (second.distribution, second.state) == ("dist-b", PluginState.SHADOWED)
    assert "dist-a 1.0" in second.error
    assert list(host.base_models()) == ["from-a"]
    assert "same_b" not in sys.modules
    with pytest.raises(PluginLoadError, match=r"'same' \(dist-b 1.0\) is SHADOWED"):
        host.base_model("same")


def test_nobody_takes_the_place_of_the_core(site):
    site.install_good("impostor", plugin="core", model="impostor")
    host = site.discover()
    assert [record.state for record in host.records if record.name == "core"] == ["LOADED", "SHADOWED"]
    assert list(host.base_models()) == []


def test_disabled_plugins_are_not_imported(site, record_of):
    for name in ("one", "two"):
        site.install_good(name)
    host = site.discover(disable=["one"])
    assert record_of(host, "one").state is PluginState.DISABLED
    assert "one" not in sys.modules
    assert list(host.base_models()) == ["two"]
    assert host.problems() == []
    with pytest.raises(PluginLoadError, match=r"'one' is not available.*DISABLED"):
        host.base_model("one")


def test_the_allow_list_leaves_everything_else_out(site, record_of):
    for name in ("one", "two"):
        site.install_good(name)
    host = site.discover(load=["two"])
    assert record_of(host, "one").state is PluginState.DISABLED
    assert list(host.base_models()) == ["two"]
    assert list(site.discover(load=()).base_models()) == []


def test_settings_that_name_an_unknown_plugin_are_reported(site):
    site.install_good("one")
    (problem,) = site.discover(disable=["onee"]).problems()
    assert problem == "the settings name plugin 'onee', which is not installed; did you mean 'one'?"


def test_the_core_cannot_be_disabled():
    with pytest.raises(ConfigError, match="'core' cannot be disabled"):
        PluginHost.discover(PluginSettings(disable=["core"], load=[]))


def test_extra_modules_are_plugins_whatever_the_allow_list_says(site, record_of):
    site.install_good("listed", module="extra_module")
    host = site.discover(load=[], extra=["extra_module"])
    assert record_of(host, "extra_module").state is PluginState.LOADED
    assert list(host.base_models()) == ["listed"]


def test_an_extra_module_that_is_loaded_already_is_left_alone(site):
    site.install_good("listed", module="extra_module")
    host = site.discover(extra=["extra_module"])
    assert [record.name for record in host.records if record.state is PluginState.LOADED] == ["core", "listed"]
    assert host.problems() == []


def test_two_entry_points_of_one_module_are_not_two_plugins(site, record_of):
    site.install_good("one", module="shared")
    site.install_good("two", module="shared")
    host = site.discover()
    assert record_of(host, "one").state is PluginState.LOADED
    assert record_of(host, "two").error == "PluginError: it is loaded already, as plugin 'one'"
    assert len(host._pm.get_plugins()) == 2


def test_strict_raises_for_a_plugin_that_nobody_needs(site):
    site.install_bad("raises")
    with pytest.raises(PluginLoadError, match="RuntimeError: first line second line"):
        site.discover(strict=True)


def test_the_order_of_installation_does_not_matter(site):
    for name in ("c", "a", "b"):
        site.install_good(name)
    assert [record.name for record in site.discover().records if record.name in "abc"] == ["a", "b", "c"]


def test_registering_a_module_reaches_worker_processes(site):
    site.install_good("listed", module="by_hand")
    host = PluginHost()
    import by_hand

    record = host.register(by_hand)
    assert (record.name, record.state, record.distribution) == ("by_hand", PluginState.LOADED, None)
    again = PluginHost.discover(PluginSettings(**{**host.settings.to_json(), "load": []}))
    assert again.base_models() == host.base_models()


def test_registering_what_is_faulty_raises_and_leaves_nothing():
    module = types.ModuleType("faulty")
    module.splicecore_base_models = hookimpl(lambda: ["not a spec"])
    host = PluginHost()
    with pytest.raises(PluginLoadError, match="must yield BaseModelSpec, but yielded str"):
        host.register(module)
    assert len(host.records) == len(host._pm.get_plugins()) == 1
    assert host.settings.extra == ()


def test_registering_a_name_twice_is_refused(site):
    site.install_good("one")
    host = site.discover()
    with pytest.raises(PluginLoadError, match="'one' is loaded already"):
        host.register(object(), name="one")


def test_discovery_configures_no_logging(site):
    site.install_bad("raises")
    handlers = logging.getLogger("splicecore").handlers[:]
    site.discover()
    assert logging.getLogger("splicecore").handlers == handlers


@pytest.mark.parametrize(
    ("version", "cause"),
    [("1.2", None), ("1.3.0.dev1", None), ("1.1.9", "needs splicecore<2,>=1.2, have 1.1.9"), ("2.0", "needs")],
)
def test_versions_of_the_core_under_development_count(version, cause):
    record = PluginRecord(name="p", entry_point="p", state=PluginState.LOADED, requires=("splicecore<2,>=1.2",))
    found = unmet(record, version)
    assert found is None if cause is None else found.startswith(cause)
