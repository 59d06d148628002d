"""Features that say nothing, or nothing that an earlier one does not say: found in one pass in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    import pyarrow as pa

    from splicecore.dataset.dataset import Dataset

__all__ = ["DroppedColumn", "FeatureMoments", "Pruning", "prune_dataset", "prune_matrices"]

_Floats = npt.NDArray[np.float64]
Reason = Literal["missing", "constant", "correlated"]

_ROWS = 16_384
_ROUNDING = 1e-10


@attrs.frozen(kw_only=True)
class DroppedColumn:
    """A column that is left out and why.

    Attributes
    ----------
    column
        Its name.
    reason
        ``"missing"``: no row has a value. ``"constant"``: every row has the same value. ``"correlated"``: with
        ``earlier``, a column before it that stays.
    value
        Of a constant column.
    earlier, correlation
        The first such column, and Pearson's r, over the rows in which both have a value.
    """

    column: str
    reason: Reason
    value: float | None = None
    earlier: str | None = None
    correlation: float | None = None


@attrs.frozen(kw_only=True)
class Pruning:
    """Which columns stay.

    Attributes
    ----------
    kept
        Names, in order.
    dropped
        The others, in order.
    corr_thr
        Absolute correlation above which the later column is dropped.
    rows
        Rows that were looked at.
    """

    kept: tuple[str, ...]
    dropped: tuple[DroppedColumn, ...]
    corr_thr: float
    rows: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping; keys without a value are left out of ``dropped``."""
        dropped = [attrs.asdict(column, filter=lambda _, value: value is not None) for column in self.dropped]
        return {"corr_thr": self.corr_thr, "rows": self.rows, "kept": list(self.kept), "dropped": dropped}

    def write(self, path: Path) -> None:
        """Write the list as JSON, atomically."""
        from splicecore.artifacts.store import write_json

        write_json(path, self.to_json())


class FeatureMoments:
    """Means, variances and covariances of columns, from matrices that come one after the other.

    Each pair of columns is measured over the rows in which both have a value (NaN: none). Sums are float64, about the
    mean of each batch, and are joined by the formula of Chan, Golub and LeVeque (1979), so that batches and their
    order change the result by rounding only. Memory: four matrices of (columns, columns), and one batch of 16,384 rows.

    Parameters
    ----------
    names
        Names of the columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        count = len(names)
        self.names = tuple(names)
        self.rows = 0
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)
        # [i, j]: over the rows in which columns i and j have a value. `_mean` and `_square` are those of column i.
        self._count, self._mean, self._square, self._product = (np.zeros((count, count)) for _ in range(4))

    def update(self, matrix: npt.NDArray[np.floating[Any]]) -> None:
        """Add rows.

        Parameters
        ----------
        matrix
            Real, shape (k, columns); NaN where a value is missing.

        Raises
        ------
        InputError
            If the number of columns is another, or a value is infinite.
        """
        if matrix.ndim != 2 or matrix.shape[1] != len(self.names):
            raise InputError(f"a matrix of shape {matrix.shape} does not have the {len(self.names)} columns")
        for first in range(0, len(matrix), _ROWS):
            self._add(matrix[first : first + _ROWS].astype(np.float64))

    def merge(self, other: FeatureMoments) -> None:
        """Add what another one has seen of the same columns."""
        if self.names != other.names:
            raise InputError("moments of different columns cannot be joined")
        self._low, self._high = np.minimum(self._low, other._low), np.maximum(self._high, other._high)
        self.rows += other.rows
        self._join(other._count, other._mean, other._square, other._product)

    def correlations(self) -> _Floats:
        """Pearson's r of all pairs: float64, shape (columns, columns); NaN where a variance is zero."""
        total = np.diagonal(self._square)
        varies = (self._square > _ROUNDING * total[:, None]) & (self._low < self._high)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            result = self._product / np.sqrt(self._square * self._square.T)
        return np.where(varies & varies.T, np.clip(result, -1, 1), np.nan)

    def prune(self, corr_thr: float = 0.99, keep: Collection[str] = ()) -> Pruning:
        """Decide which columns stay.

        A column is dropped if no row has a value, if all rows have the same value, or if its absolute correlation with
        an earlier column that stays is above ``corr_thr`` and the two have values in the same rows (of the rows in
        which either has one, both have one in a share of at least ``corr_thr``): what is missing may be what a column
        says. A column with one value that is missing in some rows stays for the same reason.

        Parameters
        ----------
        corr_thr
            In (0, 1]; with 1 no column is dropped for its correlation.
        keep
            Columns that stay whatever they hold; all others count as later ones.

        Raises
        ------
        ConfigError
            If ``corr_thr`` is out of range.
        InputError
            If no rows were added.
        """
        if not 0 < corr_thr <= 1:
            raise ConfigError(f"corr_thr is {corr_thr:g}; it must be above 0 and at most 1")
        if not self.rows:
            raise InputError("there are no rows to prune features on")
        correlation, present = self.correlations(), np.diagonal(self._count)
        either = present[:, None] + present[None, :] - self._count
        same_rows = self._count >= corr_thr * either
        with np.errstate(invalid="ignore"):
            redundant = (np.abs(correlation) > corr_thr) & same_rows
        kept: list[int] = []
        dropped: list[DroppedColumn] = []
        for i in sorted(range(len(self.names)), key=lambda i: self.names[i] not in keep):
            name = self.names[i]
            earlier = next((j for j in kept if redundant[i, j]), None)
            if name in keep:
                kept.append(i)
            elif present[i] == 0:
                dropped.append(DroppedColumn(column=name, reason="missing"))
            elif present[i] == self.rows and self._low[i] == self._high[i]:
                dropped.append(DroppedColumn(column=name, reason="constant", value=float(self._low[i])))
            elif earlier is not None:
                r = float(correlation[i, earlier])
                found = DroppedColumn(column=name, reason="correlated", earlier=self.names[earlier], correlation=r)
                dropped.append(found)
            else:
                kept.append(i)
        names = tuple(self.names[i] for i in sorted(kept))
        return Pruning(kept=names, dropped=tuple(dropped), corr_thr=corr_thr, rows=self.rows)

    def _add(self, values: _Floats) -> None:
        """Add at most some thousand rows, in float64; ``values`` is overwritten."""
        if np.isinf(values).any():
            name = self.names[int(np.flatnonzero(np.isinf(values).any(axis=0))[0])]
            raise InputError(f"column {name} has an infinite value", hint="a missing value is NaN (null)")
        missing = np.isnan(values)
        self.rows += len(values)
        self._low = np.fmin(self._low, np.fmin.reduce(values, axis=0, initial=np.inf))
        self._high = np.fmax(self._high, np.fmax.reduce(values, axis=0, initial=-np.inf))
        present = (~missing).sum(axis=0).astype(np.float64)
        values[missing] = 0.0
        shift = values.sum(axis=0) / np.maximum(present, 1)
        values -= shift
        values[missing] = 0.0
        count = np.minimum.outer(present, present)
        sums = np.repeat(values.sum(axis=0)[:, None], len(present), axis=1)
        product = values.T @ values
        squares = np.repeat(np.diagonal(product)[:, None], len(present), axis=1)
        gappy = np.flatnonzero(present < len(values))
        if len(gappy):  # sums over the rows in which column j has a value; for columns without gaps these are all rows
            mask = (~missing[:, gappy]).astype(np.float64)
            count[np.ix_(gappy, gappy)] = mask.T @ mask
            sums[:, gappy] = values.T @ mask
            squares[:, gappy] = (values * values).T @ mask
        safe = np.maximum(count, 1)
        mean = np.where(count > 0, sums / safe + shift[:, None], 0.0)
        square = np.maximum(squares - sums * sums / safe, 0.0)
        self._join(count, mean, square, product - sums * sums.T / safe)

    def _join(self, count: _Floats, mean: _Floats, square: _Floats, product: _Floats) -> None:
        total = self._count + count
        safe = np.maximum(total, 1)
        apart = np.where((self._count > 0) & (count > 0), mean - self._mean, 0.0)
        between = self._count * count / safe
        self._square += square + apart * apart * between
        self._product += product + apart * apart.T * between
        self._mean = (self._mean * self._count + mean * count) / safe
        self._count = total


def prune_matrices(
    names: Sequence[str],
    matrices: Iterable[npt.NDArray[np.floating[Any]]],
    corr_thr: float = 0.99,
    keep: Collection[str] = (),
) -> Pruning:
    """Prune columns on matrices that come one after the other; see :class:`FeatureMoments`."""
    moments = FeatureMoments(names)
    for matrix in matrices:
        moments.update(matrix)
    return moments.prune(corr_thr, keep)


def prune_dataset(
    dataset: Dataset,
    corr_thr: float = 0.99,
    *,
    facts: Sequence[str] = (),
    chosen: Callable[[pa.RecordBatch], npt.NDArray[np.bool_]] | None = None,
) -> Pruning:
    """Prune the features of a dataset, a batch at a time.

    Parameters
    ----------
    dataset
        Its feature columns are pruned in the contract's order.
    corr_thr
        See :meth:`FeatureMoments.prune`.
    facts, chosen
        Columns that ``chosen`` needs, and the function that is given batches of them and tells which rows to look at
        (those of the training genes): bool, shape (rows,). None: all rows.
    """
    from splicecore.features.matrix import to_matrix

    names = list(dataset.contract.names)
    moments = FeatureMoments(names)
    for batch in dataset.batches(columns=[*facts, *names], rows=_ROWS):
        matrix = to_matrix(batch.select(names))
        moments.update(matrix if chosen is None else matrix[chosen(batch.select(list(facts)))])
    return moments.prune(corr_thr)
