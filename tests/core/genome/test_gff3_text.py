"""The text of GFF3: packing, order and damage; the same genes as in GTF give the same tables."""

from __future__ import annotations

import gzip
import random

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.errors import AnnotationError
from splicecore.genome import feature_lines
from splicecore.genome.annotation import read_annotation

GTF = """\
chr1\ttest\tgene\t11\t60\t.\t+\t.\tgene_id "G1"; gene_name "PLUS"; gene_type "protein_coding";
chr1\ttest\ttranscript\t11\t60\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; tag "basic"; tag "MANE_Select";
chr1\ttest\texon\t11\t20\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; exon_number 1;
chr1\ttest\texon\t31\t40\t.\t+\t.\tgene_id "G1"; transcript_id "T1"; exon_number 2;
"""


def same(one, other):
    return all(getattr(one, name).equals(getattr(other, name)) for name in ("genes", "transcripts", "exons"))


def test_as_gtf(mini_gff3, mini_gtf):
    annotation = read_annotation(mini_gff3)

    assert annotation.format == "gff3"
    assert same(annotation, read_annotation(mini_gtf))


@pytest.mark.parametrize("packing", ["gzip", "members", "bgzip", "crlf", "open", "headless"])
def test_packing_makes_no_difference(mini_gff3, tmp_path, packing):
    path, content = tmp_path / "packed", mini_gff3.read_bytes()
    if packing == "bgzip":
        pysam.tabix_compress(str(mini_gff3), str(path))
    else:
        path.write_bytes(
            {
                "gzip": gzip.compress(content),
                "members": gzip.compress(content[:500]) + gzip.compress(content[500:]),
                "crlf": content.replace(b"\n", b"\r\n"),
                "open": content.rstrip(b"#\n"),
                "headless": content.partition(b"\n")[2],
            }[packing]
        )
    assert same(read_annotation(path), read_annotation(mini_gff3))


@pytest.mark.parametrize("block", [100, 333, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_order_and_blocks_make_no_difference(mini_gff3, tmp_path, monkeypatch, seed, block):
    lines = mini_gff3.read_text().splitlines(keepends=True)
    head, rest = lines[:3], lines[3:]
    by_contig = [[line for line in rest if line.startswith(name)] for name in ("chr1", "chr2")]
    for group in by_contig:
        random.Random(seed).shuffle(group)
    path = tmp_path / "shuffled.gff3"
    path.write_text("".join([*head, *by_contig[0], *by_contig[1]]))
    expected = read_annotation(mini_gff3)
    monkeypatch.setattr(feature_lines, "_BLOCK", block)
    assert same(read_annotation(path), expected)
    assert same(read_annotation(mini_gff3), expected)


def test_repeated_lines_count_once(mini_gff3, tmp_path):
    path = tmp_path / "twice.gff3"
    path.write_text(mini_gff3.read_text() * 2)
    assert same(read_annotation(path), read_annotation(mini_gff3))


@pytest.mark.parametrize("mark", ["##FASTA\n", ""])
def test_sequence_at_the_end_is_not_read(mini_gff3, tmp_path, monkeypatch, mark):
    path = tmp_path / "with.gff3"
    path.write_text(mini_gff3.read_text() + mark + ">chr1\n" + "ACGT" * 500 + "\n>chr2\nAC\n")
    expected = read_annotation(mini_gff3)
    assert same(read_annotation(path), expected)
    monkeypatch.setattr(feature_lines, "_BLOCK", 200)
    assert same(read_annotation(path), expected)


@pytest.mark.parametrize("kept", [0.5, -9, -1])
def test_truncated_gzip(mini_gff3, tmp_path, kept):
    exon = "1\ttest\texon\t1\t9\t.\t+\t.\tParent=T1\n"
    content = gzip.compress((mini_gff3.read_text() + exon * 200_000).encode(), compresslevel=1)
    path = tmp_path / "cut.gz"
    path.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(AnnotationError, match="truncated or damaged"):
        read_annotation(path)


PIECES = [
    *(b"", b"\t", b"\n", b";", b"=", b"%", b"%2", b'"', b"#", b">", b"\xff", b"\r", b"0", b",", b"-", b" ", b"\x00"),
    *(b"Parent=", b"T1", b"G1"),
]


@given(data=st.data())
@settings(deadline=None, max_examples=150)
@pytest.mark.parametrize("form", ["gff3", "gtf"])
def test_damaged_text_is_read_or_refused(mini_gff3, tmp_path_factory, form, data):
    """Whatever is cut, doubled or written over: tables or an AnnotationError, nothing else."""
    content = bytearray(mini_gff3.read_bytes() if form == "gff3" else GTF.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        stop = min(len(content), start + data.draw(st.integers(0, 12)))
        content[start:stop] = data.draw(st.sampled_from(PIECES))
    path = tmp_path_factory.mktemp("damaged") / f"a.{form}"
    path.write_bytes(bytes(content))
    try:
        annotation = read_annotation(path)
    except AnnotationError:
        return
    spans = annotation.exons
    assert (spans.column("end").to_numpy() > spans.column("start").to_numpy()).all()
    assert annotation.exons.column("transcript").to_numpy().max() < len(annotation.transcripts)
    assert annotation.transcripts.column("gene").to_numpy().max() < len(annotation.genes)
