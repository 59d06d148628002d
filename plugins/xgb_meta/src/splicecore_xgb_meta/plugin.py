"""The hook of splicecore-xgb-meta. Light: no machine-learning library is imported before a model is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import MetaModelSpec, hookimpl

from splicecore_xgb_meta.config import (
    HistGradientBoostingConfig,
    LightGBMConfig,
    LogisticConfig,
    SGDLogisticConfig,
    XGBoostConfig,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPECS", "splicecore_meta_models"]

SPECS: tuple[MetaModelSpec, ...] = (
    MetaModelSpec(
        name="xgboost",
        summary="gradient-boosted trees, early stopping; more than fits into memory is kept in files",
        factory="splicecore_xgb_meta.xgboost_model:XGBoostModel",
        out_of_core=True,
        config_cls=XGBoostConfig,
    ),
    MetaModelSpec(
        name="hist_gradient_boosting",
        summary="scikit-learn's gradient-boosted trees, early stopping; in memory",
        factory="splicecore_xgb_meta.boosting:HistGradientBoostingModel",
        config_cls=HistGradientBoostingConfig,
    ),
    MetaModelSpec(
        name="logistic",
        summary="multinomial logistic regression on clipped, standardised features; in memory",
        factory="splicecore_xgb_meta.logistic:LogisticModel",
        config_cls=LogisticConfig,
    ),
    MetaModelSpec(
        name="sgd_logistic",
        summary="logistic regression by stochastic gradient descent, one batch in memory at a time",
        factory="splicecore_xgb_meta.sgd_logistic:SGDLogisticModel",
        out_of_core=True,
        config_cls=SGDLogisticConfig,
    ),
    MetaModelSpec(
        name="lightgbm",
        summary="LightGBM's gradient-boosted trees, early stopping; in memory (extra: lightgbm)",
        factory="splicecore_xgb_meta.lightgbm_model:LightGBMModel",
        config_cls=LightGBMConfig,
    ),
)


@hookimpl
def splicecore_meta_models() -> Iterator[MetaModelSpec]:
    """Yield the meta-models."""
    yield from SPECS
