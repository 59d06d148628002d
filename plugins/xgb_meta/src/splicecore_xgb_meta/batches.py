"""Streams of rows: checking them, cutting them into pages of one size, gathering them into memory.

Batches are given as in :meth:`splicecore.api.MetaModel.fit`: an iterable that can be gone through more than once (a
list, or an object whose ``__iter__`` opens the files again) and yields the same rows in the same order every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
from splicecore.api import OUTPUTS, InputError

__all__ = ["Batch", "Batches", "Survey", "check_features", "gather", "pages", "survey_batches"]

Batch: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float64]]
"""Features float32 (k, features), classes int8 (k,) of 0 neither, 1 acceptor, 2 donor, weights float64 (k,)."""

Batches: TypeAlias = Iterable[Batch]

_CLASSES = len(OUTPUTS)


@attrs.frozen(kw_only=True)
class Survey:
    """What a first pass over the batches found.

    Attributes
    ----------
    rows, features
        Their number.
    classes
        Rows by class.
    scale
        What weights are multiplied with for a mean of one.
    """

    rows: int
    features: int
    classes: tuple[int, ...]
    scale: float


def check_features(features: npt.NDArray[np.float32], width: int | None) -> npt.NDArray[np.float32]:
    """Return a matrix of features in C order, as it is if it is so already.

    Parameters
    ----------
    features
        float32, shape (k, width); NaN means missing. Not modified.
    width
        Number of features that the model was fitted on; None if it was not yet.

    Raises
    ------
    InputError
        If type, shape or number of features are others, or a value is infinite.
    """
    if not isinstance(features, np.ndarray) or features.dtype != np.float32 or features.ndim != 2:
        kind = f"{features.dtype} {features.shape}" if isinstance(features, np.ndarray) else type(features).__name__
        raise InputError(f"features are {kind}, not a float32 matrix (rows, features)")
    if width is not None and features.shape[1] != width:
        raise InputError(
            f"there are {features.shape[1]} features, but the model was fitted on {width}",
            hint="compute the features that the model's contract names",
        )
    infinite = np.isinf(features)
    if infinite.any():
        columns = ", ".join(str(column) for column in np.flatnonzero(infinite.any(axis=0))[:8])
        raise InputError(f"features have infinite values in columns {columns}", hint="write what is missing as NaN")
    return np.ascontiguousarray(features)


def survey_batches(batches: Batches, *, width: int | None = None, every_class: bool = True) -> Survey:
    """Go through the batches once: check every row and count.

    Parameters
    ----------
    batches
        To be gone through again later.
    width
        Number of features that there must be; None for that of the first batch.
    every_class
        Whether there must be rows of each class.

    Raises
    ------
    InputError
        If rows are malformed, there is none (of a class), all weights are zero, or the batches are an iterator, which
        can be gone through but once.
    """
    if isinstance(batches, Iterator):
        raise InputError(
            "the batches can be gone through only once; models need several passes",
            hint="give a list, or an object whose __iter__ starts again from the first row",
        )
    rows, counts, total = 0, np.zeros(_CLASSES, np.int64), 0.0
    for features, classes, weight in batches:
        width = check_features(features, width).shape[1]
        _check_rows(features, classes, weight)
        rows += len(classes)
        counts += np.bincount(classes, minlength=_CLASSES)
        total += float(weight.sum())
    missing = [name for name, count in zip(OUTPUTS, counts, strict=True) if count == 0]
    if rows == 0 or (every_class and missing):
        what = f" of class {' and '.join(missing)}" if rows else ""
        raise InputError(f"there are no rows{what} to fit a model on", hint="take more genes")
    if not (total > 0 and np.isfinite(total)):
        raise InputError(f"the weights of the rows add up to {total:g}")
    return Survey(rows=rows, features=width or 0, classes=tuple(counts.tolist()), scale=rows / total)


def _check_rows(
    features: npt.NDArray[np.float32], classes: npt.NDArray[np.int8], weight: npt.NDArray[np.float64]
) -> None:
    if classes.shape != features.shape[:1] or weight.shape != features.shape[:1]:
        raise InputError(f"{len(features)} rows of features have classes {classes.shape} and weights {weight.shape}")
    if not np.issubdtype(classes.dtype, np.integer):
        raise InputError(f"classes are {classes.dtype}, not integers")
    if classes.size and not (classes.min() >= 0 and classes.max() < _CLASSES):
        raise InputError(f"classes range from {classes.min()} to {classes.max()}, not from 0 to {_CLASSES - 1}")
    if not (weight >= 0).all():
        raise InputError("a weight is negative or NaN")


def pages(batches: Batches, rows: int, scale: float = 1.0) -> Iterator[Batch]:
    """Yield the rows in order, ``rows`` at a time whatever the batches' sizes, with weights multiplied by ``scale``."""
    held: list[Batch] = []
    count = 0
    for features, classes, weight in batches:
        first = 0
        while first < len(classes):
            last = min(first + rows - count, len(classes))
            held.append((features[first:last], classes[first:last], weight[first:last] * scale))
            count += last - first
            first = last
            if count == rows:
                yield _join(held)
                held, count = [], 0
    if held:
        yield _join(held)


def _join(parts: list[Batch]) -> Batch:
    features, classes, weight = zip(*parts, strict=True)
    return np.concatenate(features), np.concatenate(classes), np.concatenate(weight)


def gather(batches: Batches, survey: Survey) -> Batch:
    """Hold all rows in memory, with weights of mean one."""
    features = np.empty((survey.rows, survey.features), dtype=np.float32)
    classes = np.empty(survey.rows, dtype=np.int8)
    weight = np.empty(survey.rows, dtype=np.float64)
    first = 0
    for some, some_classes, some_weight in batches:
        kept = slice(first, first + len(some_classes))
        features[kept], classes[kept], weight[kept] = some, some_classes, some_weight * survey.scale
        first = kept.stop
    return features, classes, weight
