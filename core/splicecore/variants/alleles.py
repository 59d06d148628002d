"""Alleles: what can be scored, why the rest cannot, and one form for all records of the same change."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

from splicecore.genome.encoding import decode, encode
from splicecore.variants.transcripts import Transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.genome.reference import Reference
    from splicecore.variants.rules import VariantRules

__all__ = ["Job", "Unscored", "Variant", "normalise", "read_alt", "screen"]

_BASES = frozenset("ACGTUNRYSWKMBDHVacgtunryswkmbdhv")
_BLOCK = 256


@attrs.frozen
class Variant:
    """One allele of one record.

    Attributes
    ----------
    contig
        Any name of the contig.
    position
        Genomic, 0-based: of the first base of REF.
    ref, alt
        As in the record, plus strand.
    """

    contig: str
    position: int
    ref: str
    alt: str

    def __str__(self) -> str:
        return f"{self.contig}:{self.position + 1} {self.ref}>{self.alt}"


@attrs.frozen
class Job:
    """An allele to be scored in a transcript; ``transcript`` None: no gene is there, and the result says so."""

    variant: Variant
    transcript: Transcript | None


class Unscored(StrEnum):
    """Why an allele has no scores. The values are for machines; they never change."""

    MISSING_ALT = "missing_alt"
    """ALT is ``.`` or empty."""
    STAR = "star"
    """ALT has a ``*``: the base is gone with a deletion of another record."""
    SYMBOLIC_ALT = "symbolic_alt"
    """ALT is symbolic, such as ``<DEL>``."""
    BREAKEND = "breakend"
    """ALT is a breakend: with brackets, or with a dot at one end."""
    NOT_BASES = "not_bases"
    """ALT has letters that are no bases (IUPAC letters are: the model sees N)."""
    NO_GENE = "no_gene"
    """No transcript has POS inside."""
    UNKNOWN_CONTIG = "unknown_contig"
    """The reference does not have the contig."""
    REF_MISMATCH = "ref_mismatch"
    """REF is not what the reference has there, or is not in upper case."""
    OFF_CONTIG = "off_contig"
    """The window reaches beyond an end of the contig."""
    TOO_LONG = "too_long"
    """REF is longer than twice the distance, or than the longest that is scored."""
    MNV_NOT_SCORED = "mnv_not_scored"
    """REF and ALT both have several bases. SpliceAI writes a field of dots."""
    BEYOND_GENE = "beyond_gene"
    """REF reaches beyond the gene, and a meta-model scores genes only."""


def read_alt(alt: str) -> Unscored | None:
    """Say why an ALT cannot be scored whatever its place; None if it is bases."""
    if alt in ("", "."):
        return Unscored.MISSING_ALT
    if "[" in alt or "]" in alt or alt[0] == "." or alt[-1] == ".":
        return Unscored.BREAKEND
    if "<" in alt or ">" in alt:
        return Unscored.SYMBOLIC_ALT
    if "*" in alt:
        return Unscored.STAR
    return None if _BASES.issuperset(alt) else Unscored.NOT_BASES


def screen(
    variant: Variant, reference: Reference, rules: VariantRules, context: tuple[int, int] | None = None
) -> Unscored | None:
    """Say why an allele cannot be scored where it is; None if it can.

    Parameters
    ----------
    variant
        With an ALT that :func:`read_alt` has nothing against.
    reference
        The genome.
    rules
        What is scored.
    context
        Bases below and above a position, genomic, that the model sees; None not to look at the contig's ends.
    """
    contig = reference.contigs.resolve(variant.contig)
    if contig is None:
        return Unscored.UNKNOWN_CONTIG
    if not _matches(variant, reference, rules):
        return Unscored.REF_MISMATCH
    length, position = reference.contigs.length(contig), variant.position
    if context is not None and not rules.pad_ends:
        below, above = (bases + rules.distance for bases in context)
        if position - below < 0 or position + above >= length:
            return Unscored.OFF_CONTIG
    if len(variant.ref) > rules.ref_limit:
        return Unscored.TOO_LONG
    if len(variant.ref) > 1 and len(variant.alt) > 1 and not rules.score_mnv:
        return Unscored.MNV_NOT_SCORED
    return None


def _matches(variant: Variant, reference: Reference, rules: VariantRules) -> bool:
    """Whether REF is the reference's: N in the reference matches every letter that is no certain base."""
    ref = variant.ref.upper() if rules.compat == "extended" else variant.ref
    if not ref or variant.position < 0 or ref != ref.upper() or not _BASES.issuperset(ref):
        return False
    if variant.position + len(ref) > reference.contigs.length(variant.contig):
        return False
    found = reference.fetch(variant.contig, variant.position, variant.position + len(ref))
    return decode(encode(ref)) == decode(found)


def normalise(variant: Variant, reference: Reference, lowest: int = 0) -> Variant:
    """Trim an allele to its smallest form and shift it as far left as the reference allows.

    Parameters
    ----------
    variant
        Whose REF is the reference's.
    reference
        The genome.
    lowest
        Position (0-based) below which POS is not shifted, the transcript's start.

    Returns
    -------
    The variant that all records of the same change have in common, letters in upper case: REF and ALT end with
    different bases, and begin with different ones unless one of them is a single base. REF equal to ALT stays.
    """
    position, ref, alt = variant.position, variant.ref.upper(), variant.alt.upper()
    if ref == alt:
        return Variant(variant.contig, position, ref, alt)
    shortest = min(len(ref), len(alt))
    suffix = _common(reversed(ref), reversed(alt), shortest - 1)
    ref, alt = ref[: len(ref) - suffix], alt[: len(alt) - suffix]
    if len(ref) == len(alt) or min(len(ref), len(alt)) > 1:
        prefix = _common(iter(ref), iter(alt), min(len(ref), len(alt)) - 1)
        return Variant(variant.contig, position + prefix, ref[prefix:], alt[prefix:])
    deletion = len(ref) > len(alt)
    longer, anchor = (deque(ref), alt) if deletion else (deque(alt), ref)
    before = _Before(reference, variant.contig, position)
    while longer[-1] == anchor and position > lowest:
        position -= 1
        anchor = before.base(position)
        longer.pop()
        longer.appendleft(anchor)
    word = "".join(longer)
    return Variant(variant.contig, position, *((word, anchor) if deletion else (anchor, word)))


def _common(left: Iterator[str], right: Iterator[str], limit: int) -> int:
    """Count the letters that two words have in common from where they begin, up to a limit."""
    count = 0
    while count < limit and next(left) == next(right):
        count += 1
    return count


class _Before:
    """Bases before a position, read in blocks as they are asked for."""

    def __init__(self, reference: Reference, contig: str, position: int) -> None:
        self._reference, self._contig = reference, contig
        self._start, self._letters = position, ""

    def base(self, position: int) -> str:
        if position < self._start:
            start = max(position + 1 - _BLOCK, 0)
            self._letters = decode(self._reference.fetch(self._contig, start, position + 1))
            self._start = start
        return self._letters[position - self._start]
