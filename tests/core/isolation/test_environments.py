"""What the user says about interpreters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from splicecore.errors import ConfigError
from splicecore.isolation.environments import Isolation, interpreters, isolation_of


def test_a_path_is_for_every_model_that_has_none_of_its_own():
    assert interpreters([], ["a", "b"]) == {}
    assert interpreters(["x/python"], ["a", "b"]) == {"a": "x/python", "b": "x/python"}
    assert interpreters(["b=y/python"], ["a", "b"]) == {"b": "y/python"}
    assert interpreters(["x/python", "b=y/python"], ["a", "b"]) == {"a": "x/python", "b": "y/python"}
    assert interpreters(["./k=v/python"], ["a"]) == {"a": "./k=v/python"}, "a path with an equals sign"


@pytest.mark.parametrize(
    ("items", "match"),
    [(["c=x"], "for c, which is no base model"), (["a=x", "a=y"], "given twice for a"), (["x", "y"], "without a name")],
)
def test_contradictions(items, match):
    with pytest.raises(ConfigError, match=match):
        interpreters(items, ["a", "b"])


def test_settings_of_the_core_are_not_the_models():
    settings = {"base_model_env": sys.executable, "base_model_timeout": 5, "context": 400}
    assert isolation_of("a", [], settings) == (Isolation(interpreter=sys.executable, timeout=5.0), {"context": 400})
    assert len(settings) == 3
    assert isolation_of("a", [], {"context": 400}) == (Isolation(), {"context": 400})


def test_options_come_before_settings(tmp_path):
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to(sys.executable)
    for given in (python, tmp_path):
        isolation, _ = isolation_of("a", [str(given)], {"base_model_env": "nowhere"})
        assert isolation.interpreter == str(python), "a link is kept: it says which environment"


def test_commands_are_searched(monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert isolation_of("a", [Path(sys.executable).name], {})[0].interpreter == sys.executable


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"base_model_env": 3}, "must be the path"),
        ({"base_model_env": "no-such-python-anywhere"}, "no such interpreter"),
        ({"base_model_timeout": 0}, "more than 0"),
        ({"base_model_timeout": True}, "must be seconds"),
        ({"base_model_timeout": "60"}, "must be seconds"),
    ],
)
def test_settings_that_make_no_sense(settings, match):
    with pytest.raises(ConfigError, match=match):
        isolation_of("a", [], settings)


def test_what_is_no_interpreter(tmp_path):
    plain = tmp_path / "python"
    plain.write_text("")
    for path, match in ((tmp_path, "without a Python interpreter"), (plain, "cannot be executed")):
        with pytest.raises(ConfigError, match=match):
            isolation_of("a", [str(path)], {})
