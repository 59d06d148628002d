"""XGBoost: trees for three classes, from a stream of batches, in memory or through files."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from splicecore.api import OUTPUTS, ChecksumError, InputError, MissingDependencyError

from splicecore_xgb_meta.batches import pages, survey_batches
from splicecore_xgb_meta.config import XGBoostConfig
from splicecore_xgb_meta.model import Model, usable_threads

try:
    import xgboost as xgb
except ImportError as error:
    raise MissingDependencyError(
        f"cannot import xgboost: {error}", hint='pip install "splicecore-xgb-meta[xgboost]"'
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from splicecore_xgb_meta.batches import Batch, Batches, Survey
    from splicecore_xgb_meta.model import Matrix

__all__ = ["XGBoostModel"]

log = logging.getLogger(__name__)

_MISSING = float("nan")
_IMPORTANCE = ("gain", "total_gain", "cover", "total_cover", "weight")


Offset = tuple[int, int] | None
"""Columns with the log-odds of acceptor and donor that boosting starts from."""


def start_of(features: Matrix, offset: Offset) -> Matrix | None:
    """Raw scores that boosting starts from: float32, shape (k, 3), of *neither* 0; what is missing counts as 0."""
    if offset is None:
        return None
    start = np.zeros((len(features), len(OUTPUTS)), dtype=np.float32)
    start[:, 1:] = np.nan_to_num(features[:, list(offset)], nan=0.0)
    return start


class _Pages(xgb.DataIter):
    """Hands pages of rows to XGBoost, as often as it asks for them."""

    def __init__(self, batches: Batches, rows: int, scale: float, offset: Offset, cache: Path | None) -> None:
        self._batches, self._rows, self._scale, self._offset = batches, rows, scale, offset
        self._left: Iterator[Batch] = iter(())
        super().__init__(cache_prefix=None if cache is None else str(cache), release_data=True)

    def next(self, input_data: Callable[..., Any]) -> bool:
        page = next(self._left, None)
        if page is None:
            return False
        features, classes, weight = page
        input_data(data=features, label=classes, weight=weight, base_margin=start_of(features, self._offset))
        return True

    def reset(self) -> None:
        self._left = pages(self._batches, self._rows, self._scale)


class _Progress(xgb.callback.TrainingCallback):
    """Logs the validation loss now and then."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002 - XGBoost's
        if (epoch + 1) % 50 == 0:
            losses = evals_log.get("valid", {}).get("mlogloss", ())
            log.info("round %d%s", epoch + 1, f": log loss {losses[-1]:.6f}" if losses else "")
        return False


class XGBoostModel(Model[XGBoostConfig]):
    """Gradient-boosted trees by XGBoost (``multi:softprob``, ``hist``); missing values have branches of their own.

    Contributions are TreeSHAP values of the raw (log-odds) scores. Where boosting starts from log-odds that are among
    the features (``config.offset``), these add their value to their own class's score.
    """

    kind, config_cls, file, library = "xgboost", XGBoostConfig, "model.ubj", "xgboost"

    def __init__(self, config: XGBoostConfig | None = None) -> None:
        super().__init__(config)
        self._booster: xgb.Booster | None = None
        self._names: tuple[str, ...] | None = None
        self._offset: Offset = None

    def name_features(self, names: Sequence[str]) -> tuple[str, ...]:
        """Take note of the columns' names; returns those of ``config.offset`` if both are there."""
        self._names = tuple(names)
        return self.config.offset if self.config.offset and set(self.config.offset) <= set(names) else ()

    def fit(self, batches: Batches, valid: Batches | None, seed: int) -> None:
        """Fit; see :meth:`Model.fit`. With ``valid``, the round with its lowest weighted log loss ends the model."""
        survey = survey_batches(batches)
        self._offset = self._find_offset(survey.features)
        checked = None if valid is None else survey_batches(valid, width=survey.features, every_class=False)
        with tempfile.TemporaryDirectory(prefix="splicecore-") as folder, xgb.config_context(verbosity=0):
            train = self._matrix(batches, survey, Path(folder, "train"))
            evals, stops = [], []
            if valid is not None and checked is not None:
                evals = [(self._matrix(valid, checked, Path(folder, "valid"), train), "valid")]
                stops = [xgb.callback.EarlyStopping(rounds=self.config.early_stopping_rounds, save_best=True)]
            try:
                booster = xgb.train(
                    self._parameters(seed), train, self.config.n_estimators,
                    evals=evals, callbacks=[_Progress(), *stops], verbose_eval=False,
                )  # fmt: skip
            finally:
                del train, evals  # their files go with the folder
        self._booster = booster
        loss = float(booster.best_score) if stops else None
        self._note(survey, rounds=booster.num_boosted_rounds(), valid_log_loss=loss)

    def feature_importance(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return, by kind of importance (``gain``, ``cover``, ...), float64 (features,); 0 for those never used."""
        width, booster = self._fitted(), self._opened()
        found = {}
        for kind in _IMPORTANCE:
            scores = booster.get_score(importance_type=kind)
            found[kind] = np.array([np.sum(scores.get(f"f{column}", 0.0)) for column in range(width)], np.float64)
        return found

    def _matrix(
        self, batches: Batches, survey: Survey, cache: Path, ref: xgb.DMatrix | None = None
    ) -> xgb.QuantileDMatrix | xgb.ExtMemQuantileDMatrix:
        """Bin the features; both kinds of matrix use the same bins, so that the model is the same."""
        config = self.config
        on_disk = (
            survey.rows * survey.features > config.memory_gib * 2**30
            if ref is None
            else isinstance(ref, xgb.ExtMemQuantileDMatrix)
        )
        source = _Pages(batches, config.page_rows, survey.scale, self._offset, cache if on_disk else None)
        settings: dict[str, Any] = {
            "missing": _MISSING,
            "nthread": usable_threads(config.threads),
            "max_bin": config.max_bin,
            "ref": ref,
        }
        return xgb.ExtMemQuantileDMatrix(source, **settings) if on_disk else xgb.QuantileDMatrix(source, **settings)

    def _parameters(self, seed: int) -> dict[str, Any]:
        config = self.config
        names = (
            "learning_rate", "max_depth", "max_leaves", "grow_policy", "min_child_weight", "gamma", "subsample",
            "colsample_bytree", "reg_alpha", "reg_lambda", "max_delta_step", "max_bin",
        )  # fmt: skip
        return {
            **{name: getattr(config, name) for name in names},
            "objective": "multi:softprob",
            "num_class": len(OUTPUTS),
            "eval_metric": "mlogloss",
            "tree_method": "hist",
            "device": "cpu",
            "seed": seed % 2**31,
            **({} if self._offset is None else {"base_score": 0.0}),
            "nthread": usable_threads(config.threads),
        }

    def _find_offset(self, width: int) -> Offset:
        """Columns of the offset, if names are known and both are among them."""
        names = self._names or ()
        if not names:
            return None
        if len(names) != width:
            raise InputError(f"{len(names)} features were named, but there are {width}")
        wanted = self.name_features(names)
        return (names.index(wanted[0]), names.index(wanted[1])) if wanted else None

    def _facts(self) -> dict[str, Any]:
        return {} if self._offset is None else {"offset": list(self._offset)}

    def _recall(self, facts: dict[str, Any], where: str) -> None:
        found, width = facts.get("offset"), facts["features"]
        self._offset = None
        if found is not None:
            if not (isinstance(found, list) and len(found) == 2 and all(0 <= int(each) < width for each in found)):
                raise ChecksumError(f"{where} names no columns to start from: {found}", hint="train the model again")
            self._offset = (int(found[0]), int(found[1]))

    def _opened(self) -> xgb.Booster:
        self._fitted()
        assert self._booster is not None
        return self._booster

    def _probabilities(self, features: Matrix) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = self._opened().inplace_predict(
            features,
            missing=_MISSING,
            validate_features=False,
            strict_shape=True,
            base_margin=start_of(features, self._offset),
        )
        return found

    def _contributions(self, features: Matrix) -> npt.NDArray[Any]:
        matrix = xgb.DMatrix(features, missing=_MISSING, nthread=usable_threads(self.config.threads))
        found: npt.NDArray[Any] = self._opened().predict(matrix, pred_contribs=True, strict_shape=True)
        start = start_of(features, self._offset)
        if start is not None and self._offset is not None:
            for number, column in enumerate(self._offset, start=1):
                found[:, number, column] += start[:, number]
        return found

    def _dump(self) -> bytes:
        return bytes(self._opened().save_raw("ubj"))

    def _restore(self, content: bytes, where: str) -> None:
        booster = xgb.Booster({"nthread": usable_threads(self.config.threads)})
        try:
            booster.load_model(bytearray(content))
        except (xgb.core.XGBoostError, ValueError) as error:
            raise ChecksumError(f"{where} holds no XGBoost model: {error}", hint="train the model again") from error
        self._booster = booster
