"""Every small variant of a stretch of the genome, made as it is read: a VCF that lies nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore.artifacts.store import digest
from splicecore.genome.encoding import decode
from splicecore.genome.reference import Reference
from splicecore.variants.vcf import VcfRecord, VcfSource

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Saturation", "SaturationSource", "Span", "merged_spans"]

_BASES = "ACGT"
_CHUNK = 1 << 14


@attrs.frozen(order=False)
class Span:
    """A stretch of a contig (the reference's own name): genomic, 0-based, half-open."""

    contig: str
    start: int
    end: int


def merged_spans(spans: list[Span], reference: Reference) -> tuple[Span, ...]:
    """Sort spans in the order of the genome, and join those that overlap or touch."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: (reference.contigs.order(one.contig), one.start, one.end)):
        if merged and merged[-1].contig == span.contig and span.start <= merged[-1].end:
            merged[-1] = attrs.evolve(merged[-1], end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


@attrs.frozen(kw_only=True)
class Saturation:
    """Which alleles are made.

    Attributes
    ----------
    spans
        Where POS lies; sorted, without overlap.
    snvs
        The three substitutions of every base.
    insertions
        Insertions of one base.
    deletions
        Deletions of 1 to this number of bases.
    """

    spans: tuple[Span, ...]
    snvs: bool = True
    insertions: bool = False
    deletions: int = 0

    def describe(self) -> dict[str, Any]:
        """Return what decides the alleles, but for the genome; JSON-able."""
        return attrs.asdict(self)

    @property
    def content(self) -> str:
        """Digest (hex) of that."""
        return digest(["saturation", self.describe()])

    def alleles(self, letters: str, at: int) -> Iterator[tuple[str, str]]:
        """Yield REF and ALT of the alleles of one position.

        Insertions and deletions are as far left as they go, so that each change is made once: the base that is
        inserted, or the last one deleted, is another than the base before.

        Parameters
        ----------
        letters
            Of the plus strand, upper case.
        at
            Index of the position's base. What is no A, C, G or T has no alleles and is not deleted.
        """
        base = letters[at]
        if base not in _BASES:
            return
        others = [other for other in _BASES if other != base]
        if self.snvs:
            for other in others:
                yield base, other
        if self.insertions:
            for other in others:
                yield base, base + other
        for length in range(1, self.deletions + 1):
            deleted = letters[at + 1 : at + 1 + length]
            if len(deleted) < length or deleted[-1] not in _BASES:
                return
            if deleted[-1] != base:
                yield base + deleted, base


@attrs.frozen(eq=False, kw_only=True)
class SaturationSource(VcfSource):
    """The records of a saturation, one for each allele, by rising position; made anew each time they are asked for."""

    saturation: Saturation
    reference: Reference

    @classmethod
    def of(cls, saturation: Saturation, reference: Reference) -> SaturationSource:
        """Make the source; the reference stays open."""
        contigs = dict.fromkeys(span.contig for span in saturation.spans)
        lines = [
            "##fileformat=VCFv4.3",
            f"##source=splicecore saturate {splicecore.__version__}",
            *(f"##contig=<ID={name},length={reference.contigs.length(name)}>" for name in contigs),
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
        ]
        header = tuple(line.encode() for line in lines)
        return cls(
            path=Path(), kind="text", compressed=False, header=header, name="the saturation",
            saturation=saturation, reference=reference,
        )  # fmt: skip

    def records(self) -> Iterator[VcfRecord]:
        """Yield the records."""
        for number, (contig, position, ref, alt) in enumerate(self._alleles()):
            line = f"{contig}\t{position + 1}\t.\t{ref}\t{alt}\t.\t.\t.".encode()
            yield VcfRecord(number, contig, position, ref, (alt,), line)

    def _alleles(self) -> Iterator[tuple[str, int, str, str]]:
        ahead = self.saturation.deletions
        for span in self.saturation.spans:
            length = self.reference.contigs.length(span.contig)
            for start in range(span.start, span.end, _CHUNK):
                end = min(start + _CHUNK, span.end)
                letters = decode(self.reference.fetch(span.contig, start, min(end + ahead, length)))
                for at in range(end - start):
                    for ref, alt in self.saturation.alleles(letters, at):
                        yield span.contig, start + at, ref, alt
