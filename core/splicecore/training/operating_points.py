"""Thresholds to call sites at, chosen on validation genes at the prevalence of whole genes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.evaluate.metrics import PrecisionRecall, precision_recall_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ClassPoints", "OperatingPoint", "OperatingPoints", "operating_points"]

_SITES = {"acceptor": 1, "donor": 2}
_TARGETS = (0.9, 0.95, 0.99)


@attrs.frozen(kw_only=True)
class OperatingPoint:
    """What calling everything from a threshold on gives, on the positions that it was chosen on.

    Attributes
    ----------
    target
        Precision or recall that was to be reached; None for the best F1.
    threshold
        Lowest probability that is called; None if the target cannot be reached, and so are the others.
    precision, recall, f1
        In [0, 1].
    """

    target: float | None = None
    threshold: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None


@attrs.frozen(kw_only=True)
class ClassPoints:
    """Operating points of one class.

    Attributes
    ----------
    sites, prevalence
        Positions of the class (weighted), and their share of all.
    recall_at_precision, precision_at_recall
        A point for every target: the highest recall with at least this precision, and the other way round.
    best_f1
        The point of the highest F1.
    """

    sites: float
    prevalence: float
    recall_at_precision: tuple[OperatingPoint, ...]
    precision_at_recall: tuple[OperatingPoint, ...]
    best_f1: OperatingPoint


@attrs.frozen(kw_only=True)
class OperatingPoints:
    """Operating points of both classes of sites; JSON-able through :meth:`to_json`."""

    acceptor: ClassPoints
    donor: ClassPoints

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; numbers come back the same."""
        return attrs.asdict(self, value_serializer=lambda _, __, value: list(value) if type(value) is tuple else value)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, where: str = "operating points") -> Self:
        """Read what :meth:`to_json` made.

        Raises
        ------
        ChecksumError
            If it did not make it.
        """
        try:
            return cls(**{name: _class_points(values[name]) for name in _SITES})
        except (KeyError, TypeError) as error:
            raise ChecksumError(f"{where} are damaged: {error!r}", hint="train the model again") from error


def operating_points(
    probabilities: npt.NDArray[np.float32],
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    precisions: tuple[float, ...] = _TARGETS,
    recalls: tuple[float, ...] = _TARGETS,
) -> OperatingPoints:
    """Choose thresholds for acceptors and donors.

    Parameters
    ----------
    probabilities
        float32, shape (k, 3): neither, acceptor, donor, calibrated as they will be when called.
    labels
        Integers, shape (k,): 0, 1, 2.
    weights
        Real, not negative, shape (k,): 1 / inclusion_prob of sampled rows; None: the rows are all positions.
    precisions, recalls
        Targets, in (0, 1].

    Raises
    ------
    ConfigError
        If a target is out of range.
    InputError
        If shapes differ, or there is no site of a class.
    """
    for target in (*precisions, *recalls):
        if not 0 < target <= 1:
            raise ConfigError(f"a precision or recall of {target:g} is asked for", hint="give shares above 0")
    if probabilities.ndim != 2 or probabilities.shape[1] != 3:
        raise InputError(f"probabilities are of shape {probabilities.shape}, not (positions, 3)")
    classes = np.asarray(labels)
    mass = np.ones(len(probabilities)) if weights is None else np.asarray(weights, dtype=np.float64)
    if classes.shape != (len(probabilities),) or mass.shape != classes.shape:
        raise InputError(f"labels {classes.shape} and weights {mass.shape} do not fit {len(probabilities)} positions")
    points = {}
    for name, site in _SITES.items():
        sites = float(mass[classes == site].sum())
        if sites <= 0:
            raise InputError(f"no position to choose thresholds on is {name}", hint="take more validation genes")
        curve = precision_recall_curve(classes == site, probabilities[:, site], weights)
        points[name] = _points(curve, sites, float(mass.sum()), precisions, recalls)
    return OperatingPoints(**points)


def _points(
    curve: PrecisionRecall, sites: float, positions: float, precisions: tuple[float, ...], recalls: tuple[float, ...]
) -> ClassPoints:
    precision, recall = curve.precision, curve.recall
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(np.float64).tiny)

    def best(value: npt.NDArray[np.float64], allowed: npt.NDArray[np.bool_], target: float | None) -> OperatingPoint:
        """Of the allowed points that of the highest value, at the highest threshold."""
        if not allowed.any():
            return OperatingPoint(target=target)
        i = int(np.argmax(np.where(allowed, value, -1.0)))
        numbers = {"threshold": curve.thresholds, "precision": precision, "recall": recall, "f1": f1}
        return OperatingPoint(target=target, **{name: float(column[i]) for name, column in numbers.items()})

    return ClassPoints(
        sites=sites,
        prevalence=sites / positions,
        recall_at_precision=tuple(best(recall, precision >= target, target) for target in precisions),
        precision_at_recall=tuple(best(precision, recall >= target, target) for target in recalls),
        best_f1=best(f1, np.ones(len(f1), dtype=np.bool_), None),
    )


def _class_points(values: Mapping[str, Any]) -> ClassPoints:
    lists = {
        name: tuple(OperatingPoint(**point) for point in values[name])
        for name in ("recall_at_precision", "precision_at_recall")
    }
    return ClassPoints(**{**values, **lists, "best_f1": OperatingPoint(**values["best_f1"])})
