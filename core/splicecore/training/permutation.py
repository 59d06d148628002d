"""The permutation alarm: a model that is taught labels by lot must not be better than chance at other labels by lot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import digest
from splicecore.errors import InputError
from splicecore.evaluate.metrics import average_precision
from splicecore.genome.arrow import codes_of, numbers
from splicecore.genome.contigs import canonical_name
from splicecore.training.alarms import Alarm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from splicecore.plugins.protocols import MetaModel

__all__ = ["KeyedBatch", "feature_keys", "kept_by_key", "permutation_alarm", "position_keys", "scrambled_labels"]

_Keys = npt.NDArray[np.uint64]
_Floats = npt.NDArray[np.float64]

KeyedBatch = tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], _Keys]
"""(X (k, features), y (k,) classes 0, 1, 2, keys (k,))."""

_DRAWS = 40
_SITES = (1, 2)


def position_keys(table: pa.Table | pa.RecordBatch) -> _Keys:
    """Keys of rows that are equal where contig, strand and position are: uint64, shape (rows,).

    Parameters
    ----------
    table
        Columns contig, strand, position (genomic, 0-based); names of contigs may be of any style.
    """
    import pyarrow as pa

    whole = pa.Table.from_batches([table]) if isinstance(table, pa.RecordBatch) else table
    keys: _Keys = numbers(whole, "position").astype(np.uint64)
    for name in ("contig", "strand"):
        codes, words = codes_of(whole, name)
        own = np.array([int(digest([name, canonical_name(word)])[:16], 16) for word in words], dtype=np.uint64)
        keys = _mix(keys ^ own[codes])
    return keys


def feature_keys(features: npt.NDArray[np.float32]) -> _Keys:
    """Keys of rows that are equal where all features are: uint64, shape (rows,); a NaN equals a NaN."""
    bits = np.where(np.isnan(features), np.float32(np.nan), features + np.float32(0)).astype(np.float32).view(np.uint32)
    keys = np.zeros(len(features), dtype=np.uint64)
    for column in bits.T:
        keys = _mix(keys ^ column.astype(np.uint64))
    return keys


def kept_by_key(keys: _Keys, probability: npt.ArrayLike, seed: int) -> npt.NDArray[np.bool_]:
    """Choose rows by a lot that depends on the keys and the seed alone, so that rows of one key share it.

    Parameters
    ----------
    keys
        uint64, shape (k,).
    probability
        Of being kept, one or shape (k,).
    seed
        Of the lot.

    Returns
    -------
    bool, shape (k,)
    """
    kept: npt.NDArray[np.bool_] = _uniform(keys, "keep", seed) < np.asarray(probability, dtype=np.float64)
    return kept


def scrambled_labels(keys: _Keys, shares: _Floats, seed: int) -> npt.NDArray[np.int8]:
    """Draw labels that depend on the keys and the seed alone: rows of one key have one label, wherever they are.

    Parameters
    ----------
    keys
        uint64, shape (k,).
    shares
        float64, shape (3,): probabilities of neither, acceptor, donor.
    seed
        Of the draw.

    Returns
    -------
    int8, shape (k,)
    """
    return np.searchsorted(np.cumsum(shares)[:2], _uniform(keys, "scramble", seed), side="right").astype(np.int8)


def _uniform(keys: _Keys, purpose: str, seed: int) -> _Floats:
    """Numbers from 0 to below 1 that depend on the keys, the purpose and the seed: float64, shape (k,)."""
    salt = np.uint64(int(digest([purpose, seed])[:16], 16))
    lot: _Floats = (_mix(_mix(keys ^ salt)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return lot


def permutation_alarm(
    make_model: Callable[[], MetaModel],
    train: Iterable[KeyedBatch],
    test: Iterable[KeyedBatch],
    *,
    seed: int = 42,
    deviations: float = 5.0,
) -> Alarm:
    """Train on labels drawn by lot and test on labels drawn by the same lot.

    The lot knows nothing of features or genes, only rows of one key get one label. So the predictions can go with the
    test's labels only if rows of one key are on both sides, or the model or its batches see the labels of the test.
    What chance gives, and how far it strays, is measured by 40 other lots for the same predictions. The alarm's
    value is in standard deviations above chance.

    Parameters
    ----------
    make_model
        Makes a fresh model. It is fitted without validation data and without weights.
    train, test
        Batches of (X, y, keys), which can be gone through more than once; y gives the shares of the classes. Keys tell
        what counts as the same row: see :func:`position_keys` and :func:`feature_keys`. The predictions of the test
        are held in memory.
    seed
        Of the lots and the model.
    deviations
        Above so many standard deviations it is a leak.

    Raises
    ------
    InputError
        If the training rows lack a class, or there are no rows to test on.
    """
    counts = sum((np.bincount(y, minlength=3) for _, y, _ in train), start=np.zeros(3, dtype=np.int64))
    if (counts == 0).any():
        raise InputError(f"rows to train on by class are {counts.tolist()}; every class needs some")
    shares = counts / counts.sum()
    model = make_model()
    model.fit(_Scrambled(train, shares, seed), None, seed)
    predicted, keys = _predict(model, test)

    found = _figures(predicted, scrambled_labels(keys, shares, seed))
    chance = np.array(
        [_figures(predicted, scrambled_labels(keys, shares, seed + draw)) for draw in range(1, _DRAWS + 1)]
    )
    spread = chance.std(axis=0, ddof=1)
    above = np.divide(found - chance.mean(axis=0), spread, out=np.zeros(2), where=spread > 0)
    value = float(above.max())
    fired = value > deviations
    return Alarm(
        name="label_permutation",
        fired=fired,
        message=f"with labels drawn by lot the average precision is {found[0]:.4f}, by chance {chance[:, 0].mean():.4f}"
        f": {'a leak' if fired else 'no leak'}, {value:.1f} standard deviations above chance",
        value=value,
        limit=deviations,
    )


def _figures(predicted: npt.NDArray[np.float32], drawn: npt.NDArray[np.int8]) -> _Floats:
    """Means over acceptor and donor of the average precision, and of how far the class's own rows are above all rows.

    The first sees a few rows that are remembered for sure, the second many that are remembered a little.
    """
    precision, excess = [], []
    for site in _SITES:
        truth, score = drawn == site, predicted[:, site].astype(np.float64)
        if truth.any():
            precision.append(average_precision(truth, score))
            excess.append(score[truth].mean() - score.mean())
    return np.array([np.mean(precision), np.mean(excess)]) if precision else np.zeros(2)


class _Scrambled:
    """Batches with labels drawn by lot and weights of 1; may be gone through again and again."""

    def __init__(self, batches: Iterable[KeyedBatch], shares: _Floats, seed: int) -> None:
        self._batches, self._shares, self._seed = batches, shares, seed

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], _Floats]]:
        for features, _, keys in self._batches:
            yield features, scrambled_labels(keys, self._shares, self._seed), np.ones(len(features))


def _predict(model: MetaModel, test: Iterable[KeyedBatch]) -> tuple[npt.NDArray[np.float32], _Keys]:
    predicted, keys = [], []
    for features, _, batch_keys in test:
        predicted.append(model.predict_proba(features))
        keys.append(batch_keys)
    if not sum(len(part) for part in keys):
        raise InputError("there are no rows to test on")
    return np.concatenate(predicted), np.concatenate(keys)


def _mix(numbers_: Any) -> _Keys:
    """Scramble the bits of numbers, one to one (the finaliser of SplitMix64)."""
    mixed = numbers_ + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)
