"""Hyper-parameters of the meta-models. Names and meanings are those of the libraries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

import attrs
from splicecore.api import ChecksumError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "Config",
    "HistGradientBoostingConfig",
    "LightGBMConfig",
    "LogisticConfig",
    "SGDLogisticConfig",
    "XGBoostConfig",
    "recorded",
    "restored_config",
]

OFFSET = ("acceptor_mean_logodds", "donor_mean_logodds")
"""Columns of the core's feature set ``partners``: the log-odds of acceptor and donor, all base models together."""

GrowPolicy = Literal["depthwise", "lossguide"]
Number: TypeAlias = int | float | None


def _within(
    least: float, most: float = math.inf, *, above: bool = False
) -> Callable[[Any, attrs.Attribute[Any], Number], None]:
    """Make a validator: at least (``above``: more than) ``least``, at most ``most``; None passes."""

    def check(owner: object, attribute: attrs.Attribute[Any], value: Number) -> None:
        if value is None:
            return
        if not (least < value if above else least <= value) or not value <= most or not math.isfinite(value):
            low = f"above {least:g}" if above else f"at least {least:g}"
            high = "" if most == math.inf else f" and at most {most:g}"
            raise ConfigError(f"{type(owner).__name__}: {attribute.name} is {value}; it must be {low}{high}")

    return check


def _choice(owner: object, attribute: attrs.Attribute[Any], value: str) -> None:
    if value not in get_args(GrowPolicy):
        known = ", ".join(get_args(GrowPolicy))
        raise ConfigError(f"{type(owner).__name__}: {attribute.name} is {value!r}; it must be one of {known}")


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _pair(owner: object, attribute: attrs.Attribute[Any], names: tuple[str, ...]) -> None:
    if names and (len(names) != 2 or names[0] == names[1]):
        raise ConfigError(
            f"{type(owner).__name__}: {attribute.name} is {', '.join(names)}; it must be two columns, of acceptors and "
            "of donors, or empty"
        )


_POSITIVE = _within(0, above=True)
_NOT_NEGATIVE = _within(0)
_COUNT = _within(1)
_SHARE = _within(0, 1, above=True)
_BINS = _within(2, 256)
_HIST_BINS = _within(2, 255)


@attrs.frozen(kw_only=True)
class XGBoostConfig:
    """Hyper-parameters of ``xgboost``.

    Attributes
    ----------
    n_estimators
        Most rounds; a round adds one tree per class.
    early_stopping_rounds
        Rounds without a lower log loss of the validation rows after which training ends; the best round counts.
    learning_rate, max_depth, max_leaves, grow_policy, min_child_weight, gamma, subsample, colsample_bytree, \
    reg_alpha, reg_lambda, max_delta_step, max_bin
        As XGBoost's own; row weights are scaled to a mean of one first. In a dataset that was sampled, sites then weigh
        a hundredth or less, for they stand for themselves and easy negatives for hundreds. ``min_child_weight`` and
        ``reg_lambda`` are compared with sums of ``2 p (1 - p) weight`` over the rows of a leaf, p being the predicted
        probability of the tree's class: 0.01 is a handful of undecided sites. XGBoost's own 1 would be hundreds, and
        small datasets would have no leaf for sites. Raise both where all rows weigh the same.
    offset
        Names of the columns with the log-odds of acceptor and of donor that boosting starts from, so that trees learn
        what to add to them; they are used if both are among the features. Empty: boosting starts from nothing.
    page_rows
        Rows that are handed to XGBoost, and kept in a page of a file, at a time.
    memory_gib
        Binned features (one byte each) of more than this are kept in temporary files and read page by page. Zero does
        so always. The model is the same.
    threads
        Most threads; None for as many as the process may use. The model does not depend on it.
    """

    n_estimators: int = attrs.field(default=2000, validator=_COUNT)
    early_stopping_rounds: int = attrs.field(default=30, validator=_COUNT)
    learning_rate: float = attrs.field(default=0.05, validator=_SHARE)
    max_depth: int = attrs.field(default=4, validator=_NOT_NEGATIVE)
    max_leaves: int = attrs.field(default=0, validator=_NOT_NEGATIVE)
    grow_policy: GrowPolicy = attrs.field(default="depthwise", validator=_choice)
    min_child_weight: float = attrs.field(default=0.01, validator=_NOT_NEGATIVE)
    gamma: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    subsample: float = attrs.field(default=0.8, validator=_SHARE)
    colsample_bytree: float = attrs.field(default=0.4, validator=_SHARE)
    reg_alpha: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    reg_lambda: float = attrs.field(default=0.01, validator=_NOT_NEGATIVE)
    max_delta_step: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    max_bin: int = attrs.field(default=256, validator=_BINS)
    offset: tuple[str, ...] = attrs.field(default=OFFSET, converter=_names, validator=_pair)
    page_rows: int = attrs.field(default=65_536, validator=_COUNT)
    memory_gib: float = attrs.field(default=4.0, validator=_NOT_NEGATIVE)
    threads: int | None = attrs.field(default=None, validator=_COUNT)


@attrs.frozen(kw_only=True)
class LightGBMConfig:
    """Hyper-parameters of ``lightgbm``, as LightGBM's own; rows are held in memory, weights scaled to a mean of one.

    ``early_stopping_rounds`` and ``threads`` are those of :class:`XGBoostConfig`.
    """

    n_estimators: int = attrs.field(default=800, validator=_COUNT)
    early_stopping_rounds: int = attrs.field(default=30, validator=_COUNT)
    learning_rate: float = attrs.field(default=0.1, validator=_SHARE)
    num_leaves: int = attrs.field(default=63, validator=_within(2))
    max_depth: int = attrs.field(default=-1, validator=_within(-1))
    min_child_samples: int = attrs.field(default=20, validator=_COUNT)
    min_child_weight: float = attrs.field(default=1e-3, validator=_NOT_NEGATIVE)
    subsample: float = attrs.field(default=0.8, validator=_SHARE)
    colsample_bytree: float = attrs.field(default=0.8, validator=_SHARE)
    reg_alpha: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    reg_lambda: float = attrs.field(default=1.0, validator=_NOT_NEGATIVE)
    max_bin: int = attrs.field(default=255, validator=_BINS)
    threads: int | None = attrs.field(default=None, validator=_COUNT)


@attrs.frozen(kw_only=True)
class HistGradientBoostingConfig:
    """Hyper-parameters of ``hist_gradient_boosting``, as scikit-learn's own; rows are held in memory.

    ``early_stopping_rounds`` is scikit-learn's ``n_iter_no_change`` on the validation rows; ``threads`` is that of
    :class:`XGBoostConfig`.
    """

    max_iter: int = attrs.field(default=400, validator=_COUNT)
    early_stopping_rounds: int = attrs.field(default=20, validator=_COUNT)
    learning_rate: float = attrs.field(default=0.1, validator=_SHARE)
    max_leaf_nodes: int | None = attrs.field(default=31, validator=_within(2))
    max_depth: int | None = attrs.field(default=None, validator=_COUNT)
    min_samples_leaf: int = attrs.field(default=20, validator=_COUNT)
    l2_regularization: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    max_features: float = attrs.field(default=1.0, validator=_SHARE)
    max_bins: int = attrs.field(default=255, validator=_HIST_BINS)
    threads: int | None = attrs.field(default=None, validator=_COUNT)


@attrs.frozen(kw_only=True)
class LogisticConfig:
    """Hyper-parameters of ``logistic``: ``C`` (inverse of the L2 penalty) and when lbfgs stops; in memory.

    Validation rows are not used.
    """

    C: float = attrs.field(default=1.0, validator=_POSITIVE)
    max_iter: int = attrs.field(default=300, validator=_COUNT)
    tol: float = attrs.field(default=1e-4, validator=_POSITIVE)


@attrs.frozen(kw_only=True)
class SGDLogisticConfig:
    """Hyper-parameters of ``sgd_logistic``.

    Attributes
    ----------
    alpha
        Weight of the L2 penalty.
    eta0, power_t
        The learning rate is ``eta0 / t ** power_t`` at row ``t``; the weights of all steps are averaged.
    epochs
        Most passes over the rows.
    patience
        Passes without a lower log loss of the validation rows after which training ends; the best pass counts.
    page_rows
        Rows that are shuffled and fitted at a time.
    """

    alpha: float = attrs.field(default=1e-6, validator=_NOT_NEGATIVE)
    eta0: float = attrs.field(default=0.1, validator=_POSITIVE)
    power_t: float = attrs.field(default=0.3, validator=_NOT_NEGATIVE)
    epochs: int = attrs.field(default=10, validator=_COUNT)
    patience: int = attrs.field(default=2, validator=_COUNT)
    page_rows: int = attrs.field(default=65_536, validator=_COUNT)


Config: TypeAlias = XGBoostConfig | LightGBMConfig | HistGradientBoostingConfig | LogisticConfig | SGDLogisticConfig


C = TypeVar("C", bound=Config)

_OF_THE_MACHINE = ("threads", "memory_gib")


def recorded(config: Config) -> dict[str, Any]:
    """Return what of a config is written into model files: all that may change a model."""
    values: dict[str, Any] = attrs.asdict(config)
    return {name: value for name, value in values.items() if name not in _OF_THE_MACHINE}


def restored_config(config: C, values: Any, where: str) -> C:
    """Return the config that :func:`recorded` wrote; what it does not write is taken from ``config``.

    Raises
    ------
    ChecksumError
        If the values make no such config.
    """
    try:
        return attrs.evolve(config, **values)
    except (TypeError, ConfigError) as error:
        raise ChecksumError(f"the config in {where} is damaged: {error}", hint="train the model again") from error
