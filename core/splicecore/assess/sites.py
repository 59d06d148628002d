"""The annotated sites of a gene with the transcripts that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from splicecore.errors import InputError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers, schema
from splicecore.genome.sites import ACCEPTOR, DONOR

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore.genome.genes import Gene

__all__ = ["GENE_SITES", "OwnSites", "TranscriptSites", "own_sites"]

GENE_SITES: pa.Schema = schema(position=pa.int64(), site_type=pa.string(), transcript_id=pa.string())
"""A gene's sites as :func:`~splicecore.assess.gene.assess_gene` takes them: one row for every site and transcript, in
any order, other columns ignored. ``position``: genomic, 0-based, the exon's side."""


class TranscriptSites:
    """Hands out the rows of one gene after another from a table of splice sites.

    Parameters
    ----------
    sites
        Columns of :data:`~splicecore.genome.sites.SITES`, sorted by gene; strings may be dictionary-encoded.
    transcript_ids
        Ids by row of the annotation's table of transcripts; None if ``sites`` has the column transcript_id.
    """

    def __init__(self, sites: pa.Table, transcript_ids: Any = None) -> None:
        self._sites = sites
        self._transcript_ids = transcript_ids
        self._gene = numbers(sites, "gene")

    def of(self, gene: Gene) -> pa.Table:
        """Rows of one gene, of the schema :data:`GENE_SITES`."""
        low, high = np.searchsorted(self._gene, (gene.index, gene.index + 1)).tolist()
        rows = self._sites.slice(low, high - low)
        if self._transcript_ids is not None:
            rows = rows.append_column("transcript_id", self._transcript_ids.take(rows.column("transcript")))
        return rows.select(GENE_SITES.names).cast(GENE_SITES)


class OwnSites:
    """Each site of a gene and class once, by class and 5' to 3'.

    Attributes
    ----------
    rel_position
        int64, shape (n,): transcript orientation.
    channel
        int64, shape (n,): 1 acceptor, 2 donor.
    transcript_ids
        List array of n + 1: sorted ids of each site's transcripts, each once; the last one is empty.
    """

    def __init__(
        self, rel_position: npt.NDArray[np.int64], channel: npt.NDArray[np.int64], transcript_ids: pa.ListArray[Any]
    ) -> None:
        self.rel_position = rel_position
        self.channel = channel
        self.transcript_ids = transcript_ids


def own_sites(gene: Gene, gene_sites: pa.Table) -> OwnSites:
    """Gather a gene's rows of sites and transcripts into one entry for every site and class.

    Raises
    ------
    InputError
        If a site lies outside the gene, is of no known type, or has no transcript.
    """
    table = gene_sites.select(GENE_SITES.names).cast(GENE_SITES)
    if any(column.null_count for column in table.columns):
        raise InputError(f"a splice site of gene {gene.gene_id} has no position, type or transcript")
    position = numbers(table, "position")
    outside = np.flatnonzero((position < gene.start) | (position >= gene.end))
    if len(outside):
        raise InputError(
            f"a splice site at {position[outside[0]] + 1:,} lies outside gene {gene.gene_id} "
            f"({gene.contig}:{gene.start + 1:,}-{gene.end:,})",
            hint="sites and genes must come from the same annotation",
        )
    kinds = pc.index_in(table.column("site_type"), value_set=pa.array(["acceptor", "donor"]))
    if kinds.null_count:
        raise InputError(f"a splice site of gene {gene.gene_id} is neither acceptor nor donor")
    channel = np.where(kinds.to_numpy() == 0, ACCEPTOR, DONOR).astype(np.int64)
    names = pc.unique(table.column("transcript_id"))
    names = names.take(pc.sort_indices(names))
    code = pc.index_in(table.column("transcript_id"), value_set=names).to_numpy().astype(np.int64)
    keys = np.unique(np.stack([channel, gene.to_relative(position), code], axis=1), axis=0)
    first = np.flatnonzero(np.any(np.diff(keys[:, :2], axis=0, prepend=-1), axis=1))
    offsets = np.concatenate([first, [len(keys), len(keys)]]).astype(np.int32)
    bounds: Any = pa.array(offsets)
    lists = pa.ListArray.from_arrays(bounds, names.take(pa.array(keys[:, 2])))
    return OwnSites(keys[first, 1], keys[first, 0], lists)
