"""The single-feature probe: how well each feature alone, and its being missing, tells sites from the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError
from splicecore.training.alarms import Alarm

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pyarrow as pa

__all__ = ["CONTRASTS", "DIRECTIONS", "FeatureProbe", "probe_features"]

CONTRASTS: tuple[str, ...] = ("acceptor", "donor", "site")
"""What is told from the rest; a site is an acceptor or a donor."""

DIRECTIONS: tuple[str, ...] = ("high", "low", "missing", "present")
"""What speaks for it: high or low values (missing ones come last), a missing value, or any value."""

_Floats = npt.NDArray[np.float64]
_SHOWN = 20


@attrs.frozen(eq=False)
class FeatureProbe:
    """Average precision of every feature alone.

    Attributes
    ----------
    names
        Of the features.
    average_precision
        float64, shape (features, contrasts, directions): see :data:`CONTRASTS` and :data:`DIRECTIONS`.
    prevalence
        float64, shape (contrasts,): what chance gives.
    """

    names: tuple[str, ...]
    average_precision: _Floats
    prevalence: _Floats

    def table(self) -> pa.Table:
        """Table of feature, contrast, direction (the best one), average_precision; the best first."""
        import pyarrow as pa

        best = self.average_precision.argmax(axis=2)
        value = self.average_precision.max(axis=2)
        feature, contrast = np.unravel_index(np.argsort(-value, axis=None, kind="stable"), value.shape)
        columns = {
            "feature": [self.names[i] for i in feature],
            "contrast": [CONTRASTS[i] for i in contrast],
            "direction": [DIRECTIONS[i] for i in best[feature, contrast]],
            "average_precision": value[feature, contrast],
        }
        return pa.table(columns)

    def alarm(self, references: Collection[str] = (), limit: float = 0.99) -> Alarm:
        """Look for features that tell too well.

        Parameters
        ----------
        references
            Features that may tell well: the base models' own scores. Another feature leaks if it leaves less than half
            of the error (1 - average precision) that the best of them leaves.
        limit
            Without references, the highest average precision that is no leak.

        Raises
        ------
        InputError
            If a reference is not among the features.
        """
        unknown = sorted(set(references) - set(self.names))
        if unknown:
            raise InputError(f"there is no feature {unknown[0]!r} to compare others with")
        reference = np.isin(self.names, list(references))
        best = self.average_precision.max(axis=2)
        limits = np.full(len(CONTRASTS), limit)
        if reference.any():
            limits = 1 - (1 - best[reference].max(axis=0)) / 2
        excess = np.where(reference[:, None], -np.inf, best - limits)
        found = [row for row in self.table().to_pylist() if _is_over(row, self.names, excess)]
        i, j = np.unravel_index(int(np.argmax(excess)), excess.shape)
        if found:
            names = list(dict.fromkeys(row["feature"] for row in found))
            message = f"{len(names)} features alone tell sites from the rest better than may be: {', '.join(names[:8])}"
        else:
            message = "no feature alone tells sites from the rest too well"
        return Alarm(
            name="single_feature",
            fired=bool(found),
            message=message,
            value=float(best[i, j]),
            limit=float(limits[j]),
            details=tuple(found[:_SHOWN]),
        )


def probe_features(
    names: Sequence[str],
    features: npt.NDArray[np.float32],
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
) -> FeatureProbe:
    """Measure every feature alone; a sample of some 100,000 rows is enough.

    Parameters
    ----------
    names
        Of the columns.
    features
        float32, shape (k, features); NaN where a value is missing.
    labels
        Integers, shape (k,): 0, 1, 2 (neither, acceptor, donor).
    weights
        Real, above 0, shape (k,): 1 / inclusion_prob; None for 1.

    Raises
    ------
    InputError
        If shapes differ, or no row is an acceptor or a donor.
    """
    classes = np.asarray(labels)
    mass = np.ones(len(classes)) if weights is None else np.asarray(weights, dtype=np.float64)
    if features.shape != (len(classes), len(names)) or mass.shape != classes.shape or classes.ndim != 1:
        raise InputError(
            f"features {features.shape}, labels {classes.shape} and weights {mass.shape} do not fit {len(names)} names"
        )
    truth = np.stack([classes == 1, classes == 2, classes > 0], axis=1) * mass[:, None]
    totals = truth.sum(axis=0)
    if (totals <= 0).any():
        raise InputError(f"no row is a {CONTRASTS[int(np.argmin(totals))]}")
    result = np.empty((len(names), len(CONTRASTS), len(DIRECTIONS)))
    for i, column in enumerate(features.T):
        result[i] = _column(column, truth, mass, totals)
    return FeatureProbe(tuple(names), result, totals / mass.sum())


def _column(column: npt.NDArray[np.float32], truth: _Floats, mass: _Floats, totals: _Floats) -> _Floats:
    """Average precision by contrast and direction."""
    order = np.argsort(column, kind="stable")  # NaN last
    values, truth, mass = column[order], truth[order], mass[order]
    known = len(values) - int(np.isnan(values).sum())
    missing = known < len(values)
    new = np.append(values[1:known] != values[: known - 1], missing) if known else np.zeros(0, dtype=np.bool_)
    heads = np.concatenate([[0], np.flatnonzero(new) + 1])
    hits, called = np.add.reduceat(truth, heads, axis=0), np.add.reduceat(mass, heads)
    levels = np.arange(len(heads))
    falling = np.concatenate([levels[: len(levels) - 1][::-1], levels[-1:]]) if missing else levels[::-1]
    result = np.empty((len(CONTRASTS), len(DIRECTIONS)))
    for place, ranks in enumerate((falling, levels)):
        result[:, place] = _average_precision(hits[ranks], called[ranks], totals)
    gaps = np.stack([truth[known:].sum(axis=0), truth[:known].sum(axis=0)])
    sizes = np.array([mass[known:].sum(), mass[:known].sum()])
    result[:, 2] = _average_precision(gaps, sizes, totals)
    result[:, 3] = _average_precision(gaps[::-1], sizes[::-1], totals)
    return result


def _average_precision(hits: _Floats, called: _Floats, totals: _Floats) -> _Floats:
    """Sum of recall gained times precision, by contrast; ranks of equal values are one entry each, the best first."""
    precision = np.cumsum(hits, axis=0) / np.maximum(np.cumsum(called), np.finfo(np.float64).tiny)[:, None]
    return np.asarray((hits * precision).sum(axis=0) / totals, dtype=np.float64)


def _is_over(row: dict[str, object], names: tuple[str, ...], excess: _Floats) -> bool:
    return bool(excess[names.index(str(row["feature"])), CONTRASTS.index(str(row["contrast"]))] > 0)
