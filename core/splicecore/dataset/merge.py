"""``splicecore dataset merge``: one dataset of several of different genes, as one build would have written it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import attrs
import pyarrow as pa

from splicecore.artifacts.store import digest, json_differences
from splicecore.assess.positions import constant_text
from splicecore.dataset.dataset import Dataset
from splicecore.dataset.maintenance import check_target, dataset_folder, rewritten_key
from splicecore.dataset.manifest import BatchRecord
from splicecore.dataset.merge_order import contig_order, kept_batches, new_batches, ordered_genes
from splicecore.dataset.plan import genes_digest
from splicecore.dataset.rewriting import Rewriting, batch_rows, group_rows
from splicecore.dataset.schema import CLASSES, GENES, PRED_TYPES
from splicecore.dataset.staging import staged_folder
from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from splicecore.dataset.manifest import DatasetManifest
    from splicecore.dataset.merge_order import MergedBatch, MergedGene

__all__ = ["MergeResult", "merge_datasets"]

_RULE = "merge/1"
_SHOWN = 6
_CHOICE = (
    "n_genes",
    "subset_policy",
    "genes",
    "genes_file",
    "gene_col",
    "gene_types",
    "chromosomes",
    "exclude_chromosomes",
    "artifacts",
)
_GENE = ("gene_id", "gene_name", "contig", "start", "end", "strand")
_HAVE_ROWS, _CHOSEN = ("processed",), ("processed", "no_scores")
_CONSTANT = ("build", "contig", "strand", "gene_id", "gene_name", "gene_biotype")


@attrs.frozen(kw_only=True)
class MergeResult:
    """What was done.

    Attributes
    ----------
    path
        Folder of the merged dataset.
    datasets, genes, rows
        How many were merged, and what they have together.
    left_out
        Genes that an earlier dataset had already.
    batches_written, batches_linked
        Batches that had to be written, and those that share a file with one of the datasets.
    as_one_build
        Whether the master has the bytes that one build of all genes would have written.
    """

    path: Path
    datasets: int
    genes: int
    rows: int
    left_out: int
    batches_written: int
    batches_linked: int
    as_one_build: bool

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {**attrs.asdict(self), "path": str(self.path)}


def merge_datasets(
    folders: Sequence[str | os.PathLike[str]],
    output_dir: str | os.PathLike[str],
    *,
    keep_batches: bool = False,
    keep_first: bool = False,
    overwrite: bool = False,
) -> MergeResult:
    """Merge datasets that differ in nothing but their genes.

    Genes are put in genomic order and in batches of the size that the datasets were built with, so the master has the
    bytes that one build of all genes writes. A batch that one of the datasets has just so is linked; the others are
    written. The order of ``folders`` makes no difference, but for ``keep_first``.

    Parameters
    ----------
    folders
        The datasets, two or more.
    output_dir
        Folder of the result; it appears when it is complete.
    keep_batches
        Keep the batches as they are, and link them all: quick, the same rows, but in other files than one build's.
    keep_first
        Take a gene that several datasets have from the first of them.
    overwrite
        Replace a dataset that ``output_dir`` holds.

    Raises
    ------
    ConfigError
        If fewer than two datasets are given, or one twice.
    InputError
        If the datasets differ in more than their genes, or several have a gene.
    ResourceNotFoundError, ChecksumError
        If one is missing, unfinished or damaged.
    OutputError
        If the result cannot be written there.
    """
    datasets = _opened(folders)
    _check_alike(datasets)
    target = Path(output_dir)
    check_target(target, [dataset.path for dataset in datasets], overwrite=overwrite)
    genes = ordered_genes(datasets, keep_first=keep_first)
    size = int(datasets[0].manifest.identity["batch_size"])
    batches = kept_batches(datasets, genes) if keep_batches else new_batches(datasets, genes, size)
    with staged_folder(target) as staging:
        rewriting = Rewriting(staging.path, datasets[0].schema, group_rows(datasets[0]))
        _write(datasets, batches, rewriting)
        table = _gene_table(datasets, batches)
        ambiguous = sum(dataset.manifest.ambiguous for dataset in datasets)
        masked = sum(dataset.manifest.masked for dataset in datasets)
        wanted = _manifest(datasets, genes, table, keep_batches=keep_batches)
        manifest = rewriting.finish(wanted, table, ambiguous=ambiguous, masked=masked)
    return MergeResult(
        path=target,
        datasets=len(datasets),
        genes=len(genes),
        rows=manifest.rows,
        left_out=sum(dataset.manifest.genes for dataset in datasets) - len(genes),
        batches_written=rewriting.written,
        batches_linked=rewriting.linked,
        as_one_build=[batch.genes for batch in batches]
        == [batch.genes for batch in new_batches(datasets, genes, size)],
    )


def _opened(folders: Sequence[str | os.PathLike[str]]) -> list[Dataset]:
    if len(folders) < 2:
        raise ConfigError("one dataset cannot be merged", hint="name two or more")
    datasets = [Dataset.open(dataset_folder(folder)) for folder in folders]
    places = [dataset.path.resolve() for dataset in datasets]
    for place in places:
        if places.count(place) > 1:
            raise ConfigError(f"the dataset {place} is named twice")
    for dataset in datasets:
        problems = dataset.verify()
        if problems:
            raise ChecksumError("; ".join(problems[:_SHOWN]), hint="run the command that builds the dataset again")
    return datasets


def _check_alike(datasets: Sequence[Dataset]) -> None:
    """Refuse datasets that differ in more than their genes."""
    for dataset in datasets:
        if "dedup" in dataset.manifest.extra:
            raise InputError(
                f"duplicate rows were removed from {dataset.path}", hint="merge first, then `splicecore dataset dedup`"
            )
    first = _comparable(datasets[0])
    for dataset in datasets[1:]:
        differences = [f"{name}: {a} and {b}" for name, a, b in json_differences(first, _comparable(dataset))]
        if differences:
            more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
            raise InputError(
                f"{datasets[0].path} and {dataset.path} differ in more than their genes: "
                f"{'; '.join(differences[:_SHOWN])}{more}",
                hint="build them with the same settings, inputs, models and version",
            )


def _comparable(dataset: Dataset) -> dict[str, Any]:
    """Everything that must be the same in datasets that are merged."""
    manifest = dataset.manifest
    patch = {name: value for name, value in manifest.extra.get("patch", {}).items() if name != "cells"}
    identity = {name: value for name, value in manifest.identity.items() if name != "genes"}
    return {**identity, "contract": manifest.contract, "patch": patch}


def _write(datasets: Sequence[Dataset], batches: Sequence[MergedBatch], rewriting: Rewriting) -> None:
    with contextlib.ExitStack() as stack:
        cursors: dict[int, _Cursor] = {}
        for number, batch in enumerate(batches):
            name = f"batch_{number:05d}"
            if batch.same_as is not None:
                source, place = batch.same_as
                rewriting.link(datasets[source], datasets[source].manifest.batches[place], name=name)
                continue
            used = sorted({(gene.source, gene.batch) for gene in batch.genes})
            keys = [datasets[source].manifest.batches[place].key for source, place in used]
            places = [list(gene.place) for gene in batch.genes]
            for source, _ in used:
                if source not in cursors:
                    cursors[source] = stack.enter_context(_Cursor(datasets[source]))
            rewriting.write(
                BatchRecord(
                    name=name, key=rewritten_key(_RULE, digest(places), keys), genes=len(places), rows=0, sha256=""
                ),
                (rows for gene in batch.genes for rows in cursors[gene.source].rows(gene)),
                gene_rows=[gene.rows for gene in batch.genes],
                ambiguous=0,
            )


class _Cursor:
    """Reads the genes of one dataset in its order; what lies between them is passed over. A context manager."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._batch = -1
        self._row = 0
        self._rows: Iterator[pa.RecordBatch] = iter(())
        self._held: pa.RecordBatch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()

    def rows(self, gene: MergedGene) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a gene that comes after those that were read before."""
        if gene.batch != self._batch:
            self._close()
            self._rows = batch_rows(self._dataset, self._dataset.manifest.batches[gene.batch])
            self._batch, self._row, self._held = gene.batch, 0, None
        for _ in self._next(gene.first - self._row):
            pass
        for rows in self._next(gene.rows):
            yield _as_built(rows)

    def _next(self, count: int) -> Iterator[pa.RecordBatch]:
        if count < 0:
            raise ChecksumError(f"the genes of {self._dataset.path} are not in genomic order", hint="--keep-batches")
        while count:
            if self._held is None or not self._held.num_rows:
                self._held = next(self._rows, None)
            if self._held is None:
                raise ChecksumError(f"{self._dataset.path} has fewer rows than its table of genes says")
            piece = self._held.slice(0, count)
            self._held = self._held.slice(piece.num_rows)
            self._row += piece.num_rows
            count -= piece.num_rows
            yield piece


def _as_built(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Encode the text of one gene's rows as a build does, so that the file gets the same bytes."""
    values = {"pred_type": PRED_TYPES, "site_type": CLASSES[1:]}
    columns: list[Any] = []
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in _CONSTANT:
            columns.append(constant_text(column[0].as_py(), rows.num_rows))
        elif name in values:
            known = pa.array(values[name], pa.string())
            indices: Any = pc.index_in(column.cast(pa.string()), value_set=known)
            columns.append(pa.DictionaryArray.from_arrays(indices, known))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _gene_table(datasets: Sequence[Dataset], batches: Sequence[MergedBatch]) -> pa.Table:
    """Table of the genes with rows, those without, and the names without a gene."""
    merged = [
        gene.entry | {"batch": f"batch_{number:05d}"} for number, batch in enumerate(batches) for gene in batch.genes
    ]
    entries = [entry | {"global_index": index} for index, entry in enumerate(merged)]
    known = {_place(entry) for entry in entries}
    others: dict[tuple[Any, ...], dict[str, Any]] = {}
    for dataset in datasets:
        for entry in dataset.genes().to_pylist():
            if entry["batch"] is None and (entry["gene_id"] is None or _place(entry) not in known):
                others.setdefault((*_place(entry), entry["requested"]), entry)
    every = [*entries, *others.values()]
    order = contig_order(
        [entry["contig"] for entry in dataset.genes().to_pylist() if entry["contig"] is not None]
        for dataset in datasets
    )
    placed = sorted((entry for entry in every if entry["contig"] is not None), key=lambda x: _sort_key(x, order))
    names = [entry for entry in every if entry["contig"] is None]
    return pa.Table.from_pylist([*placed, *names], schema=GENES)


def _place(entry: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(entry[name] for name in ("contig", "start", "end", "strand", "gene_id"))


def _sort_key(entry: dict[str, Any], contigs: dict[str, int]) -> tuple[Any, ...]:
    return (contigs[entry["contig"]], *_place(entry)[1:])


def _count(statuses: tuple[str, ...], table: pa.Table) -> dict[str, Any]:
    """Count the genes of some statuses and tell them from others, as a build's identity does."""
    columns: list[list[Any]] = [table.column(name).to_pylist() for name in ("status", *_GENE)]
    rows = [row[1:] for row in zip(*columns, strict=True) if row[0] in statuses]
    places = list(dict.fromkeys(rows))
    return {"count": len(places), "digest": genes_digest(places)}


def _manifest(
    datasets: Sequence[Dataset], genes: Sequence[MergedGene], table: pa.Table, *, keep_batches: bool
) -> DatasetManifest:
    """Manifest of the whole, as one build would have it."""
    first = datasets[0].manifest
    entry = {"datasets": len(datasets), "batches": "kept" if keep_batches else "as one build"}
    patch = {name: value for name, value in first.extra.get("patch", {}).items() if name != "cells"}
    return attrs.evolve(
        first,
        identity={**first.identity, "genes": {**_count(_HAVE_ROWS, table), "chosen": _count(_CHOSEN, table)}},
        config={name: value for name, value in first.config.items() if name not in _CHOICE},
        genes=len(genes),
        extra={"merge": entry, **({"patch": patch} if patch else {})},
    )
