"""A meta-model that fails where it is told to."""

import os

import attrs
from splicecore.api import hookimpl
from splicecore.testing.meta_fakes import BAYES_SPEC, BayesModel


@hookimpl
def splicecore_meta_models():
    yield attrs.evolve(BAYES_SPEC, name="bayes", factory=__name__ + ":Model")


class Model(BayesModel):
    def predict_proba(self, features):
        if str(len(features)) in os.environ.get("FAIL_ROWS", "").split(","):
            raise RuntimeError("a meta-model's own bug")
        return super().predict_proba(features)
