"""Checks of the order of rows and of the genes: sorted, each gene once, none missing, none unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.dataset.validation.check import DatasetCheck, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["GeneCheck", "OrderCheck"]

_SHOWN = 5


class OrderCheck:
    """Whether each gene is in one piece, its rows rise by rel_position, and the genes of a file follow the genome."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._file = ""
        self._gene = -1
        self._rel_position = -1
        self._seen: set[int] = set()
        self._contigs: set[Any] = set()

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        if rows.file != self._file:
            self._file, self._gene, self._rel_position = rows.file, -2, -1
            self._seen, self._contigs = set(), set()
        gene, rel = rows.gene, rows.rel_position
        before_gene, before_rel = np.append(self._gene, gene[:-1]), np.append(self._rel_position, rel[:-1])
        same = gene == before_gene
        self._tally.note("rel_position does not rise within the gene", same & (rel <= before_rel), rows)
        for row in np.flatnonzero(~same & (gene >= 0)).tolist():
            self._begin(rows, row, int(before_gene[row]), int(gene[row]))
        self._gene, self._rel_position = int(gene[-1]), int(rel[-1])

    def _begin(self, rows: RowBatch, row: int, before: int, gene: int) -> None:
        """Look at the first row of a gene, which follows another gene."""
        index, note = rows.index, self._tally.note_row
        if gene in self._seen:
            note("the rows of the gene are in several pieces", row, rows)
        self._seen.add(gene)
        contig = index.keys[gene][1]
        if before < 0 or index.keys[before][1] != contig:
            if contig in self._contigs:
                note("the genes of the contig are in several pieces", row, rows)
            self._contigs.add(contig)
        elif (index.start[gene], index.end[gene]) < (index.start[before], index.end[before]):
            note("the gene lies before the one that precedes it", row, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        passed = "genes in genomic order within each file, rows by rel_position"
        yield self._tally.check("order", passed, "build the dataset anew; never shuffle or append to its files")


class GeneCheck:
    """Whether the rows are of the genes of the manifest: each with as many as promised, in the batch that it names."""

    def __init__(self, opened: OpenedDataset) -> None:
        index = opened.index
        self._index = index
        table: Any = index.table
        self._promised = index.rows
        self._batch: list[str | None] = table.column("batch").to_pylist()
        self._found = np.zeros(len(index), dtype=np.int64)
        self._expected = {batch.name for batch in opened.dataset.manifest.batches}
        self._files: set[str] = set()
        self._unknown, self._elsewhere = Tally(), Tally()

    def add(self, rows: RowBatch) -> None:
        """Count some rows."""
        self._files.add(rows.file.removesuffix(".parquet"))
        known = rows.gene >= 0
        self._unknown.note("the gene is not in gene_manifest.parquet", ~known, rows)
        genes, counts = np.unique(rows.gene[known], return_counts=True)
        self._found[genes] += counts
        batch = rows.file.removesuffix(".parquet")
        others = [gene for gene in genes.tolist() if self._batch[gene] != batch]
        if others:
            wrong = np.isin(rows.gene, others)
            self._elsewhere.note("the gene belongs to another batch", wrong, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found; genes of files that could not be read are not judged."""
        unread = self._expected - self._files
        judged = np.array([batch not in unread for batch in self._batch], dtype=np.bool_)
        problems = [
            text
            for text in (
                self._named("missing", judged & (self._promised > 0) & (self._found == 0)),
                self._named("with other numbers of rows", judged & (self._found > 0) & (self._found != self._promised)),
            )
            if text
        ]
        tallies = (tally for tally in (self._unknown, self._elsewhere) if tally.counts)
        problems += [tally.check("genes", "", "").details for tally in tallies]
        if problems:
            yield DatasetCheck(
                name="genes",
                status="failed",
                details="; ".join(problems),
                remedy="build the dataset anew: rows were lost or came from elsewhere",
                data={"missing": self._ids(judged & (self._promised > 0) & (self._found == 0))},
            )
            return
        with_rows = int(np.count_nonzero(self._found))
        yield DatasetCheck(name="genes", status="passed", details=f"{with_rows:,} genes with the rows promised of them")

    def _ids(self, which: npt.NDArray[np.bool_]) -> list[str]:
        return [str(self._index.keys[gene][0]) for gene in np.flatnonzero(which).tolist()]

    def _named(self, what: str, which: npt.NDArray[np.bool_]) -> str:
        names = self._ids(which)
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        return f"{len(names):,} genes {what}: {shown}" if names else ""
