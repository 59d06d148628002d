"""LightGBM's trees for three classes, in memory. Needs the extra ``lightgbm``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from splicecore.api import OUTPUTS, ChecksumError, MissingDependencyError
from threadpoolctl import threadpool_limits

from splicecore_xgb_meta.batches import gather, survey_batches
from splicecore_xgb_meta.config import LightGBMConfig
from splicecore_xgb_meta.model import Model, usable_threads

try:
    import lightgbm
except ImportError as error:
    raise MissingDependencyError(
        f"cannot import lightgbm: {error}", hint='pip install "splicecore-xgb-meta[lightgbm]"'
    ) from error

if TYPE_CHECKING:
    from splicecore_xgb_meta.batches import Batches
    from splicecore_xgb_meta.model import Matrix

__all__ = ["LightGBMModel"]


class LightGBMModel(Model[LightGBMConfig]):
    """Gradient-boosted trees by LightGBM (``multiclass``); missing values have branches of their own.

    Contributions are TreeSHAP values of the raw (log-odds) scores.
    """

    kind, config_cls, file, library = "lightgbm", LightGBMConfig, "model.txt", "lightgbm"

    def __init__(self, config: LightGBMConfig | None = None) -> None:
        super().__init__(config)
        self._booster: Any = None

    def fit(self, batches: Batches, valid: Batches | None, seed: int) -> None:
        """Fit; see :meth:`Model.fit`. With ``valid``, the round with its lowest weighted log loss ends the model."""
        survey = survey_batches(batches)
        checked = None if valid is None else survey_batches(valid, width=survey.features, every_class=False)
        settings = self._parameters(seed)
        features, classes, weight = gather(batches, survey)
        with threadpool_limits(usable_threads(self.config.threads)):
            train = lightgbm.Dataset(features, classes, weight=weight, params=settings)
            extra: dict[str, Any] = {}
            if valid is not None and checked is not None:
                rows, labels, share = gather(valid, checked)
                extra["valid_sets"] = [lightgbm.Dataset(rows, labels, weight=share, reference=train)]
                extra["callbacks"] = [lightgbm.early_stopping(self.config.early_stopping_rounds, verbose=False)]
            booster = lightgbm.train(settings, train, num_boost_round=self.config.n_estimators, **extra)
        loss = float(booster.best_score["valid_0"]["multi_logloss"]) if extra else None
        rounds = booster.best_iteration if extra else booster.current_iteration()
        self._booster = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
        self._note(survey, rounds=rounds, valid_log_loss=loss)

    def feature_importance(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return, by kind of importance (``gain``, ``split``), float64 (features,)."""
        self._fitted()
        kinds = ("gain", "split")
        return {kind: self._booster.feature_importance(importance_type=kind).astype(np.float64) for kind in kinds}

    def _parameters(self, seed: int) -> dict[str, Any]:
        config = self.config
        names = (
            "learning_rate", "num_leaves", "max_depth", "min_child_samples", "min_child_weight", "subsample",
            "colsample_bytree", "reg_alpha", "reg_lambda", "max_bin",
        )  # fmt: skip
        return {
            **{name: getattr(config, name) for name in names},
            "subsample_freq": 1,
            "objective": "multiclass",
            "num_class": len(OUTPUTS),
            "deterministic": True,
            "force_row_wise": True,
            "seed": seed % 2**31,
            "verbosity": -1,
        }

    def _probabilities(self, features: Matrix) -> npt.NDArray[Any]:
        with threadpool_limits(usable_threads(self.config.threads)):
            found: npt.NDArray[Any] = self._booster.predict(features)
        return found

    def _contributions(self, features: Matrix) -> npt.NDArray[Any]:
        with threadpool_limits(usable_threads(self.config.threads)):
            found: npt.NDArray[Any] = self._booster.predict(features, pred_contrib=True)
        return found.reshape(len(features), len(OUTPUTS), features.shape[1] + 1)

    def _dump(self) -> bytes:
        text: str = self._booster.model_to_string()
        return text.encode()

    def _restore(self, content: bytes, where: str) -> None:
        try:
            self._booster = lightgbm.Booster(model_str=content.decode())
        except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
            raise ChecksumError(f"{where} holds no LightGBM model: {error}", hint="train the model again") from error
