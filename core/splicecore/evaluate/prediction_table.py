"""Score tables as evaluation reads them: gene by gene, several side by side, whatever the order of their rows.

A table is read twice: once for what genes it has and where their last rows are, once for the scores. Memory follows the
genes that are open at the same time, which is a few in a table sorted by position and all of them in a shuffled one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError
from splicecore.evaluate.evaluated_gene import GeneKey
from splicecore.evaluate.run_folder import find_table, open_parquet, reading
from splicecore.genome.arrow import codes_of
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pyarrow as pa

__all__ = ["PredictionTable", "TableGene"]

_KEYS = ("build", "contig", "strand", "gene_id")
_CLASSES = ("neither", "acceptor", "donor")
_SLACK = 1e-3
_Ints = npt.NDArray[np.int64]
_Scores = npt.NDArray[np.float32]


@attrs.define
class TableGene:
    """One gene of a table.

    Attributes
    ----------
    key, gene_name
        Identity and name.
    start, end
        Lowest position and one past the highest; genomic, 0-based.
    rows
        Number of rows.
    last_group
        Row group that has the last of them.
    """

    key: GeneKey
    gene_name: str
    start: int
    end: int
    rows: int
    last_group: int

    @property
    def missing(self) -> int:
        """Positions between the first and the last that have no row (negative: some have two)."""
        return self.end - self.start - self.rows


class PredictionTable:
    """A Parquet table with one row per position and gene. Make it by :meth:`open`.

    Attributes
    ----------
    name
        What the report calls the model.
    path
        The file.
    pattern
        Names of the score columns, ``*`` standing for neither, acceptor and donor.
    genes
        Its genes by key.
    builds
        Names of the builds of its rows.
    metadata
        The file's own metadata, ``splicecore.*`` keys without that prefix.
    """

    def __init__(self, name: str, path: Path, pattern: str) -> None:
        self.name = name
        self.path = path
        self.pattern = pattern
        self._file = open_parquet(path)
        schema = self._file.schema_arrow
        raw: dict[bytes, bytes] = schema.metadata or {}
        self.metadata = {k.decode().removeprefix("splicecore."): v.decode() for k, v in raw.items() if k[:1] == b"s"}
        self._scores = [pattern.replace("*", one) for one in _CLASSES]
        self._has_neither = self._scores[0] in schema.names
        wanted = (*_KEYS, "position", *self._scores[1:])
        missing = [column for column in wanted if column not in schema.names]
        if missing:
            raise InputError(
                f"{path} has no column {', '.join(missing)}",
                hint=f"its columns are {', '.join(schema.names)}; --columns says which hold the scores",
            )
        self._names = "gene_name" in schema.names
        self._order: list[GeneKey] = []
        self.genes: dict[GeneKey, TableGene] = {}
        self.builds: set[str] = set()

    @classmethod
    def open(cls, name: str, path: str | Path, pattern: str | None = None) -> PredictionTable:
        """Open a table and read which genes it has.

        Parameters
        ----------
        name
            What to call the model.
        path
            A Parquet file, or the folder of a run.
        pattern
            Names of the score columns: ``"*_score"`` of a base model, ``"*_meta"`` of a meta-model; None for the
            meta-model's where there are some, else the base model's.

        Raises
        ------
        InputError
            If it is no such table, is empty, has nulls among its keys, or lacks what was below ``--min-score``.
        """
        table = cls(name, *find_table(Path(path), pattern))
        if "min_score" in table.metadata:
            raise InputError(
                f"{table.path} has only positions that score at least {table.metadata['min_score']}: "
                "the sites that the model missed are not in it",
                hint="run the same command without --min-score into another folder; kept scores are found again",
            )
        table._index()
        if not table.genes:
            raise InputError(f"{table.path} has no rows")
        return table

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._file.metadata.num_rows)

    @property
    def n_groups(self) -> int:
        """Number of row groups."""
        return int(self._file.num_row_groups)

    def stream(self, wanted: Collection[GeneKey]) -> Iterator[list[tuple[GeneKey, _Scores]]]:
        """Read the row groups in turn; yield after each one the genes that it completed.

        Yields
        ------
        list of (key, float32 of shape (gene's end - start, 3))
            Probabilities of neither, acceptor and donor by rising genomic position; NaN where there is no row.

        Raises
        ------
        InputError
            If a score is null, NaN or no probability, or a position has two rows.
        """
        buffers: dict[GeneKey, _Scores] = {}
        columns = [*_KEYS[1:], "position", *self._scores[0 if self._has_neither else 1 :]]
        for group in range(self.n_groups):
            table = self._read(group, columns)
            keys, row_gene = self._row_genes(table)
            position, scores = _numbers(table, "position"), self._probabilities(table)
            for key, rows in _by_gene(keys, row_gene):
                if key in wanted:
                    gene = self.genes[key]
                    if key not in buffers:
                        buffers[key] = np.full((gene.end - gene.start, 3), np.nan, dtype=np.float32)
                    buffers[key][position[rows] - gene.start] = scores[rows]
            finished = [key for key in keys if key in buffers and self.genes[key].last_group == group]
            yield [(key, self._complete(key, buffers.pop(key))) for key in finished]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _complete(self, key: GeneKey, scores: _Scores) -> _Scores:
        gene = self.genes[key]
        filled = int(np.count_nonzero(~np.isnan(scores[:, 1])))
        if filled != gene.rows:
            raise InputError(
                f"{self.path}: {gene.rows - filled} positions of gene {key.gene_id} have more than one row",
                hint="the key of a row is build, contig, strand, position and gene_id",
            )
        return scores

    def _index(self) -> None:
        columns = [*_KEYS, "position", *(["gene_name"] if self._names else [])]
        for group in range(self.n_groups):
            table = self._read(group, columns)
            codes, words = codes_of(table, "build")
            self._refuse_nulls(codes, "build")
            self.builds.update(words[code] for code in np.unique(codes))
            keys, row_gene = self._row_genes(table)
            position = _numbers(table, "position")
            names = codes_of(table, "gene_name") if self._names else None
            if not len(keys):
                continue
            first = np.full(len(keys), np.iinfo(np.int64).max)
            last = np.full(len(keys), -1)
            starts = np.flatnonzero(np.diff(row_gene, prepend=-1))
            np.minimum.at(first, row_gene[starts], np.minimum.reduceat(position, starts))
            np.maximum.at(last, row_gene[starts], np.maximum.reduceat(position, starts))
            counts = np.bincount(row_gene, minlength=len(keys))
            some_row = np.empty(len(keys), dtype=np.int64)
            some_row[row_gene[starts]] = starts
            for index, key in enumerate(keys):
                name = key.gene_id if names is None else names[1][names[0][some_row[index]]]
                span = int(first[index]), int(last[index]) + 1
                self._note(TableGene(key, name, *span, int(counts[index]), group))

    def _note(self, part: TableGene) -> None:
        gene = self.genes.setdefault(part.key, part)
        if gene is not part:
            gene.start, gene.end = min(gene.start, part.start), max(gene.end, part.end)
            gene.rows += part.rows
            gene.last_group = part.last_group

    def _row_genes(self, table: pa.Table) -> tuple[list[GeneKey], npt.NDArray[np.intp]]:
        """Keys of the genes of some rows, and for each row the index of its gene among them."""
        (contig, contigs), (strand, strands), (gene, genes) = (codes_of(table, name) for name in _KEYS[1:])
        for name, codes in zip(_KEYS[1:], (contig, strand, gene), strict=True):
            self._refuse_nulls(codes, name)
        combined = (contig * max(len(strands), 1) + strand) * max(len(genes), 1) + gene
        starts = np.flatnonzero(np.diff(combined, prepend=-1))
        distinct, run_gene = np.unique(combined[starts], return_inverse=True)
        row_gene = np.repeat(run_gene, np.diff(starts, append=len(combined)))
        keys = [
            GeneKey(canonical_name(contigs[c]), strands[s], genes[g])
            for c, s, g in zip(
                (distinct // max(len(genes), 1) // max(len(strands), 1)).tolist(),
                (distinct // max(len(genes), 1) % max(len(strands), 1)).tolist(),
                (distinct % max(len(genes), 1)).tolist(),
                strict=True,
            )
        ]
        if len(set(keys)) != len(keys):
            raise InputError(f"{self.path} names one contig in two ways: {', '.join(contigs)}")
        return keys, row_gene

    def _refuse_nulls(self, codes: _Ints, column: str) -> None:
        if (codes < 0).any():
            raise InputError(f"{self.path}: column {column} has {int((codes < 0).sum())} nulls")

    def _probabilities(self, table: pa.Table) -> _Scores:
        scores = np.empty((table.num_rows, 3), dtype=np.float32)
        for channel in range(0 if self._has_neither else 1, 3):
            name = self._scores[channel]
            nulls = table.column(name).null_count
            if nulls:
                raise InputError(
                    f"{self.path}: column {name} has {nulls} nulls; every position must have a score",
                    hint="evaluate a table that covers all positions",
                )
            scores[:, channel] = _numbers(table, name)
        if not self._has_neither:
            scores[:, 0] = 1 - scores[:, 1] - scores[:, 2]
        if not ((scores >= -_SLACK) & (scores <= 1 + _SLACK)).all():
            raise InputError(
                f"{self.path}: {self.pattern} has values that are no probabilities (NaN, or outside 0 to 1)"
            )
        return scores

    def _read(self, group: int, columns: list[str]) -> pa.Table:
        with reading(self.path):
            return self._file.read_row_group(group, columns=columns)


def _numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = table.column(name).to_numpy()
    return values


def _by_gene(keys: list[GeneKey], row_gene: npt.NDArray[np.intp]) -> Iterator[tuple[GeneKey, Any]]:
    """Yield each gene with its rows: a slice where they are consecutive, else indices."""
    if len(keys) == 1:
        yield keys[0], slice(None)
        return
    order = np.argsort(row_gene.astype(np.int32), kind="stable")
    bounds = np.searchsorted(row_gene[order], np.arange(len(keys) + 1))
    for index, key in enumerate(keys):
        yield key, order[bounds[index] : bounds[index + 1]]
