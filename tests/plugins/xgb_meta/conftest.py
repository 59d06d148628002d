from __future__ import annotations

import numpy as np
import pytest

FAST = {
    "xgboost": {"n_estimators": 25, "learning_rate": 0.3, "max_depth": 4, "threads": 1},
    "lightgbm": {"n_estimators": 25, "learning_rate": 0.3, "num_leaves": 15, "threads": 1},
    "hist_gradient_boosting": {"max_iter": 15, "learning_rate": 0.3, "max_leaf_nodes": 8, "threads": 1},
    "logistic": {},
    "sgd_logistic": {"epochs": 5},
}
"""Settings for tests: a second at most."""


@pytest.fixture(scope="session")
def fast():
    return FAST


@pytest.fixture(scope="session")
def problem():
    """Features, classes and weights of 3000 rows; feature 5 is constant, feature 4 a rare flag."""
    generator = np.random.default_rng(11)
    features = generator.normal(size=(3000, 6))
    classes = np.where(features[:, 0] + 0.5 * features[:, 1] > 1.2, 1, np.where(features[:, 2] > 1, 2, 0))
    features[:, 4] = generator.random(3000) < 5e-4
    features[:, 5] = 3.0
    features[:, :4][generator.random((3000, 4)) < 0.05] = np.nan
    return features.astype(np.float32), classes.astype(np.int8), generator.uniform(0.5, 3, 3000)


@pytest.fixture(scope="session")
def cut(problem):
    """Cut rows ``first`` to ``last`` of the problem into batches."""

    def cut_rows(first, last, size):
        starts = range(first, last, size)
        return [tuple(array[start : min(start + size, last)] for array in problem) for start in starts]

    return cut_rows


@pytest.fixture
def make(fast):
    """Make a model by its name, with fast settings and others."""
    from splicecore.api import load_object
    from splicecore_xgb_meta.plugin import SPECS

    by_name = {spec.name: spec for spec in SPECS}

    def make_model(name, **settings):
        spec = by_name[name]
        return load_object(spec.factory)(spec.config_cls(**{**fast[name], **settings}))

    return make_model
