"""Tiles, windows, changes in transcript orientation, and scoring by whole windows."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.genome.encoding import decode
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.fakes import LEFT, MOTIF_SPEC, RIGHT, MotifModel
from splicecore.variants.alleles import Variant
from splicecore.variants.full_windows import FullWindows, edit_scoring
from splicecore.variants.haplotypes import SequenceReference
from splicecore.variants.rules import VariantRules
from splicecore.variants.transcripts import Transcript
from splicecore.variants.windows import REACH, TILE, Change, Window, tile_of, window_of


def row(strand, start=100, end=100 + 2 * TILE + 300):
    return Transcript("g", "g", "t", "c", strand, start, end, (start,), (end,))


def test_tiles_are_counted_from_the_five_prime_end():
    plus, minus = row("+"), row("-")
    upwards = (0, 100, 99 + TILE, 100 + TILE, plus.end - 1, plus.end + TILE)
    assert [tile_of(plus, at) for at in upwards] == [0, 0, 0, 1, 2, 2]
    downwards = (minus.end + TILE, minus.end - 1, minus.end - TILE, minus.end - 1 - TILE, 100, 0)
    assert [tile_of(minus, at) for at in downwards] == [0, 0, 0, 1, 2, 2]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_window_is_its_tile_with_a_margin_unless_ref_reaches_further(strand):
    rules, margin = VariantRules(distance=50), 50 + REACH
    last = Window(2 * TILE - margin, 2 * TILE + 300 + margin)
    inside = row(strand).start + 2 * TILE + 10 if strand == "+" else row(strand).end - 2 * TILE - 10
    assert window_of(Variant("c", inside, "A", "G"), row(strand), rules) == last
    long = Variant("c", inside, "A" * 2_000, "A")
    change = Change.of(long, row(strand))
    assert window_of(long, row(strand), attrs.evolve(rules, long_deletions=True)) == (
        Window(change.start - 50, change.end + 50) if strand == "+" else window_of(long, row(strand), rules)
    )


@given(st.integers(0, 10_299), st.integers(1, 300), st.sampled_from("+-"), st.integers(1, 60))
def test_a_window_holds_all_that_its_allele_needs(offset, length, strand, distance):
    rules, transcript = VariantRules(distance=distance), row(strand)
    variant = Variant("c", transcript.start + offset, "A" * length, "C")
    assert window_of(variant, transcript, rules).holds(Change.of(variant, transcript), distance)


@pytest.mark.parametrize(("strand", "expected"), [("+", ("NNACG", "T", "TACNN")), ("-", ("NNGTA", "A", "CGTNN"))])
def test_codes_are_masked_and_edits_oriented(strand, expected):
    genome = SequenceReference({"c": "GGGG" + "ACGTTAC" + "TTTT"})
    transcript = Transcript("g", "g", "t", "c", strand, 4, 11, (4,), (11,))
    spec = attrs.evolve(MOTIF_SPEC, left=2, right=2)
    window = Window(0, 7)
    codes = window.codes(transcript, genome, VariantRules(), spec)
    assert decode(codes) == "".join(expected)
    change = Change.of(Variant("c", 7, "T", "CA"), transcript)
    start, end, new = window.edit(change, spec)
    assert decode(codes[start:end]) == expected[1]
    assert decode(new) == ("CA" if strand == "+" else "TG")
    real = window.codes(transcript, genome, VariantRules(flank="real"), spec)
    assert decode(real) == ("GGACGTTACTT" if strand == "+" else "AAGTAACGTCC")


def test_iupac_letters_of_alt_are_n():
    change = Change.of(Variant("c", 7, "T", "ARN"), row("+"))
    assert decode(change.codes) == "ANN"


MODEL = MotifModel(MOTIF_SPEC, OpenRequest())


@given(st.data())
def test_full_windows_score_the_edited_sequence(data):
    codes = np.array(data.draw(st.lists(st.integers(0, 4), min_size=60, max_size=140)), dtype=np.uint8)
    edits = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(codes)))
        end = data.draw(st.integers(start, min(len(codes), start + 12)))
        edits.append((start, end, np.array(data.draw(st.lists(st.integers(0, 4), max_size=9)), dtype=np.uint8)))
    edits.append((30, 33, codes[30:33]))
    radius = data.draw(st.integers(0, 30))
    spec = attrs.evolve(
        MOTIF_SPEC,
        output_length=data.draw(st.sampled_from((None, 16))),
        max_positions=data.draw(st.sampled_from((16, 40, 500))),
        position_invariant=data.draw(st.booleans()),
    )
    found = FullWindows(MotifModel(spec, OpenRequest())).predict_edits(codes, edits, radius)
    for (start, end, new), scores in zip(edits, found, strict=True):
        edited = np.concatenate([codes[:start], new, codes[end:]])
        low, high = max(start - radius, LEFT), min(start + len(new) + radius, len(edited) - RIGHT)
        expected = MODEL.predict(edited[None])[0, low - LEFT : max(high, low) - LEFT]
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)


def test_memory_of_full_windows_is_bounded():
    rows = []

    class Counting(MotifModel):
        def predict(self, codes):
            rows.append(codes.shape[0] * (codes.shape[1] - LEFT - RIGHT))
            return super().predict(codes)

    spec = attrs.evolve(MOTIF_SPEC, max_positions=500)
    codes = np.zeros(2_000, dtype=np.uint8)
    edits = [(1_000, 1_001, np.array([1], dtype=np.uint8))] * 100
    FullWindows(Counting(spec, OpenRequest())).predict_edits(codes, edits, 50)
    assert max(rows) <= 500
    assert len(rows) == 25


def test_a_models_own_engine_is_preferred():
    class Own(MotifModel):
        def predict_edits(self, codes, edits, radius):
            return []

    own = Own(MOTIF_SPEC, OpenRequest())
    assert edit_scoring(own) == own.predict_edits
    assert edit_scoring(MODEL).__self__.__class__ is FullWindows


@pytest.mark.parametrize("strand", ["+", "-"])
def test_an_allele_may_have_a_window_of_its_own(strand):
    rules = VariantRules(distance=50, windows="allele")
    for variant in (Variant("c", 3_000, "A", "G"), Variant("c", 3_000, "ACGT", "A"), Variant("c", 90, "A", "AT")):
        change = Change.of(variant, row(strand))
        assert window_of(variant, row(strand), rules) == Window(change.start - 50, change.end + 50)
