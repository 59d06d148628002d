"""The scorer: alleles in transcripts, grouped by window, scored by one base model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.errors import InputError
from splicecore.variants.alleles import Job, Unscored, Variant, normalise, read_alt, screen
from splicecore.variants.delta import AlignedTracks, DeltaScores, RawScores, align, delta_scores
from splicecore.variants.full_windows import edit_scoring
from splicecore.variants.haplotypes import Haplotype, HaplotypeResult
from splicecore.variants.rules import VariantRules
from splicecore.variants.transcripts import Transcript
from splicecore.variants.windows import Change, Window, window_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.genome.reference import Reference
    from splicecore.plugins.protocols import BaseModel, Edit, Scores

__all__ = ["DELETION_LONGER_THAN_DISTANCE", "EXTENDED_WINDOW", "NORMALISED", "AlleleResult", "VariantScorer"]

DELETION_LONGER_THAN_DISTANCE = "deletion_longer_than_distance"
"""Flag: by SpliceAI's alignment, losses before POS may be none."""
NORMALISED = "normalised"
"""Flag: another form of the allele than the record's was scored."""
EXTENDED_WINDOW = "extended_window"
"""Flag: REF is longer than 2 D, so the window reaches to D bases after it."""

_POSITIONS = 1 << 22


@attrs.frozen(kw_only=True)
class AlleleResult:
    """What scoring an allele in a transcript gave.

    Attributes
    ----------
    job
        What was asked for.
    unscored
        Why there are no scores, or None.
    delta, raw
        Delta scores with their positions, and the probabilities behind them; None if unscored.
    flags
        What to know about the scores, in words for machines.
    tracks
        Scores of the whole window, if they were asked for.
    """

    job: Job
    unscored: Unscored | None = None
    delta: DeltaScores | None = None
    raw: RawScores | None = None
    flags: tuple[str, ...] = ()
    tracks: AlignedTracks | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(eq=False)
class _Placed:
    """A job that can be scored: its place in the list, the allele as scored, its flags."""

    index: int
    variant: Variant
    transcript: Transcript
    flags: tuple[str, ...]


class VariantScorer:
    """Scores alleles with one base model.

    Parameters
    ----------
    model
        Opened; stays open.
    reference
        The genome.
    rules
        How to score.

    Notes
    -----
    An allele's scores depend on the model, the genome, the transcript's span and the rules, not on what else is asked
    for.
    """

    def __init__(self, model: BaseModel, reference: Reference, rules: VariantRules | None = None) -> None:
        self.model = model
        self.reference = reference
        self.rules = rules or VariantRules()
        self._predict_edits = edit_scoring(model)

    def score(self, jobs: Sequence[Job], *, tracks: bool = False) -> list[AlleleResult]:
        """Score alleles.

        Parameters
        ----------
        jobs
            In any order; those of one transcript's neighborhood share work.
        tracks
            Also return the windows' scores.

        Returns
        -------
        One result per job, in the order given.
        """
        results: list[AlleleResult | None] = [None] * len(jobs)
        groups: dict[tuple[tuple[str, str, int, int], Window], list[_Placed]] = {}
        for index, job in enumerate(jobs):
            placed = self._place(index, job)
            if isinstance(placed, Unscored):
                results[index] = AlleleResult(job=job, unscored=placed)
            else:
                window = window_of(placed.variant, placed.transcript, self.rules)
                groups.setdefault((placed.transcript.span, window), []).append(placed)
        for (_, window), group in groups.items():
            for placed, aligned in self._score_window(window, group):
                results[placed.index] = self._result(jobs[placed.index], placed, aligned, tracks)
        return [result for result in results if result is not None]

    def score_haplotype(self, variants: Sequence[Variant], transcript: Transcript) -> HaplotypeResult:
        """Score several variants in cis as one allele.

        Parameters
        ----------
        variants
            At least one, on one contig, that do not overlap; in any order. MNVs and long deletions are taken whatever
            the rules say.
        transcript
            Whose bases and exon boundaries count.

        Returns
        -------
        REF and ALT from D bases before the first variant to D bases after the last one, and the deltas over that span,
        with offsets from the first variant's POS. Every retained base is compared with itself.

        Raises
        ------
        InputError
            If there is no variant, or one cannot be scored or overlaps another; the message names it.
        """
        rules = attrs.evolve(self.rules, score_mnv=True, long_deletions=True)
        for variant in variants:
            problem = self._problem(variant, transcript, rules)
            if problem is not None:
                raise InputError(f"{variant} cannot be scored: {problem}")
        haplotype = Haplotype.of(variants, self.reference, rules.longest_ref)
        merged = haplotype.merged
        change, distance = Change.of(merged, transcript), rules.distance
        window = Window(change.start - distance, change.end + distance)
        codes = window.codes(transcript, self.reference, rules, self.model.spec)
        start, end, new = window.edit(change, self.model.spec)
        scored = self._predict_edits(codes, [(start, end, codes[start:end]), (start, end, new)], distance)
        ref, alt = (_genomic(scores, transcript) for scores in scored)
        tracks = AlignedTracks(merged.position - distance, ref, haplotype.align(alt, distance))
        boundary = transcript.boundary(merged.position) if rules.mask else None
        delta, _ = delta_scores(tracks, merged.position, boundary)
        return HaplotypeResult(haplotype=haplotype, transcript=transcript, delta=delta, tracks=tracks)

    def _place(self, index: int, job: Job) -> _Placed | Unscored:
        variant, transcript, rules = job.variant, job.transcript, self.rules
        problem = read_alt(variant.alt)
        if problem is not None:
            return problem
        if transcript is None:
            known = self.reference.contigs.resolve(variant.contig) is not None
            return Unscored.NO_GENE if known else Unscored.UNKNOWN_CONTIG
        flags: tuple[str, ...] = ()
        if rules.normalise:
            problem = screen(variant, self.reference, attrs.evolve(rules, score_mnv=True, long_deletions=True))
            if problem is None:
                smallest = normalise(variant, self.reference, transcript.start)
                flags = (NORMALISED,) if smallest != variant else ()
                variant = smallest
        problem = self._problem(variant, transcript, rules)
        if problem is not None:
            return problem
        deleted = len(variant.ref) - len(variant.alt)
        if len(variant.ref) > 2 * rules.distance:
            flags += (EXTENDED_WINDOW,)
        elif rules.indel_alignment == "spliceai" and len(variant.alt) == 1 and deleted > rules.distance:
            flags += (DELETION_LONGER_THAN_DISTANCE,)
        return _Placed(index, variant, transcript, flags)

    def _problem(self, variant: Variant, transcript: Transcript, rules: VariantRules) -> Unscored | None:
        spec = self.model.spec
        context = (spec.left, spec.right) if transcript.strand == "+" else (spec.right, spec.left)
        return read_alt(variant.alt) or screen(variant, self.reference, rules, context)

    def _score_window(self, window: Window, group: list[_Placed]) -> Iterator[tuple[_Placed, AlignedTracks]]:
        """Score the alleles of a window: REF once for each place, ALT once for each allele."""
        spec, rules = self.model.spec, self.rules
        codes = window.codes(group[0].transcript, self.reference, rules, spec)
        for part in self._parts(group):
            wanted: list[tuple[_Placed, list[int]]] = []
            rank: dict[tuple[int, int, bytes], int] = {}
            edits: list[Edit] = []
            for placed in part:
                start, end, new = window.edit(Change.of(placed.variant, placed.transcript), spec)
                both = [(start, end, codes[start:end]), (start, end, new)]
                keys = [(start, end, bases.tobytes()) for _, _, bases in both]
                for key, edit in zip(keys, both, strict=True):
                    if rank.setdefault(key, len(edits)) == len(edits):
                        edits.append(edit)
                wanted.append((placed, [rank[key] for key in keys]))
            scored = self._predict_edits(codes, edits, rules.distance)
            for placed, (ref, alt) in wanted:
                yield placed, self._align(placed, scored[ref], scored[alt])

    def _parts(self, group: list[_Placed]) -> Iterator[list[_Placed]]:
        """Yield the alleles of a window in parts whose scores fit into memory."""
        part: list[_Placed] = []
        positions = 0
        for placed in group:
            wanted = 4 * self.rules.distance + len(placed.variant.ref) + len(placed.variant.alt)
            if part and positions + wanted > _POSITIONS:
                yield part
                part, positions = [], 0
            part.append(placed)
            positions += wanted
        if part:
            yield part

    def _align(self, placed: _Placed, ref: Scores, alt: Scores) -> AlignedTracks:
        variant, rules = placed.variant, self.rules
        window = rules.window(len(variant.ref))
        alt = align(_genomic(alt, placed.transcript), len(variant.ref), len(variant.alt), rules)
        ref = _genomic(ref, placed.transcript)[:window]
        return AlignedTracks(variant.position - rules.distance, ref, alt)

    def _result(self, job: Job, placed: _Placed, tracks: AlignedTracks, keep: bool) -> AlleleResult:
        boundary = placed.transcript.boundary(placed.variant.position) if self.rules.mask else None
        delta, raw = delta_scores(tracks, job.variant.position, boundary)
        kept = tracks if keep else None
        return AlleleResult(job=job, delta=delta, raw=raw, flags=placed.flags, tracks=kept)


def _genomic(scores: Scores, transcript: Transcript) -> Scores:
    """Scores by rising genomic position instead of 5' to 3'."""
    return scores if transcript.strand == "+" else np.ascontiguousarray(scores[::-1])
