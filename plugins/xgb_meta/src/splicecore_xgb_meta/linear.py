"""What the linear models have in common: scaled features, weights, contributions, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
from splicecore.api import ChecksumError

from splicecore_xgb_meta import skops_file
from splicecore_xgb_meta.config import LogisticConfig, SGDLogisticConfig
from splicecore_xgb_meta.model import Model
from splicecore_xgb_meta.scaling import Scaling

if TYPE_CHECKING:
    from splicecore_xgb_meta.model import Matrix

__all__ = ["LinearModel", "Values"]

Values = npt.NDArray[np.float64]
C = TypeVar("C", bound=LogisticConfig | SGDLogisticConfig)

_ROWS = 16_384


class LinearModel(Model[C]):
    """A linear model of scaled features; a contribution is a weight times a scaled value."""

    file, library = "model.skops", "scikit-learn"
    estimator: ClassVar[type]

    def __init__(self, config: C | None = None) -> None:
        super().__init__(config)
        self._scaling: Scaling | None = None
        self._linear: Any = None

    def feature_importance(self) -> dict[str, Values]:
        """Return ``{"weight": float64 (features,)}``: mean over the classes of the weights' absolute values."""
        self._fitted()
        found: Values = np.abs(self._linear.coef_).mean(axis=0)
        return {"weight": found}

    def _normalized(self, scores: Values) -> Values:
        """Turn scores (k, 3) into probabilities."""
        raise NotImplementedError

    def _probabilities(self, features: Matrix) -> npt.NDArray[Any]:
        found = np.empty((len(features), 3), dtype=np.float32)
        for first in range(0, len(features), _ROWS):
            rows = slice(first, first + _ROWS)
            found[rows] = self._normalized(self._scores(self._scaled(features[rows])))
        return found

    def _contributions(self, features: Matrix) -> npt.NDArray[Any]:
        found = np.empty((len(features), 3, features.shape[1] + 1), dtype=np.float32)
        for first in range(0, len(features), _ROWS):
            rows = slice(first, first + _ROWS)
            found[rows, :, :-1] = self._scaled(features[rows])[:, None, :] * self._linear.coef_
        found[:, :, -1] = self._linear.intercept_
        return found

    def _scaled(self, features: Matrix) -> Values:
        assert self._scaling is not None
        return self._scaling.apply(features)

    def _scores(self, scaled: Values) -> Values:
        found: Values = scaled @ self._linear.coef_.T + self._linear.intercept_
        return found

    def _dump(self) -> bytes:
        assert self._scaling is not None
        return skops_file.dump({"estimator": self._linear, **self._scaling.arrays()})

    def _restore(self, content: bytes, where: str) -> None:
        parts = skops_file.restore(content, where)
        estimator = parts.pop("estimator", None)
        if not isinstance(estimator, self.estimator):
            raise ChecksumError(
                f"{where} holds a {type(estimator).__name__}, not a {self.estimator.__name__}",
                hint="train the model again",
            )
        self._linear, self._scaling = estimator, Scaling(**parts)
