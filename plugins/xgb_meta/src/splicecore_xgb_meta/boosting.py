"""scikit-learn's histogram gradient boosting, in memory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from splicecore.api import ChecksumError, PluginError
from threadpoolctl import threadpool_limits

from splicecore_xgb_meta import skops_file
from splicecore_xgb_meta.batches import gather, survey_batches
from splicecore_xgb_meta.config import HistGradientBoostingConfig
from splicecore_xgb_meta.model import Model, usable_threads

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore_xgb_meta.batches import Batches
    from splicecore_xgb_meta.model import Matrix

__all__ = ["HistGradientBoostingModel"]

logger = logging.getLogger(__name__)

_BINNING_ROWS = 200_000
_LEAST_SEEN = 20


class HistGradientBoostingModel(Model[HistGradientBoostingConfig]):
    """scikit-learn's ``HistGradientBoostingClassifier``; missing values have branches of their own."""

    kind, config_cls = "hist_gradient_boosting", HistGradientBoostingConfig
    file, library = "model.skops", "scikit-learn"

    def __init__(self, config: HistGradientBoostingConfig | None = None) -> None:
        super().__init__(config)
        self._boosting: Any = None

    def fit(self, batches: Batches, valid: Batches | None, seed: int) -> None:
        """Fit; see :meth:`Model.fit`. With ``valid``, training ends when its log loss does not fall any more."""
        survey = survey_batches(batches)
        held: dict[str, Any] = {}
        if valid is not None:
            checked = survey_batches(valid, width=survey.features, every_class=False)
            held["X_val"], held["y_val"], held["sample_weight_val"] = gather(valid, checked)
        config = self.config
        names = (
            "max_iter", "learning_rate", "max_leaf_nodes", "max_depth", "min_samples_leaf", "l2_regularization",
            "max_features", "max_bins",
        )  # fmt: skip
        boosting = HistGradientBoostingClassifier(
            **{name: getattr(config, name) for name in names},
            early_stopping=valid is not None, n_iter_no_change=config.early_stopping_rounds,
            scoring="loss", random_state=seed % 2**31,
        )  # fmt: skip
        features, classes, weight = gather(batches, survey)
        _fill_unseen(features, weight)
        with threadpool_limits(usable_threads(config.threads)):
            boosting.fit(features, classes, sample_weight=weight, **held)
        vars(boosting)["_bin_mapper"].n_threads = 1  # the one trace that the number of threads leaves
        self._boosting = boosting
        loss = None if valid is None else float(-boosting.validation_score_[-1])
        self._note(survey, rounds=int(boosting.n_iter_), valid_log_loss=loss)

    def contributions(self, features: Matrix) -> Matrix:  # noqa: ARG002 - of the protocol
        """Refuse: scikit-learn has no contributions for this model."""
        self._fitted()
        raise PluginError(
            "hist_gradient_boosting cannot tell the features' contributions", hint="train xgboost or lightgbm instead"
        )

    def _contributions(self, features: Matrix) -> npt.NDArray[Any]:
        raise NotImplementedError

    def _probabilities(self, features: Matrix) -> npt.NDArray[Any]:
        with threadpool_limits(usable_threads(self.config.threads)):
            found: npt.NDArray[Any] = self._boosting.predict_proba(features)
        return found

    def _dump(self) -> bytes:
        return skops_file.dump({"estimator": self._boosting})

    def _restore(self, content: bytes, where: str) -> None:
        estimator = skops_file.restore(content, where).get("estimator")
        if not isinstance(estimator, HistGradientBoostingClassifier):
            raise ChecksumError(f"{where} holds no HistGradientBoostingClassifier", hint="train the model again")
        self._boosting = estimator


def _fill_unseen(features: Matrix, weight: npt.NDArray[np.float64]) -> None:
    """Set features to 0 in place that scikit-learn could not bin as it finds no value of them; no tree asks for them.

    Thresholds come of 200,000 rows drawn by their weights; a feature counts as unseen if fewer than 20 of those are
    expected to have a value (of fewer rows in all, if none has).
    """
    total = weight.sum()
    seen = np.array([weight[~np.isnan(column)].sum() / total for column in features.T])
    least = _LEAST_SEEN / _BINNING_ROWS if len(features) > _BINNING_ROWS else 0.0
    unseen = np.flatnonzero(seen <= least)
    if len(unseen):
        logger.info("features without values, not used: columns %s", ", ".join(map(str, unseen)))
        features[:, unseen] = 0.0
