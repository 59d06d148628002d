"""Which plugins are loaded, as the environment and the configuration say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ConfigError
from splicecore.plugins.records import PluginSettings

NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), max_size=4)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, PluginSettings()),
        ({"SPLICECORE_DISABLE_PLUGINS": " a, b,,"}, PluginSettings(disable=("a", "b"))),
        ({"SPLICECORE_DISABLE_PLUGINS": ""}, PluginSettings()),
        ({"SPLICECORE_LOAD_PLUGINS": ""}, PluginSettings(load=())),
        ({"SPLICECORE_LOAD_PLUGINS": "a"}, PluginSettings(load=("a",))),
        ({"SPLICECORE_STRICT_PLUGINS": "1"}, PluginSettings(strict=True)),
        ({"SPLICECORE_STRICT_PLUGINS": "No"}, PluginSettings(strict=False)),
    ],
)
def test_from_environment(environ, expected):
    assert PluginSettings.from_environment(environ) == expected


def test_the_process_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("SPLICECORE_LOAD_PLUGINS", "only-this")
    assert PluginSettings.from_environment().load == ("only-this",)


def test_strict_has_to_be_true_or_false():
    with pytest.raises(ConfigError, match="SPLICECORE_STRICT_PLUGINS is 'perhaps'"):
        PluginSettings.from_environment({"SPLICECORE_STRICT_PLUGINS": "perhaps"})


@given(disable=NAMES, load=st.none() | NAMES, extra=NAMES, strict=st.booleans())
def test_settings_survive_json(disable, load, extra, strict):
    settings = PluginSettings(disable=disable, load=load, extra=extra, strict=strict)
    assert PluginSettings(**json.loads(json.dumps(settings.to_json()))) == settings
