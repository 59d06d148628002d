"""Motifs are counted once a site and once an intron, on the right strand."""

from __future__ import annotations

import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.resources.motif_shares import INTRON_MOTIFS, SITE_MOTIFS, intron_motifs, site_motifs

COLUMNS = ("contig", "strand", "position", "site_type", "transcript", "motif")


def table(*rows):
    columns = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
    values = dict(zip(COLUMNS, map(list, columns), strict=True))
    types = {"position": pa.int64(), "transcript": pa.int32()}
    return pa.table({name: pa.array(column, types.get(name, pa.string())) for name, column in values.items()})


GOLDEN = table(
    ("c", "+", 10, "donor", 0, "GT"), ("c", "+", 20, "acceptor", 0, "AG"),
    ("c", "+", 20, "donor", 0, "GC"), ("c", "+", 30, "acceptor", 0, "AG"),  # an exon of one base: both at 20
    ("c", "+", 10, "donor", 1, "GT"), ("c", "+", 20, "acceptor", 1, "AG"),  # the same intron again
    ("c", "+", 10, "donor", 2, "GT"), ("c", "+", 40, "acceptor", 2, "NN"),
    ("d", "+", 10, "donor", 3, "AA"), ("d", "+", 20, "acceptor", 3, "AC"),
    ("c", "-", 10, "acceptor", 4, "AC"), ("c", "-", 20, "donor", 4, "AT"),
    ("c", "-", 20, "acceptor", 4, "AG"), ("c", "-", 30, "donor", 4, "GT"),
)  # fmt: skip


def test_sites_once_each_by_strand_and_type():
    found = {(one.strand, one.subject): one for one in site_motifs(GOLDEN)}
    assert list(found) == [("+", "acceptor"), ("+", "donor"), ("-", "acceptor"), ("-", "donor")]
    assert (found["+", "acceptor"].total, found["+", "acceptor"].known) == (4, 3)
    assert found["+", "acceptor"].counts == {"AG": 2, "AC": 1}
    assert found["+", "donor"].counts == {"GT": 1, "GC": 1, "AT": 0}
    assert found["+", "donor"].share == pytest.approx(2 / 3)
    assert found["-", "donor"].counts == {"GT": 1, "GC": 0, "AT": 1}
    assert found["-", "acceptor"].counts == {"AG": 1, "AC": 1}


def test_introns_are_a_donor_and_the_acceptor_after_it():
    plus, minus = intron_motifs(GOLDEN)
    assert (plus.total, plus.known) == (4, 3)
    assert plus.counts == {"GT-AG": 1, "GC-AG": 1, "AT-AC": 0}
    assert (minus.strand, minus.total, minus.known) == ("-", 2, 2)
    assert minus.counts == {"GT-AG": 1, "GC-AG": 0, "AT-AC": 1}


def test_nothing_known_is_no_share():
    empty = site_motifs(table())
    assert all(math.isnan(one.share) and one.to_json()["share"] is None for one in empty)
    assert [one.total for one in intron_motifs(table())] == [0, 0]


intron = st.tuples(
    st.sampled_from("cd"), st.sampled_from("+-"), st.integers(0, 3), st.integers(1, 3),
    st.sampled_from(["GT", "GC", "AT", "CA", "GN"]), st.sampled_from(["AG", "AC", "TT"]),
)  # fmt: skip


@given(st.lists(intron, max_size=12))
def test_as_counted_naively(introns):
    motif = {}
    rows, spans = [], {}
    for transcript, (contig, strand, left, length, five, three) in enumerate(introns):
        ends = (left, left + length) if strand == "+" else (left + length, left)
        for position, kind, drawn in zip(ends, ("donor", "acceptor"), (five, three), strict=True):
            bases = motif.setdefault((contig, strand, position, kind), drawn)
            rows.append((contig, strand, position, kind, transcript, bases))
        spans[contig, strand, *ends] = f"{rows[-2][-1]}-{rows[-1][-1]}"
    for one in site_motifs(table(*rows)):
        found = Counter(b for (_, strand, _, kind), b in motif.items() if (strand, kind) == (one.strand, one.subject))
        assert one.total == found.total()
        assert one.known == sum(count for bases, count in found.items() if "N" not in bases)
        assert one.counts == {bases: found[bases] for bases in SITE_MOTIFS[one.subject]}
    for one in intron_motifs(table(*rows)):
        found = Counter(pair for (_, strand, _, _), pair in spans.items() if strand == one.strand)
        assert one.total == found.total()
        assert one.counts == {pair: found[pair] for pair in INTRON_MOTIFS}
