"""How many annotated sites and introns have the motifs of splicing: GT-AG, GC-AG and AT-AC, by strand and type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.genome.arrow import codes_of, numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["INTRON_MOTIFS", "SITE_MOTIFS", "MotifCounts", "intron_motifs", "site_motifs"]

SITE_MOTIFS: Mapping[str, tuple[str, ...]] = {"acceptor": ("AG", "AC"), "donor": ("GT", "GC", "AT")}
"""Motifs of each type of site, first the usual one."""

INTRON_MOTIFS: tuple[str, ...] = ("GT-AG", "GC-AG", "AT-AC")
"""Motifs of introns: of the major spliceosome, its variant, and the minor spliceosome's."""

_Ints = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True)
class MotifCounts:
    """Motifs of the sites of one strand and type, or of the introns of one strand.

    Attributes
    ----------
    strand
        ``"+"`` or ``"-"``.
    subject
        ``"acceptor"``, ``"donor"`` or ``"intron"``.
    total
        Sites or introns, each once, however many transcripts share it.
    known
        Those of them whose bases beside the exons are all known (not N).
    counts
        How many of the known ones have each motif of splicing, the usual one first.
    """

    strand: str
    subject: str
    total: int
    known: int
    counts: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of the known ones that have any of the motifs; NaN if none is known."""
        return sum(self.counts.values()) / self.known if self.known else float("nan")

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values; a share of nothing is None."""
        return {**attrs.asdict(self), "counts": dict(self.counts), "share": self.share if self.known else None}


def site_motifs(sites: pa.Table) -> tuple[MotifCounts, ...]:
    """Count the motifs of splice sites.

    Parameters
    ----------
    sites
        Columns contig, strand, position (0-based, exon side), site_type and motif (first two bases of the intron for
        donors, last two for acceptors, 5' to 3') of the dataset ``splice_sites``.

    Returns
    -------
    One for each strand and type: ``+`` acceptor, ``+`` donor, ``-`` acceptor, ``-`` donor.
    """
    contig, _ = codes_of(sites, "contig")
    minus, donor = _equal(sites, "strand", "-"), _equal(sites, "site_type", "donor")
    keys = (contig * 4 + minus * 2 + donor) << 40 | numbers(sites, "position")
    _, once = np.unique(keys, return_index=True)
    motif, words = codes_of(sites, "motif")
    return tuple(
        _count(
            strand,
            subject,
            motif[once[(minus[once] == (strand == "-")) & (donor[once] == (subject == "donor"))]],
            words,
            SITE_MOTIFS[subject],
        )
        for strand in "+-"
        for subject in SITE_MOTIFS
    )


def intron_motifs(sites: pa.Table) -> tuple[MotifCounts, ...]:
    """Count the motifs of introns, such as GT-AG.

    Parameters
    ----------
    sites
        As for :func:`site_motifs`, with the column transcript: every intron is a donor and an acceptor that follow each
        other in a transcript.

    Returns
    -------
    One for each strand.
    """
    transcript, position = numbers(sites, "transcript").astype(np.int64), numbers(sites, "position")
    order = np.lexsort((_equal(sites, "site_type", "donor") ^ _equal(sites, "strand", "-"), position, transcript))
    left, right = order[0::2], order[1::2]
    contig, _ = codes_of(sites, "contig")
    minus = _equal(sites, "strand", "-")[left]
    spans = np.stack([contig[left] * 2 + minus, position[left], position[right]])
    once = _first_of_each(spans)
    left, right, minus = left[once], right[once], minus[once]
    motif, words = codes_of(sites, "motif")
    donor, acceptor = np.where(minus == 1, right, left), np.where(minus == 1, left, right)
    pair = motif[donor] * len(words) + motif[acceptor]
    names = [f"{five}-{three}" for five in words for three in words]
    return tuple(_count(strand, "intron", pair[minus == (strand == "-")], names, INTRON_MOTIFS) for strand in "+-")


def _count(strand: str, subject: str, codes: _Ints, words: list[str], motifs: tuple[str, ...]) -> MotifCounts:
    found = np.bincount(codes, minlength=len(words)).tolist()
    by_word = dict(zip(words, found, strict=True))
    known = sum(count for word, count in by_word.items() if "N" not in word)
    counts = {motif: by_word.get(motif, 0) for motif in motifs}
    return MotifCounts(strand=strand, subject=subject, total=len(codes), known=known, counts=counts)


def _first_of_each(columns: _Ints) -> _Ints:
    """Index of the first occurrence of every distinct column vector."""
    order = np.lexsort(columns[::-1])
    ordered = columns[:, order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    return np.sort(order[new])


def _equal(table: pa.Table, name: str, value: str) -> _Ints:
    codes, words = codes_of(table, name)
    return np.array([word == value for word in words], dtype=np.int64)[codes]
