"""Alleles of a saturation: each small change once, as far left as it goes, in the order of the genome."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ConfigError
from splicecore.variants.alleles import Variant, normalise
from splicecore.variants.haplotypes import SequenceReference
from splicecore.variants.saturate_config import SaturateConfig
from splicecore.variants.saturation import Saturation, SaturationSource, Span, merged_spans

BASES = "ACGT"


def records(letters, start=0, end=None, **kinds):
    reference = SequenceReference({"ctg": letters})
    spans = (Span("ctg", start, len(letters) if end is None else end),)
    return list(SaturationSource.of(Saturation(spans=spans, **kinds), reference).records())


def edited(letters, record):
    assert letters[record.position : record.position + len(record.ref)] == record.ref
    return letters[: record.position] + record.alts[0] + letters[record.position + len(record.ref) :]


def test_substitutions_of_every_base_but_n():
    found = [(one.position, one.ref, one.alts) for one in records("ANC", 0, 3)]
    expected = [(0, "A", alt) for alt in "CGT"] + [(2, "C", alt) for alt in "AGT"]
    assert found == [(position, ref, (alt,)) for position, ref, alt in expected]


@given(st.text(BASES, min_size=2, max_size=12), st.integers(1, 4))
def test_every_change_is_made_once(letters, longest):
    found = records(letters, insertions=True, deletions=longest)
    sequences = [edited(letters, one) for one in found]
    assert len(set(sequences)) == len(sequences)
    positions = range(len(letters))
    substituted = {letters[:i] + base + letters[i + 1 :] for i in positions for base in BASES if base != letters[i]}
    inserted = {letters[: i + 1] + base + letters[i + 1 :] for i in positions for base in BASES}
    cut = {
        letters[: i + 1] + letters[i + 1 + size :]
        for i in positions
        for size in range(1, longest + 1)
        if i + size < len(letters)
    }
    first = letters[0]  # changes of the run of bases that the contig begins with have no base before them
    unanchored = {first + letters} | {letters[size:] for size in range(1, longest + 1)}
    assert set(sequences) - unanchored == (substituted | inserted | cut) - unanchored


@given(st.text(BASES, min_size=3, max_size=12))
def test_alleles_are_normalised_and_sorted(letters):
    reference = SequenceReference({"ctg": letters})
    found = records(letters, insertions=True, deletions=3)
    for one in found:
        variant = Variant("ctg", one.position, one.ref, one.alts[0])
        assert normalise(variant, reference) == variant
    assert [one.position for one in found] == sorted(one.position for one in found)
    assert [one.number for one in found] == list(range(len(found)))


def test_pos_lies_in_the_span_and_deletions_reach_beyond_it():
    found = records("ACGTACGT", 2, 4, snvs=False, deletions=2)
    assert [(one.position, one.ref, one.alts[0]) for one in found] == [
        (2, "GT", "G"), (2, "GTA", "G"), (3, "TA", "T"), (3, "TAC", "T"),
    ]  # fmt: skip


def test_chunks_do_not_show(monkeypatch):
    letters = "ACGTTGCAACGGTTAC"
    whole = records(letters, insertions=True, deletions=4)
    monkeypatch.setattr("splicecore.variants.saturation._CHUNK", 3)
    assert [(one.position, one.ref, one.alts, one.raw) for one in records(letters, insertions=True, deletions=4)] == [
        (one.position, one.ref, one.alts, one.raw) for one in whole
    ]


def test_spans_are_sorted_as_the_genome_and_joined():
    reference = SequenceReference({"b": "A" * 50, "a": "A" * 50})
    spans = [Span("a", 5, 10), Span("b", 20, 30), Span("a", 0, 5), Span("b", 25, 28), Span("b", 40, 50)]
    assert merged_spans(spans, reference) == (Span("b", 20, 30), Span("b", 40, 50), Span("a", 0, 10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "genes or a region"),
        ({"gene": "A", "region": "chr1:1-2"}, "genes or a region"),
        ({"gene": "A", "deletions": 5}, "deletions is 5"),
        ({"gene": "A", "snvs": False}, "no kind of allele"),
        ({"gene": "A", "input": "in.vcf"}, "takes no input"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SaturateConfig(**options)


def test_content_tells_saturations_apart():
    spans = (Span("a", 0, 5),)
    kinds = [Saturation(spans=spans, snvs=snvs, insertions=insertions, deletions=deletions).content
             for snvs, insertions, deletions in itertools.product((True, False), (True, False), (0, 1))]  # fmt: skip
    assert len({*kinds, Saturation(spans=(Span("a", 0, 6),)).content}) == 9
