"""A session's base models that live elsewhere: found, described, remembered."""

from __future__ import annotations

import pytest
from splicecore.api import PluginSettings, Session
from splicecore.config import RunConfig
from splicecore.errors import ConfigError, PluginNotFoundError, ResourceNotFoundError
from splicecore.predict.opened_model import describe_opened
from splicecore.testing.fakes import write_motif_weights


@pytest.fixture
def session(environment, tmp_path):
    settings = {"base_model_env": str(environment.python), "base_model_timeout": 90}
    return Session(
        plugins=PluginSettings(load=("elsewhere-models",)), cache_dir=tmp_path / "cache", data_root=tmp_path / "data",
        models={"elsewhere": {**settings, "site": 3.0}, "elsewhere-weights": settings},
    )  # fmt: skip


def test_the_models_settings_say_where_it_is(session, environment):
    spec, request, location = session.open_request(RunConfig(base_model="elsewhere"))
    assert (spec.name, location) == ("elsewhere", None)
    assert (request.interpreter, request.timeout) == (str(environment.python), 90.0)
    assert request.config == {"site": 3.0}
    with session.open_base_model("elsewhere") as model:
        assert model.spec.name == "elsewhere"


def test_without_them_it_is_not_there(session):
    session.models = {}
    with pytest.raises(PluginNotFoundError):
        session.open_request(RunConfig(base_model="elsewhere"))
    with pytest.raises(ConfigError, match="no such interpreter"):
        session.open_request(RunConfig(base_model="elsewhere", base_model_env="no-such-python"))


def test_weights_are_searched_here_then_there(session, tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        write_motif_weights(folder)
    with pytest.raises(ResourceNotFoundError, match=r"searched: .*elsewhere"):
        session.open_request(RunConfig(base_model="elsewhere-weights"))
    monkeypatch.setenv("ELSEWHERE", str(there))
    _, request, location = session.open_request(RunConfig(base_model="elsewhere-weights"))
    assert (request.weights, location.provenance) == (str(there), "found elsewhere")
    _, request, _ = session.open_request(RunConfig(base_model="elsewhere-weights", models_dir=str(here)))
    assert request.weights == str(here)
    with pytest.raises(ResourceNotFoundError):
        session.open_request(RunConfig(base_model="elsewhere-weights", models_dir=str(tmp_path)))


def test_what_opening_told_is_remembered_with_the_versions_there(session, tmp_path):
    write_motif_weights(tmp_path)
    config = RunConfig(base_model="elsewhere-weights", models_dir=str(tmp_path))
    spec, request, _ = session.open_request(config)
    first, second = describe_opened(session, spec, request), describe_opened(session, spec, request)
    assert (first.opened, second.opened) == (True, False)
    assert (first.fingerprint, first.spec) == (second.fingerprint, second.spec)
    assert first.implementation == {"elsewhere-models": "1.5"}
    assert first.environment["plugins"] == {
        "core": second.environment["plugins"]["core"],
        "elsewhere-models": "elsewhere-models 1.5",
    }
    write_motif_weights(tmp_path, donor=4.0)
    assert describe_opened(session, spec, request).fingerprint != first.fingerprint
