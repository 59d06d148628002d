"""Weights of rows: for what sampling left out, and for classes that are rare."""

from __future__ import annotations

from typing import Literal, get_args

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ConfigError, InputError

__all__ = ["ClassTotals", "ClassWeighting", "WeightConfig", "class_weights", "remove_class_weights", "row_weights"]

ClassWeighting = Literal["none", "sqrt", "balanced"]

_CLASSES = 3
_NAMES = ("neither", "acceptor", "donor")
_Floats = npt.NDArray[np.float64]


@attrs.frozen(kw_only=True)
class WeightConfig:
    """How rows are weighted; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    class_weight
        ``"none"``; ``"balanced"``: all classes have the same total weight; ``"sqrt"``: half way, by the square root.
    inclusion
        Whether a row also stands for those that sampling left out: weight 1 / inclusion_prob. Without class weights
        a model then learns probabilities at the prevalence of whole genes.
    """

    class_weight: ClassWeighting = attrs.field(default="none")
    inclusion: bool = True

    @class_weight.validator
    def _check_choice(self, _: object, value: str) -> None:
        if value not in get_args(ClassWeighting):
            choices = ", ".join(get_args(ClassWeighting))
            raise ConfigError(f"class_weight is {value!r}", hint=f"choose one of {choices}")


@attrs.frozen(eq=False)
class ClassTotals:
    """Rows of each class, and the positions that they stand for. Totals of parts add up with ``+``.

    Attributes
    ----------
    rows
        int64, shape (3,).
    mass
        float64, shape (3,): sum of 1 / inclusion_prob.
    """

    rows: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(_CLASSES, dtype=np.int64))
    mass: _Floats = attrs.field(factory=lambda: np.zeros(_CLASSES))

    @classmethod
    def of(cls, labels: npt.ArrayLike, inclusion_prob: npt.ArrayLike) -> ClassTotals:
        """Count rows; see :func:`row_weights` for the parameters and errors."""
        classes, inverse = _checked(labels, inclusion_prob)
        return cls(
            np.bincount(classes, minlength=_CLASSES).astype(np.int64),
            np.bincount(classes, weights=inverse, minlength=_CLASSES).astype(np.float64),
        )

    def __add__(self, other: ClassTotals) -> ClassTotals:
        if not isinstance(other, ClassTotals):
            return NotImplemented
        return ClassTotals(self.rows + other.rows, self.mass + other.mass)

    def to_json(self) -> dict[str, dict[str, float]]:
        """Return rows, mass and prevalence (share of the mass) by the name of the class."""
        total = float(self.mass.sum())
        return {
            name: {"rows": int(rows), "mass": float(mass), "prevalence": float(mass) / total if total else 0.0}
            for name, rows, mass in zip(_NAMES, self.rows, self.mass, strict=True)
        }


def class_weights(totals: ClassTotals, config: WeightConfig) -> _Floats:
    """Weight of each class: float64, shape (3,); weighted by the classes' totals their mean is 1.

    With m the total of a class (of mass if ``inclusion``, else of rows), M that of all, and C the number of classes
    that have rows, ``balanced`` is M / (C m); ``sqrt`` is proportional to its square root. A class without rows has 0.

    Raises
    ------
    InputError
        If there are no rows.
    """
    total = totals.mass if config.inclusion else totals.rows.astype(np.float64)
    present = total > 0
    if not present.any():
        raise InputError("there are no rows to weight")
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[config.class_weight]
    weights = np.zeros(_CLASSES)
    weights[present] = (total[present] / total.sum()) ** -power
    return np.asarray(weights * total.sum() / (weights * total).sum(), dtype=np.float64)


def row_weights(
    labels: npt.ArrayLike, inclusion_prob: npt.ArrayLike, totals: ClassTotals, config: WeightConfig
) -> _Floats:
    """Weight of each row: its class's weight times 1 / inclusion_prob, scaled so that all rows' mean is 1.

    Parameters
    ----------
    labels
        Integers 0, 1, 2 (neither, acceptor, donor), shape (k,).
    inclusion_prob
        Real, in (0, 1], shape (k,): probability with which sampling kept the row.
    totals
        Of all rows that are trained on, of which these may be a batch.
    config
        How.

    Returns
    -------
    float64, shape (k,)

    Raises
    ------
    InputError
        If a label or a probability is out of range, or shapes differ.
    """
    classes, inverse = _checked(labels, inclusion_prob)
    weight = class_weights(totals, config)[classes]
    if not config.inclusion:
        return np.asarray(weight, dtype=np.float64)
    return np.asarray(weight * inverse * (totals.rows.sum() / totals.mass.sum()), dtype=np.float64)


def remove_class_weights(probabilities: npt.NDArray[np.float32], weights: _Floats) -> npt.NDArray[np.float32]:
    """Turn probabilities of a model that learned with class weights into those without: p / weight, normalised.

    A weight of w for a class multiplies its prior by w, and so, by Bayes' rule, the odds of the posterior.

    Parameters
    ----------
    probabilities
        float32, shape (k, 3).
    weights
        float64, shape (3,): of :func:`class_weights`; a class of weight 0 keeps probability 0.

    Returns
    -------
    float32, shape (k, 3); rows sum to one
    """
    inverse = np.divide(1.0, weights, out=np.zeros(_CLASSES), where=weights > 0)
    odds = probabilities.astype(np.float64) * inverse
    total = odds.sum(axis=1, keepdims=True)
    if not (total > 0).all():
        raise InputError("a row has probability only for classes that the model did not see")
    return np.asarray(odds / total, dtype=np.float32)


def _checked(labels: npt.ArrayLike, inclusion_prob: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], _Floats]:
    classes, probability = np.asarray(labels), np.asarray(inclusion_prob, dtype=np.float64)
    if classes.ndim != 1 or classes.shape != probability.shape:
        raise InputError(f"labels {classes.shape} and inclusion probabilities {probability.shape} differ in shape")
    if classes.size and (not np.issubdtype(classes.dtype, np.integer) or classes.min() < 0 or classes.max() > 2):
        raise InputError("labels must be 0 (neither), 1 (acceptor) or 2 (donor)")
    if not ((probability > 0) & (probability <= 1)).all():
        raise InputError("inclusion probabilities must be above 0 and at most 1")
    return classes.astype(np.int64), 1.0 / probability
