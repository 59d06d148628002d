"""Observers are told one at a time; one that fails harms neither the run nor the others."""

from __future__ import annotations

import logging
import types

import pytest
from splicecore.api import hookimpl
from splicecore.plugins.host import PluginHost


class Witness:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.seen: list = []

    @hookimpl
    def splicecore_run_started(self, run):
        self.seen.append(run)

    @hookimpl
    def splicecore_shard_finished(self, run, shard):
        self.seen.append((run["id"], shard["id"]))


class Saboteur:
    """Changes what it is given, then fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def splicecore_run_started(self, run):
        run["id"] = "spoilt"
        raise self.error


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_failing_observer_is_isolated_and_counted(error, caplog):
    host, before, after = PluginHost(), Witness(), Witness()
    host.register(before, "before")
    host.register(Saboteur(error), "saboteur")
    host.register(after, "after")
    run = {"id": "r1", "nested": {"n": 1}}
    with caplog.at_level(logging.WARNING, "splicecore"):
        assert host.notify("splicecore_run_started", run=run) == 1
        assert host.notify("splicecore_run_started", run=run) == 1
    assert before.seen == after.seen == [run, run]
    assert run["id"] == "r1"
    assert host.observer_failures == {"saboteur": 2}
    assert len(caplog.records) == 1
    assert "plugin 'saboteur' failed in splicecore_run_started" in caplog.text


def test_interrupts_pass():
    host = PluginHost()
    host.register(Saboteur(KeyboardInterrupt()), "saboteur")
    with pytest.raises(KeyboardInterrupt):
        host.notify("splicecore_run_started", run={"id": "r"})


def test_observers_may_take_fewer_arguments_and_get_their_own():
    host, witness = PluginHost(), Witness()
    host.register(witness)
    module = types.ModuleType("shards_only")
    seen = []

    @hookimpl
    def splicecore_shard_finished(shard):
        seen.append(shard["id"])

    module.splicecore_shard_finished = splicecore_shard_finished
    host.register(module)
    assert host.notify("splicecore_shard_finished", run={"id": "r"}, shard={"id": 7}) == 0
    assert seen == [7]
    assert witness.seen == [("r", 7)]


def test_nobody_listening_is_no_failure():
    assert PluginHost().notify("splicecore_run_finished", run={}, summary={}) == 0


@pytest.mark.parametrize(
    ("hook", "facts"),
    [
        ("splicecore_run_started", {}),
        ("splicecore_run_started", {"run": {}, "shard": {}}),
        ("splicecore_base_models", {}),
    ],
)
def test_notifying_wrongly_is_a_bug_of_the_caller(hook, facts):
    with pytest.raises(TypeError, match=hook):
        PluginHost().notify(hook, **facts)
