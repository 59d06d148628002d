"""Tables of genes, transcripts, exons, splice sites and junctions, computed from a bound annotation.

Everything is a pure function of the annotation and, for motifs, of the genome; rows are never looped over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import codes_of, numbers
from splicecore.genome.dinucleotides import WORDS, dinucleotides
from splicecore.genome.sites import count_motifs, introns, sites_with_exons
from splicecore.resources.labels import encoded, label_rows
from splicecore.resources.overlaps import overlap_pairs
from splicecore.resources.schemas import SCHEMAS

if TYPE_CHECKING:
    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.reference import Reference

__all__ = [
    "ExonLengths",
    "exon_features",
    "exon_numbers",
    "gene_features",
    "junctions",
    "splice_site_table",
    "transcript_features",
]

_Ints = npt.NDArray[np.int64]
_POSITION_BITS = 40


@attrs.frozen(eq=False)
class ExonLengths:
    """Lengths of the exons of groups (transcripts, or genes); arrays of shape (groups,).

    Attributes
    ----------
    count
        Distinct exons.
    mean, median
        Of their lengths in bases, float64; NaN without exons.
    exonic
        Bases in at least one exon.
    intronic
        Bases from the first exon to the last that are in none.
    """

    count: _Ints
    mean: npt.NDArray[np.float64]
    median: npt.NDArray[np.float64]
    exonic: _Ints
    intronic: _Ints

    @classmethod
    def of(cls, group: _Ints, start: _Ints, end: _Ints, groups: int) -> ExonLengths:
        """Compute them.

        Parameters
        ----------
        group
            Group of each exon, int64, shape (exons,), 0 to ``groups`` - 1.
        start, end
            Of each exon, 0-based, half-open; an exon that a group has twice counts once.
        groups
            Number of groups.
        """
        order = np.lexsort((end, start, group))
        group, start, end = group[order], start[order], end[order]
        new = np.ones(len(group), dtype=np.bool_)
        new[1:] = (np.diff(group) != 0) | (np.diff(start) != 0) | (np.diff(end) != 0)
        group, start, end = group[new], start[new], end[new]
        count = np.bincount(group, minlength=groups)
        covered, span = _covered(group, start, end, groups)
        with np.errstate(invalid="ignore"):
            mean = _sums(group, end - start, groups) / count
        return cls(count, mean, _medians(group, end - start, count), covered, span - covered)

    def columns(self) -> dict[str, Any]:
        """Columns of the feature tables."""
        return {
            "num_exons": self.count.astype(np.int32),
            "avg_exon_length": pa.array(self.mean, mask=self.count == 0),
            "median_exon_length": pa.array(self.median, mask=self.count == 0),
            "total_exon_length": self.exonic,
            "total_intron_length": self.intronic,
        }


def _sums(group: _Ints, values: _Ints, groups: int) -> _Ints:
    """Sum of each group's values; exact in float64 below 2**53."""
    return np.bincount(group, weights=values, minlength=groups).astype(np.int64)


def _covered(group: _Ints, start: _Ints, end: _Ints, groups: int) -> tuple[_Ints, _Ints]:
    """Bases that each group's intervals (sorted by group and start) cover, and from its first base to its last."""
    base = group << _POSITION_BITS
    reach = np.maximum.accumulate(base | end)
    first = np.ones(len(group), dtype=np.bool_)
    first[1:] = np.diff(group) != 0
    before = np.where(first, base | start, np.concatenate([[0], reach[:-1]])[: len(group)])
    fresh = np.maximum((base | end) - np.maximum(base | start, before), 0)
    span = np.zeros(groups, dtype=np.int64)
    last = np.concatenate([first[1:], [True]])[: len(group)]
    span[group[first]] = (reach - base)[last] - start[first]
    return _sums(group, fresh, groups), span


def _medians(group: _Ints, values: _Ints, count: _Ints) -> npt.NDArray[np.float64]:
    """Median of each group's values; NaN for an empty group."""
    ordered = np.append(values[np.lexsort((values, group))], 0).astype(np.float64)
    first = np.cumsum(count) - count
    low, high = (np.minimum(first + np.maximum(at, 0), len(values)) for at in ((count - 1) // 2, count // 2))
    middle: npt.NDArray[np.float64] = (ordered[low] + ordered[high]) / 2
    return np.where(count == 0, np.nan, middle)


def exon_numbers(annotation: BoundAnnotation) -> npt.NDArray[np.int32]:
    """Rank of every exon in its transcript, 1 at the 5' end: int32, shape (exons,)."""
    transcript = numbers(annotation.exons, "transcript").astype(np.int64)
    count = np.bincount(transcript, minlength=len(annotation.transcripts))
    rank = np.arange(len(transcript)) - (np.cumsum(count) - count)[transcript]
    minus = _minus(annotation)[numbers(annotation.transcripts, "gene")[transcript]]
    return np.where(minus, count[transcript] - rank, rank + 1).astype(np.int32)


def _minus(annotation: BoundAnnotation) -> npt.NDArray[np.bool_]:
    """Whether each gene is on the minus strand."""
    codes, words = codes_of(annotation.genes, "strand")
    return np.array([word == "-" for word in words], dtype=np.bool_)[codes]


def gene_features(annotation: BoundAnnotation, sites: pa.Table) -> pa.Table:
    """Table of the schema ``gene_features``.

    Parameters
    ----------
    annotation
        Bound.
    sites
        Its splice sites.
    """
    genes, count = annotation.genes, len(annotation.genes)
    rows = np.arange(count)
    transcript_gene = numbers(annotation.transcripts, "gene").astype(np.int64)
    gene = transcript_gene[numbers(annotation.exons, "transcript")]
    start, end = numbers(genes, "start"), numbers(genes, "end")
    exons = ExonLengths.of(gene, numbers(annotation.exons, "start"), numbers(annotation.exons, "end"), count)
    columns = {
        "gene_id": genes.column("gene_id"),
        "gene_name": genes.column("gene_name"),
        "gene_biotype": label_rows(genes, "gene_biotype", rows),
        "contig": label_rows(genes, "contig", rows),
        "strand": label_rows(genes, "strand", rows),
        "start": start,
        "end": end,
        "gene_length": end - start,
        "num_transcripts": np.bincount(transcript_gene, minlength=count).astype(np.int32),
        **exons.columns(),
        "n_splice_sites": _distinct_sites(sites, count).astype(np.int32),
        "num_overlaps": np.bincount(np.concatenate(overlap_pairs(annotation)), minlength=count).astype(np.int32),
    }
    return pa.table(columns, schema=SCHEMAS["gene_features"].arrow())


def _distinct_sites(sites: pa.Table, genes: int) -> _Ints:
    """Distinct (position, type) of each gene's sites, which are sorted by gene, position and type."""
    gene, position = numbers(sites, "gene").astype(np.int64), numbers(sites, "position")
    kind, _ = codes_of(sites, "site_type")
    new = np.ones(len(gene), dtype=np.bool_)
    new[1:] = (np.diff(gene) != 0) | (np.diff(position) != 0) | (np.diff(kind) != 0)
    return np.bincount(gene[new], minlength=genes)


def transcript_features(annotation: BoundAnnotation) -> pa.Table:
    """Table of the schema ``transcript_features``."""
    transcripts, genes = annotation.transcripts, annotation.genes
    rows = np.arange(len(transcripts))
    gene = numbers(transcripts, "gene")
    start, end = numbers(transcripts, "start"), numbers(transcripts, "end")
    transcript = numbers(annotation.exons, "transcript").astype(np.int64)
    exons = ExonLengths.of(
        transcript, numbers(annotation.exons, "start"), numbers(annotation.exons, "end"), len(transcripts)
    )
    columns = {
        "transcript_id": transcripts.column("transcript_id"),
        "gene_id": label_rows(genes, "gene_id", gene),
        "gene": gene,
        "contig": label_rows(genes, "contig", gene),
        "strand": label_rows(genes, "strand", gene),
        "start": start,
        "end": end,
        "biotype": label_rows(transcripts, "biotype", rows),
        "tags": transcripts.column("tags"),
        "transcript_length": end - start,
        **exons.columns(),
    }
    return pa.table(columns, schema=SCHEMAS["transcript_features"].arrow())


def exon_features(annotation: BoundAnnotation) -> pa.Table:
    """Table of the schema ``exon_features``."""
    exons, genes = annotation.exons, annotation.genes
    transcript = numbers(exons, "transcript")
    gene = numbers(annotation.transcripts, "gene")[transcript]
    start, end = numbers(exons, "start"), numbers(exons, "end")
    columns = {
        "transcript": transcript,
        "gene_id": label_rows(genes, "gene_id", gene),
        "transcript_id": label_rows(annotation.transcripts, "transcript_id", transcript),
        "exon_number": exon_numbers(annotation),
        "exon_length": end - start,
        "start": start,
        "end": end,
        "contig": label_rows(genes, "contig", gene),
        "strand": label_rows(genes, "strand", gene),
    }
    return pa.table(columns, schema=SCHEMAS["exon_features"].arrow())


def splice_site_table(annotation: BoundAnnotation, reference: Reference) -> tuple[pa.Table, pa.Table]:
    """Table of the schema ``splice_sites``, and the counts of motifs of its distinct sites.

    Returns
    -------
    sites, motifs
        ``motifs`` has the schema :data:`~splicecore.genome.sites.MOTIFS`.
    """
    genes, transcripts = annotation.genes, annotation.transcripts
    sites, exon = sites_with_exons(annotation)
    gene, transcript = numbers(sites, "gene"), numbers(sites, "transcript")
    codes = dinucleotides(reference, sites)
    columns = {
        "contig": label_rows(genes, "contig", gene),
        "position": sites.column("position"),
        "strand": label_rows(genes, "strand", gene),
        "site_type": encoded(*codes_of(sites, "site_type")),
        "gene": sites.column("gene"),
        "transcript": sites.column("transcript"),
        "gene_id": label_rows(genes, "gene_id", gene),
        "transcript_id": label_rows(transcripts, "transcript_id", transcript),
        "gene_name": label_rows(genes, "gene_name", gene),
        "gene_biotype": label_rows(genes, "gene_biotype", gene),
        "transcript_biotype": label_rows(transcripts, "biotype", transcript),
        "exon_number": exon_numbers(annotation)[exon],
        "motif": encoded(codes, WORDS),
    }
    return pa.table(columns, schema=SCHEMAS["splice_sites"].arrow()), count_motifs(sites, codes)


def junctions(annotation: BoundAnnotation) -> pa.Table:
    """Table of the schema ``junctions``."""
    genes, transcripts = annotation.genes, annotation.transcripts
    table = introns(annotation)
    transcript, start, end = (numbers(table, name) for name in ("transcript", "start", "end"))
    gene = numbers(transcripts, "gene")[transcript]
    minus = _minus(annotation)[gene]
    left, right = start - 1, end
    columns = {
        "contig": label_rows(genes, "contig", gene),
        "strand": label_rows(genes, "strand", gene),
        "donor_position": np.where(minus, right, left),
        "acceptor_position": np.where(minus, left, right),
        "intron_length": end - start,
        "gene": gene,
        "transcript": transcript,
        "gene_id": label_rows(genes, "gene_id", gene),
        "transcript_id": label_rows(transcripts, "transcript_id", transcript),
    }
    return pa.table(columns, schema=SCHEMAS["junctions"].arrow())
