"""Clipping, standardising and imputing features for linear models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from splicecore_xgb_meta.batches import Batches

__all__ = ["Scaling", "learn_scaling"]

_SAMPLE_BYTES = 2**25
_TAIL = 1e-3


@attrs.frozen(eq=False)
class Scaling:
    """How features become comparable: clipped to ``low`` .. ``high``, less ``center``, divided by ``scale``.

    A missing value becomes 0, the mean. All arrays are float64, shape (features,).
    """

    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    center: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    def apply(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return float64 of the same shape, (k, features)."""
        values = features.astype(np.float64)
        np.clip(values, self.low, self.high, out=values)  # NaN stays
        values -= self.center
        values /= self.scale
        values[np.isnan(values)] = 0.0
        return values

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return the four arrays by name."""
        return {"low": self.low, "high": self.high, "center": self.center, "scale": self.scale}


def learn_scaling(batches: Batches, features: int, seed: int) -> Scaling:
    """Learn the scaling in one pass, from a random sample of the rows that fits into 32 MB.

    ``low`` and ``high`` are the 0.1 % and 99.9 % quantiles of the values that are there, or the extremes of all rows
    where the quantiles are one value (a rare flag); ``center`` and ``scale`` are mean and standard deviation of the
    clipped sample. A constant feature gets the scale 1. Row weights do not count.

    Parameters
    ----------
    batches
        Rows, as in :meth:`splicecore.api.MetaModel.fit`.
    features
        Number of features.
    seed
        Of the sample; it does not depend on how the rows are divided into batches.
    """
    sample = _Sample(max(_SAMPLE_BYTES // (4 * max(features, 1)), 1000), features, seed)
    least, largest = np.full(features, np.inf), np.full(features, -np.inf)
    for rows, _, _ in batches:
        if len(rows):
            least, largest = np.fmin(least, np.fmin.reduce(rows)), np.fmax(largest, np.fmax.reduce(rows))
            sample.add(rows)
    return _scaling_of(sample, least, largest)


class _Sample:
    """Random rows of a stream: each row draws a key, and those with the smallest keys are kept."""

    def __init__(self, most: int, features: int, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._rows = np.empty((most, features), dtype=np.float32)
        self._keys = np.full(most, np.inf)

    def add(self, rows: npt.NDArray[np.float32]) -> None:
        """Take rows of the stream into account."""
        most = len(self._keys)
        drawn = self._generator.random(len(rows))
        near = np.flatnonzero(drawn < self._keys.max())
        if not len(near):
            return
        pool = np.concatenate([self._keys, drawn[near]])
        stays = np.zeros(len(pool), dtype=bool)
        stays[np.argpartition(pool, most - 1)[:most]] = True
        places, chosen = np.flatnonzero(~stays[:most]), near[stays[most:]]
        self._rows[places], self._keys[places] = rows[chosen], drawn[chosen]

    def column(self, number: int) -> npt.NDArray[np.float64]:
        """Return what is there of a feature, in an order that depends on the stream's order alone."""
        order = np.argsort(self._keys)[: np.count_nonzero(np.isfinite(self._keys))]
        values = self._rows[order, number].astype(np.float64)
        there: npt.NDArray[np.float64] = values[~np.isnan(values)]
        return there


def _scaling_of(sample: _Sample, least: npt.NDArray[np.float64], largest: npt.NDArray[np.float64]) -> Scaling:
    low, high, center, scale = np.zeros((4, len(least)))
    for column in range(len(least)):
        values = sample.column(column)
        if not len(values):
            scale[column] = 1.0
            continue
        bounds = np.quantile(values, [_TAIL, 1 - _TAIL])
        if bounds[0] == bounds[1]:
            bounds = np.array([least[column], largest[column]])
        clipped = np.clip(values, *bounds)
        low[column], high[column] = bounds
        center[column], deviation = clipped.mean(), clipped.std()
        scale[column] = deviation if deviation > 1e-12 * max(1.0, np.abs(bounds).max()) else max(np.ptp(bounds), 1.0)
    return Scaling(low, high, center, scale)
