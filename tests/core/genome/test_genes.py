from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import ConfigError, ContigError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import Gene, GeneCatalog, parse_region
from splicecore.genome.suggestions import near_names


@st.composite
def genes(draw):
    start = draw(st.integers(0, 10**9))
    return Gene("g", "g", "chr1", draw(st.sampled_from("+-")), start, start + draw(st.integers(1, 10**6)), 0)


@given(gene=genes(), data=st.data())
@settings(deadline=None)
def test_relative_and_genomic_are_inverse(gene, data):
    relative = np.array(data.draw(st.lists(st.integers(-10, gene.length + 10), max_size=20)), dtype=np.int64)
    genomic = gene.to_genomic(relative)

    assert genomic.dtype == np.int64
    assert np.array_equal(relative, gene.to_relative(genomic))
    inside = (relative >= 0) & (relative < gene.length)
    assert np.array_equal(inside, (genomic >= gene.start) & (genomic < gene.end))
    ends = (gene.start, gene.end - 1)
    assert gene.to_relative(ends[0] if gene.strand == "+" else ends[1]) == 0
    assert gene.to_relative(ends[1] if gene.strand == "+" else ends[0]) == gene.length - 1


def test_golden_positions():
    plus, minus = Gene("a", "a", "chr1", "+", 10, 60, 0), Gene("b", "b", "chr2", "-", 4, 50, 1)

    assert plus.to_relative([10, 19, 59]).tolist() == [0, 9, 49]
    assert minus.to_relative([49, 40, 4]).tolist() == [0, 9, 45]
    assert minus.to_genomic(np.arange(3)).tolist() == [49, 48, 47]
    assert (plus.length, minus.length) == (50, 46)
    assert pickle.loads(pickle.dumps(minus)) == minus


def catalog_of(tmp_path, rows, contigs=None):
    lines = [
        f'{contig}\tt\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene}"; transcript_id "T"; gene_name "{name}";\n'
        for contig, start, end, strand, gene, name in rows
    ]
    path = tmp_path / "genes.gtf"
    path.write_text("".join(lines))
    contigs = contigs or Contigs(("chr2", "chr1", "chrX", "chrY"), (1000, 1000, 1000, 1000))
    return GeneCatalog(read_annotation(path).bind(contigs, reference_name="ref.fa"))


ROWS = [
    ("chr1", 101, 200, "+", "ENSG00000000001.5", "ALPHA"),
    ("chr1", 101, 200, "-", "ENSG00000000002.1", "BETA"),
    ("chr1", 51, 120, "-", "ENSG00000000003.2", "GAMMA"),
    ("chr2", 301, 400, "+", "ENSG00000000004.9", "GAMMA"),
    ("chrX", 11, 20, "+", "ENSG00000000005.3", "SHOX"),
    ("chrY", 11, 20, "+", "ENSG00000000005.3_PAR_Y", "SHOX"),
    ("chr3", 1, 10, "+", "ENSG00000000006.1", "LOST"),
    ("chr1", 900, 1000, "+", "AC000001.1", "AC000001.1"),
]


@pytest.fixture
def catalog(tmp_path):
    return catalog_of(tmp_path, ROWS)


def identifiers(selected):
    return [gene.gene_id.removeprefix("ENSG0000000000") for gene in selected]


def test_order_of_the_catalog(catalog):
    assert identifiers(catalog.all()) == ["4.9", "3.2", "1.5", "2.1", "AC000001.1", "5.3", "5.3_PAR_Y"]
    assert [gene.index for gene in catalog.all()] == list(range(len(catalog)))
    assert catalog.all()[1] == Gene("ENSG00000000003.2", "GAMMA", "chr1", "-", 50, 120, 1)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ENSG00000000001.5"], ["1.5"]),
        (["ALPHA"], ["1.5"]),
        (["ENSG00000000001"], ["1.5"]),
        (["BETA", "ALPHA", "BETA", "ENSG00000000001"], ["1.5", "2.1"]),
        (["GAMMA"], ["4.9", "3.2"]),
        (["SHOX"], ["5.3", "5.3_PAR_Y"]),
        (["ENSG00000000005"], ["5.3"]),
        (["ENSG00000000005_PAR_Y"], ["5.3_PAR_Y"]),
        ([], []),
    ],
)
def test_select(catalog, names, expected):
    selection = catalog.select(names)
    assert identifiers(selection.genes) == expected
    assert selection.missing == ()


def test_select_what_is_not_there(catalog):
    missing = {found.name: found for found in catalog.select(["alpha", "ALPHB", "AC000001", "zzzzzz", "ALPHA"]).missing}

    assert list(missing) == ["alpha", "ALPHB", "AC000001", "zzzzzz"]
    assert missing["alpha"].suggestions[0] == "ALPHA"
    assert missing["ALPHB"].suggestions[0] == "ALPHA"
    assert missing["AC000001"].suggestions == ("AC000001.1",)
    assert missing["zzzzzz"].suggestions == ()
    assert "gene zzzzzz is not in" in missing["zzzzzz"].reason


@pytest.mark.parametrize("name", ["LOST", "ENSG00000000006.1", "ENSG00000000006"])
def test_gene_on_a_contig_that_the_reference_lacks(catalog, name):
    (missing,) = catalog.select([name]).missing
    assert missing.reason == f"gene {name} is on contig chr3, which ref.fa does not have"
    assert missing.suggestions == ()


@pytest.mark.parametrize(
    ("contig", "start", "end", "expected"),
    [
        ("chr1", 0, None, ["3.2", "1.5", "2.1", "AC000001.1"]),
        ("1", 0, 51, ["3.2"]),
        ("chr1", 0, 50, []),
        ("chr1", 119, 120, ["3.2", "1.5", "2.1"]),
        ("chr1", 120, 121, ["1.5", "2.1"]),
        ("chr1", 199, 899, ["1.5", "2.1"]),
        ("chr1", 200, 899, []),
        ("chrX", 0, 1000, ["5.3"]),
    ],
)
def test_in_region(catalog, contig, start, end, expected):
    assert identifiers(catalog.in_region(contig, start, end)) == expected


def test_in_region_of_an_unknown_contig(catalog):
    with pytest.raises(ContigError, match="no contig 'chr9'"):
        catalog.in_region("chr9")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr1:1,000-2,000", ("chr1", 999, 2000)),
        ("chr1:1000-1000", ("chr1", 999, 1000)),
        ("X:5", ("X", 4, 5)),
        (" chr1 ", ("chr1", 0, None)),
        ("HLA-A*01:01:01:01:5-9", ("HLA-A*01:01:01:01", 4, 9)),
    ],
)
def test_parse_region(text, expected):
    assert parse_region(text) == expected


@pytest.mark.parametrize(
    "text", ["", "chr1:", "chr1:-5", "chr1:5-", "chr1:a-b", ":1-2", "chr1:0-5", "chr1:5-4", "chr1:1..5", "chr1:,-,"]
)
def test_malformed_region(text):
    with pytest.raises(ConfigError) as caught:
        parse_region(text)
    assert "1-based" in caught.value.hint


def test_near_names_are_bounded():
    names = [f"GENE{number}" for number in range(60_000)]
    begin = time.perf_counter()
    assert near_names("gene77", names)[0] == "GENE77"
    assert near_names("GENEX12", names)
    assert time.perf_counter() - begin < 10
