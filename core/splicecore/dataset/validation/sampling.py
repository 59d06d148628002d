"""Seeded samples of a dataset's rows, taken in one pass: any rows, and all rows of some genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.artifacts.store import digest
from splicecore.features.matrix import to_matrix

if TYPE_CHECKING:
    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["GeneRows", "GeneSample", "RowSample"]

_CELLS = 1 << 23


class RowSample:
    """Some rows with all their columns, each as likely as any other; the same for the same seed.

    Parameters
    ----------
    opened
        The dataset.
    rows
        How many.
    seed
        Decides which.
    sites
        Whether annotated sites are drawn, or all other rows.
    """

    def __init__(self, opened: OpenedDataset, rows: int, seed: int, *, sites: bool) -> None:
        self._schema = opened.schema
        self._wanted = rows
        self._sites = sites
        self._random = _generator(seed, "sites" if sites else "rows")
        self._kept: list[tuple[npt.NDArray[np.float64], pa.RecordBatch]] = []
        self._held, self._limit = 0, 1.0  # lots are below 1

    def add(self, rows: RowBatch) -> None:
        """Draw from some rows."""
        lots = self._random.random(len(rows))
        lots[(rows.label > 0) != self._sites] = 1.0
        chosen = np.flatnonzero(lots < self._limit)
        if len(chosen) > self._wanted:
            chosen = np.sort(chosen[np.argsort(lots[chosen], kind="stable")[: self._wanted]])
        if len(chosen):
            self._kept.append((lots[chosen], rows.batch.take(chosen)))
            self._held += len(chosen)
        if self._held > 2 * self._wanted:
            self._shrink()

    def table(self) -> pa.Table:
        """Return the sample, in the order of the rows."""
        self._shrink()
        if not self._kept:
            return self._schema.empty_table()
        return pa.Table.from_batches([batch for _, batch in self._kept]).unify_dictionaries().combine_chunks()

    def _shrink(self) -> None:
        """Keep the rows that drew the lowest lots."""
        if self._held <= self._wanted:
            return
        lots = np.concatenate([lots for lots, _ in self._kept])
        self._limit = float(np.partition(lots, self._wanted - 1)[self._wanted - 1])
        kept = []
        for drawn, batch in self._kept:
            chosen = np.flatnonzero(drawn <= self._limit)
            if len(chosen):
                kept.append((drawn[chosen], batch.take(chosen)))
        self._kept, self._held = kept, sum(len(drawn) for drawn, _ in kept)


@attrs.frozen(kw_only=True, eq=False)
class GeneRows:
    """All rows of some genes.

    Attributes
    ----------
    features
        float32, shape (rows, features); NaN where null.
    label, pred_type
        int64, shape (rows,): label, and place in :data:`~splicecore.dataset.schema.PRED_TYPES`.
    gene
        int64, shape (rows,): row in the manifest of genes.
    """

    features: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]
    pred_type: npt.NDArray[np.int64]
    gene: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)


class GeneSample:
    """The features of all rows of some genes, so many that memory stays small; the same for the same seed.

    Parameters
    ----------
    opened
        The dataset.
    rows
        About how many, at most: genes are drawn until the next one would exceed it. At least one gene is taken.
    seed
        Decides which genes.
    """

    def __init__(self, opened: OpenedDataset, rows: int, seed: int) -> None:
        self._names = list(opened.dataset.contract.names)
        rows = max(1, min(rows, _CELLS // max(1, len(self._names))))
        counts = opened.index.rows
        order = _generator(seed, "genes").permutation(np.flatnonzero(counts > 0))
        total = np.cumsum(counts[order])
        chosen = order[: max(1, int(np.searchsorted(total, rows, side="right")))]
        self._chosen = np.zeros(len(counts) + 1, dtype=np.bool_)  # the last one is for rows of no gene
        self._chosen[chosen] = True
        self._most = 2 * rows
        self._held = 0
        self._parts: list[GeneRows] = []

    def add(self, rows: RowBatch) -> None:
        """Take the rows of the chosen genes."""
        here = np.flatnonzero(self._chosen[rows.gene])[: max(0, self._most - self._held)]
        if not len(here):
            return
        self._held += len(here)
        batch = rows.batch.select(self._names).take(here)
        self._parts.append(
            GeneRows(
                features=to_matrix(batch), label=rows.label[here], pred_type=rows.pred_type[here], gene=rows.gene[here]
            )
        )

    def rows(self) -> GeneRows:
        """Return the sample."""
        if not self._parts:
            none = np.empty(0, dtype=np.int64)
            features = np.empty((0, len(self._names)), dtype=np.float32)
            return GeneRows(features=features, label=none, pred_type=none, gene=none)
        names = [field.name for field in attrs.fields(GeneRows)]
        return GeneRows(**{name: np.concatenate([getattr(part, name) for part in self._parts]) for name in names})


def _generator(seed: int, purpose: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(int(digest(["dataset validation", purpose, seed])[:16], 16)))
