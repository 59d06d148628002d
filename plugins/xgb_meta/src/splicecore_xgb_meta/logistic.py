"""Multinomial logistic regression, in memory."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from splicecore_xgb_meta.batches import gather, survey_batches
from splicecore_xgb_meta.config import LogisticConfig
from splicecore_xgb_meta.linear import LinearModel
from splicecore_xgb_meta.scaling import learn_scaling

if TYPE_CHECKING:
    from splicecore_xgb_meta.batches import Batches
    from splicecore_xgb_meta.linear import Values

__all__ = ["LogisticModel"]

log = logging.getLogger(__name__)


class LogisticModel(LinearModel[LogisticConfig]):
    """scikit-learn's ``LogisticRegression`` (lbfgs, L2) with softmax over the classes, on scaled features.

    Needs 12 bytes of memory per row and feature.
    """

    kind, config_cls, estimator = "logistic", LogisticConfig, LogisticRegression

    def fit(self, batches: Batches, valid: Batches | None, seed: int) -> None:  # noqa: ARG002 - of the protocol
        """Fit; see :meth:`Model.fit`. ``valid`` is not used."""
        survey = survey_batches(batches)
        self._scaling = learn_scaling(batches, survey.features, seed)
        features, classes, weight = gather(batches, survey)
        scaled = self._scaled(features)
        del features
        linear = LogisticRegression(C=self.config.C, max_iter=self.config.max_iter, tol=self.config.tol)
        # One thread: with more, sums of the linear algebra depend on their number.
        with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            linear.fit(scaled, classes, sample_weight=weight)
        if caught:
            log.warning("logistic regression stopped after max_iter = %d without converging", self.config.max_iter)
        self._linear = linear
        self._note(survey, iterations=int(linear.n_iter_.max()))

    def _normalized(self, scores: Values) -> Values:
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: Values = odds / odds.sum(axis=1, keepdims=True)
        return found
