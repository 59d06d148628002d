"""What a dataset holds, counted in one pass over its rows: classes, kinds, genes, chromosomes, batches, features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.dataset.schema import CLASSES, PRED_TYPES
from splicecore.dataset.validation.opened import OpenedDataset

if TYPE_CHECKING:
    import os

    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["SUMMARY_SCHEMA", "ColumnSummary", "DatasetSummary", "GroupSummary", "summarize_dataset"]

SUMMARY_SCHEMA = "splicecore-dataset-summary/1"

BINS = 20
"""Bins of the histograms of scores, from 0 to 1."""

_NONE = "none given"


@attrs.frozen(kw_only=True)
class GroupSummary:
    """Rows of one chromosome, gene type or batch.

    Attributes
    ----------
    name
        Of the group.
    genes
        Genes that have rows in it.
    rows, classes, pred_types
        Rows; by class; by TP, FP, FN, TN.
    positions
        How many positions the rows stand for: the sum of 1 / inclusion_prob.
    prevalence
        Share of those that are annotated sites.
    """

    name: str
    genes: int
    rows: int
    classes: dict[str, int]
    pred_types: dict[str, int]
    positions: float
    prevalence: float


@attrs.frozen(kw_only=True)
class ColumnSummary:
    """One feature.

    Attributes
    ----------
    name, dtype, feature_set, model, near_label
        As in the feature contract.
    nulls
        Rows without a value.
    low, high, mean
        Of the values; None where there is none.
    """

    name: str
    dtype: str
    feature_set: str
    model: str
    near_label: bool
    nulls: int
    low: float | None
    high: float | None
    mean: float | None


@attrs.frozen(kw_only=True)
class DatasetSummary:
    """What a dataset holds.

    Attributes
    ----------
    folder
        Where it is.
    total
        All rows.
    chromosomes, gene_types, batches
        Rows by contig (in the order of the files), by biotype (most rows first), and by batch.
    columns
        The features, in their order.
    histograms
        pred_type -> rows by the higher of acceptor and donor score, in :data:`BINS` bins from 0 to 1; empty without
        these columns.
    genes_by_status
        Genes that were chosen, and names that were asked for, by what became of them.
    build, flank
        As in the feature contract.
    base_models
        Names and fingerprints, the primary one first.
    feature_sets
        Names and settings.
    alarms
        What the build recorded of constant and missing columns.
    ambiguous
        Positions that are annotated as acceptor and as donor.
    """

    folder: str
    total: GroupSummary
    chromosomes: tuple[GroupSummary, ...]
    gene_types: tuple[GroupSummary, ...]
    batches: tuple[GroupSummary, ...]
    columns: tuple[ColumnSummary, ...]
    histograms: dict[str, list[int]]
    genes_by_status: dict[str, int]
    build: str
    flank: str
    base_models: dict[str, str]
    feature_sets: dict[str, dict[str, Any]]
    alarms: tuple[dict[str, Any], ...]
    ambiguous: int

    @property
    def near_label(self) -> tuple[str, ...]:
        """Names of the features that are close to the label."""
        return tuple(column.name for column in self.columns if column.near_label)

    @property
    def with_nulls(self) -> tuple[ColumnSummary, ...]:
        """Features that have nulls, most first."""
        some = [column for column in self.columns if column.nulls]
        return tuple(sorted(some, key=lambda column: (-column.nulls, column.name)))

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {"schema": SUMMARY_SCHEMA, **attrs.asdict(self), "near_label": list(self.near_label)}


@attrs.define
class _Group:
    """Counts of a group so far: rows by class and kind, and the positions that they stand for by class."""

    classes: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(len(CLASSES), dtype=np.int64))
    kinds: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(len(PRED_TYPES), dtype=np.int64))
    weights: npt.NDArray[np.float64] = attrs.field(factory=lambda: np.zeros(len(CLASSES), dtype=np.float64))

    def add(self, rows: RowBatch, here: npt.NDArray[np.bool_] | slice) -> None:
        label, kind = rows.label[here], rows.pred_type[here]
        self.classes += np.bincount(label, minlength=len(CLASSES))
        self.kinds += np.bincount(kind, minlength=len(PRED_TYPES))
        self.weights += np.bincount(label, weights=1 / rows.inclusion_prob[here], minlength=len(CLASSES))

    def summary(self, name: str, genes: int) -> GroupSummary:
        total = float(self.weights.sum())
        return GroupSummary(
            name=name,
            genes=genes,
            rows=int(self.classes.sum()),
            classes=dict(zip(CLASSES, self.classes.tolist(), strict=True)),
            pred_types=dict(zip(PRED_TYPES, self.kinds.tolist(), strict=True)),
            positions=round(total, 3),
            prevalence=round(float(self.weights[1:].sum()) / total, 9) if total else 0.0,
        )


class _Columns:
    """Nulls, extremes and sums of the features so far."""

    def __init__(self, opened: OpenedDataset) -> None:
        self._columns = opened.dataset.contract.columns
        count = len(self._columns)
        self._nulls, self._known = np.zeros((2, count), dtype=np.int64)
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)
        self._sum = np.zeros(count)

    def add(self, rows: RowBatch) -> None:
        for place, column in enumerate(self._columns):
            nulls = rows.batch.column(column.name).null_count
            values = rows.numbers(column.name)
            values = values[~np.isnan(values)] if nulls else values
            self._nulls[place] += nulls
            if len(values):
                self._known[place] += len(values)
                self._low[place] = min(self._low[place], values.min())
                self._high[place] = max(self._high[place], values.max())
                self._sum[place] += values.sum()

    def summaries(self) -> tuple[ColumnSummary, ...]:
        return tuple(
            ColumnSummary(
                name=column.name,
                dtype=column.dtype,
                feature_set=column.feature_set,
                model=column.model,
                near_label=column.near_label,
                nulls=int(self._nulls[place]),
                low=float(self._low[place]) if self._known[place] else None,
                high=float(self._high[place]) if self._known[place] else None,
                mean=float(self._sum[place] / self._known[place]) if self._known[place] else None,
            )
            for place, column in enumerate(self._columns)
        )


class _Summing:
    """All counts so far."""

    def __init__(self, opened: OpenedDataset) -> None:
        self.total = _Group()
        self.contigs: dict[str, _Group] = {}
        self.types: dict[str, _Group] = {}
        self.files: dict[str, _Group] = {}
        self.columns = _Columns(opened)
        self.type_of_gene = np.full(len(opened.index), -1, dtype=np.int64)
        names = opened.dataset.contract.names
        self.histograms = np.zeros((len(PRED_TYPES), BINS), dtype=np.int64)
        self.scored = {"acceptor_score", "donor_score"} <= set(names)

    def add(self, rows: RowBatch) -> None:
        self.total.add(rows, slice(None))
        self.files.setdefault(rows.file, _Group()).add(rows, slice(None))
        for groups, name in ((self.contigs, "contig"), (self.types, "gene_biotype")):
            codes, values = _text(rows.batch.column(name))
            for code in np.unique(codes).tolist():
                here = codes == code
                value = _NONE if code < 0 else values[code]
                groups.setdefault(value, _Group()).add(rows, here)
                if groups is self.types:
                    genes = np.unique(rows.gene[here & (rows.gene >= 0)])
                    self.type_of_gene[genes] = list(self.types).index(value)
        self.columns.add(rows)
        if self.scored:
            highest = np.maximum(rows.numbers("acceptor_score"), rows.numbers("donor_score"))
            bins = np.clip((highest * BINS).astype(np.int64), 0, BINS - 1)
            np.add.at(self.histograms, (rows.pred_type, bins), 1)


def summarize_dataset(folder: str | os.PathLike[str]) -> DatasetSummary:
    """Count what a dataset holds, reading it once, a few thousand rows at a time. The same dataset, the same summary.

    Raises
    ------
    ResourceNotFoundError
        If the folder holds no finished dataset.
    ChecksumError
        If a manifest or a file is damaged, or has labels or kinds that there are not.
    InputError
        If a file has other columns than the contract: see what is wrong by ``splicecore dataset validate``.
    """
    opened = OpenedDataset.open(Path(folder))
    summing = _Summing(opened)
    for path in opened.dataset.files:
        for rows in opened.batches(path):
            _require_known(rows)
            summing.add(rows)
    return _summary(opened, summing)


def _require_known(rows: RowBatch) -> None:
    from splicecore.errors import ChecksumError

    known = (rows.label >= 0) & (rows.label < len(CLASSES)) & (rows.pred_type >= 0) & (rows.pred_type < len(PRED_TYPES))
    known &= rows.inclusion_prob > 0
    if not known.all():
        raise ChecksumError(
            f"label, pred_type or inclusion_prob makes no sense: {rows.place(int(np.argmin(known)))}",
            hint="splicecore dataset validate tells what is wrong",
        )


def _summary(opened: OpenedDataset, summing: _Summing) -> DatasetSummary:
    dataset, index = opened.dataset, opened.index
    contract, manifest = dataset.contract, dataset.manifest
    filled = index.rows > 0
    contigs = np.array([str(key[1]) for key in index.keys], dtype=object)
    types = [
        group.summary(name, int(np.count_nonzero(summing.type_of_gene == place)))
        for place, (name, group) in enumerate(summing.types.items())
    ]
    genes = {f"{batch.name}.parquet": batch.genes for batch in manifest.batches}
    status: Any = index.table.column("status").to_pylist() if "status" in index.table.schema.names else []
    return DatasetSummary(
        folder=str(dataset.path),
        total=summing.total.summary("all", int(np.count_nonzero(filled))),
        chromosomes=tuple(
            group.summary(name, int(np.count_nonzero(filled & (contigs == name))))
            for name, group in summing.contigs.items()
        ),
        gene_types=tuple(sorted(types, key=lambda group: (-group.rows, group.name))),
        batches=tuple(
            group.summary(name.removesuffix(".parquet"), genes[name]) for name, group in summing.files.items()
        ),
        columns=summing.columns.summaries(),
        histograms=dict(zip(PRED_TYPES, summing.histograms.tolist(), strict=True)) if summing.scored else {},
        genes_by_status={name: status.count(name) for name in sorted(set(status))},
        build=contract.build,
        flank=contract.flank,
        base_models={model.name: model.fingerprint for model in contract.models},
        feature_sets={used.name: used.settings for used in contract.sets},
        alarms=tuple(manifest.alarms),
        ambiguous=manifest.ambiguous,
    )


def _text(column: Any) -> tuple[npt.NDArray[np.int64], list[str]]:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes, encoded.dictionary.to_pylist()
