"""Base models in another interpreter: the same scores, and what happens when it dies or hangs."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

import attrs
import numpy as np
import pytest
import splicecore
from splicecore.api import BaseModel, EditScoring, OpenRequest, PluginSettings
from splicecore.errors import ConfigError, ContractError, InputError, PluginError, PluginLoadError, PluginNotFoundError
from splicecore.isolation import client
from splicecore.isolation.client import call_limit, describe, open_isolated
from splicecore.plugins.host import PluginHost
from splicecore.predict.task import checked_scores
from splicecore.testing.fakes import COMPLETE_SPEC, MOTIF_SPEC, CompleteMotifModel, MotifModel

PLUGINS = PluginSettings(load=("elsewhere-models",))
CODES = np.random.default_rng(5).integers(0, 5, (3, 900), dtype=np.uint8)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_(environment, name="elsewhere", timeout=None, **config):
    return open_isolated(
        name, OpenRequest(config=config, interpreter=str(environment.python), timeout=timeout), PLUGINS
    )


@pytest.fixture
def bad(environment):
    """Open the model that does what ``kind`` says."""
    models = []

    def make(kind, **options):
        models.append(open_(environment, "elsewhere-bad", kind=kind, **options))
        return models[-1]

    yield make
    for model in models:
        model.close()
        assert not alive(model.pid)


# ------------------------------------------------------------------------------------------------------------ at work


def test_scores_are_those_of_this_process(environment):
    here = MotifModel(MOTIF_SPEC, OpenRequest(config={"site": 4.0}))
    with open_(environment, site=4.0) as model:
        assert isinstance(model, BaseModel)
        assert not isinstance(model, EditScoring)
        assert model.fingerprint == here.fingerprint
        assert model.spec.builds == ("GRCh38",)
        assert attrs.evolve(model.spec, name="fake-motif", factory=MOTIF_SPEC.factory, builds=()) == MOTIF_SPEC
        for codes in (CODES, CODES[:1], CODES[:, 5:400], CODES[:0], CODES[:, :20], np.tile(CODES, (40, 1))):
            scores = checked_scores(model, codes)
            assert scores.tobytes() == here.predict(codes).tobytes()
            assert scores.flags.writeable
        assert alive(model.pid)
    assert not alive(model.pid)


def test_edits_are_scored_where_the_model_does(environment):
    here = CompleteMotifModel(COMPLETE_SPEC, OpenRequest())
    new = np.array([2, 3], np.uint8)
    edits = [(100, 101, new[:1]), (300, 305, new[:0]), (300, 300, new), (14, 15, CODES[0, 14:15])]
    with open_(environment, "elsewhere-edits") as model:
        assert isinstance(model, EditScoring)
        for wanted, radius in ((edits, 50), (edits[:1], 0), ([], 5)):
            found = model.predict_edits(CODES[0], wanted, radius)
            expected = here.predict_edits(CODES[0], wanted, radius)
            assert [each.shape for each in found] == [each.shape for each in expected]
            assert all(a.tobytes() == b.tobytes() for a, b in zip(found, expected, strict=True))


def test_the_host_opens_what_is_not_installed_here(environment):
    host = PluginHost.discover(PLUGINS)
    assert "elsewhere" not in host.base_models()
    with host.open_named("elsewhere", OpenRequest(interpreter=str(environment.python))) as model:
        assert model.predict(CODES).shape == (3, 880, 3)
    with host.open_base_model(model.spec, OpenRequest(interpreter=str(environment.python))) as again:
        assert again.fingerprint == model.fingerprint


def test_a_model_is_described_without_being_opened(environment):
    told = describe("elsewhere", str(environment.python), PLUGINS)
    assert told.spec.name == "elsewhere"
    assert told.implementation == {"elsewhere-models": "1.5"}
    assert ["elsewhere-models", "1.5", "elsewhere-models"] in (told.plugins or [])
    assert "elsewhere-models 1.5" in told.provider
    assert told.environment["plugins"]["elsewhere-models"] == "elsewhere-models 1.5"


def test_threads_take_turns(environment):
    here = MotifModel(MOTIF_SPEC, OpenRequest())
    rows = [CODES[:, start:] for start in range(8)]
    found = {}
    with open_(environment) as model:
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: model.predict(rows[n])})) for n in range(len(rows))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number, codes in enumerate(rows):
        np.testing.assert_array_equal(found[number], here.predict(codes))


def test_what_is_printed_cannot_get_between(new_environment, bad, caplog):
    caplog.set_level(logging.INFO)
    here = MotifModel(MOTIF_SPEC, OpenRequest())
    assert bad("prints").predict(CODES).tobytes() == here.predict(CODES).tobytes()
    noisy = new_environment()
    noisy.run_at_start("""
        import logging, sys
        print("printed at the start")
        sys.stdout.flush()
    """)
    with pytest.raises(PluginNotFoundError):
        describe("elsewhere", str(noisy.python), PLUGINS)
    assert "printed at the start" in caplog.text
    assert "written to descriptor 1" in caplog.text


def test_a_model_cannot_change_the_callers_codes(bad):
    codes = CODES.copy()
    bad("writes").predict(codes)
    np.testing.assert_array_equal(codes, CODES)


def test_this_processs_packages_are_not_those_there(environment, monkeypatch, tmp_path):
    (tmp_path / "splicecore").mkdir()
    (tmp_path / "splicecore" / "__init__.py").write_text("raise RuntimeError('the wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert describe("elsewhere", str(environment.python), PLUGINS).spec.name == "elsewhere"


# ------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(("kind", "cls", "match"), [
    ("raises", ValueError, "a model's own bug"), ("own", RuntimeError, "^Odd: odd"),
    ("list", ContractError, "returned list"), ("objects", ContractError, "may not: arrays of object"),
])  # fmt: skip
def test_errors_of_the_model_are_raised_here_and_it_lives_on(bad, kind, cls, match):
    model = bad(kind)
    for _ in range(2):
        with pytest.raises(cls, match=match) as caught:
            model.predict(CODES)
        assert "In the worker" in caught.value.__notes__[0]
    assert alive(model.pid)


def test_a_contract_is_checked_here_as_in_process(bad):
    with pytest.raises(ContractError, match="returned float64"):
        checked_scores(bad("double"), CODES)


def test_errors_of_splicecore_keep_their_class_and_name_the_environment(environment):
    with (
        open_(environment) as model,
        pytest.raises(InputError, match=r"codes are uint8 \(1, 3\).*in the environment of"),
    ):
        model.predict(CODES[:1, :3])
    with pytest.raises(ConfigError, match="has no engine 'steam'"):
        open_isolated("elsewhere", OpenRequest(engine="steam", interpreter=str(environment.python)), PLUGINS)


@pytest.mark.parametrize(("kind", "match"), [("dies", "killed by SIGKILL"), ("leaves", "exit status 7")])
def test_a_crash_is_told_with_the_last_words(bad, kind, match):
    model = bad(kind)
    started = time.monotonic()
    with pytest.raises(PluginError, match=match) as caught:
        model.predict(CODES)
    assert time.monotonic() - started < 30
    assert "elsewhere-bad" in str(caught.value)
    assert "ended while it was asked to predict" in str(caught.value)
    if kind == "dies":
        assert "the last words" in str(caught.value)
        assert "want of memory" in str(caught.value)
    with pytest.raises(PluginError, match="ended while"):
        model.predict(CODES)
    assert not alive(model.pid)


def test_a_hang_is_ended(bad):
    model = bad("hangs", timeout=0.5)
    with pytest.raises(PluginError, match=r"(?s)did not answer within 0.5 s \(predict\).*base_model_timeout"):
        model.predict(CODES)
    assert not alive(model.pid)


def test_a_worker_that_reads_nothing_is_ended_too(environment):
    model = open_(environment, timeout=0.5)
    os.kill(model.pid, signal.SIGSTOP)
    with pytest.raises(PluginError, match="did not answer"):
        model.predict(np.zeros((1, 1 << 20), np.uint8))
    assert not alive(model.pid)


def test_a_call_has_time_by_its_bases():
    assert call_limit(0) == 300
    assert call_limit(100_000) == 2_300


def test_the_interrupt_key_ends_it(bad):
    model = bad("hangs")
    threading.Timer(0.5, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        model.predict(CODES)
    assert not alive(model.pid)
    with pytest.raises(PluginError, match="was interrupted"):
        model.predict(CODES)


def test_a_forgotten_model_is_ended(environment):
    model = open_(environment)
    pid = model.pid
    del model
    assert not alive(pid)


def test_a_closed_model_says_so(environment):
    model = open_(environment)
    model.close()
    model.close()
    with pytest.raises(PluginError, match="was closed"):
        model.predict(CODES)


# ------------------------------------------------------------------------------------------------- other environments


def test_no_such_model_there(environment):
    with pytest.raises(PluginNotFoundError, match=r"no base model 'nowhere'.*elsewhere.*pip install the plugin"):
        describe("nowhere", str(environment.python), PLUGINS)
    with pytest.raises(PluginLoadError, match="not among the only plugins to load"):
        describe("elsewhere-models", str(environment.python), PluginSettings(load=()))


def test_no_splicecore_there(new_environment):
    bare = new_environment(packages=False)
    with pytest.raises(PluginError, match="splicecore is not installed there") as caught:
        describe("elsewhere", str(bare.python), PLUGINS)
    assert f"{bare.python} -m pip install 'splicecore=={splicecore.__version__}'" == caught.value.hint


def test_a_splicecore_without_worker(new_environment):
    old = new_environment(packages=False)
    (old.site / "splicecore").mkdir()
    (old.site / "splicecore" / "__init__.py").write_text('__version__ = "0.0.1"')
    with pytest.raises(PluginError, match="cannot serve base models"):
        describe("elsewhere", str(old.python), PLUGINS)


def test_something_else_is_missing_there(new_environment):
    odd = new_environment()
    odd.run_at_start("import sys; sys.modules['pyarrow'] = None")
    with pytest.raises(PluginError, match=r"(?s)ended before it was ready.*pyarrow"):
        describe("elsewhere", str(odd.python), PLUGINS)


@pytest.mark.parametrize("patch", ["splicecore.__version__ = '7.3.0'", "splicecore.isolation.protocol.PROTOCOL = 99"])
def test_another_version_names_both(new_environment, patch):
    other = new_environment()
    other.run_at_start(f"""
        import site, sys
        site.addsitedir({str(client.__file__)[: str(client.__file__).index("splicecore/isolation")]!r})
        import splicecore, splicecore.isolation.protocol
        {patch}
    """)
    with pytest.raises(PluginError) as caught:
        describe("elsewhere", str(other.python), PLUGINS)
    text = str(caught.value)
    assert f"splicecore there is {'7.3.0' if '7.3' in patch else splicecore.__version__}" in text
    assert f"here it is {splicecore.__version__}" in text
    assert f"pip install 'splicecore=={splicecore.__version__}'" in text
    assert ("protocol 99 and not 1" in text) == ("99" in patch)


def test_a_patch_version_is_only_told(new_environment, caplog):
    other = new_environment()
    series = ".".join(splicecore.__version__.split(".")[:2])
    other.run_at_start(f"""
        import site
        site.addsitedir({str(client.__file__)[: str(client.__file__).index("splicecore/isolation")]!r})
        import splicecore
        splicecore.__version__ = "{series}.99"
    """)
    with pytest.raises(PluginNotFoundError):
        describe("elsewhere", str(other.python), PLUGINS)
    assert f"has splicecore {series}.99" in caplog.text


def test_something_else_than_python(tmp_path):
    for program, match in (("#!/bin/sh\nexit 3\n", "exit status 3"), ("#!/no/such\n", "cannot be started")):
        path = tmp_path / "python"
        path.write_text(program)
        path.chmod(0o755)
        with pytest.raises(PluginError, match=match):
            describe("elsewhere", str(path), PLUGINS)


def test_an_interpreter_that_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(client, "STARTING", 0.5)
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\nsleep 600\n")
    path.chmod(0o755)
    with pytest.raises(PluginError, match=r"did not answer within 0.5 s \(starting\)"):
        describe("elsewhere", str(path), PLUGINS)
