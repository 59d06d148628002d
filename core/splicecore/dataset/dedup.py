"""``splicecore dataset dedup``: one row for each position, strand and class.

Rows of a dataset are positions of genes, and genes overlap: a position may be there once for each gene. Of the rows
that have build, contig, strand, position and label in common one stays, see :func:`dedup_dataset`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pyarrow as pa

from splicecore.dataset.duplicates import PARTITION_ROWS, GeneOrder, find_duplicates
from splicecore.dataset.maintenance import changing, rewritten_key
from splicecore.dataset.rewriting import Rewriting, batch_counts, batch_rows, encoded_once, group_rows
from splicecore.dataset.schema import CLASSES, FACTS, GENES
from splicecore.genome.arrow import numbers

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from splicecore.dataset.dataset import Dataset
    from splicecore.dataset.duplicates import Duplicates
    from splicecore.dataset.manifest import BatchRecord

__all__ = ["DedupResult", "dedup_dataset"]

_RULE = 1


@attrs.frozen(kw_only=True)
class DedupResult:
    """What was done.

    Attributes
    ----------
    path
        Folder of the dataset without duplicates.
    rows_before, rows
        Rows before and after.
    keys
        Positions and classes that several rows had.
    dropped
        Rows that went, by class: neither, acceptor, donor.
    pred_types
        Rows that went, by TP, FP, FN, TN.
    reweighted
        Rows that stayed with another ``inclusion_prob``.
    batches_written, batches_linked
        Batches that changed, and those that did not.
    """

    path: Path
    rows_before: int
    rows: int
    keys: int
    dropped: dict[str, int]
    pred_types: dict[str, int]
    reweighted: int
    batches_written: int = 0
    batches_linked: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {**attrs.asdict(self), "path": str(self.path)}


def dedup_dataset(
    folder: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None = None,
    *,
    inplace: bool = False,
    overwrite: bool = False,
    partition_rows: int = PARTITION_ROWS,
) -> DedupResult:
    """Keep one row of those that have build, contig, strand, position and label in common.

    It is the row of the call that comes first in TP, FN, FP, TN; of those, of the gene that starts first on the contig,
    then of the smallest gene_id. So it does not depend on the order of files or rows. Its ``inclusion_prob`` becomes
    the probability that at least one of the genes kept its row, ``1 - (1 - p1)(1 - p2)...``: genes are sampled apart.
    Rows of one gene are copies of each other: the highest counts, once. Nothing else of any row changes.

    Parameters
    ----------
    folder
        The dataset.
    dst
        Folder of the result; None for the dataset's name with ``_dedup``.
    inplace
        Replace the dataset, in one step, when the result is complete.
    overwrite
        Replace a dataset that ``dst`` holds.
    partition_rows
        Rows to sort in memory at a time, about; the result does not depend on it.

    Raises
    ------
    ConfigError
        If ``dst`` and ``inplace`` are both given.
    ResourceNotFoundError, ChecksumError
        If there is no finished dataset, or its files are damaged.
    OutputError
        If the result cannot be written there.
    """
    with changing(folder, dst, inplace=inplace, overwrite=overwrite, suffix="_dedup") as changes:
        dataset = changes.dataset
        with tempfile.TemporaryDirectory(dir=changes.folder, prefix=".work-", ignore_cleanup_errors=True) as work:
            found = find_duplicates(dataset, Path(work), partition_rows=partition_rows)
            rewriting = Rewriting(changes.folder, dataset.schema, group_rows(dataset))
            _rewrite(dataset, found, rewriting)
        entry = _entry(found)
        manifest = rewriting.finish(dataset.manifest, _genes(dataset, found), extra=changes.with_entry("dedup", entry))
        if inplace and not found.n_dropped and "dedup" in dataset.manifest.extra:
            changes.nothing_to_do()
    return DedupResult(
        path=changes.target,
        rows_before=found.rows,
        rows=manifest.rows,
        keys=found.keys,
        dropped=entry["dropped"],
        pred_types=entry["pred_types"],
        reweighted=found.reweighted,
        batches_written=rewriting.written,
        batches_linked=rewriting.linked,
    )


def _rewrite(dataset: Dataset, found: Duplicates, rewriting: Rewriting) -> None:
    keys = [record.key for record in dataset.manifest.batches]
    names = dataset.genes().select(["batch", "global_index", "rows"]).to_pylist()
    places = _places(dataset)
    first = 0
    for record in dataset.manifest.batches:
        outcome = found.outcome[first : first + record.rows]
        first += record.rows
        if not outcome.any():
            rewriting.link(dataset, record)
            continue
        own = sorted(
            (name["global_index"], name["rows"] - int(found.genes[place]))
            for name, place in zip(names, places, strict=True)
            if name["batch"] == record.name
        )
        key = rewritten_key(f"dedup/{_RULE}", record.key, keys)
        counts = batch_counts(dataset, record)
        rewriting.write(
            attrs.evolve(record, key=key),
            _kept(dataset, record, outcome),
            gene_rows=[rows for _, rows in own],
            ambiguous=counts.ambiguous,
            masked=counts.masked,
            source=dataset,
        )


def _kept(dataset: Dataset, record: BatchRecord, outcome: Any) -> Iterator[pa.RecordBatch]:
    """Rows of a batch that stay, with their new probabilities."""
    column = FACTS.get_field_index("inclusion_prob")
    first = 0
    for batch in batch_rows(dataset, record):
        decided = outcome[first : first + batch.num_rows]
        first += batch.num_rows
        if (decided > 0).any():
            probability = np.where(decided > 0, decided, batch.column(column).to_numpy())
            values: Any = pa.array(probability)
            batch = batch.set_column(column, batch.schema.field(column), values)  # noqa: PLW2901
        mask: Any = pa.array(decided >= 0)
        yield encoded_once(batch.filter(mask))


def _places(dataset: Dataset) -> list[int]:
    """Place of each row of the table of genes in the order of genes; -1 for a name without a gene."""
    order = GeneOrder.of(dataset.genes()).numbers
    columns: list[list[Any]] = [dataset.genes().column(name).to_pylist() for name in ("gene_id", "contig", "strand")]
    return [order.get(key, -1) for key in zip(*columns, strict=True)]


def _genes(dataset: Dataset, found: Duplicates) -> pa.Table:
    """Table of genes with the rows that each has left."""
    genes = dataset.genes()
    places = np.array(_places(dataset))
    gone = np.where(places < 0, 0, found.genes[places]) if len(found.genes) else np.zeros(len(places), np.int64)
    column = GENES.get_field_index("rows")
    left: Any = pa.array(np.where(numbers(genes, "rows") > 0, numbers(genes, "rows") - gone, 0))
    return genes.set_column(column, GENES.field("rows"), left)


def _entry(found: Duplicates) -> dict[str, Any]:
    """Entry of the manifest."""
    return {
        "rule": _RULE,
        "rows_before": found.rows,
        "rows": found.rows - found.n_dropped,
        "keys": found.keys,
        "dropped": dict(zip(CLASSES, found.dropped.tolist(), strict=True)),
        "pred_types": found.by_pred_type(),
        "reweighted": found.reweighted,
    }
