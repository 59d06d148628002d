"""What can be scored, why the rest cannot, and normalisation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.variants.alleles import Unscored, Variant, normalise, read_alt, screen
from splicecore.variants.haplotypes import SequenceReference
from splicecore.variants.rules import VariantRules

LETTERS = "ACGTacgtRYNN" + "ACGGTCA" * 40
GENOME = SequenceReference({"chr1": LETTERS})
RULES = VariantRules(distance=5)


@pytest.mark.parametrize(
    ("alt", "reason"),
    [
        (".", Unscored.MISSING_ALT),
        ("", Unscored.MISSING_ALT),
        ("*", Unscored.STAR),
        ("<DEL>", Unscored.SYMBOLIC_ALT),
        ("<INS:ME>", Unscored.SYMBOLIC_ALT),
        ("G]17:198982]", Unscored.BREAKEND),
        ("]13:123456]T", Unscored.BREAKEND),
        ("[17:198983[A", Unscored.BREAKEND),
        ("C[<ctg1>:329[", Unscored.BREAKEND),
        ("G.", Unscored.BREAKEND),
        (".A", Unscored.BREAKEND),
        ("-", Unscored.NOT_BASES),
        ("A1", Unscored.NOT_BASES),
        ("A", None),
        ("acgt", None),
        ("RYN", None),
    ],
)
def test_alternates_that_are_no_bases_are_refused(alt, reason):
    assert read_alt(alt) is reason


@pytest.mark.parametrize(
    ("position", "ref", "reason"),
    [
        (0, "A", None),
        (0, "ACGT", None),
        (4, "A", None),
        (8, "R", None),
        (10, "N", None),
        (0, "a", Unscored.REF_MISMATCH),
        (0, "AG", Unscored.REF_MISMATCH),
        (8, "A", Unscored.REF_MISMATCH),
        (0, "", Unscored.REF_MISMATCH),
        (0, "<", Unscored.REF_MISMATCH),
        (-1, "A", Unscored.REF_MISMATCH),
        (len(LETTERS) - 1, "AC", Unscored.REF_MISMATCH),
        (len(LETTERS) + 5, "A", Unscored.REF_MISMATCH),
    ],
)
def test_ref_must_be_the_references_in_upper_case(position, ref, reason):
    assert screen(Variant("1", position, ref, "T"), GENOME, RULES) is reason


def test_ref_may_be_in_lower_case_where_spliceai_is_not_followed():
    assert screen(Variant("1", 0, "acg", "T"), GENOME, VariantRules.of("extended", distance=5)) is None


def test_an_unknown_contig_is_a_reason():
    assert screen(Variant("chrUn", 0, "A", "T"), GENOME, RULES) is Unscored.UNKNOWN_CONTIG


def test_the_window_must_lie_on_the_contig():
    last = len(LETTERS) - 1
    for position, reason in (
        (24, Unscored.OFF_CONTIG),
        (25, None),
        (last - 35, None),
        (last - 34, Unscored.OFF_CONTIG),
    ):
        variant = Variant("chr1", position, LETTERS[position], "T")
        assert screen(variant, GENOME, RULES, (20, 30)) is reason
        assert screen(variant, GENOME, VariantRules(distance=5, pad_ends=True), (20, 30)) is None


def test_ref_may_be_twice_the_distance_long():
    for length, reason in ((10, None), (11, Unscored.TOO_LONG)):
        assert screen(Variant("chr1", 50, LETTERS[50 : 50 + length], LETTERS[50]), GENOME, RULES) is reason


def test_several_bases_in_ref_and_in_alt_are_told_last():
    mnv = Variant("chr1", 50, LETTERS[50:53], "TTT")
    assert screen(mnv, GENOME, RULES) is Unscored.MNV_NOT_SCORED
    assert screen(mnv, GENOME, VariantRules(score_mnv=True)) is None
    assert screen(mnv, GENOME, RULES, (500, 500)) is Unscored.OFF_CONTIG
    assert screen(Variant("chr1", 50, "NNN", "TTT"), GENOME, RULES) is Unscored.REF_MISMATCH


def test_reasons_never_change():
    assert sorted(map(str, Unscored)) == [
        "beyond_gene",
        "breakend",
        "missing_alt",
        "mnv_not_scored",
        "no_gene",
        "not_bases",
        "off_contig",
        "ref_mismatch",
        "star",
        "symbolic_alt",
        "too_long",
        "unknown_contig",
    ]


REPEATS = "GATTACA" + "CAG" * 5 + "T" * 9 + "CGATG"


@pytest.mark.parametrize(
    ("position", "ref", "alt", "expected"),
    [
        (19, "CAG", "", (6, "ACAG", "A")),
        (9, "GCAG", "G", (6, "ACAG", "A")),
        (21, "G", "GCAG", (6, "A", "ACAG")),
        (30, "T", "TT", (21, "G", "GT")),
        (29, "TT", "T", (21, "GT", "G")),
        (9, "GC", "GT", (10, "C", "T")),
        (9, "GCA", "TCA", (9, "G", "T")),
        (9, "GCA", "TCC", (9, "GCA", "TCC")),
        (9, "GCAG", "GTTG", (10, "CA", "TT")),
        (9, "G", "G", (9, "G", "G")),
        (9, "gc", "gt", (10, "C", "T")),
        (0, "GA", "A", (0, "GA", "A")),
    ],
)
def test_normalised_form(position, ref, alt, expected):
    if not alt:
        position, ref, alt = position - 1, REPEATS[position - 1] + ref, REPEATS[position - 1]
    found = normalise(Variant("c", position, ref, alt), SequenceReference({"c": REPEATS}))
    assert (found.position, found.ref, found.alt) == expected


def test_an_allele_is_not_shifted_out_of_its_transcript():
    found = normalise(Variant("c", 30, "T", "TT"), SequenceReference({"c": REPEATS}), lowest=25)
    assert (found.position, found.ref, found.alt) == (25, "T", "TT")


def apply(letters, variant):
    assert letters[variant.position :].startswith(variant.ref)
    return letters[: variant.position] + variant.alt + letters[variant.position + len(variant.ref) :]


@given(st.text("AC", min_size=12, max_size=40), st.data())
def test_normalising_keeps_the_sequence_and_is_the_same_for_all_equivalent_records(letters, data):
    position = data.draw(st.integers(0, len(letters) - 4))
    ref = letters[position : position + data.draw(st.integers(1, 4))]
    alt = data.draw(st.text("AC", min_size=1, max_size=5))
    genome = SequenceReference({"c": letters})
    variant = Variant("c", position, ref, alt)
    found = normalise(variant, genome)
    assert apply(letters, found) == apply(letters, variant)
    assert normalise(found, genome) == found
    left, right = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    first, last = max(position - left, 0), min(position + len(ref) + right, len(letters))
    before, after = letters[first:position], letters[position + len(ref) : last]
    padded = Variant("c", first, before + ref + after, before + alt + after)
    if ref != alt:
        assert normalise(padded, genome) == found
