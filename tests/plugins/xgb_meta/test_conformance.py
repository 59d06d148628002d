"""Every meta-model of this repository conforms."""

from __future__ import annotations

import pytest
from splicecore.testing.conformance import MetaModelConformance
from splicecore_xgb_meta.plugin import SPECS

BY_NAME = {spec.name: spec for spec in SPECS}


class OwnModel(MetaModelConformance):
    name = ""

    @pytest.fixture
    def spec(self):
        return BY_NAME[self.name]

    @pytest.fixture
    def config(self, fast):
        return fast[self.name]


class TestXGBoost(OwnModel):
    name = "xgboost"


class TestXGBoostThroughFiles(OwnModel):
    name = "xgboost"

    @pytest.fixture
    def config(self, fast):
        return {**fast[self.name], "memory_gib": 0.0, "page_rows": 500}


class TestLightGBM(OwnModel):
    name = "lightgbm"


class TestHistGradientBoosting(OwnModel):
    name = "hist_gradient_boosting"


class TestLogistic(OwnModel):
    name = "logistic"


class TestSGDLogistic(OwnModel):
    name = "sgd_logistic"


def test_every_model_is_tested():
    tested = {case.name for case in OwnModel.__subclasses__()}
    assert tested == BY_NAME.keys()
