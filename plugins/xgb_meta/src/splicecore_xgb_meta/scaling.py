"""Clipping, standardising and imputing features for linear models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from splicecore_xgb_meta.batches import Batches

__all__ = ["Scaling", "learn_scaling"]

_SAMPLE_BYTES = 2**26
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
    """Learn the scaling in one pass, from a random sample of the rows that fits into 64 MB.

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
    most = max(_SAMPLE_BYTES // (4 * max(features, 1)), 1000)
    generator = np.random.Generator(np.random.PCG64(seed))
    kept, keys = np.empty((0, features), np.float32), np.empty(0)
    least, largest = np.full(features, np.inf), np.full(features, -np.inf)
    for rows, _, _ in batches:
        if not len(rows):
            continue
        least, largest = np.fmin(least, np.fmin.reduce(rows)), np.fmax(largest, np.fmax.reduce(rows))
        drawn = generator.random(len(rows))
        limit = keys.max() if len(keys) == most else np.inf
        chosen = drawn < limit
        kept, keys = np.concatenate([kept, rows[chosen]]), np.concatenate([keys, drawn[chosen]])
        if len(keys) > most:
            first = np.sort(np.argpartition(keys, most)[:most])
            kept, keys = kept[first], keys[first]
    return _scaling_of(kept.astype(np.float64), least, largest)


def _scaling_of(
    sample: npt.NDArray[np.float64], least: npt.NDArray[np.float64], largest: npt.NDArray[np.float64]
) -> Scaling:
    low, high, center, scale = np.zeros((4, sample.shape[1]))
    for column in range(sample.shape[1]):
        values = sample[:, column]
        values = values[~np.isnan(values)]
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
