"""Every hook's docstring holds a complete plugin; each is written to disk, loaded and put to work here."""

from __future__ import annotations

import inspect
import json
import logging
import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from splicecore import api
from splicecore.plugins import hookspecs
from splicecore.plugins.host import PluginHost, PluginSettings, PluginState
from splicecore.plugins.observers import OBSERVERS

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS = sorted(name for name in hookspecs.__all__ if name.startswith("splicecore_"))
TESTS: dict[str, Callable] = {}


def example_of(hook: str) -> tuple[str, str]:
    """Module name and source of the one example in a hook's docstring."""
    text = inspect.getdoc(getattr(hookspecs, hook))
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text + "\n", flags=re.MULTILINE)
    (block,) = blocks
    source = textwrap.dedent(block)
    return re.match(r"# (\w+)\.py\n", source).group(1), source


@pytest.fixture
def load_example(site) -> Callable[[str], tuple[PluginHost, object]]:
    """Write a hook's example to its file and load it as a plugin; return the host and the module."""

    def load(hook: str) -> tuple[PluginHost, object]:
        name, source = example_of(hook)
        (site.folder / f"{name}.py").write_text(source, encoding="utf-8")
        host = PluginHost.discover(PluginSettings(load=[], extra=[name], strict=True))
        record = next(record for record in host.records if record.name == name)
        assert record.state is PluginState.LOADED
        assert record.provides["hooks"] == (hook,)
        return host, __import__(name)

    return load


def example_test(function: Callable) -> Callable:
    """Note which hook a test is for: ``test_example_of_HOOK``."""
    TESTS["splicecore_" + function.__name__.removeprefix("test_example_of_")] = function
    return function


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_an_example_and_a_test(hook):
    module, source = example_of(hook)
    assert f"def {hook}(" in source
    compile(source, module, "exec")
    assert hook in TESTS


def test_the_hooks_are_those_of_the_interface():
    host = PluginHost()
    assert sorted(name for name in vars(host._pm.hook) if not name.startswith("_")) == HOOKS
    assert all(getattr(hookspecs, hook).__doc__.strip().splitlines()[0].endswith(".") for hook in HOOKS)
    assert set(HOOKS) >= OBSERVERS


@pytest.mark.parametrize("hook", HOOKS)
def test_the_guide_has_every_hook_with_its_arguments(hook):
    guide = Path(__file__).parents[3].joinpath("docs", "plugins", "hooks.md")
    if not guide.exists():
        pytest.skip("the guide is not part of the source distribution")
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"| `{hook}({arguments})` |" in guide.read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS)
def test_examples_import_nothing_that_plugins_may_not(hook):
    """Third parties import from splicecore.api alone."""
    _, source = example_of(hook)
    assert set(re.findall(r"(?:from|import) (splicecore[\w.]*)", source)) == {"splicecore.api"}


@example_test
def test_example_of_resource_finders(load_example, tmp_path, monkeypatch):
    host, _ = load_example("splicecore_resource_finders")
    monkeypatch.delenv("SPLICECORE_MODELS", raising=False)
    request = api.ResourceRequest(kind="weights", name="m", files=("*.h5",), data_root=str(tmp_path / "none"))
    monkeypatch.delenv("LAB_SHARE", raising=False)
    with pytest.raises(api.ResourceNotFoundError, match="lab-share"):
        host.find_resource(request)
    monkeypatch.setenv("LAB_SHARE", str(tmp_path))
    (tmp_path / "m").mkdir()
    with pytest.raises(api.ResourceNotFoundError):
        host.find_resource(request)
    (tmp_path / "m" / "a.h5").touch()
    assert host.find_resource(request).path == str(tmp_path / "m")


@example_test
def test_example_of_base_models(load_example):
    host, _ = load_example("splicecore_base_models")
    spec = host.base_model("gt-ag")
    with host.open_base_model(spec, api.OpenRequest()) as model:
        assert isinstance(model, api.BaseModel)
        scores = model.predict(api.encode("CCTTCAGGTAAGTTTAGACC")[None])
        assert scores.shape == (1, 16, 3)
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores.sum(axis=2), 1, atol=1e-6)
        assert np.flatnonzero(scores[0, :, 2]).tolist() == [6 - 2, 10 - 2]  # before the GT at 7 and at 11
        assert np.flatnonzero(scores[0, :, 1]).tolist() == [7 - 2, 12 - 2, 17 - 2]  # after the AG at 5, 10, 15
        assert model.predict(np.zeros((0, 4), np.uint8)).shape == (0, 0, 3)


@example_test
def test_example_of_feature_sets(load_example):
    host, _ = load_example("splicecore_feature_sets")
    spec = host.feature_set("margin")
    features = api.load_object(spec.factory)(None)
    assert isinstance(features, api.FeatureSet)
    scores = np.array([[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.0, 0.0, 1.0]], np.float32)
    batch = features.compute(SimpleNamespace(scores={"m": scores}), np.array([1, 2]), {})
    assert batch.schema.equals(api.load_object(spec.schema)(None))
    np.testing.assert_allclose(batch.column("margin").to_numpy(), [0.05, 1.0], atol=1e-6)


@example_test
def test_example_of_uncertainty_strategies(load_example):
    host, _ = load_example("splicecore_uncertainty_strategies")
    strategy = api.load_object(host.uncertainty_strategy("even-odds").factory)(None)
    assert isinstance(strategy, api.UncertaintyStrategy)
    scores = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.05, 0.75]], np.float32)
    uncertainty = strategy.score(SimpleNamespace(scores={"m": scores}))
    assert uncertainty.dtype == np.float32
    np.testing.assert_allclose(uncertainty, [0, 1, 0.5], atol=1e-6)


@example_test
def test_example_of_meta_models(load_example, tmp_path):
    host, _ = load_example("splicecore_meta_models")
    factory = api.load_object(host.meta_model("bayes").factory)
    rng = np.random.default_rng(7)
    classes = rng.integers(0, 3, 600).astype(np.int8)
    features = (rng.normal(size=(600, 2)) + 4 * np.stack([classes == 1, classes == 2], axis=1)).astype(np.float32)
    weight = np.ones(600)
    model = factory(None)
    assert isinstance(model, api.MetaModel)
    model.fit([(features[:250], classes[:250], weight[:250]), (features[250:], classes[250:], weight[250:])], None, 1)
    probability = model.predict_proba(features)
    assert (probability.shape, probability.dtype) == ((600, 3), np.float32)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-5)
    assert (probability.argmax(axis=1) == classes).mean() > 0.9
    assert model.contributions(features).shape == (600, 3, 3)
    model.save(tmp_path)
    again = factory(None)
    again.load(tmp_path)
    np.testing.assert_array_equal(again.predict_proba(features), probability)


def double(config):
    """Make the task of the executor's test."""
    return Doubling(config)


class Doubling:
    """A task that counts how often it was closed."""

    closed = 0

    def __init__(self, config) -> None:
        self.factor = config["factor"]

    def __call__(self, shard):
        return {"id": shard["id"], "value": self.factor * shard["id"]}

    def close(self) -> None:
        Doubling.closed += 1


@example_test
def test_example_of_executors(load_example, monkeypatch):
    host, module = load_example("splicecore_executors")
    monkeypatch.setattr(module, "double", double, raising=False)
    monkeypatch.setattr(Doubling, "closed", 0)
    executor = api.load_object(host.executor("threads").factory)(workers=3)
    assert isinstance(executor, api.Executor)
    results = list(executor.map("thread_executor:double", {"factor": 2}, [{"id": n} for n in range(20)]))
    assert sorted(result["value"] for result in results) == list(range(0, 40, 2))
    assert Doubling.closed == 3
    stopped = executor.map("thread_executor:double", {"factor": 2}, [{"id": n} for n in range(20)])
    next(stopped)
    stopped.close()
    assert Doubling.closed == 6


@example_test
def test_example_of_run_started(load_example):
    host, module = load_example("splicecore_run_started")
    assert host.notify("splicecore_run_started", run={"id": "r1"}) == 0
    assert module.DIARY == ["run r1 started"]


@example_test
def test_example_of_shard_finished(load_example):
    host, module = load_example("splicecore_shard_finished")
    assert host.notify("splicecore_shard_finished", run={"id": "r1"}, shard={"id": 3}) == 0
    assert module.SEEN == [3]


@example_test
def test_example_of_run_finished(load_example, caplog):
    host, _ = load_example("splicecore_run_finished")
    assert host.notify("splicecore_run_finished", run={"id": "r1"}, summary={"genes": 2}) == 0
    assert caplog.messages == [f"run r1 finished: {json.dumps({'genes': 2})}"]


@example_test
def test_example_of_open_base_model(load_example, site, caplog):
    host, _ = load_example("splicecore_open_base_model")
    site.install_good("good", module="good_model")
    import good_model

    host.register(good_model)
    with caplog.at_level(logging.WARNING):
        model = host.open_base_model(host.base_model("good"), api.OpenRequest())
    assert isinstance(model, api.BaseModel)
    assert re.fullmatch(r"opened good in \d+\.\d s", caplog.messages[0])
