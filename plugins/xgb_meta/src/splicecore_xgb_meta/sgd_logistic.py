"""Logistic regression by stochastic gradient descent, one page of rows in memory at a time."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import SGDClassifier
from threadpoolctl import threadpool_limits

from splicecore_xgb_meta.batches import pages, survey_batches
from splicecore_xgb_meta.config import SGDLogisticConfig
from splicecore_xgb_meta.linear import LinearModel
from splicecore_xgb_meta.scaling import learn_scaling

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore_xgb_meta.batches import Batches, Survey
    from splicecore_xgb_meta.linear import Values
    from splicecore_xgb_meta.model import Matrix

__all__ = ["SGDLogisticModel"]

log = logging.getLogger(__name__)

_ROWS = 16_384


class SGDLogisticModel(LinearModel[SGDLogisticConfig]):
    """scikit-learn's ``SGDClassifier`` (log loss, averaged) by ``partial_fit``, on scaled features.

    One class against the others, three times; the probabilities are scaled to add up to one. The first passes count the
    rows and learn the scaling. Rows are shuffled within pages.
    """

    kind, config_cls, estimator = "sgd_logistic", SGDLogisticConfig, SGDClassifier

    def fit(self, batches: Batches, valid: Batches | None, seed: int) -> None:
        """Fit; see :meth:`Model.fit`. With ``valid``, the pass with its lowest weighted log loss is the model."""
        survey = survey_batches(batches)
        if valid is not None:
            survey_batches(valid, width=survey.features, every_class=False)
        with threadpool_limits(1):
            self._scaling = learn_scaling(batches, survey.features, seed)
            best, epochs, loss = self._descend(batches, survey, valid, seed)
        self._linear = best
        self._note(survey, epochs=epochs, valid_log_loss=loss)

    def _descend(
        self, batches: Batches, survey: Survey, valid: Batches | None, seed: int
    ) -> tuple[Any, int, float | None]:
        """Return the best estimator, the number of its passes and its validation loss."""
        generator = np.random.Generator(np.random.PCG64(seed))
        rates = {name: getattr(self.config, name) for name in ("alpha", "eta0", "power_t")}
        self._linear = SGDClassifier(
            loss="log_loss", learning_rate="invscaling", average=True, shuffle=False,
            random_state=seed % 2**31, **rates,
        )  # fmt: skip
        best, best_epoch, least = self._linear, 0, np.inf
        for epoch in range(1, self.config.epochs + 1):
            for features, classes, weight in pages(batches, self.config.page_rows, survey.scale):
                order = generator.permutation(len(classes))
                scaled = self._scaled(features[order])
                self._linear.partial_fit(scaled, classes[order], classes=np.arange(3), sample_weight=weight[order])
            if valid is None:
                best, best_epoch = self._linear, epoch
                continue
            loss = self._loss(valid)
            log.info("pass %d: log loss %.6f", epoch, loss)
            if loss < least:
                best, best_epoch, least = copy.deepcopy(self._linear), epoch, loss
            elif epoch - best_epoch >= self.config.patience:
                break
        return best, best_epoch, None if valid is None else float(least)

    def _loss(self, valid: Batches) -> float:
        """Weighted mean log loss of rows."""
        total = weights = 0.0
        for features, classes, weight in pages(valid, self.config.page_rows):
            chance = self._normalized(self._scores(self._scaled(features)))[np.arange(len(classes)), classes]
            total -= float(weight @ np.log(np.maximum(chance, 1e-15)))
            weights += float(weight.sum())
        return total / weights

    def _contributions(self, features: Matrix) -> npt.NDArray[Any]:
        """Return the shares; the bias takes in what turns a class's score into the logarithm of its chance."""
        found = super()._contributions(features)
        for first in range(0, len(features), _ROWS):
            rows = slice(first, first + _ROWS)
            chance = _log_chance(self._scores(self._scaled(features[rows])))
            found[rows, :, -1] = chance - found[rows, :, :-1].sum(axis=2, dtype=np.float64)
        return found

    def _normalized(self, scores: Values) -> Values:
        chance = _log_chance(scores)
        odds: Values = np.exp(chance - chance.max(axis=1, keepdims=True))
        found: Values = odds / odds.sum(axis=1, keepdims=True)
        return found


def _log_chance(scores: Values) -> Values:
    """Return the logarithm of each class's chance against the others, of its score."""
    found: Values = -np.logaddexp(0.0, -scores)
    return found
