"""Opening strategies, selecting positions, and refusing what makes no sense."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from splicecore.api import PluginHost, PluginSettings, UncertaintySpec, hookimpl
from splicecore.errors import ConfigError, ContractError, ExitCode
from splicecore.testing.plugins import fake_distribution
from splicecore.uncertainty.select import SelectionConfig, Selector, open_strategy

THIRD_PARTY = """
import numpy as np
from splicecore.api import UncertaintySpec, hookimpl

@hookimpl
def splicecore_uncertainty_strategies():
    yield UncertaintySpec(name="even-odds", factory="even_odds:EvenOdds")

class EvenOdds:
    def __init__(self, config):
        assert config is None

    def score(self, block):
        site = next(iter(block.scores.values()))[:, 1:3].max(axis=1)
        return (1 - 2 * np.abs(site - 0.5)).astype(np.float32)
"""


def selector(score=None, **members):
    """A selector of a strategy that returns what it is told."""
    strategy = SimpleNamespace(score=lambda _: score, **members)
    return Selector(SelectionConfig(strategy="toy", target_rate=0.1), strategy)


def test_what_there_is(host):
    names = list(host.uncertainty_strategies())
    assert names == ["confidence_only", "ensemble_disagreement", "entropy_only", "hybrid_entropy"]
    assert all(spec.summary for spec in host.uncertainty_strategies().values())


def test_the_zone_goes_to_those_that_have_it(open_):
    assert open_("confidence_only", low=0.1, high=0.5).settings == {"low": 0.1, "high": 0.5}
    hybrid = open_("hybrid_entropy", low=0, high=1, settings={"entropy": 0.5})
    assert hybrid.settings == {"low": 0.0, "high": 1.0, "entropy": 0.5, "spread": 0.2, "variance": 0.64}
    assert open_("entropy_only").settings == {"entropy": 0.6}
    assert open_("entropy_only").name == "entropy_only"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"low": 0.8, "high": 0.8}, "crossed: low is 0.8 and high is 0.8"),
        ({"low": 0.9, "high": 0.1}, "crossed: low is 0.9 and high is 0.1"),
        ({"low": -0.1}, "uncertainty_low is -0.1"),
        ({"high": 1.5}, "uncertainty_high is 1.5"),
        ({"high": float("nan")}, "uncertainty_high is nan"),
        ({"low": "0.1"}, "uncertainty_low is '0.1'"),
        ({"target_rate": 0}, "target_rate is 0.0"),
        ({"target_rate": 1.5}, "target_rate is 1.5"),
        ({"target_rate": float("nan")}, "target_rate is nan"),
        ({"strategy": "hybrid-entopy"}, "did you mean hybrid_entropy"),
        ({"strategy": "entropy"}, "did you mean entropy_only"),
        ({"strategy": "entropy_only", "low": 0.1}, "entropy_only does not use uncertainty_low"),
        ({"strategy": "ensemble_disagreement", "high": 0.1}, "does not use uncertainty_high"),
        ({"settings": {"low": 0.1}}, "low is given twice"),
        ({"settings": {"entorpy": 0.1}}, "entorpy"),
        ({"settings": {"entropy": "high"}}, "expected float @ entropy"),
        ({"settings": {"entropy": 0}}, "entropy is 0"),
        ({"settings": {"spread": 1.0}}, "spread is 1.0"),
        ({"settings": {"variance": 2}}, "variance is 2.0"),
        ({"strategy": "ensemble_disagreement", "settings": {"disagreement": 0.6}}, "disagreement is 0.6"),
        ({"strategy": "entropy_only", "settings": {"spread": 0.1}}, "spread"),
    ],
)
def test_settings_that_make_no_sense(host, values, message):
    with pytest.raises(ConfigError) as caught:
        open_strategy(host, SelectionConfig(**values))
    assert message in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE


def test_whole_numbers_are_numbers(host):
    config = SelectionConfig(low=0, high=1, target_rate=1)
    assert (config.low, config.high, config.target_rate) == (0.0, 1.0, 1.0)
    assert open_strategy(host, config).threshold == 1


def test_selection_is_at_the_threshold_and_above_zero():
    scores = np.array([0.5, 0.1, 0, 0.7, np.nextafter(np.float32(0.5), np.float32(0))], dtype=np.float32)
    chosen = selector(threshold=0.5)
    assert chosen.select(scores).tolist() == [0, 3]
    assert chosen.select(scores).dtype == np.int64
    assert chosen.select(scores, 0.1).tolist() == [0, 1, 3, 4]
    assert chosen.select(scores, 0.0).tolist() == [0, 1, 3, 4]
    assert chosen.select(scores[:0]).size == 0


def test_reasons_are_the_terms_that_reach_the_threshold():
    block = SimpleNamespace(length=4)
    terms = {"a": np.float32([2, 0.5, 1, 0]), "b": np.float32([3, 1, 0.2, 0])}
    chosen = selector(threshold=1.0, terms=lambda _: terms)
    assert chosen.reason(block, np.array([0, 1, 2])).tolist() == ["a+b", "b", "a"]
    assert chosen.reason(block, np.array([2, 1]), 0.3).tolist() == ["a", "a+b"]
    assert chosen.reason(block, np.array([], dtype=np.int64)).tolist() == []
    assert selector(threshold=1.0).reason(block, np.array([0, 3])).tolist() == ["toy", "toy"]
    assert selector(threshold=1.0).criteria(block) == {}


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (np.zeros(3, np.float32), r"score is \(3,\), not one number for each of 4"),
        ([0.0] * 4, "score is list"),
        (np.array([0, np.nan, 0, 0], np.float32), "not finite at position 1"),
        (np.array([0, 0, -0.5, 0], np.float32), "score is -0.5; it cannot be negative"),
    ],
)
def test_scores_are_held_to_the_contract(score, message):
    with pytest.raises(ContractError, match=message):
        selector(score).score(SimpleNamespace(length=4))


def test_criteria_are_held_to_the_contract():
    block = SimpleNamespace(length=4)
    chosen = selector(criteria=lambda _: {"margin": np.zeros(5)})
    with pytest.raises(ContractError, match="criteria margin"):
        chosen.criteria(block)
    fine = selector(criteria=lambda _: {"log_odds": np.full(4, -3.0)}).criteria(block)
    assert fine["log_odds"].dtype == np.float32


@pytest.mark.parametrize("threshold", [0, -1.0, float("nan"), float("inf"), "0.5", True])
def test_thresholds_that_are_none(threshold):
    with pytest.raises(ContractError, match="threshold"):
        selector(threshold=threshold)


def test_a_strategy_of_a_plugin_is_used(tmp_path, monkeypatch, block_of):
    """Found by its entry point; without a threshold of its own it works with a target rate."""
    fake_distribution(tmp_path, "even-odds", "1.0", THIRD_PARTY, module="even_odds")
    monkeypatch.syspath_prepend(str(tmp_path))
    host = PluginHost.discover(PluginSettings(load=("even-odds",)))

    with pytest.raises(ConfigError, match="even-odds has no threshold of its own") as caught:
        open_strategy(host, SelectionConfig(strategy="even-odds"))
    assert "--target-meta-rate" in caught.value.hint
    with pytest.raises(ConfigError, match="does not use uncertainty_low"):
        open_strategy(host, SelectionConfig(strategy="even-odds", low=0.1, target_rate=0.1))
    with pytest.raises(ConfigError, match="has no settings, but was given sharp"):
        open_strategy(host, SelectionConfig(strategy="even-odds", settings={"sharp": 1}, target_rate=0.1))

    chosen = open_strategy(host, SelectionConfig(strategy="even-odds", target_rate=0.5))
    assert chosen.threshold is None
    scores = chosen.score(block_of([[1, 0, 0], [0.5, 0.5, 0], [0.9, 0, 0.1], [0, 0, 1]]))
    assert chosen.select(scores, 0.1).tolist() == [1, 2]
    assert chosen.reason(block_of(np.eye(3)), np.array([1]), 0.1).tolist() == ["even-odds"]
    with pytest.raises(ContractError, match="has no threshold; give one"):
        chosen.select(scores)


def test_a_plugin_that_makes_no_strategy():
    class Plugin:
        @hookimpl
        def splicecore_uncertainty_strategies(self):
            yield UncertaintySpec(name="empty", factory="builtins:repr")

    host = PluginHost.discover(PluginSettings(load=()))
    host.register(Plugin(), name="empty")
    with pytest.raises(ContractError, match="'empty' is str, which lacks score"):
        open_strategy(host, SelectionConfig(strategy="empty", target_rate=0.1))


def test_settings_are_light():
    """Configurations are read where no array is needed."""
    code = "import sys, splicecore.uncertainty.configs; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
