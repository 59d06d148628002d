"""Several tables of scores side by side: the genes and positions that they have in common, gene by gene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import attrs

from splicecore.errors import InputError
from splicecore.evaluate.evaluated_gene import GeneKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from splicecore.evaluate.prediction_table import TableGene

__all__ = ["CommonGenes", "ScoreTable", "common_genes", "joint_scores"]


class ScoreTable(Protocol):
    """What evaluation asks of a table; :class:`~splicecore.evaluate.prediction_table.PredictionTable` documents it."""

    name: str
    path: Path
    pattern: str
    genes: dict[GeneKey, TableGene]
    builds: set[str]
    metadata: dict[str, str]

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def n_groups(self) -> int:
        """How many times :meth:`stream` yields."""

    def stream(self, wanted: Collection[GeneKey]) -> Iterator[list[tuple[GeneKey, npt.NDArray[np.float32]]]]:
        """Yield the scores of wanted genes, some genes at a time."""

    def close(self) -> None:
        """Let go of the file."""


@attrs.frozen
class CommonGenes:
    """What tables have in common.

    Attributes
    ----------
    spans
        Start and end (genomic, 0-based, half-open) of every gene that all tables have.
    left_out
        Table's name -> number of its genes that were not chosen or that another table lacks.
    incomplete
        Genes of which a table lacks positions that another one has, or that lie inside the gene.
    """

    spans: Mapping[GeneKey, tuple[int, int]]
    left_out: Mapping[str, int]
    incomplete: tuple[GeneKey, ...]


def common_genes(
    tables: Sequence[ScoreTable], chosen: Callable[[TableGene], bool], *, allow_missing: bool = False
) -> CommonGenes:
    """Find the genes that all tables have.

    Parameters
    ----------
    tables
        At least one.
    chosen
        Which genes to look at.
    allow_missing
        Take the positions that all tables have where they differ.

    Raises
    ------
    InputError
        If the tables have no gene in common, or, unless ``allow_missing``, positions of one are missing somewhere.
    """
    wanted = {key: gene for key, gene in tables[0].genes.items() if chosen(gene)}
    spans: dict[GeneKey, tuple[int, int]] = {}
    incomplete: list[GeneKey] = []
    for key in wanted:
        found = [table.genes.get(key) for table in tables]
        genes = [gene for gene in found if gene is not None]
        if len(genes) < len(tables):
            continue
        spans[key] = (max(gene.start for gene in genes), min(gene.end for gene in genes))
        if any((gene.start, gene.end) != spans[key] or gene.missing > 0 for gene in genes):
            if not allow_missing:
                raise InputError(_difference(tables, key), hint=_HINT)
            incomplete.append(key)
    spans = {key: span for key, span in spans.items() if span[0] < span[1]}
    if not spans:
        raise InputError(
            f"{', '.join(table.name for table in tables)} have no gene in common"
            + ("" if wanted else f": {tables[0].path} has none that was asked for"),
            hint="genes are matched by contig, strand and gene_id",
        )
    left_out = {table.name: len(table.genes) - len(spans) for table in tables}
    return CommonGenes(spans, left_out, tuple(incomplete))


_HINT = "score all positions of the same genes with every model, or --allow-missing to compare what they share"


def _difference(tables: Sequence[ScoreTable], key: GeneKey) -> str:
    parts = []
    for table in tables:
        gene = table.genes[key]
        parts.append(f"{table.name} has {gene.rows:,} of {gene.start + 1:,}-{gene.end:,}")
    return f"positions of gene {key.gene_id} ({key.contig}) are missing: {'; '.join(parts)}"


def joint_scores(
    tables: Sequence[ScoreTable], genes: CommonGenes
) -> Iterator[tuple[GeneKey, list[npt.NDArray[np.float32]]]]:
    """Yield the scores of every common gene from all tables, each gene once, in no particular order.

    Yields
    ------
    key, scores
        One float32 array of shape (end - start of the common span, 3) a table, by rising genomic position; NaN where it
        has no row.
    """
    streams = [table.stream(genes.spans) for table in tables]
    done = [0] * len(tables)
    waiting: dict[GeneKey, dict[int, npt.NDArray[np.float32]]] = {}
    while any(count < table.n_groups for count, table in zip(done, tables, strict=True)):
        behind = min(
            (index for index, table in enumerate(tables) if done[index] < table.n_groups),
            key=lambda index: done[index] / tables[index].n_groups,
        )
        done[behind] += 1
        for key, scores in next(streams[behind]):
            start, end = genes.spans[key]
            offset = tables[behind].genes[key].start
            waiting.setdefault(key, {})[behind] = scores[start - offset : end - offset]
        yield from _complete(waiting, [key for key in waiting if len(waiting[key]) == len(tables)], len(tables))


def _complete(
    waiting: dict[GeneKey, dict[int, npt.NDArray[np.float32]]], keys: Collection[GeneKey], count: int
) -> Iterator[tuple[GeneKey, list[npt.NDArray[np.float32]]]]:
    for key in keys:
        scores = waiting.pop(key)
        yield key, [scores[index] for index in range(count)]
