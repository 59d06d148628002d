"""Blocks of given scores, random scores, and a host that has the core's plugins alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.uncertainty.select import SelectionConfig, open_strategy


@pytest.fixture(scope="session")
def block_of():
    """What strategies see of a gene whose base models m0, m1, ... have these scores, the primary one first."""

    def make(*models, outputs=None):
        scores = {f"m{number}": np.asarray(values, dtype=np.float32) for number, values in enumerate(models)}
        return SimpleNamespace(scores=scores, outputs=outputs or {}, length=len(next(iter(scores.values()))))

    return make


@pytest.fixture(scope="session")
def draw_scores():
    """Float32 rows that sum to one, (count, 3): sharpness 0.01 is nearly one-hot, 30 is undecided."""

    def draw(seed, count=60, sharpness=1.0):
        found = np.random.default_rng(seed).dirichlet([sharpness] * 3, count)
        return np.nan_to_num(found, nan=1 / 3).astype(np.float32)

    return draw


@pytest.fixture(scope="session")
def host():
    return PluginHost.discover(PluginSettings(load=()))


@pytest.fixture(scope="session")
def open_(host):
    """Open a strategy of the core by name."""

    def open_(strategy, **values):
        return open_strategy(host, SelectionConfig(strategy=strategy, **values))

    return open_
