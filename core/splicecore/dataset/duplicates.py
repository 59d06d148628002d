"""Finding rows of the same position and class in any number of rows: partitioned on disk, sorted part by part."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.dataset.schema import PRED_TYPES
from splicecore.errors import ChecksumError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from splicecore.dataset.dataset import Dataset

__all__ = ["PARTITION_ROWS", "Duplicates", "GeneOrder", "find_duplicates"]

PARTITION_ROWS = 1 << 21
"""Rows that are sorted in memory at a time, about; 200 bytes each."""

_COLUMNS = ("contig", "strand", "position", "gene_id", "label", "pred_type", "inclusion_prob")
_MOST_FILES = 512
_ROW = np.dtype(
    [("key", "<u8"), ("row", "<i8"), ("gene", "<i4"), ("rank", "<i1"), ("label", "<i1"), ("probability", "<f8")]
)
_PRECEDENCE = {"TP": 0, "FN": 1, "FP": 2, "TN": 3}
_POSITION_BITS, _LABEL_BITS, _STRAND_BITS = 40, 2, 1
_DROPPED = -1.0

_Rows = npt.NDArray[np.void]


@attrs.frozen(eq=False)
class GeneOrder:
    """Genes of a dataset in the order in which they keep a row that they share.

    Attributes
    ----------
    numbers
        (gene_id, contig, strand) -> place in the order: by contig, start, gene_id, strand.
    """

    numbers: dict[tuple[str, str, str], int]

    @classmethod
    def of(cls, genes: pa.Table) -> GeneOrder:
        """Make it of a dataset's table of genes."""
        names = ("contig", "start", "gene_id", "strand")
        columns: list[list[Any]] = [genes.column(name).to_pylist() for name in names]
        known = sorted({row for row in zip(*columns, strict=True) if None not in row})
        return cls({(gene_id, contig, strand): i for i, (contig, _, gene_id, strand) in enumerate(known)})


@attrs.define(eq=False)
class Duplicates:
    """What is to be done with the rows of a dataset; rows are numbered through all files.

    Attributes
    ----------
    rows
        Number of rows.
    keys
        Positions and classes that more than one row has.
    dropped
        Rows that go, by label.
    pred_types
        Rows that go, by TP, FP, FN, TN.
    genes
        Rows that go, by the gene's place in :class:`GeneOrder`.
    reweighted
        Rows that stay with another ``inclusion_prob``.
    outcome
        float64, shape (rows,), on disk: -1 for a row that goes, 0 for one that stays as it is, else its new
        ``inclusion_prob``.
    """

    rows: int
    outcome: npt.NDArray[np.float64]
    genes: npt.NDArray[np.int64]
    keys: int = 0
    dropped: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(3, dtype=np.int64))
    pred_types: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros(len(_PRECEDENCE), dtype=np.int64))
    reweighted: int = 0

    @property
    def n_dropped(self) -> int:
        """Rows that go."""
        return int(self.dropped.sum())

    def settle(self, rows: _Rows) -> None:
        """Decide on rows that hold every row of each of their keys."""
        order = np.lexsort((rows["row"], rows["gene"], rows["rank"], rows["key"]))
        rows = rows[order]
        first = np.flatnonzero(np.diff(rows["key"], prepend=~rows["key"][:1]))
        sizes = np.diff(first, append=len(rows))
        shared = np.repeat(sizes > 1, sizes)
        rows, sizes = rows[shared], sizes[sizes > 1]
        if not len(rows):
            return
        first = np.cumsum(sizes) - sizes
        goes = np.ones(len(rows), dtype=bool)
        goes[first] = False
        self.outcome[rows["row"][goes]] = _DROPPED
        probability = _any_gene(rows, first)
        changed = probability != rows["probability"][first]
        self.outcome[rows["row"][first][changed]] = probability[changed]
        self.keys += len(first)
        self.reweighted += int(changed.sum())
        self.dropped += np.bincount(rows["label"][goes], minlength=len(self.dropped))
        self.pred_types += np.bincount(rows["rank"][goes], minlength=len(self.pred_types))
        self.genes += np.bincount(rows["gene"][goes], minlength=len(self.genes))

    def by_pred_type(self) -> dict[str, int]:
        """Return the rows that go by TP, FP, FN, TN."""
        return {name: int(self.pred_types[_PRECEDENCE[name]]) for name in PRED_TYPES}


def _any_gene(rows: _Rows, first: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Probability that at least one gene of a key kept its row; genes are sampled apart, copies of a row are not.

    Parameters
    ----------
    rows
        Sorted by key.
    first
        int64, shape (k,): where each key begins.

    Returns
    -------
    float64, shape (k,); exactly the row's own where one gene has the key
    """
    order = np.lexsort((-rows["probability"], rows["gene"], rows["key"]))
    rows = rows[order]
    once = np.ones(len(rows), dtype=bool)
    once[1:] = (rows["key"][1:] != rows["key"][:-1]) | (rows["gene"][1:] != rows["gene"][:-1])
    missed = np.where(once, 1.0 - rows["probability"], 1.0)
    several = np.add.reduceat(once, first) > 1
    joined: npt.NDArray[np.float64] = np.where(
        several, 1.0 - np.multiply.reduceat(missed, first), rows["probability"][first]
    )
    return joined


def find_duplicates(dataset: Dataset, work: Path, *, partition_rows: int = PARTITION_ROWS) -> Duplicates:
    """Find the rows that have position, strand and class in common, and decide which of them stays.

    Parameters
    ----------
    dataset
        The dataset; of one build.
    work
        Empty folder for temporary files: 30 bytes a row, and 8 bytes a row for the outcome.
    partition_rows
        Rows to sort at a time, about.

    Raises
    ------
    ChecksumError
        If rows have a gene that the table of genes lacks, or their number is not that of the manifest.
    """
    total = dataset.manifest.rows
    order = GeneOrder.of(dataset.genes())
    outcome = np.memmap(work / "outcome", dtype=np.float64, mode="w+", shape=(max(total, 1),))
    found = Duplicates(rows=total, outcome=outcome, genes=np.zeros(len(order.numbers), dtype=np.int64))
    parts = [work / f"part_{i:03}" for i in range(min(_MOST_FILES, -(-total // partition_rows)) or 1)]
    _partition(dataset, order, parts)
    for part in parts:
        found.settle(np.fromfile(part, dtype=_ROW))
        part.unlink()
    return found


def _partition(dataset: Dataset, order: GeneOrder, parts: list[Path]) -> None:
    """Distribute the rows so that those of one position are in one file."""
    rows = 0
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(part.open("wb")) for part in parts]
        for chunk in _chunks(dataset, order):
            rows += len(chunk)
            if rows > dataset.manifest.rows:
                break
            which = (chunk["key"] % np.uint64(len(parts))).astype(np.int64)
            by_part = np.argsort(which, kind="stable")
            bounds = np.searchsorted(which[by_part], np.arange(len(parts) + 1))
            for i in np.flatnonzero(np.diff(bounds)).tolist():
                chunk[by_part[bounds[i] : bounds[i + 1]]].tofile(files[i])
    if rows != dataset.manifest.rows:
        raise ChecksumError(
            f"the files of {dataset.path} do not have the {dataset.manifest.rows} rows that dataset.json says",
            hint="run the command that builds the dataset again",
        )


def _chunks(dataset: Dataset, order: GeneOrder) -> Iterator[_Rows]:
    contigs: dict[str, int] = {}
    first = 0
    for batch in dataset.batches(_COLUMNS):
        rows = np.empty(batch.num_rows, dtype=_ROW)
        texts = {name: _codes(batch.column(name)) for name in ("contig", "strand", "gene_id", "pred_type")}
        contig_codes, contig_names = texts["contig"]
        places = np.array([contigs.setdefault(name, len(contigs)) for name in contig_names], dtype=np.uint64)
        strand_codes, strand_names = texts["strand"]
        minus = np.array([name == "-" for name in strand_names], dtype=np.uint64)
        rows["label"] = batch.column("label").to_numpy()
        key = places[contig_codes] << np.uint64(_STRAND_BITS) | minus[strand_codes]
        key = key << np.uint64(_LABEL_BITS) | rows["label"].astype(np.uint64)
        position = batch.column("position").to_numpy().astype(np.uint64)
        rows["key"] = key << np.uint64(_POSITION_BITS) | position
        rows["row"] = np.arange(first, first + len(rows))
        rows["rank"] = np.array([_PRECEDENCE[name] for name in texts["pred_type"][1]], dtype=np.int8)[
            texts["pred_type"][0]
        ]
        rows["gene"] = _genes(texts, order, dataset)
        rows["probability"] = batch.column("inclusion_prob").to_numpy()
        first += len(rows)
        yield rows


def _codes(column: Any) -> tuple[npt.NDArray[np.int64], list[str]]:
    return column.indices.to_numpy().astype(np.int64), column.dictionary.to_pylist()


def _genes(
    texts: Mapping[str, tuple[npt.NDArray[np.int64], list[str]]], order: GeneOrder, dataset: Dataset
) -> npt.NDArray[np.int64]:
    """Place of each row's gene in the order."""
    names = ("gene_id", "contig", "strand")
    combined = np.zeros(len(texts["gene_id"][0]), dtype=np.int64)
    for name in names:
        codes, values = texts[name]
        combined = combined * max(len(values), 1) + codes
    distinct, inverse = np.unique(combined, return_inverse=True)
    places = np.empty(len(distinct), dtype=np.int64)
    for i, code in enumerate(distinct.tolist()):
        key: list[str] = []
        for name in reversed(names):
            values = texts[name][1]
            code, rest = divmod(code, len(values))  # noqa: PLW2901
            key.insert(0, values[rest])
        try:
            places[i] = order.numbers[key[0], key[1], key[2]]
        except KeyError as error:
            raise ChecksumError(
                f"{dataset.path} has rows of the gene {key[0]} ({key[1]}, {key[2]}), which its table of genes lacks",
                hint="run the command that builds the dataset again",
            ) from error
    return places[inverse]
