"""Genes that overlap: every pair once, on any strands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import codes_of, numbers
from splicecore.resources.labels import label_rows
from splicecore.resources.schemas import SCHEMAS

if TYPE_CHECKING:
    from splicecore.genome.annotation import BoundAnnotation

__all__ = ["overlap_pairs", "overlapping_genes"]

_Ints = npt.NDArray[np.int64]


def overlap_pairs(annotation: BoundAnnotation) -> tuple[_Ints, _Ints]:
    """Pairs of genes that share at least one base.

    Parameters
    ----------
    annotation
        Bound: its genes are sorted by contig, then start.

    Returns
    -------
    first, second : int64, shape (pairs,)
        Rows of ``annotation.genes``, first < second, sorted.
    """
    genes = annotation.genes
    contig, _ = codes_of(genes, "contig")
    new = np.concatenate([[0], np.cumsum(np.diff(contig) != 0)]) if len(genes) else contig
    base = new.astype(np.int64) << 40
    starts, ends = base | numbers(genes, "start"), base | numbers(genes, "end")
    rows = np.arange(len(genes), dtype=np.int64)
    # Genes that start before this one's end, from the next row on: with starts sorted, all of them overlap it.
    counts = np.searchsorted(starts, ends, side="left") - (rows + 1)
    first = np.repeat(rows, counts)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, first + 1 + offset


def overlapping_genes(annotation: BoundAnnotation, pairs: tuple[_Ints, _Ints]) -> pa.Table:
    """Table of the pairs that :func:`overlap_pairs` found, of the schema ``overlapping_genes``."""
    genes, (first, second) = annotation.genes, pairs
    start, end = numbers(genes, "start"), numbers(genes, "end")
    strand, _ = codes_of(genes, "strand")
    columns = {
        "gene_1": first.astype(np.int32),
        "gene_2": second.astype(np.int32),
        "gene_id_1": label_rows(genes, "gene_id", first),
        "gene_id_2": label_rows(genes, "gene_id", second),
        "contig": label_rows(genes, "contig", first),
        "start_1": start[first],
        "end_1": end[first],
        "start_2": start[second],
        "end_2": end[second],
        "strand_1": label_rows(genes, "strand", first),
        "strand_2": label_rows(genes, "strand", second),
        "overlap": np.minimum(end[first], end[second]) - np.maximum(start[first], start[second]),
        "same_strand": strand[first] == strand[second],
    }
    return pa.table(columns, schema=SCHEMAS["overlapping_genes"].arrow())
