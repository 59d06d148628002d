"""Annotated splice sites, on the exon's side: donor = last base of an exon, acceptor = first base, on either strand.

The ends of a transcript are no splice sites. Exons that touch or overlap have no intron between them and give no sites.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers, schema
from splicecore.genome.encoding import decode

if TYPE_CHECKING:
    from splicecore.genome.annotation import Annotation
    from splicecore.genome.genes import Gene
    from splicecore.genome.reference import Reference

__all__ = ["ACCEPTOR", "DONOR", "MOTIFS", "SITES", "SiteIndex", "introns", "motifs", "splice_sites"]

_LOG = logging.getLogger(__name__)

NEITHER, ACCEPTOR, DONOR = range(3)
_TYPES = pa.array(["neither", "acceptor", "donor"])

SITES: pa.Schema = schema(
    contig=pa.string(),
    position=pa.int64(),
    strand=pa.string(),
    site_type=pa.string(),
    gene=pa.int32(),
    transcript=pa.int32(),
)
"""Columns of :func:`splice_sites`."""

MOTIFS: pa.Schema = schema(
    strand=pa.string(),
    site_type=pa.string(),
    motif=pa.string(),
    count=pa.int64(),
    share=pa.float64(),
)
"""Columns of :func:`motifs`."""

_Bools = npt.NDArray[np.bool_]
_Ints = npt.NDArray[np.int64]


def introns(annotation: Annotation) -> pa.Table:
    """Introns of all transcripts.

    Returns
    -------
    Table
        Columns transcript (int32, row of ``annotation.transcripts``), start, end (int64; genomic, 0-based, half-open).
        Sorted by transcript, start.
    """
    transcript = numbers(annotation.exons, "transcript")
    start, end = numbers(annotation.exons, "start"), numbers(annotation.exons, "end")
    same = transcript[1:] == transcript[:-1]
    gap = start[1:] - end[:-1]
    overlapping = np.unique(transcript[1:][same & (gap < 0)])
    if len(overlapping):
        name = annotation.transcripts.column("transcript_id")[int(overlapping[0])].as_py()
        _LOG.warning(
            "%d transcripts of %s have exons that overlap; no splice sites there (first: %s)",
            len(overlapping),
            annotation.path,
            name,
        )
    rows = np.flatnonzero(same & (gap > 0))
    return pa.table({"transcript": transcript[rows].astype(np.int32), "start": end[rows], "end": start[rows + 1]})


def splice_sites(annotation: Annotation) -> pa.Table:
    """Donor and acceptor of every intron of every transcript.

    Parameters
    ----------
    annotation
        Bound or not.

    Returns
    -------
    Table of the schema :data:`SITES`
        ``position``: genomic, 0-based, the exon's base beside the intron. ``site_type``: ``"donor"`` or ``"acceptor"``.
        ``gene`` and ``transcript``: rows of the annotation's tables. A site of several transcripts has several rows.
        Sorted by gene, position, site_type, transcript.
    """
    table = introns(annotation)
    transcript = numbers(table, "transcript")
    gene = numbers(annotation.transcripts, "gene")[transcript]
    minus = pc.equal(annotation.genes.column("strand"), "-").to_numpy()[gene]
    left, right = numbers(table, "start") - 1, numbers(table, "end")
    position = np.concatenate([left, right])
    kind = np.concatenate([np.where(minus, ACCEPTOR, DONOR), np.where(minus, DONOR, ACCEPTOR)])
    gene, transcript = np.tile(gene, 2), np.tile(transcript, 2)
    order = np.lexsort((transcript, kind, position, gene))
    rows = pa.array(gene[order])
    return pa.table(
        {
            "contig": annotation.genes.column("contig").take(rows),
            "position": position[order],
            "strand": annotation.genes.column("strand").take(rows),
            "site_type": _TYPES.take(pa.array(kind[order])),
            "gene": rows,
            "transcript": transcript[order],
        },
        schema=SITES,
    )


class SiteIndex:
    """Labels of genes from the annotated splice sites.

    Parameters
    ----------
    annotation
        The annotation that the genes come from; bound.

    Attributes
    ----------
    sites
        Table of :func:`splice_sites`.
    """

    def __init__(self, annotation: Annotation) -> None:
        self.sites = splice_sites(annotation)
        self._gene = numbers(self.sites, "gene")
        self._position = numbers(self.sites, "position")
        self._donor: _Bools = pc.equal(self.sites.column("site_type"), "donor").to_numpy()
        self._tracks = self._strand_tracks()

    @property
    def n_ambiguous(self) -> int:
        """Number of (gene, position) that are both acceptor and donor, usually exons of one base."""
        donors = self._keys(self._donor)
        return len(np.intersect1d(donors, self._keys(~self._donor)))

    def site_masks(self, gene: Gene, *, scope: Literal["gene", "strand"] = "gene") -> tuple[_Bools, _Bools]:
        """Where a gene has splice sites.

        Parameters
        ----------
        gene
            A gene of the annotation.
        scope
            ``"gene"``: sites of this gene's transcripts; ``"strand"``: also of genes that overlap it on its strand.

        Returns
        -------
        acceptor, donor : bool, shape (gene.length,)
            In transcript orientation.
        """
        if scope == "strand":
            return self._strand_mask(gene, donor=False), self._strand_mask(gene, donor=True)
        low, high = np.searchsorted(self._gene, (gene.index, gene.index + 1))
        acceptor_mask, donor_mask = np.zeros((2, gene.length), dtype=np.bool_)
        relative, is_donor = gene.to_relative(self._position[low:high]), self._donor[low:high]
        acceptor_mask[relative[~is_donor]] = True
        donor_mask[relative[is_donor]] = True
        return acceptor_mask, donor_mask

    def labels(self, gene: Gene, *, scope: Literal["gene", "strand"] = "gene") -> npt.NDArray[np.uint8]:
        """Label of every position of a gene.

        A position that is both (:attr:`n_ambiguous`) is labelled donor; use :meth:`site_masks` where that matters.

        Returns
        -------
        uint8, shape (gene.length,)
            0 neither, 1 acceptor, 2 donor; in transcript orientation.
        """
        acceptor, donor = self.site_masks(gene, scope=scope)
        labels = acceptor.astype(np.uint8)
        labels[donor] = DONOR
        return labels

    def _keys(self, chosen: _Bools) -> npt.NDArray[np.int64]:
        return np.unique(self._gene[chosen].astype(np.int64) << 40 | self._position[chosen])

    def _strand_mask(self, gene: Gene, *, donor: bool) -> _Bools:
        mask = np.zeros(gene.length, dtype=np.bool_)
        positions = self._tracks.get((gene.contig, gene.strand, donor))
        if positions is not None:
            low, high = np.searchsorted(positions, (gene.start, gene.end))
            mask[gene.to_relative(positions[low:high])] = True
        return mask

    def _strand_tracks(self) -> dict[tuple[str, str, bool], _Ints]:
        """Sorted positions, each once, of the sites of each contig, strand and type."""
        contigs: Any = self.sites.column("contig").combine_chunks().dictionary_encode()
        minus = pc.equal(self.sites.column("strand"), "-").to_numpy()
        codes = contigs.indices.to_numpy()
        tracks = {}
        for code, contig in enumerate(contigs.dictionary.to_pylist()):
            for strand in ("+", "-"):
                for donor in (False, True):
                    chosen = (codes == code) & (minus == (strand == "-")) & (self._donor == donor)
                    tracks[contig, strand, donor] = np.unique(self._position[chosen])
        return tracks


def motifs(reference: Reference, sites: pa.Table) -> pa.Table:
    """Dinucleotides of the introns beside splice sites: first two bases for donors, last two for acceptors.

    Parameters
    ----------
    reference
        The genome.
    sites
        Table of :func:`splice_sites`; a site that occurs several times counts once.

    Returns
    -------
    Table of the schema :data:`MOTIFS`
        ``motif``: two letters, 5' to 3' on the site's strand; ``share``: of the sites of that strand and type. Sorted
        by strand, site_type, falling count.
    """
    unique = sites.group_by(["contig", "position", "strand", "site_type"]).aggregate([])
    columns = (unique.column(name).to_pylist() for name in ("contig", "position", "strand", "site_type"))
    found = Counter(
        (strand, site_type, _motif(reference, contig, position, strand, site_type))
        for contig, position, strand, site_type in zip(*columns, strict=True)
    )
    totals: Counter[tuple[str, str]] = Counter()
    for (strand, site_type, _), count in found.items():
        totals[strand, site_type] += count
    rows = [
        {"strand": strand, "site_type": kind, "motif": motif, "count": count, "share": count / totals[strand, kind]}
        for (strand, kind, motif), count in found.items()
    ]
    rows.sort(key=lambda row: (row["strand"], row["site_type"], -row["count"], row["motif"]))
    return pa.Table.from_pylist(rows, schema=MOTIFS)


def _motif(reference: Reference, contig: str, position: int, strand: str, site_type: str) -> str:
    after = (site_type == "donor") == (strand == "+")
    start = position + 1 if after else position - 2
    return decode(reference.fetch_oriented(contig, start, start + 2, strand))
