"""Evidence of junctions at positions: golden cases, both strands, against a slow version."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splicecore.errors import InputError
from splicecore.genome.contigs import Contigs
from splicecore.tracks.config import JUNCTION_COLUMNS, TrackConfig
from splicecore.tracks.junction_index import JunctionIndex

# chr1: an exon 20..29 with a donor used by 7 + 3 reads, 2 reads that skip it, 4 of undefined strand from its donor.
STAR = """\
1\t31\t50\t1\t1\t1\t7\t2\t15
1\t31\t60\t1\t1\t1\t3\t0\t15
1\t11\t50\t1\t1\t1\t2\t0\t15
1\t31\t50\t0\t0\t1\t4\t0\t15
1\t31\t50\t2\t2\t1\t100\t0\t15
2\t11\t50\t2\t2\t1\t9\t0\t15
2\t11\t20\t2\t2\t1\t0\t5\t15
"""


@pytest.fixture
def opened(write, contigs):
    def make(text=STAR, **options):
        return JunctionIndex.open(TrackConfig(name="j", path=str(write(text)), **options), contigs)

    return make


def at(index, contig, strand, position, column):
    return index.columns(contig, strand, np.array([position]))[column].to_pylist()[0]


def test_reads_partners_and_shares_on_the_plus_strand(opened):
    index = opened()
    assert tuple(index.columns("chr1", "+", np.arange(3))) == JUNCTION_COLUMNS
    assert at(index, "chr1", "+", 29, "donor_reads") == 14
    assert at(index, "chr1", "+", 29, "acceptor_reads") == 0
    assert at(index, "chr1", "+", 29, "donor_reads_log1p") == pytest.approx(math.log(15))
    assert at(index, "chr1", "+", 29, "donor_partners") == 2
    assert at(index, "chr1", "+", 29, "donor_share") == pytest.approx(14 / 16)
    assert at(index, "chr1", "+", 29, "undefined_strand_reads") == 4
    assert at(index, "chr1", "+", 50, "acceptor_reads") == 13
    assert at(index, "chr1", "+", 50, "acceptor_partners") == 2
    assert at(index, "chr1", "+", 50, "acceptor_share") == pytest.approx(13 / 16)
    assert at(index, "chr1", "+", 50, "undefined_strand_reads") == 4
    assert at(index, "chr1", "+", 30, "donor_reads") == 0
    assert at(index, "chr1", "+", 30, "donor_share") == 0


def test_undefined_strands_count_for_genes_of_both_strands_with_the_genes_roles(opened):
    index = opened()
    assert at(index, "chr1", "-", 29, "acceptor_reads") == 104
    assert at(index, "chr1", "-", 50, "donor_reads") == 104
    assert at(index, "chr1", "-", 50, "undefined_strand_reads") == 4
    assert at(index, "chr2", "-", 50, "donor_reads") == 9
    assert at(index, "chr2", "-", 9, "acceptor_reads") == 9
    assert at(index, "chr2", "+", 9, "donor_reads") == 0, "no junction of that strand: no reads, not unknown"


def test_all_strands_may_be_counted(opened):
    index = opened(strand="both")
    assert at(index, "chr1", "+", 29, "donor_reads") == 114
    assert at(index, "chr1", "+", 29, "donor_partners") == 2
    assert at(index, "chr1", "-", 29, "acceptor_reads") == 114


def test_reads_that_map_to_several_places_and_few_reads(opened):
    index = opened(multimapped=True, min_reads=5)
    assert at(index, "chr1", "+", 29, "donor_reads") == 9, "the junctions with 3 and 4 reads are left out"
    assert at(index, "chr2", "-", 19 + 1, "donor_reads") == 5
    with pytest.raises(InputError, match="none of 7 junctions has 1000 reads"):
        opened(min_reads=1000)


def test_distances_are_to_the_nearest_end_within_reach(opened):
    index = opened(reach=8)
    found = index.columns("chr1", "+", np.array([29, 30, 37, 38, 21, 20]))["donor_distance"].to_pylist()
    assert found == [0, 1, 8, None, 8, None]
    assert at(index, "chr1", "+", 17, "donor_distance") == 8
    assert at(index, "chr1", "+", 9, "donor_distance") == 0


def test_what_is_unknown_is_missing(opened):
    index = opened()
    outside = index.columns("chr1", "+", np.array([-1, 1000]))
    elsewhere = index.columns("chr3", "+", np.array([5]))
    for name in JUNCTION_COLUMNS:
        assert outside[name].null_count == 2
        assert elsewhere[name].null_count == 1
    assert at(index, "chr1", "+", 500, "donor_reads") == 0
    assert at(index, "chr1", "+", 500, "donor_share") is None, "no read spans the position"


def test_a_junction_beyond_its_contig_is_refused_with_its_line(opened):
    message = r"line 8: the exon after the junction begins at 601, beyond the 600 bases of 2"
    with pytest.raises(InputError, match=message):
        opened(STAR + "2\t500\t600\t1\t1\t1\t7\t2\t15\n")
    opened(STAR + "2\t500\t599\t1\t1\t1\t7\t2\t15\n")


@st.composite
def junctions(draw):
    start = st.integers(2, 60)
    rows = draw(st.lists(st.tuples(start, st.integers(0, 30), st.sampled_from("012"), st.integers(0, 9)), min_size=1))
    return [(first, first + more, strand, reads) for first, more, strand, reads in rows]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=junctions(), strand=st.sampled_from("+-"), both=st.booleans())
def test_any_table_gives_what_a_slow_version_gives(write, rows, strand, both):
    kept = {}
    for first, last, code, reads in rows:
        key = (first - 2, last, code)
        kept[key] = kept.get(key, 0) + reads
    kept = {key: reads for key, reads in kept.items() if reads >= 2}
    if not kept:
        return
    path = write("".join(f"c\t{f}\t{e}\t{s}\t1\t1\t{n}\t0\t9\n" for f, e, s, n in rows))
    config = TrackConfig(name="j", path=str(path), min_reads=2, reach=5, strand="both" if both else "gene")
    index = JunctionIndex.open(config, Contigs.from_mapping({"c": 100}))
    wanted = "012" if both else {"+": "01", "-": "02"}[strand]
    chosen = [(left, right, code, n) for (left, right, code), n in kept.items() if code in wanted]
    found = {name: column.to_pylist() for name, column in index.columns("c", strand, np.arange(100)).items()}
    for p in range(100):
        spanning = sum(n for left, right, _, n in chosen if left <= p <= right)
        undefined = 0
        for role in ("donor", "acceptor"):
            side = 0 if (role == "donor") == (strand == "+") else 1
            here = [j for j in chosen if j[side] == p]
            reads = sum(j[3] for j in here)
            undefined += sum(j[3] for j in here if j[2] == "0")
            distance = min((abs(j[side] - p) for j in chosen), default=99)
            assert found[f"{role}_reads"][p] == reads
            assert found[f"{role}_partners"][p] == len({j[1 - side] for j in here})
            share = found[f"{role}_share"][p]
            assert share is None if not spanning else share == pytest.approx(reads / spanning)
            assert found[f"{role}_distance"][p] == (distance if distance <= 5 else None)
        assert found["undefined_strand_reads"][p] == undefined
