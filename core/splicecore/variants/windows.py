"""Where alleles are scored: tiles of a transcript, anchored to its 5' end, and the bases that the model sees there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from splicecore.genome.encoding import Codes, encode, reverse_complement
from splicecore.predict.blocks import GeneSequence

if TYPE_CHECKING:
    from splicecore.genome.reference import Reference
    from splicecore.plugins.protocols import Edit
    from splicecore.plugins.specs import BaseModelSpec
    from splicecore.variants.alleles import Variant
    from splicecore.variants.rules import VariantRules
    from splicecore.variants.transcripts import Transcript

__all__ = ["REACH", "TILE", "Change", "Window", "tile_of", "window_of"]

TILE = 16_000
"""Positions of a transcript that a tile stands for; part of every score's key.

One substitution a kilobase costs a quarter less than with 5,000, and little less with more; one that lies alone costs
more with each.
"""

REACH = 100
"""Bases by which a REF may reach beyond its tile; alleles that reach further have a window of their own."""


@attrs.frozen(eq=False)
class Change:
    """An allele in transcript orientation: ``codes`` replace the bases at offsets ``start`` to ``end``.

    Attributes
    ----------
    start, end
        0-based, half-open offsets from the transcript's 5' end; equal to or beyond its ends where REF reaches beyond.
    codes
        uint8, shape (len(ALT),), on the transcribed strand.
    """

    start: int
    end: int
    codes: Codes

    @classmethod
    def of(cls, variant: Variant, transcript: Transcript) -> Change:
        """Turn an allele into the transcript's orientation."""
        start = transcript.edit_start(variant.position, len(variant.ref))
        codes = encode(variant.alt)
        return cls(start, start + len(variant.ref), codes if transcript.strand == "+" else reverse_complement(codes))


@attrs.frozen
class Window:
    """A stretch of a transcript whose positions are scored together: a tile and what its alleles reach.

    Attributes
    ----------
    start, end
        Offsets from the transcript's 5' end, 0-based, half-open; they may lie outside the transcript.
    """

    start: int
    end: int

    def codes(self, transcript: Transcript, reference: Reference, rules: VariantRules, spec: BaseModelSpec) -> Codes:
        """Bases with the model's context, in transcript orientation, masked as the rules want it.

        Returns
        -------
        uint8, shape (left + end - start + right,)
        """
        sequence = GeneSequence(reference=reference, gene=transcript.as_gene(), flank=rules.flank)
        return sequence.codes(self.start - spec.left, self.end + spec.right)

    def edit(self, change: Change, spec: BaseModelSpec) -> Edit:
        """Express a change in indices into :meth:`codes`."""
        shift = spec.left - self.start
        return change.start + shift, change.end + shift, change.codes

    def holds(self, change: Change, distance: int) -> bool:
        """Whether all positions that the change is scored at lie inside."""
        return self.start <= change.start - distance and change.end + distance <= self.end


def tile_of(transcript: Transcript, position: int) -> int:
    """Find the tile, counted from the transcript's 5' end, that a genomic position (0-based) falls into.

    Positions outside the transcript belong to its first or last tile.
    """
    offset = transcript.edit_start(position, 1)
    return min(max(offset, 0), transcript.length - 1) // TILE


def window_of(variant: Variant, transcript: Transcript, rules: VariantRules) -> Window:
    """Find the window that an allele is scored in: its tile's, or its own if the rules say so or it reaches too far.

    It depends on the allele, the transcript and the rules alone, never on other alleles.
    """
    change = Change.of(variant, transcript)
    own = Window(change.start - rules.distance, change.end + rules.distance)
    if rules.windows == "allele":
        return own
    tile = tile_of(transcript, variant.position)
    margin = rules.distance + REACH
    window = Window(tile * TILE - margin, min((tile + 1) * TILE, transcript.length) + margin)
    return window if window.holds(change, rules.distance) else own
