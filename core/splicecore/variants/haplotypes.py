"""Haplotypes: several variants in cis as one allele; and sequences that are in no genome."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.errors import InputError
from splicecore.genome.build import Build
from splicecore.genome.contigs import Contigs
from splicecore.genome.encoding import decode
from splicecore.genome.reference import Reference
from splicecore.variants.alleles import Variant
from splicecore.variants.delta import AlignedTracks, DeltaScores, align
from splicecore.variants.rules import VariantRules
from splicecore.variants.transcripts import Transcript

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.plugins.protocols import Scores

__all__ = ["Haplotype", "HaplotypeResult", "SequenceReference"]


@attrs.frozen(kw_only=True)
class Haplotype:
    """Variants on one copy of the chromosome.

    Attributes
    ----------
    variants
        By position; they do not overlap.
    merged
        All of them, and the bases between them, as one allele.
    """

    variants: tuple[Variant, ...]
    merged: Variant

    @classmethod
    def of(cls, variants: Sequence[Variant], reference: Reference, longest: int) -> Haplotype:
        """Merge variants whose REF is the reference's.

        Raises
        ------
        InputError
            If there are none, they are on several contigs, overlap, or span more than ``longest`` bases.
        """
        if not variants:
            raise InputError("a haplotype needs at least one variant")
        chosen = sorted(variants, key=lambda variant: variant.position)
        first, last = chosen[0], chosen[-1]
        if len({reference.contigs.resolve(variant.contig) for variant in chosen}) > 1:
            raise InputError(f"{first} and {last} are on different contigs")
        for left, right in itertools.pairwise(chosen):
            if left.position + len(left.ref) > right.position:
                raise InputError(f"{left} and {right} overlap", hint="write the two as one variant")
        end = last.position + len(last.ref)
        if end - first.position > longest:
            raise InputError(f"{first} and {last} are more than {longest:,} bases apart")
        ref = decode(reference.fetch(first.contig, first.position, end))
        pieces, at = [], first.position
        for variant in chosen:
            pieces += [ref[at - first.position : variant.position - first.position], variant.alt]
            at = variant.position + len(variant.ref)
        return cls(variants=tuple(chosen), merged=Variant(first.contig, first.position, ref, "".join(pieces)))

    def align(self, edited: Scores, distance: int) -> Scores:
        """Lay the scores of the haplotype beside the positions of the reference, each variant by itself.

        Parameters
        ----------
        edited
            float32, shape (distance + len(merged.alt) + distance, outputs), by rising genomic position.
        distance
            Bases on either side.

        Returns
        -------
        float32, shape (distance + len(merged.ref) + distance, outputs)
        """
        rules = VariantRules(distance=1, indel_alignment="max")
        pieces, taken, at = [edited[:distance]], distance, self.merged.position
        for variant in self.variants:
            between = variant.position - at
            pieces.append(edited[taken : taken + between])
            taken += between
            ref, alt = len(variant.ref), len(variant.alt)
            pieces.append(align(edited[taken - 1 : taken + alt + 1], ref, alt, rules)[1:-1])
            taken, at = taken + alt, variant.position + ref
        return np.concatenate([*pieces, edited[taken:]])


@attrs.frozen(kw_only=True)
class HaplotypeResult:
    """What scoring a haplotype in a transcript gave.

    Attributes
    ----------
    haplotype, transcript
        What was scored, and where.
    delta
        Over the whole span, with offsets from the first variant's POS.
    tracks
        Scores of REF and ALT over the span.
    """

    haplotype: Haplotype
    transcript: Transcript
    delta: DeltaScores
    tracks: AlignedTracks = attrs.field(eq=False, repr=False)


class SequenceReference(Reference):
    """Sequences at hand, such as a minigene's, in the place of a genome.

    Parameters
    ----------
    sequences
        Name -> letters of the plus strand.

    Examples
    --------
    Score a variant of a construct, all of which is one transcript; its ends are padded with N:

    >>> construct = SequenceReference({"minigene": "ACGT" * 100})
    >>> whole = Transcript("g", "g", "t", "minigene", "+", 0, 400, (0, 300), (100, 400))  # doctest: +SKIP
    >>> scorer = VariantScorer(model, construct, VariantRules(pad_ends=True))  # doctest: +SKIP
    >>> scorer.score([Job(Variant("minigene", 100, "A", "G"), whole)])  # doctest: +SKIP
    """

    def __init__(self, sequences: Mapping[str, str]) -> None:
        contigs = Contigs.from_mapping({name: len(letters) for name, letters in sequences.items()})
        super().__init__(Path(), contigs, Build.of(contigs), None)
        self._sequences = dict(sequences)

    def close(self) -> None:
        """Nothing is held."""

    def _read(self, name: str, start: int, end: int) -> str:
        return self._sequences[name][start:end]
