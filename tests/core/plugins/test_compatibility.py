"""Plugins of other times: what users of an older, a newer or an outdated one are told, and what goes on without it."""

from __future__ import annotations

import json
import warnings

import pytest
import splicecore
from click.testing import CliRunner
from packaging.version import Version
from splicecore import api
from splicecore.cli.plugins import command
from splicecore.deprecation import Deprecation
from splicecore.errors import PluginLoadError
from splicecore.plugins import hookspecs
from splicecore.plugins.discovery import remedy
from splicecore.plugins.host import PluginHost, PluginRecord, PluginSettings, PluginState

HAVE = splicecore.__version__
OLD = Deprecation(
    what="the hook splicecore_old", since="0.1", until="0.3", instead="yield base models by splicecore_base_models"
)
OLD_PLUGIN = "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_old():\n    return []\n"


@pytest.fixture
def deprecated_hook(monkeypatch):
    """Give the interface a hook that is on its way out."""

    @hookspecs.hookspec(warn_on_impl=OLD.warning())
    def splicecore_old():
        """Do what was once wanted."""

    monkeypatch.setattr(hookspecs, "splicecore_old", splicecore_old, raising=False)


@pytest.mark.parametrize(
    ("group", "interface", "upgrade"),
    [("splicecore.plugins.v0", 0, "pip install --upgrade other"), ("splicecore.plugins.v2", 2, None)],
)
def test_a_plugin_of_another_interface_is_told_of_in_one_line(site, group, interface, upgrade):
    site.install_good("good")
    site.install("other", "raise AssertionError('imported')\n", version="3.4", group=group)
    host = site.discover()
    what_to_do = upgrade or "pip install --upgrade splicecore"
    assert host.problems() == [
        (
            f"plugin 'other' (other 3.4) not loaded: made for plugin interface {interface}, splicecore {HAVE} has 1 "
            f"({what_to_do})"
        )
    ]
    assert list(host.base_models()) == ["good"]
    with pytest.raises(PluginLoadError, match=r"'other' \(other 3.4\) is INCOMPATIBLE: made for") as caught:
        host.base_model("other")
    assert caught.value.hint == what_to_do


def test_the_plugins_of_another_interface_shadow_none_of_this(site):
    site.install_good("a-dist", plugin="same", module="same_a", model="a", group="splicecore.plugins.v0")
    site.install_good("b-dist", plugin="same", module="same_b", model="b")
    host = site.discover()
    assert list(host.base_models()) == ["b"]
    assert [record.state for record in host.records if record.name == "same"] == ["LOADED", "SHADOWED"]


def test_a_distribution_may_serve_two_interfaces(site):
    site.install_good("both")
    entries = next(site.folder.glob("both-*.dist-info")) / "entry_points.txt"
    entries.write_text(entries.read_text() + "\n[splicecore.plugins.v0]\nboth = both_of_old\n", encoding="utf-8")
    host = site.discover()
    assert list(host.base_models()) == ["both"]
    assert host.problems() == []


@pytest.mark.parametrize("group", ["splicecore.plugins.vX", "splicecore.plugins", "splicecore.pluginsets.v1"])
def test_groups_that_only_look_like_it_are_none(site, group):
    site.install("odd", "raise AssertionError\n", group=group)
    assert "odd" not in {record.name for record in PluginHost.discover(PluginSettings()).records}


def test_a_plugin_from_the_future_is_told_of_in_one_line(site):
    site.install("future", "raise AssertionError('imported')\n", version="9.0", requires=["splicecore>=99"])
    assert site.discover().problems() == [
        f"plugin 'future' (future 9.0) not loaded: needs splicecore>=99, have {HAVE} (pip install --upgrade splicecore)"
    ]


@pytest.mark.parametrize(
    ("requirement", "upgrade"),
    [
        (">=1.2,<2", "splicecore"),
        ("~=1.3", "splicecore"),
        ("==2.*", "splicecore"),
        (">1.0", "splicecore"),
        ("<0.9", "mine"),
        (">=0.2,<0.9", "mine"),
        ("==0.8", "mine"),
        ("!=1.0", "mine"),
    ],
)
def test_the_remedy_is_to_upgrade_what_is_older(requirement, upgrade):
    record = PluginRecord(
        name="p",
        entry_point="p",
        state=PluginState.LOADED,
        distribution="mine",
        requires=(f"splicecore{requirement}",),
    )
    assert remedy(record, "1.0") == f"pip install --upgrade {upgrade}"


def test_a_deprecated_hook_warns_the_author_and_tells_the_user(site, deprecated_hook):
    site.install("old", OLD_PLUGIN, version="2.0")
    with pytest.warns(DeprecationWarning, match=r"splicecore_old is deprecated since splicecore 0\.1") as caught:
        host = site.discover()
    assert caught[0].filename.endswith("old.py")
    (record,) = [record for record in host.records if record.name == "old"]
    assert (record.state, record.deprecated) == (PluginState.LOADED, (OLD.message,))
    assert host.problems() == [
        (
            "plugin 'old' (old 2.0) will stop working: the hook splicecore_old is deprecated since splicecore 0.1 and "
            "goes away in 0.3: yield base models by splicecore_base_models (pip install --upgrade old)"
        )
    ]


def test_what_is_deprecated_is_no_fault(site, deprecated_hook):
    site.install("old", OLD_PLUGIN)
    with pytest.warns(DeprecationWarning, match="splicecore_old"):
        site.discover(strict=True)


def test_a_deprecated_argument_is_told_of(site, monkeypatch):
    gone = Deprecation(
        what="the argument b of the hook splicecore_two", since="0.1", until="0.3", instead="leave it out"
    )

    @hookspecs.hookspec(warn_on_impl_args={"b": gone.warning()})
    def splicecore_two(a, b):
        """Take two arguments."""

    monkeypatch.setattr(hookspecs, "splicecore_two", splicecore_two, raising=False)
    source = "from splicecore.api import hookimpl\n@hookimpl\ndef splicecore_two({}):\n    return []\n"
    site.install("one", source.format("a"))
    site.install("two", source.format("a, b"))
    with pytest.warns(DeprecationWarning, match="leave it out"):
        host = site.discover()
    assert {record.name: record.deprecated for record in host.records[1:] if record.state == "LOADED"} == {
        "one": (),
        "two": (gone.message,),
    }


def test_a_hook_that_is_gone_says_what_came_in_its_place(site, monkeypatch):
    monkeypatch.setitem(hookspecs.REMOVED_HOOKS, "splicecore_old", OLD)
    site.install_good("good")
    site.install("old", OLD_PLUGIN, version="2.0")
    host = site.discover()
    assert host.problems() == [
        (
            "plugin 'old' (old 2.0) not loaded: the hook splicecore_old is gone since splicecore 0.3: yield base "
            "models by splicecore_base_models (pip install --upgrade old)"
        )
    ]
    assert list(host.base_models()) == ["good"]


def test_a_hook_that_is_gone_may_be_kept_for_older_cores(site, monkeypatch):
    monkeypatch.setitem(hookspecs.REMOVED_HOOKS, "splicecore_old", OLD)
    site.install_good("good")
    module = site.folder / "good.py"
    optional = "\n@hookimpl(optionalhook=True)\ndef splicecore_old():\n    return []\n"
    module.write_text(module.read_text() + optional, encoding="utf-8")
    host = site.discover()
    assert list(host.base_models()) == ["good"]
    assert host.problems() == []


def test_the_command_line_shows_remedy_and_deprecation(site, deprecated_hook):
    site.install("old", OLD_PLUGIN)
    site.install_good("future", requires=["splicecore>=99"])

    def invoke(*arguments):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return CliRunner().invoke(command, arguments, obj=PluginSettings(load=("old", "future")))

    assert "pip install --upgrade splicecore" in invoke("show", "future").stdout
    assert OLD.message in invoke("show", "old").stdout
    assert len(invoke("list").stderr.splitlines()) == 2
    listed = {each["name"]: each for each in json.loads(invoke("list", "--json").stdout)["plugins"]}
    assert listed["future"]["remedy"] == "pip install --upgrade splicecore"
    assert listed["old"]["deprecated"] == [OLD.message]


def test_a_deprecated_name_of_the_interface_warns_and_works(monkeypatch):
    old = Deprecation(what="splicecore.api.old_digest", since="0.1", until="0.3", instead="use digest")
    monkeypatch.setitem(api._DEPRECATED, "digest", ("splicecore.artifacts.store", old))
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match="use digest") as caught:
            assert callable(api.digest)
        assert caught[0].filename == __file__


@pytest.mark.parametrize(("since", "until"), [("0.2", "0.4"), ("0.2", "1.0"), ("1.8", "2.0"), ("0.2.3", "0.5")])
def test_two_minor_releases_is_long_enough(since, until):
    assert f"since splicecore {since}" in Deprecation(what="x", since=since, until=until, instead="y").message


@pytest.mark.parametrize(("since", "until"), [("0.2", "0.3"), ("0.2", "0.2.9"), ("1.2", "1.9"), ("2.0", "1.9")])
def test_less_is_refused(since, until):
    with pytest.raises(ValueError, match="cannot go away"):
        Deprecation(what="x", since=since, until=until, instead="y")


def test_nothing_is_kept_beyond_its_time():
    """A release that was promised to be without something is without it; hooks that warn do so by a Deprecation."""
    for name, (_, deprecation) in api._DEPRECATED.items():
        assert Version(deprecation.until) > Version(HAVE), name
    specs = [caller.spec for name, caller in vars(PluginHost()._pm.hook).items() if not name.startswith("_")]
    for spec in specs:
        for warning in (spec.warn_on_impl, *(spec.warn_on_impl_args or {}).values()):
            assert warning is None or " goes away in " in str(warning), spec.name
