"""The rows of a dataset as meta-models take them: matrices, classes and weights, from memory or streamed from disk."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.artifacts.store import digest
from splicecore.errors import InputError
from splicecore.features.matrix import to_matrix
from splicecore.genome.arrow import compute as pc
from splicecore.training.row_genes import GeneLookup
from splicecore.training.weights import ClassTotals, WeightConfig, row_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.dataset.dataset import Dataset

__all__ = ["Batch", "RowBatches", "RowChunk", "TrainingRows"]

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.int8], npt.NDArray[np.float64]]
"""Features (k, columns), classes (k,), weights (k,)."""

_FACTS = ("contig", "strand", "gene_id", "label", "inclusion_prob", "pred_type")
_ROWS = 65_536


@attrs.frozen(eq=False)
class RowChunk:
    """Some rows.

    Attributes
    ----------
    matrix
        float32, shape (k, columns).
    labels
        int8, shape (k,): 0 neither, 1 acceptor, 2 donor.
    inclusion_prob
        float64, shape (k,): with ``max_rows`` the probability of that sample is part of it.
    genes
        int64, shape (k,): row of each one's gene in the table of genes; -1: none of them.
    """

    matrix: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int8]
    inclusion_prob: npt.NDArray[np.float64]
    genes: npt.NDArray[np.int64]


class TrainingRows:
    """Rows of a dataset, in its order, in the same chunks wherever they come from.

    Parameters
    ----------
    dataset
        Finished.
    genes
        Table of the genes that count.
    incremental
        Read the files again for every pass instead of holding the rows.
    max_rows
        Most rows to use; None for all.
    seed
        Of the sample that ``max_rows`` takes.
    """

    def __init__(
        self,
        dataset: Dataset,
        genes: pa.Table,
        *,
        incremental: bool = False,
        max_rows: int | None = None,
        seed: int = 42,
    ) -> None:
        self.dataset, self.incremental = dataset, incremental
        self.names = dataset.contract.names
        self._lookup = GeneLookup(genes)
        self._keep = _keep_probabilities(dataset, max_rows)
        self._seed = seed

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[RowChunk]:
        """Yield all rows, with some of the columns (None: all)."""
        chosen = self.names if columns is None else tuple(columns)
        if self.incremental:
            yield from self._read(chosen)
            return
        if chosen == self.names:
            yield from self._held
            return
        place = {name: number for number, name in enumerate(self.names)}
        index = np.array([place[name] for name in chosen], dtype=np.int64)
        for chunk in self._held:
            yield attrs.evolve(chunk, matrix=chunk.matrix[:, index])

    def select(self, rows: npt.NDArray[np.bool_], columns: Sequence[str] | None = None) -> Iterator[RowChunk]:
        """Yield the rows of chosen genes; ``rows`` is bool, shape (genes,)."""
        mask = np.append(rows, np.False_)  # the last one is for -1
        place = {name: number for number, name in enumerate(self.names)}
        index = None if columns is None else np.array([place[name] for name in columns], dtype=np.int64)
        for chunk in self._read(self.names if columns is None else tuple(columns)) if self.incremental else self._held:
            chosen = np.flatnonzero(mask[chunk.genes])
            if len(chosen):
                matrix = chunk.matrix[chosen]
                if index is not None and not self.incremental:
                    matrix = np.ascontiguousarray(matrix[:, index])
                yield RowChunk(matrix, chunk.labels[chosen], chunk.inclusion_prob[chosen], chunk.genes[chosen])

    def totals(self, rows: npt.NDArray[np.bool_]) -> ClassTotals:
        """Count the rows of chosen genes by class."""
        total = ClassTotals()
        for chunk in self.select(rows, self.names[:1]):
            total = total + ClassTotals.of(chunk.labels, chunk.inclusion_prob)
        return total

    def position_keys(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]]:
        """Yield for all rows of the dataset, whatever ``max_rows`` says, their genes and the keys of their positions.

        Yields
        ------
        int64 (k,): row of each one's gene in the table of genes (-1: none of them); uint64 (k,): see
        :func:`splicecore.training.permutation.position_keys`.
        """
        from splicecore.training.permutation import position_keys

        for batch in self.dataset.batches(["contig", "strand", "gene_id", "position"], rows=_ROWS):
            yield self._lookup.rows(batch), position_keys(batch)

    def spread_sample(self, rows: npt.NDArray[np.bool_], size: int) -> list[RowChunk]:
        """Sample the rows of chosen genes, spread over the whole dataset, the same ones every time.

        Rows that are splice sites make up as much as half of the sample. A row's lot is that of its features, so that
        rows of the same features on two sides of a division meet in the samples of both.

        Parameters
        ----------
        rows
            bool, shape (genes,).
        size
            How many rows, give or take a few.

        Returns
        -------
        Chunks of all features; ``inclusion_prob`` has the probability of this sample as a factor.
        """
        from splicecore.training.permutation import feature_keys, kept_by_key

        counts = self.totals(rows).rows
        sites, others = int(counts[1:].sum()), int(counts[0])
        of_sites = min(1.0, max(size / 2, size - others) / max(sites, 1))
        of_others = min(1.0, max(size / 2, size - sites) / max(others, 1))
        found = []
        for chunk in self.select(rows):
            keep = np.where(chunk.labels > 0, of_sites, of_others)
            chosen = np.flatnonzero(kept_by_key(feature_keys(chunk.matrix), keep, self._seed))
            if len(chosen):
                probability = chunk.inclusion_prob[chosen] * keep[chosen]
                found.append(RowChunk(chunk.matrix[chosen], chunk.labels[chosen], probability, chunk.genes[chosen]))
        return found

    @functools.cached_property
    def _held(self) -> list[RowChunk]:
        return list(self._read(self.names))

    def _read(self, columns: Sequence[str]) -> Iterator[RowChunk]:
        for file in self.dataset.files:
            entropy = int(digest(["max_rows", self._seed, file.name])[:32], 16)
            rng = np.random.Generator(np.random.PCG64(entropy))
            wanted = list(dict.fromkeys((*_FACTS, *columns)))
            for batch in self.dataset.batches(wanted, rows=_ROWS, files=[file]):
                yield self._chunk(batch, columns, rng)

    def _chunk(self, batch: pa.RecordBatch, columns: Sequence[str], rng: np.random.Generator) -> RowChunk:
        probability = batch.column("inclusion_prob").to_numpy()
        if self._keep != (1.0, 1.0):
            negative = pc.equal(batch.column("pred_type").cast(pa.string()), "TN").to_numpy(zero_copy_only=False)
            keep = np.where(negative, self._keep[1], self._keep[0])
            chosen = np.flatnonzero(rng.random(len(keep)) < keep)
            batch = batch.take(chosen)
            probability = probability[chosen] * keep[chosen]
        return RowChunk(
            matrix=to_matrix(batch.select(list(columns))),
            labels=batch.column("label").to_numpy(),
            inclusion_prob=np.asarray(probability, dtype=np.float64),
            genes=self._lookup.rows(batch),
        )


class RowBatches:
    """What :meth:`MetaModel.fit` is given: can be iterated over as often as the model likes, always the same.

    Parameters
    ----------
    rows
        Of the dataset.
    chosen
        bool, shape (genes,): whose rows.
    columns
        Which features.
    totals
        Of the rows that are trained on.
    weights
        How they are weighted.
    """

    def __init__(
        self,
        rows: TrainingRows,
        chosen: npt.NDArray[np.bool_],
        columns: Sequence[str],
        totals: ClassTotals,
        weights: WeightConfig,
    ) -> None:
        self._rows, self._chosen, self._columns = rows, chosen, tuple(columns)
        self._totals, self._weights = totals, weights

    def __iter__(self) -> Iterator[Batch]:
        for chunk in self._rows.select(self._chosen, self._columns):
            weight = row_weights(chunk.labels, chunk.inclusion_prob, self._totals, self._weights)
            yield chunk.matrix, chunk.labels, weight


def _keep_probabilities(dataset: Dataset, max_rows: int | None) -> tuple[float, float]:
    """Probability to keep a row that is no true negative, and one that is."""
    total = dataset.manifest.rows
    if max_rows is None or max_rows >= total:
        return 1.0, 1.0
    negatives = int(dataset.manifest.pred_types.get("TN", 0))
    others = total - negatives
    if others >= max_rows or not negatives:
        if not others:
            raise InputError("the dataset has no row with a site or a false call")
        return max_rows / total, max_rows / total
    return 1.0, (max_rows - others) / negatives
