"""Writing a dataset anew from one or several others: batches that stay are linked, the others are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.row_writer import RowWriter
from splicecore.artifacts.store import atomic_path, file_sha256, make_folder, read_json, write_json
from splicecore.dataset.batch_counts import BatchCounts, dead_channels
from splicecore.dataset.manifest import BatchRecord, write_manifest
from splicecore.dataset.schema import CLASSES, FACTS, GENES, PRED_TYPES, feature_names
from splicecore.dataset.staging import link_or_copy
from splicecore.dataset.task import BATCH, RAW, TRIM, batch_folder
from splicecore.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from splicecore.dataset.dataset import Dataset
    from splicecore.dataset.manifest import DatasetManifest

__all__ = ["OWN_NAMES", "Rewriting", "batch_counts", "batch_rows", "encoded_once", "group_rows"]

OWN_NAMES = frozenset({"dataset.json", "gene_manifest.parquet", "batches", "master"})
"""What a dataset's folder has of the dataset itself."""

_ROWS, _CELLS = 1 << 16, 1 << 22
_GENES = "gene_manifest.parquet"
_TEXTS = tuple(field.name for field in FACTS if pa.types.is_dictionary(field.type))


class Rewriting:
    """A dataset in the making. Add its batches in order, then :meth:`finish`.

    Parameters
    ----------
    folder
        An empty folder.
    schema
        Of the files.
    group_rows
        Rows of a row group.

    Attributes
    ----------
    linked, written
        Batches that share their file with another dataset, and those with a file of their own.
    """

    def __init__(self, folder: Path, schema: pa.Schema, group_rows: int) -> None:
        self.folder, self.schema, self.group_rows = folder, schema, group_rows
        self.linked = self.written = 0
        self._features = feature_names(schema)
        self._records: list[BatchRecord] = []
        self._counts: list[BatchCounts] = []
        make_folder(folder / "master")

    def link(self, source: Dataset, record: BatchRecord, *, name: str | None = None, key: str | None = None) -> None:
        """Take over a batch as it is, maybe under another name."""
        counts = batch_counts(source, record)
        kept = attrs.evolve(record, name=name or record.name, key=key or record.key)
        folder = make_folder(batch_folder(self.folder, kept.name))
        link_or_copy(source.path / "master" / f"{record.name}.parquet", folder / TRIM)
        self.linked += 1
        self._add(source, record, kept, counts)

    def write(
        self,
        record: BatchRecord,
        rows: Iterable[pa.RecordBatch],
        *,
        gene_rows: list[int],
        ambiguous: int,
        masked: int = 0,
        source: Dataset | None = None,
        unless: Callable[[], bool] | None = None,
    ) -> None:
        """Write a batch.

        Parameters
        ----------
        record
            Its name, key and number of genes; the rest is found.
        rows
            Its rows in order.
        gene_rows
            How many each gene has.
        ambiguous
            Its positions that are annotated as acceptor and as donor.
        masked
            Its rows that were left out at sites of boundary transcripts.
        source
            Whose batch of this name it replaces; that one's raw rows are kept beside it.
        unless
            Says after the last row whether nothing changed: the batch is linked then.
        """
        counts = BatchCounts(ambiguous=ambiguous, masked=masked, gene_rows=gene_rows)
        folder = make_folder(batch_folder(self.folder, record.name))
        with RowWriter(folder / TRIM, self.schema, self.group_rows) as writer:
            for batch in rows:
                writer.add(batch)
                counts.add(batch, self._features)
        if source is not None and unless is not None and unless():
            (folder / TRIM).unlink()
            self.link(source, next(was for was in source.manifest.batches if was.name == record.name))
            return
        kept = attrs.evolve(record, rows=counts.rows, sha256=file_sha256(folder / TRIM))
        self.written += 1
        self._add(source, record, kept, counts)

    def _add(self, source: Dataset | None, was: BatchRecord, record: BatchRecord, counts: BatchCounts) -> None:
        folder = batch_folder(self.folder, record.name)
        if source is not None and (raw := batch_folder(source.path, was.name) / RAW).is_file():
            link_or_copy(raw, folder / RAW)
        write_json(folder / BATCH, {**counts.to_json(), **attrs.asdict(record)})
        link_or_copy(folder / TRIM, self.folder / "master" / f"{record.name}.parquet")
        self._records.append(record)
        self._counts.append(counts)

    def finish(self, manifest: DatasetManifest, genes: pa.Table, **changes: Any) -> DatasetManifest:
        """Write the table of genes and the manifest.

        Parameters
        ----------
        manifest
            What to say beside the batches and their counts.
        genes
            Of the schema :data:`~splicecore.dataset.schema.GENES`.
        **changes
            Fields of the manifest to replace, what was counted included.

        Returns
        -------
        The manifest as written.
        """
        with atomic_path(self.folder / _GENES) as temporary:
            pq.write_table(genes.cast(GENES), temporary, compression="zstd", write_page_checksum=True)
        counted: dict[str, Any] = {
            "batches": tuple(self._records),
            "rows": sum(counts.rows for counts in self._counts),
            "classes": {name: sum(counts.classes[name] for counts in self._counts) for name in CLASSES},
            "pred_types": {name: sum(counts.pred_types[name] for counts in self._counts) for name in PRED_TYPES},
            "ambiguous": sum(counts.ambiguous for counts in self._counts),
            "masked": sum(counts.masked for counts in self._counts),
            "alarms": dead_channels(self._counts, self._features),
        }
        finished = attrs.evolve(manifest, complete=True, **{**counted, **changes})
        if not finished.rows:
            raise InputError("no row is left of the dataset")
        write_manifest(self.folder, finished)
        return finished


def batch_counts(dataset: Dataset, record: BatchRecord) -> BatchCounts:
    """Count the rows of a batch: from its ``batch.json``, or from its rows where the folder of batches was removed."""
    try:
        values = read_json(batch_folder(dataset.path, record.name) / BATCH)
        if values["sha256"] == record.sha256:
            return BatchCounts.from_json(values)
    except (OutputError, KeyError, TypeError):
        pass
    counts = BatchCounts()
    features = feature_names(dataset.schema)
    for batch in batch_rows(dataset, record):
        counts.add(batch, features)
    genes = dataset.genes().select(["batch", "global_index", "rows"]).to_pylist()
    own = sorted((gene["global_index"], gene["rows"]) for gene in genes if gene["batch"] == record.name)
    counts.gene_rows = [rows for _, rows in own]
    return counts


def batch_rows(dataset: Dataset, record: BatchRecord, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a batch in order, as many at a time as take bounded memory."""
    width = len(dataset.schema if columns is None else columns)
    size = max(256, min(_ROWS, _CELLS // width))
    yield from dataset.batches(columns, size, [dataset.path / "master" / f"{record.name}.parquet"])


def group_rows(dataset: Dataset) -> int:
    """Rows of a row group of the dataset's files."""
    rows: int = dataset.manifest.identity["batch_rows"]
    return rows


def encoded_once(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Encode the columns of text anew: each with the values that it has, in the order of their first occurrence."""
    columns = [
        column.cast(pa.string()).dictionary_encode() if name in _TEXTS else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)
