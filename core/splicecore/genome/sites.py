"""Annotated splice sites, on the exon's side: donor = last base of an exon, acceptor = first base, on either strand.

The ends of a transcript are no splice sites. Exons that touch or overlap have no intron between them and give no sites.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import codes_of, numbers, schema
from splicecore.genome.arrow import compute as pc
from splicecore.genome.dinucleotides import WORDS, dinucleotides

if TYPE_CHECKING:
    from splicecore.genome.annotation import Annotation
    from splicecore.genome.genes import Gene
    from splicecore.genome.reference import Reference

__all__ = [
    "ACCEPTOR",
    "DONOR",
    "MOTIFS",
    "SITES",
    "SiteIndex",
    "count_motifs",
    "introns",
    "motifs",
    "sites_with_exons",
    "splice_sites",
]

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

_POSITION_BITS = 40

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
    rows = _before_introns(annotation)
    transcript, start, end = (numbers(annotation.exons, name) for name in ("transcript", "start", "end"))
    return pa.table({"transcript": transcript[rows].astype(np.int32), "start": end[rows], "end": start[rows + 1]})


def _before_introns(annotation: Annotation) -> _Ints:
    """Rows of the exons that an intron follows in genomic order; the next row is the exon on its other side."""
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
    return np.flatnonzero(same & (gap > 0))


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
    return sites_with_exons(annotation)[0]


def sites_with_exons(annotation: Annotation) -> tuple[pa.Table, _Ints]:
    """Return the table of :func:`splice_sites` and, for each row, the row of the exon that the site belongs to.

    Returns
    -------
    table, exon
        ``exon``: int64, shape (rows,), rows of ``annotation.exons``.
    """
    left = _before_introns(annotation)
    exon = np.concatenate([left, left + 1])
    transcript = numbers(annotation.exons, "transcript")[exon]
    gene = numbers(annotation.transcripts, "gene")[transcript]
    minus = pc.equal(annotation.genes.column("strand"), "-").to_numpy()[gene]
    on_left = np.arange(len(exon)) < len(left)
    position = np.where(on_left, numbers(annotation.exons, "end")[exon] - 1, numbers(annotation.exons, "start")[exon])
    kind: Any = np.where(on_left == minus, ACCEPTOR, DONOR)
    order = np.lexsort((transcript, kind, position, gene))
    rows: Any = pa.array(gene[order])
    table = {
        "contig": annotation.genes.column("contig").take(rows),
        "position": position[order],
        "strand": annotation.genes.column("strand").take(rows),
        "site_type": _TYPES.take(pa.array(kind[order])),
        "gene": rows,
        "transcript": transcript[order],
    }
    return pa.table(table, schema=SITES), exon[order]


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

    sites: pa.Table

    def __init__(self, annotation: Annotation) -> None:
        self._load(splice_sites(annotation))

    @classmethod
    def of_table(cls, sites: pa.Table) -> Self:
        """Make the index of a table of sites, without their annotation.

        Parameters
        ----------
        sites
            Columns of :data:`SITES` in the order of :func:`splice_sites`; strings may be dictionary-encoded.
        """
        index = cls.__new__(cls)
        index._load(sites)  # noqa: SLF001 - its own
        return index

    def _load(self, sites: pa.Table) -> None:
        self.sites = sites
        self._gene: npt.NDArray[np.int32] = numbers(sites, "gene")
        self._position: _Ints = numbers(sites, "position")
        self._donor: _Bools = pc.equal(sites.column("site_type"), "donor").to_numpy()

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
        return np.unique(self._gene[chosen].astype(np.int64) << _POSITION_BITS | self._position[chosen])

    def _strand_mask(self, gene: Gene, *, donor: bool) -> _Bools:
        mask = np.zeros(gene.length, dtype=np.bool_)
        positions = self._tracks.get((gene.contig, gene.strand, donor))
        if positions is not None:
            low, high = np.searchsorted(positions, (gene.start, gene.end))
            mask[gene.to_relative(positions[low:high])] = True
        return mask

    @functools.cached_property
    def _tracks(self) -> dict[tuple[str, str, bool], _Ints]:
        """Sorted positions, each once, of the sites of each contig, strand and type."""
        contig, contigs = codes_of(self.sites, "contig")
        minus = pc.equal(self.sites.column("strand"), "-").to_numpy()
        group = contig * 4 + minus * 2 + self._donor
        keys = np.unique(group << _POSITION_BITS | self._position)
        ends = np.searchsorted(keys, np.arange(4 * len(contigs) + 1) << _POSITION_BITS)
        positions = keys & ((1 << _POSITION_BITS) - 1)
        tracks = np.split(positions, ends[1:-1])
        groups = [(name, strand, donor) for name in contigs for strand in ("+", "-") for donor in (False, True)]
        return dict(zip(groups, tracks, strict=True)) if groups else {}


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
    return count_motifs(sites, dinucleotides(reference, sites))


def count_motifs(sites: pa.Table, codes: npt.NDArray[np.integer[Any]]) -> pa.Table:
    """Count the motifs of sites whose dinucleotides are known already; each site once.

    Parameters
    ----------
    sites
        As for :func:`motifs`.
    codes
        Integers, shape (rows,): what :func:`~splicecore.genome.dinucleotides.dinucleotides` gave for them.

    Returns
    -------
    As :func:`motifs`.
    """
    contig, _ = codes_of(sites, "contig")
    minus, donor = (
        pc.equal(sites.column(name), word).to_numpy() for name, word in (("strand", "-"), ("site_type", "donor"))
    )
    group = minus * 2 + donor.astype(np.int64)
    _, first = np.unique((contig * 4 + group) << _POSITION_BITS | numbers(sites, "position"), return_index=True)
    counts = np.bincount(group[first] * len(WORDS) + codes[first], minlength=4 * len(WORDS)).reshape(4, len(WORDS))
    rows = [
        {
            "strand": "-" if kind & 2 else "+",
            "site_type": "donor" if kind & 1 else "acceptor",
            "motif": WORDS[code],
            "count": int(counts[kind, code]),
            "share": float(counts[kind, code] / counts[kind].sum()),
        }
        for kind in range(4)
        for code in sorted(np.flatnonzero(counts[kind]), key=lambda code: (-counts[kind, code], WORDS[code]))
    ]
    return pa.Table.from_pylist(rows, schema=MOTIFS)
