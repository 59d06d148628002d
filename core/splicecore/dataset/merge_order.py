"""The genes of several datasets in the order, and the batches, in which one build would have them."""

from __future__ import annotations

import heapq
import itertools
import re
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ChecksumError, InputError
from splicecore.features.structural import chromosome_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from splicecore.dataset.dataset import Dataset

__all__ = ["MergedBatch", "MergedGene", "contig_order", "kept_batches", "new_batches", "ordered_genes"]

_DIGITS = re.compile(r"(\d+)")
_SHOWN = 5


@attrs.frozen(kw_only=True)
class MergedGene:
    """A gene with rows in one of the datasets.

    Attributes
    ----------
    source
        Number of the dataset.
    batch
        Number of its batch there.
    first, rows
        Its first row in that batch, and how many it has.
    entry
        Its row in the dataset's table of genes.
    """

    source: int
    batch: int
    first: int
    rows: int
    entry: dict[str, Any]

    @property
    def place(self) -> tuple[str, int, int, str, str]:
        """What tells genes apart: contig, start, end, strand, gene_id."""
        entry = self.entry
        return entry["contig"], entry["start"], entry["end"], entry["strand"], entry["gene_id"]


@attrs.frozen
class MergedBatch:
    """A batch of the merged dataset.

    Attributes
    ----------
    genes
        In order.
    same_as
        Dataset and batch, by number, whose file it is; None if it has to be written.
    """

    genes: tuple[MergedGene, ...]
    same_as: tuple[int, int] | None


def ordered_genes(datasets: Sequence[Dataset], *, keep_first: bool) -> list[MergedGene]:
    """Genes of all datasets in genomic order.

    Parameters
    ----------
    datasets
        Of one reference.
    keep_first
        Take a gene that several datasets have from the first of them.

    Raises
    ------
    InputError
        If several datasets have a gene, and ``keep_first`` is not set.
    ChecksumError
        If a table of genes does not fit the batches.
    """
    found = [_genes(number, dataset) for number, dataset in enumerate(datasets)]
    chosen: dict[tuple[str, int, int, str, str], MergedGene] = {}
    every = itertools.chain.from_iterable(found)
    twice = [gene for gene in every if chosen.setdefault(gene.place, gene) is not gene]
    if twice and not keep_first:
        names = ", ".join(gene.entry["gene_id"] for gene in twice[:_SHOWN])
        first = datasets[chosen[twice[0].place].source].path, datasets[twice[0].source].path
        raise InputError(
            f"{len(twice)} genes are in several datasets: {names}{', ...' if len(twice) > _SHOWN else ''} "
            f"({twice[0].entry['gene_id']} in {first[0]} and {first[1]})",
            hint="--keep-first to take each from the first dataset that has it",
        )
    contigs = contig_order([[gene.entry["contig"] for gene in genes] for genes in found])
    return sorted(chosen.values(), key=lambda gene: (contigs[gene.place[0]], *gene.place[1:]))


def _genes(source: int, dataset: Dataset) -> list[MergedGene]:
    """Genes of a dataset in its own order."""
    batches = {record.name: number for number, record in enumerate(dataset.manifest.batches)}
    entries = [entry for entry in dataset.genes().to_pylist() if entry["batch"] is not None]
    entries.sort(key=lambda entry: entry["global_index"])
    filled = [0] * len(batches)
    genes = []
    for entry in entries:
        batch = batches.get(entry["batch"])
        if batch is None:
            raise ChecksumError(f"gene {entry['gene_id']} of {dataset.path} is in {entry['batch']}, which it lacks")
        genes.append(MergedGene(source=source, batch=batch, first=filled[batch], rows=entry["rows"], entry=entry))
        filled[batch] += entry["rows"]
    if filled != [record.rows for record in dataset.manifest.batches]:
        raise ChecksumError(
            f"the table of genes of {dataset.path} does not fit its batches", hint="`splicecore dataset validate`"
        )
    return genes


def contig_order(sequences: Iterable[Iterable[str]]) -> dict[str, int]:
    """Order that has the contigs of every sequence in that sequence's order.

    Where the sequences leave it open, chromosomes come first, by number, then X, Y and M, then others, with numbers in
    names compared as numbers. The order of the sequences makes no difference.

    Returns
    -------
    Contig -> its place.

    Raises
    ------
    InputError
        If two sequences contradict each other.
    """
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for sequence in sequences:
        names = list(dict.fromkeys(sequence))
        for name in names:
            after.setdefault(name, set())
            before.setdefault(name, set())
        for first, second in itertools.pairwise(names):
            after[first].add(second)
            before[second].add(first)
    ready = [(_rank(name), name) for name in after if not before[name]]
    heapq.heapify(ready)
    order: dict[str, int] = {}
    while ready:
        _, name = heapq.heappop(ready)
        order[name] = len(order)
        for follower in after[name]:
            before[follower].discard(name)
            if not before[follower]:
                heapq.heappush(ready, (_rank(follower), follower))
    if len(order) < len(after):
        raise InputError("the datasets have their contigs in different orders", hint="build them of one reference")
    return order


def _rank(name: str) -> tuple[int, list[tuple[int, int, str]]]:
    parts = [part for part in _DIGITS.split(name) if part]
    return chromosome_code(name), [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def new_batches(datasets: Sequence[Dataset], genes: Sequence[MergedGene], size: int) -> list[MergedBatch]:
    """Batches of ``size`` genes, as one build would make them."""
    chunks = [tuple(genes[start : start + size]) for start in range(0, len(genes), size)]
    return [MergedBatch(chunk, _same_as(datasets, chunk)) for chunk in chunks]


def kept_batches(datasets: Sequence[Dataset], genes: Sequence[MergedGene]) -> list[MergedBatch]:
    """Batches as the datasets have them, in the order of their first genes."""
    groups: dict[tuple[int, int], list[MergedGene]] = {}
    for gene in genes:
        groups.setdefault((gene.source, gene.batch), []).append(gene)
    return [MergedBatch(tuple(group), _same_as(datasets, group)) for group in groups.values()]


def _same_as(datasets: Sequence[Dataset], genes: Sequence[MergedGene]) -> tuple[int, int] | None:
    """Dataset and batch that consist of just these genes, in this order."""
    source, batch = genes[0].source, genes[0].batch
    first = 0
    for gene in genes:
        if (gene.source, gene.batch, gene.first) != (source, batch, first):
            return None
        first += gene.rows
    record = datasets[source].manifest.batches[batch]
    return (source, batch) if (record.genes, record.rows) == (len(genes), first) else None
