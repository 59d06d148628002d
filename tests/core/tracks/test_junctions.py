"""Junction tables: coordinates in each format on both strands, and what is refused."""

from __future__ import annotations

import pytest
from splicecore.errors import InputError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.sites import splice_sites
from splicecore.tracks.junctions import JUNCTIONS, read_junctions

# Genes of three exons of ten bases with introns of ten (plus, from base 11) and six (minus, from base 5), 1-based.
GTF = """\
chr1\ttest\texon\t11\t20\t.\t+\t.\tgene_id "G1"; transcript_id "T1";
chr1\ttest\texon\t31\t40\t.\t+\t.\tgene_id "G1"; transcript_id "T1";
chr1\ttest\texon\t51\t60\t.\t+\t.\tgene_id "G1"; transcript_id "T1";
chr2\ttest\texon\t41\t50\t.\t-\t.\tgene_id "G2"; transcript_id "T2";
chr2\ttest\texon\t25\t34\t.\t-\t.\tgene_id "G2"; transcript_id "T2";
chr2\ttest\texon\t5\t14\t.\t-\t.\tgene_id "G2"; transcript_id "T2";
"""
STAR = """\
chr1\t21\t30\t1\t1\t1\t7\t2\t15
chr1\t41\t50\t1\t1\t0\t5\t0\t9
chr2\t15\t24\t2\t2\t1\t3\t1\t8
chr2\t35\t40\t2\t2\t1\t11\t0\t10
"""
REGTOOLS = """\
chr1\t14\t36\tJUNC00000001\t7\t+\t14\t36\t255,0,0\t2\t6,6\t0,16
chr1\t37\t53\tJUNC00000002\t5\t+\t37\t53\t255,0,0\t2\t3,3\t0,13
chr2\t4\t34\tJUNC00000003\t3\t-\t4\t34\t255,0,0\t2\t10,10\t0,20
chr2\t33\t41\tJUNC00000004\t11\t-\t33\t41\t255,0,0\t2\t1,1\t0,7
"""
TOPHAT = "track name=junctions\n" + REGTOOLS.replace("6,6\t0,16", "6,6,\t0,16,")

SITES = {
    *(("chr1", "+", "donor", position) for position in (19, 39)),
    *(("chr1", "+", "acceptor", position) for position in (30, 50)),
    *(("chr2", "-", "donor", position) for position in (40, 24)),
    *(("chr2", "-", "acceptor", position) for position in (33, 13)),
}


def site_set(table):
    rows = table.to_pylist()
    return {(r["contig"], r["strand"], role, r[role]) for r in rows for role in ("donor", "acceptor")}


@pytest.mark.parametrize("text", [STAR, REGTOOLS, TOPHAT], ids=["star", "regtools", "tophat"])
@pytest.mark.parametrize("name", ["a.tab", "a.gz", "a.bgz"])
def test_ends_are_the_exons_bases_beside_the_intron(write, text, name):
    table = read_junctions(write(text, name))
    assert table.schema == JUNCTIONS
    assert site_set(table) == SITES
    assert table.column("unique_reads").to_pylist() == [7, 5, 3, 11]
    assert table.column("left").to_pylist() == [19, 39, 13, 33]
    assert table.column("right").to_pylist() == [30, 50, 24, 40]
    assert table.column("line").to_pylist() == [n + text.startswith("track") for n in (1, 2, 3, 4)]


def test_they_are_the_annotations_sites(write):
    sites = splice_sites(read_annotation(write(GTF, "a.gtf")))
    assert {(s["contig"], s["strand"], s["site_type"], s["position"]) for s in sites.to_pylist()} == SITES


def test_star_tells_reads_that_map_to_several_places_apart(write):
    assert read_junctions(write(STAR)).column("multi_reads").to_pylist() == [2, 0, 1, 0]
    assert read_junctions(write(REGTOOLS)).column("multi_reads").to_pylist() == [0] * 4


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t21\t30\t0\t0\t0\t7\t2\t15\n",
        "chr1\t14\t36\tJ\t7\t?\t14\t36\t255,0,0\t2\t6,6\t0,16\n",
        "chr1\t14\t36\tJ\t7\t.\t14\t36\t255,0,0\t2\t6,6\t0,16\n",
    ],
)
def test_an_undefined_strand_has_neither_donor_nor_acceptor(write, text):
    (row,) = read_junctions(write(text)).to_pylist()
    assert (row["strand"], row["left"], row["right"]) == (".", 19, 30)
    assert row["donor"] is None
    assert row["acceptor"] is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t1\t30\t1\t1\t1\t7\t2\t15", "begins before base 2"),
        ("chr1\t31\t30\t1\t1\t1\t7\t2\t15", "ends before it begins"),
        ("chr1\t21\t30\t3\t1\t1\t7\t2\t15", "strand is not 0, 1 or 2"),
        ("chr1\t21\t30\t+\t1\t1\t7\t2\t15", r"strand '\+' is not a whole number"),
        ("chr1\t21\t30\t1\t1\t1\t-7\t2\t15", "reads is negative"),
        ("chr1\t21\t30\t1\t1\t1\t7\t2", "8 columns instead of 9"),
        ("chr1\t21\t30\t1\t1\t1\t7.5\t2\t15", "unique_reads '7.5' is not a whole number"),
    ],
)
def test_a_bad_line_of_star_is_named(write, line, message):
    with pytest.raises(InputError, match=f"line 5: .*{message}"):
        read_junctions(write(STAR + line + "\n"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t3\t6,2,6\t0,8,16", "does not have two blocks"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t1\t22\t0", "does not have two blocks"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t2\t6\t0,16", "block_sizes is not two whole numbers"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t2\t6,6\t0;16", "block_starts is not two whole numbers"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t2\t6,6\t0,15", "blocks do not span the row"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t2\t6,6\t1,16", "blocks do not span the row"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t2\t16,6\t0,16", "no intron between the blocks"),
        ("chr1\t14\t36\tJ\t7\t+\t14\t36\t0\t2\t0,6\t0,16", "a block has no base"),
        ("chr1\t14\t36\tJ\t-7\t+\t14\t36\t0\t2\t6,6\t0,16", r"score \(number of reads\) is negative"),
        ("chr1\t14\t36\tJ\t7\t*\t14\t36\t0\t2\t6,6\t0,16", "strand is not"),
        ("chr1\t-4\t36\tJ\t7\t+\t14\t36\t0\t2\t6,6\t0,34", "start is negative"),
    ],
)
def test_a_bad_line_of_bed12_is_named(write, line, message):
    with pytest.raises(InputError, match=f"line 5: .*{message}"):
        read_junctions(write(REGTOOLS + line + "\n"))


def test_other_tables_are_refused(write):
    with pytest.raises(InputError, match="line 1: 6 columns, which is no junction table"):
        read_junctions(write("chr1\t1\t2\tx\t0\t+\n"))
