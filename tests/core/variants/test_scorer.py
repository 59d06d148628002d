"""The scorer against a plain transcription of the rules: cut a window, mask it, edit it, score it, compare."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import InputError
from splicecore.genome.encoding import encode, reverse_complement
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.fakes import LEFT, MOTIF_SPEC, RIGHT, MotifModel
from splicecore.variants import windows
from splicecore.variants.alleles import Job, Unscored, Variant
from splicecore.variants.haplotypes import SequenceReference
from splicecore.variants.rules import VariantRules
from splicecore.variants.scorer import (
    DELETION_LONGER_THAN_DISTANCE,
    EXTENDED_WINDOW,
    NORMALISED,
    VariantScorer,
)
from splicecore.variants.transcripts import Transcript
from splicecore.variants.windows import tile_of

LENGTH = 12_500
LETTERS = "".join(np.random.default_rng(3).choice(list("ACGT"), LENGTH, p=(0.26, 0.22, 0.24, 0.28)))
GENOME = SequenceReference({"chr1": LETTERS})
MODEL = MotifModel(MOTIF_SPEC, OpenRequest())
D = 20


def transcript(strand: str = "+", start: int = 300, end: int = 11_900) -> Transcript:
    exons = (start, start + 200, end - 400), (start + 80, start + 260, end)
    return Transcript("g", "GENE", "t", "chr1", strand, start, end, *exons)


class EditingModel(MotifModel):
    """Scores whole edited sequences itself, as a model with an engine of its own would."""

    def predict_edits(self, codes, edits, radius):
        results = []
        for start, end, new in edits:
            edited = np.concatenate([codes[:start], new, codes[end:]])
            low, high = max(start - radius, LEFT), min(start + len(new) + radius, len(edited) - RIGHT)
            results.append(self.predict(edited[None])[0, low - LEFT : high - LEFT])
        return results


def plain_scores(variant, row, rules, letters=LETTERS):
    """Score an allele by the rules of SpliceAI, as directly as they can be said; probabilities of REF, of ALT."""
    below, above = (LEFT, RIGHT) if row.strand == "+" else (RIGHT, LEFT)
    first, last = variant.position - rules.distance - below, variant.position + rules.distance + above + 1
    seen = [
        letters[at] if 0 <= at < len(letters) and (rules.flank == "real" or row.start <= at < row.end) else "N"
        for at in range(first, last)
    ]
    at = variant.position - first
    edited = [*seen[:at], *variant.alt, *seen[at + len(variant.ref) :]]
    ref, alt = (_probabilities("".join(window), row.strand) for window in (seen, edited))
    d, r, a = rules.distance, len(variant.ref), len(variant.alt)
    if r > 1 and a == 1:
        alt = np.concatenate([alt[: d + 1], np.zeros((r - 1, 3)), alt[d + 1 :]])
    elif r == 1 and a > 1:
        alt = np.concatenate([alt[:d], alt[d : d + a].max(axis=0, keepdims=True), alt[d + a :]])
    return ref, alt


def _probabilities(window, strand):
    codes = encode(window)
    if strand == "-":
        return MODEL.predict(reverse_complement(codes)[None])[0, ::-1]
    return MODEL.predict(codes[None])[0]


def plain_delta(variant, row, rules):
    """The eight numbers of the INFO field."""
    ref, alt = plain_scores(variant, row, rules)
    edges = np.union1d(row.exon_starts, np.array(row.exon_ends) - 1)
    nearest = min(edges.tolist(), key=lambda edge: abs(edge - variant.position)) - variant.position
    scores, places = [], []
    for channel in (1, 2):
        for sign in (1, -1):
            change = (alt[:, channel] - ref[:, channel]) * sign
            place = int(change.argmax())
            offset = place - rules.distance
            hidden = rules.mask and (offset == nearest if sign > 0 else offset != nearest)
            scores.append(0.0 if hidden else change[place])
            places.append(offset)
    return scores, places


def variant_at(position, ref_length=1, alt="A", letters=LETTERS):
    return Variant("chr1", position, letters[position : position + ref_length], alt)


def score(variants, row, rules=None, model=MODEL, **options):
    scorer = VariantScorer(model, GENOME, rules or VariantRules(distance=D))
    return scorer.score([Job(variant, row) for variant in variants], **options)


def assert_equal(result, expected, context=""):
    scores, places = expected
    delta = result.delta
    assert delta is not None, f"{context}: {result.unscored}"
    np.testing.assert_allclose(
        (delta.DS_AG, delta.DS_AL, delta.DS_DG, delta.DS_DL), scores, rtol=0, atol=1e-6, err_msg=context
    )
    found = (delta.DP_AG, delta.DP_AL, delta.DP_DG, delta.DP_DL)
    for size, place, offset in zip(scores, places, found, strict=True):
        assert abs(size) < 1e-6 or place == offset, context


def changes(limit=D + 1 + RIGHT):  # a longer REF would leave the window, as it cannot in SpliceAI
    bases = st.text("ACGT", min_size=1, max_size=30)
    return st.one_of(
        st.tuples(st.just(1), st.sampled_from("ACGT")),
        st.tuples(st.just(1), bases),
        st.tuples(st.integers(2, limit), st.just("first")),
        st.tuples(st.integers(2, limit), st.sampled_from("ACGT")),
    )


@settings(max_examples=150)
@given(
    position=st.one_of(st.integers(300, 11_899), st.integers(300, 330), st.integers(11_860, 11_899)),
    change=changes(),
    strand=st.sampled_from("+-"),
    mask=st.booleans(),
    flank=st.sampled_from(("n", "real")),
    windows=st.sampled_from(("tile", "allele")),
)
def test_every_allele_scores_as_the_rules_say(position, change, strand, mask, flank, windows):
    length, alt = change
    variant = variant_at(position, length, LETTERS[position] if alt == "first" else alt)
    rules, row = VariantRules(distance=D, mask=mask, flank=flank, windows=windows), transcript(strand)
    expected = plain_delta(variant, row, rules)

    for model in (MODEL, EditingModel(MOTIF_SPEC, OpenRequest())):
        assert_equal(score([variant], row, rules, model)[0], expected, f"{variant} {strand} {type(model).__name__}")


def test_the_window_has_context_and_distance_on_both_sides_and_n_beyond_the_transcript():
    seen = []

    class Watched(EditingModel):
        def predict(self, codes):
            seen.append(codes)
            return super().predict(codes)

    row = transcript("+", 1_000, 1_040)
    (result,) = score([variant_at(1_010)], row, model=Watched(MOTIF_SPEC, OpenRequest()), tracks=True)
    assert result.tracks.start == 1_010 - D
    assert result.tracks.ref.shape == (2 * D + 1, 3)
    for codes in seen:
        inside = np.flatnonzero(codes != 4)
        assert inside[-1] - inside[0] + 1 == row.length


def test_positions_outside_the_transcript_are_scored_from_n_and_may_win():
    letters = "T" * 400 + "C" * 10 + "A" + "C" * 10 + "T" * 400
    genome = SequenceReference({"chr1": letters})
    row = Transcript("g", "g", "t", "chr1", "+", 405, 420, (405,), (420,))
    variant = Variant("chr1", 410, "A", "G")

    class RightOf(EditingModel):
        """A site two bases before every G, whatever is there."""

        def predict(self, codes):
            scores = np.zeros((len(codes), codes.shape[1] - LEFT - RIGHT, 3), dtype=np.float32)
            place = np.arange(scores.shape[1]) + LEFT
            scores[..., 2] = 0.9 * (codes[:, place + 6] == 2)
            scores[..., 0] = 1 - scores[..., 2]
            return scores

    (result,) = VariantScorer(RightOf(MOTIF_SPEC, OpenRequest()), genome, VariantRules(distance=D)).score(
        [Job(variant, row)]
    )
    assert result.delta.DP_DG == -6
    assert variant.position + result.delta.DP_DG < row.start
    assert pytest.approx(0.9) == result.delta.DS_DG


def test_of_equally_large_changes_the_lowest_coordinate_counts():
    class Flat(MotifModel):
        def predict(self, codes):
            scores = super().predict(codes)
            scores[...] = (1, 0, 0)
            return scores

    for strand in "+-":
        (result,) = score([variant_at(5_000)], transcript(strand), model=Flat(MOTIF_SPEC, OpenRequest()))
        assert result.delta.DP_AG == result.delta.DP_DL == -D


def test_ref_equal_to_alt_changes_nothing():
    base = LETTERS[5_000]
    (result,) = score([Variant("chr1", 5_000, base, base)], transcript("-"))
    assert (result.delta.largest, result.delta.DP_AL) == (0, -D)


def test_a_deletion_longer_than_the_distance_is_flagged_and_zero_filled_as_in_spliceai():
    row = transcript("+")
    donors = [i for i in range(600, 3_000) if LETTERS[i + 1 : i + 3] == "GT" and LETTERS[i] == "G"]
    site = donors[0]
    variant = variant_at(site + 5, D + 7, LETTERS[site + 5])
    (result,) = score([variant], row)
    assert result.flags == (DELETION_LONGER_THAN_DISTANCE,)
    assert_equal(result, plain_delta(variant, row, VariantRules(distance=D)))
    assert result.delta.DP_DL == -5, "a site before the deletion, which is retained, seems to be lost"
    assert pytest.approx(result.raw.REF_DL) == result.delta.DS_DL

    (extended,) = score([variant], row, VariantRules(distance=D, indel_alignment="max"), tracks=True)
    assert extended.flags == ()
    assert len(extended.tracks.ref) == 2 * D + len(variant.ref)
    np.testing.assert_allclose(extended.tracks.ref[: D - 4], extended.tracks.alt[: D - 4], atol=1e-6)


def test_max_compares_every_retained_base_with_itself():
    variant = variant_at(4_000, 2 * D, LETTERS[4_000])
    rules = VariantRules(distance=D, indel_alignment="max")
    for strand in "+-":
        row = transcript(strand)
        (result,) = score([variant], row, rules, tracks=True)
        letters = LETTERS[:4_001] + LETTERS[4_000 + 2 * D :]
        codes = encode(letters[4_001 - 600 : 4_001 + 600])
        edited = MODEL.predict((codes if strand == "+" else reverse_complement(codes))[None])[0]
        edited = edited if strand == "+" else edited[::-1]
        at = 600 - (LEFT if strand == "+" else RIGHT)
        np.testing.assert_allclose(result.tracks.alt[: D + 1], edited[at - D - 1 : at], atol=1e-6)
        np.testing.assert_allclose(result.tracks.alt[D + 2 * D :], edited[at : at + D], atol=1e-6)
        assert not result.tracks.alt[D + 1 : 3 * D].any()


def test_deletions_longer_than_the_window_are_scored_by_option():
    variant = variant_at(4_000, 300, LETTERS[4_000])
    assert score([variant], transcript())[0].unscored is Unscored.TOO_LONG
    (result,) = score([variant], transcript("-"), VariantRules(distance=D, long_deletions=True), tracks=True)
    assert result.flags == (EXTENDED_WINDOW,)
    assert len(result.tracks.ref) == 2 * D + 300
    limited = VariantRules(distance=D, long_deletions=True, longest_ref=299)
    assert score([variant], transcript(), limited)[0].unscored is Unscored.TOO_LONG


@settings(max_examples=60)
@given(st.integers(400, 11_000), st.integers(2, 12), st.text("ACGT", min_size=2, max_size=12), st.sampled_from("+-"))
def test_mnvs_and_delins_are_scored_by_option_base_by_base(position, length, alt, strand):
    variant, row = variant_at(position, length, alt), transcript(strand)
    assert score([variant], row)[0].unscored is Unscored.MNV_NOT_SCORED
    rules = VariantRules(distance=D, score_mnv=True)
    (result,) = score([variant], row, rules, tracks=True)
    _, edited = plain_scores(variant, row, rules)
    shared = min(length, len(alt))
    block = result.tracks.alt[D : D + length]
    np.testing.assert_allclose(block[: shared - 1], edited[D : D + shared - 1], atol=1e-6)
    assert not block[shared:].any()
    expected = edited[D + length - 1 : D + len(alt)].max(axis=0) if len(alt) >= length else edited[D + shared - 1]
    np.testing.assert_allclose(block[shared - 1], expected, atol=1e-6)
    np.testing.assert_allclose(result.tracks.alt[D + length :], edited[D + len(alt) :], atol=1e-6)


def test_windows_beyond_the_contig_are_scored_by_option():
    row = transcript("+", 0, LENGTH)
    rules = VariantRules(distance=D, pad_ends=True)
    for position in (D + LEFT - 1, 0, LENGTH - 1 - D - RIGHT + 1, LENGTH - 1):
        variant = variant_at(position)
        assert score([variant], row)[0].unscored is Unscored.OFF_CONTIG
        assert_equal(score([variant], row, rules)[0], plain_delta(variant, row, rules))
    assert score([variant_at(D + LEFT), variant_at(LENGTH - 1 - D - RIGHT)], row)[0].unscored is None
    assert score([variant_at(LENGTH - 1 - D - RIGHT)], row)[0].unscored is None


def test_equivalent_records_score_alike_when_normalised():
    letters = LETTERS[:5_000] + "CAGTAGTAGTAGT" + LETTERS[5_000:]
    scorer = VariantScorer(MODEL, SequenceReference({"chr1": letters}), VariantRules(distance=D, normalise=True))
    records = [(5_000, 4, 1), (5_003, 4, 1), (5_002, 5, 2), (5_001, 6, 3)]
    variants = [Variant("chr1", at, letters[at : at + ref], letters[at : at + alt]) for at, ref, alt in records]
    for strand in "+-":
        results = scorer.score([Job(variant, transcript(strand)) for variant in variants])
        assert [result.flags for result in results] == [(), (NORMALISED,), (NORMALISED,), (NORMALISED,)]
        places = {variant.position + result.delta.DP_AL for variant, result in zip(variants, results, strict=True)}
        assert len(places) == 1
        assert len({result.delta.DS_AL for result in results}) == 1


def test_scores_do_not_depend_on_what_else_is_asked_for(monkeypatch):
    monkeypatch.setattr(windows, "TILE", 5_000)
    row = transcript("-")
    edge = row.end - 5_000
    positions = [400, edge - 1, edge, edge + 1, row.start, row.end - 1, edge - 60, edge + 40]
    variants = [variant_at(at, ref, alt) for at in positions for ref, alt in ((1, "A"), (1, "TTAGG"), (30, "C"))]
    assert {tile_of(row, at) for at in positions} == {0, 1, 2}
    together = score(variants, row)
    for variant, result in zip(variants, together, strict=True):
        assert result == score([variant], row)[0]
    assert together == score(variants[::-1], row)[::-1]


def test_models_of_fixed_windows_score_the_same():
    spec = attrs.evolve(MOTIF_SPEC, output_length=32, max_positions=96)
    varying = attrs.evolve(MOTIF_SPEC, position_invariant=False)
    for strand in "+-":
        row = transcript(strand)
        variants = [variant_at(at, ref, alt) for at in (350, 6_000) for ref, alt in ((1, "G"), (1, "GTA"), (9, "C"))]
        expected = score(variants, row)
        for other in (spec, varying):
            assert score(variants, row, model=MotifModel(other, OpenRequest())) == expected


def test_unscored_alleles_keep_their_place():
    row = transcript()
    jobs = [
        Job(variant_at(5_000, alt="<DEL>"), row),
        Job(variant_at(5_000, alt="G"), None),
        Job(Variant("chr9", 5_000, "A", "G"), None),
        Job(variant_at(5_000, alt="G"), row),
    ]
    results = VariantScorer(MODEL, GENOME, VariantRules(distance=D)).score(jobs)
    assert [result.job for result in results] == jobs
    assert [result.unscored for result in results] == [
        Unscored.SYMBOLIC_ALT,
        Unscored.NO_GENE,
        Unscored.UNKNOWN_CONTIG,
        None,
    ]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_haplotype_is_one_edited_sequence(strand):
    row, rules = transcript(strand), VariantRules(distance=D)
    chosen = [variant_at(4_000, 1, "ACGTC"), variant_at(4_010, 4, LETTERS[4_010]), variant_at(4_030, 1, "G")]
    result = VariantScorer(MODEL, GENOME, rules).score_haplotype(chosen[::-1], row)
    assert result.haplotype.variants == tuple(chosen)
    letters = LETTERS[:4_000] + "ACGTC" + LETTERS[4_001:4_011] + LETTERS[4_014:4_030] + "G" + LETTERS[4_031:]
    edited = _probabilities(letters[3_900:4_200], strand)
    edited = edited[100 - (LEFT if strand == "+" else RIGHT) :]
    tracks = result.tracks
    assert tracks.start == 4_000 - D
    assert len(tracks.ref) == len(tracks.alt) == 2 * D + 31
    np.testing.assert_allclose(tracks.alt[D], edited[:5].max(axis=0), atol=1e-6)
    np.testing.assert_allclose(tracks.alt[D + 1 : D + 11], edited[5:15], atol=1e-6)
    assert not tracks.alt[D + 11 : D + 14].any()
    np.testing.assert_allclose(tracks.alt[D + 14 :], edited[15 : 15 + 17 + D], atol=1e-6)
    change = tracks.alt[:, 1] - tracks.ref[:, 1]
    assert pytest.approx(change.max()) == result.delta.DS_AG
    assert int(change.argmax()) - D == result.delta.DP_AG


def test_a_haplotype_of_one_variant_is_the_variant():
    rules = VariantRules(distance=D, indel_alignment="max", mask=True)
    for strand in "+-":
        for variant in (variant_at(505, 1, "G"), variant_at(505, 7, LETTERS[505]), variant_at(505, 1, "GTAAGT")):
            scorer = VariantScorer(MODEL, GENOME, rules)
            (alone,) = scorer.score([Job(variant, transcript(strand))])
            assert scorer.score_haplotype([variant], transcript(strand)).delta == alone.delta


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([], "at least one"),
        ([variant_at(4_000, 5, LETTERS[4_000]), variant_at(4_004)], "overlap"),
        ([Variant("chr1", 4_000, "N", "G")], "ref_mismatch"),
        ([variant_at(4_000, alt="<DEL>")], "symbolic_alt"),
    ],
)
def test_haplotypes_that_make_no_sense_are_refused(variants, message):
    with pytest.raises(InputError, match=message):
        VariantScorer(MODEL, GENOME, VariantRules(distance=D)).score_haplotype(variants, transcript())


def test_a_construct_is_scored_without_a_genome():
    letters = LETTERS[2_000:2_060]
    whole = Transcript("m", "m", "m", "minigene", "-", 0, 60, (0,), (60,))
    rules = VariantRules(distance=D, pad_ends=True)
    variant = Variant("minigene", 30, letters[30], "G")
    (result,) = VariantScorer(MODEL, SequenceReference({"minigene": letters}), rules).score([Job(variant, whole)])
    row = attrs.evolve(whole, contig="chr1")
    ref, alt = plain_scores(attrs.evolve(variant, contig="chr1"), row, rules, letters)
    assert pytest.approx((alt - ref)[:, 2].max(), abs=1e-6) == result.delta.DS_DG
