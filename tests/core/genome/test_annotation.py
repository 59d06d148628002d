"""Reading annotations of both formats; the same genes give the same tables."""

from __future__ import annotations

import gzip
import logging

import pyarrow as pa
import pysam
import pytest
from splicecore.errors import AnnotationError
from splicecore.genome import feature_lines
from splicecore.genome.annotation import read_annotation

EXONS = [
    {"transcript": 0, "start": 10, "end": 20},
    {"transcript": 0, "start": 30, "end": 40},
    {"transcript": 0, "start": 50, "end": 60},
    {"transcript": 1, "start": 4, "end": 14},
    {"transcript": 1, "start": 24, "end": 34},
    {"transcript": 1, "start": 40, "end": 50},
]


def written(tmp_path, text, name="a.gtf"):
    path = tmp_path / name
    path.write_text(text)
    return path


def exon(contig, start, end, strand, gene, transcript, more="", feature="exon"):
    attributes = f'gene_id "{gene}"; transcript_id "{transcript}";{more}'
    return f"{contig}\ttest\t{feature}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def test_gtf(mini_gtf):
    annotation = read_annotation(mini_gtf)

    assert annotation.path == mini_gtf
    assert annotation.format == "gtf"
    assert annotation.contigs == ("chr1", "chr2")
    assert annotation.genes.to_pylist() == [
        {
            "gene_id": "G1",
            "gene_name": "PLUS",
            "gene_biotype": "protein_coding",
            "contig": "chr1",
            "strand": "+",
            "start": 10,
            "end": 60,
        },
        {
            "gene_id": "G2",
            "gene_name": "MINUS",
            "gene_biotype": "lncRNA",
            "contig": "chr2",
            "strand": "-",
            "start": 4,
            "end": 50,
        },
    ]
    assert annotation.transcripts.to_pylist() == [
        {
            "transcript_id": "T1",
            "gene_id": "G1",
            "gene": 0,
            "biotype": "protein_coding",
            "tags": [],
            "start": 10,
            "end": 60,
        },
        {
            "transcript_id": "T2",
            "gene_id": "G2",
            "gene": 1,
            "biotype": "lncRNA",
            "tags": [],
            "start": 4,
            "end": 50,
        },
    ]
    assert annotation.exons.to_pylist() == EXONS


def test_spliceai_table(mini_table):
    annotation = read_annotation(mini_table)

    assert annotation.format == "spliceai"
    assert annotation.contigs == ("1", "2")
    assert annotation.exons.to_pylist() == EXONS
    genes = annotation.genes.to_pylist()
    assert [(g["gene_id"], g["gene_name"], g["strand"], g["start"], g["end"]) for g in genes] == [
        ("PLUS", "PLUS", "+", 10, 60),
        ("MINUS", "MINUS", "-", 4, 50),
    ]
    assert [g["gene_biotype"] for g in genes] == [None, None]
    assert annotation.transcripts.column("transcript_id").to_pylist() == ["PLUS", "MINUS"]


@pytest.mark.parametrize("fixture", ["mini_gtf", "mini_table"])
@pytest.mark.parametrize("packing", ["gzip", "members", "bgzip", "crlf", "open"])
def test_packing_makes_no_difference(request, tmp_path, fixture, packing):
    plain = request.getfixturevalue(fixture)
    path, content = tmp_path / "packed", plain.read_bytes()
    if packing == "bgzip":
        pysam.tabix_compress(str(plain), str(path))
    else:
        half = len(content) // 2
        path.write_bytes(
            {
                "gzip": gzip.compress(content),
                "members": gzip.compress(content[:half]) + gzip.compress(content[half:]),
                "crlf": content.replace(b"\n", b"\r\n"),
                "open": content.rstrip(b"\n"),
            }[packing]
        )
    expected, found = read_annotation(plain), read_annotation(path)

    assert expected.genes.equals(found.genes)
    assert expected.transcripts.equals(found.transcripts)
    assert expected.exons.equals(found.exons)


def test_rows_of_genes_and_transcripts_may_be_missing(mini_gtf, tmp_path):
    lines = mini_gtf.read_text().splitlines(keepends=True)
    whole = read_annotation(mini_gtf)
    for dropped in (["gene"], ["transcript"], ["gene", "transcript"]):
        path = written(tmp_path, "".join(line for line in lines if line.split("\t")[2:3] not in [[d] for d in dropped]))
        part = read_annotation(path)
        spans = ["gene_id", "contig", "strand", "start", "end"]
        assert whole.genes.select(spans).equals(part.genes.select(spans))
        assert whole.exons.equals(part.exons)
        assert part.genes.column("gene_name").to_pylist() == (["G1", "G2"] if "gene" in dropped else ["PLUS", "MINUS"])


def test_order_of_lines_makes_no_difference(mini_gtf, tmp_path):
    lines = mini_gtf.read_text().splitlines(keepends=True)
    contig_first = [line for line in lines if line.startswith("chr1")][:1]
    path = written(tmp_path, "".join(contig_first + sorted(lines[2:], reverse=True)), "shuffled.gtf")

    assert read_annotation(mini_gtf).genes.equals(read_annotation(path).genes)
    assert read_annotation(mini_gtf).exons.equals(read_annotation(path).exons)


@pytest.mark.parametrize(
    ("attributes", "name", "gene_biotype", "biotype"),
    [
        ('gene_name "N"; gene_type "a"; transcript_type "b";', "N", "a", "b"),
        ('gene_name "N"; gene_biotype "a"; transcript_biotype "b";', "N", "a", "b"),
        ('db_xref "GeneID:1"; gbkey "mRNA"; gene "N"; gene_biotype "a"', "N", "a", None),
        ("gene_name N; gene_biotype a;", "N", "a", None),
        ('note "gene_name X"; exon_number 1', "G", None, None),
        ('gene_name "N; O";', "N; O", None, None),
        ('gene_name "";', "G", None, None),
    ],
)
def test_flavors_of_attributes(tmp_path, attributes, name, gene_biotype, biotype):
    annotation = read_annotation(written(tmp_path, exon("1", 1, 9, "+", "G", "T", " " + attributes)))
    gene, transcript = annotation.genes.to_pylist()[0], annotation.transcripts.to_pylist()[0]

    assert (gene["gene_id"], gene["gene_name"], gene["gene_biotype"]) == ("G", name, gene_biotype)
    assert (transcript["transcript_id"], transcript["biotype"]) == ("T", biotype)


def test_refseq_genes_have_an_empty_transcript_id(tmp_path):
    text = exon("NC_000001.11", 1, 20, "-", "G", "", feature="gene") + exon("NC_000001.11", 1, 20, "-", "G", "NM_1.1")
    assert read_annotation(written(tmp_path, text)).transcripts.column("transcript_id").to_pylist() == ["NM_1.1"]


def test_one_id_on_two_contigs_or_strands_is_two_genes(tmp_path):
    text = (
        exon("chrX", 1, 9, "+", "G", "T")
        + exon("chrY", 1, 9, "+", "G", "T")
        + exon("chrX", 1, 9, "-", "G", "T")
        + exon("chrX", 3, 12, "+", "G_PAR_Y", "T")
    )
    annotation = read_annotation(written(tmp_path, text))

    genes = annotation.genes.to_pylist()
    assert [(g["gene_id"], g["contig"], g["strand"], g["start"]) for g in genes] == [
        ("G", "chrX", "+", 0),
        ("G", "chrX", "-", 0),
        ("G_PAR_Y", "chrX", "+", 2),
        ("G", "chrY", "+", 0),
    ]
    assert annotation.transcripts.column("gene").to_pylist() == [0, 1, 2, 3]
    assert annotation.exons.column("transcript").to_pylist() == [0, 1, 2, 3]


def test_repeated_lines_count_once(mini_gtf, tmp_path):
    path = written(tmp_path, mini_gtf.read_text() * 2)
    assert read_annotation(path).exons.to_pylist() == EXONS
    assert len(read_annotation(path).transcripts) == 2


def test_gene_row_that_is_too_short_is_widened(tmp_path, caplog):
    text = exon("1", 5, 9, "+", "G", "", feature="gene") + exon("1", 5, 30, "+", "G", "T")
    with caplog.at_level(logging.WARNING):
        annotation = read_annotation(written(tmp_path, text))
    assert annotation.genes.column("end").to_pylist() == [30]
    assert "1 genes have exons beyond the span of their own row and were widened, first G" in caplog.text


def test_comments_and_other_features_are_skipped(tmp_path):
    text = (
        "# a comment\n#\ta\tcomment\twith tabs\n\n"
        + exon("1", 1, 9, "+", "G", "T")
        + "##### end\n"
        + "1\ttest\tstop_codon\t9\t1\t.\t?\t.\t\n"
        + "#1\ttest\texon\t1\t900\t.\t+\t.\tcommented out\n"
    )
    annotation = read_annotation(written(tmp_path, text))
    assert annotation.exons.to_pylist() == [{"transcript": 0, "start": 0, "end": 9}]


GOOD = exon("1", 1, 9, "+", "G", "T")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1\ttest\texon\t1\t9\t.\t+\t.\n", "8 columns separated by tabs instead of 9"),
        ("1 test exon 1 9\n", "1 columns separated by tabs instead of 9"),
        (GOOD.replace("\n", "\tmore\n"), "10 columns separated by tabs instead of 9"),
        (exon("1", "x", 9, "+", "G", "T"), "start 'x' is not a whole number"),
        (exon("1", 1, "9.5", "+", "G", "T"), r"end '9\.5' is not a whole number"),
        (exon("1", "", 9, "+", "G", "T"), "start '' is not a whole number"),
        (exon("1", "NA", 9, "+", "G", "T"), "start 'NA' is not a whole number"),
        (exon("1", -5, 9, "+", "G", "T"), "start -5; coordinates begin at 1"),
        (exon("1", 0, 9, "+", "G", "T"), "start 0; coordinates begin at 1"),
        (exon("1", 10, 9, "+", "G", "T"), "start 10 lies after end 9"),
        (exon("1", 1, 9, ".", "G", "T"), r"strand '\.' is neither"),
        (exon("1", 1, 9, "", "G", "T"), "strand '' is neither"),
        (exon("1", 1, 9, "+", "", "T"), "exon without gene_id"),
        (exon("1", 1, 9, "+", "G", ""), "exon without transcript_id"),
        ("1\ttest\texon\t1\t9\t.\t+\t.\tsome text\n", "exon without gene_id"),
        ('1\ttest\ttranscript\t1\t9\t.\t+\t.\tgene_id "G"\n', "transcript without transcript_id"),
        ('1\ttest\tgene\t1\t9\t.\t+\t.\tgene "G"\n', "gene without gene_id"),
    ],
)
def test_malformed_gtf(tmp_path, line, problem):
    path = written(tmp_path, "# header\n" + GOOD * 3 + line + GOOD)
    with pytest.raises(AnnotationError, match=rf"a\.gtf, line 5: {problem}"):
        read_annotation(path)


HEADER = "#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END\n"
ROW = "A\t1\t+\t10\t60\t10,30,\t20,60,\n"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A\t1\t+\t10\t60\t10,30,\n", "6 columns separated by tabs instead of 7"),
        ("A\t1\t*\t10\t60\t10,30,\t20,60,\n", r"strand '\*' is neither"),
        ("\t1\t+\t10\t60\t10,30,\t20,60,\n", "NAME is empty"),
        ("A\t1\t+\tx\t60\t10,30,\t20,60,\n", "TX_START 'x' is not a whole number"),
        ("A\t1\t+\t60\t10\t10,30,\t20,60,\n", "TX_START 60 does not lie before TX_END 10"),
        ("A\t1\t+\t10\t60\t10,x,\t20,60,\n", "EXON_START '10,x,' is not a list"),
        ("A\t1\t+\t10\t60\t10,,30\t20,40,60\n", "EXON_START '10,,30' is not a list"),
        ("A\t1\t+\t10\t60\t\t\n", "EXON_START '' is not a list"),
        ("A\t1\t+\t10\t60\t10,30,\t20,\n", "2 exon starts but 1 exon ends"),
        ("A\t1\t+\t10\t60\t10,30,\t20,30,\n", "exon start 30 does not lie before its end 30"),
        ("A\t1\t+\t10\t60\t5,30,\t20,60,\n", "exon 5-20 lies outside the transcript 10-60"),
        ("A\t1\t+\t10\t60\t10,30,\t20,61,\n", "exon 30-61 lies outside the transcript 10-60"),
    ],
)
def test_malformed_table(tmp_path, line, problem):
    path = written(tmp_path, HEADER + ROW + line + ROW, "t.txt")
    with pytest.raises(AnnotationError, match=rf"t\.txt, line 3: {problem}"):
        read_annotation(path)


def test_table_without_rows_and_with_another_header(tmp_path):
    with pytest.raises(AnnotationError, match="has a header but no transcript"):
        read_annotation(written(tmp_path, HEADER))
    with pytest.raises(AnnotationError, match="line 1: the header is '#NAME"):
        read_annotation(written(tmp_path, HEADER.replace("TX_END", "END") + ROW))


def test_table_with_a_name_twice(tmp_path):
    annotation = read_annotation(written(tmp_path, HEADER + ROW + ROW.replace("60", "70")))
    assert annotation.transcripts.column("transcript_id").to_pylist() == ["A", "A#2"]
    assert annotation.transcripts.column("gene").to_pylist() == [0, 0]
    assert annotation.genes.select(["start", "end"]).to_pylist() == [{"start": 10, "end": 70}]


def test_trailing_commas_do_not_matter(tmp_path):
    with_commas = read_annotation(written(tmp_path, HEADER + ROW, "a"))
    without = read_annotation(written(tmp_path, HEADER + ROW.replace(",\t", "\t").replace(",\n", "\n"), "b"))
    assert with_commas.exons.equals(without.exons)
    assert len(without.exons) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "nothing but comments"),
        (b"\n\n", "nothing but comments"),
        (b"##gff-version 3\n" + GOOD.encode(), "line 2: exon without Parent"),
        (b"1\ttest\texon\t1\t9\t.\t+\t.\tID=exon1;Parent=t1\n", "line 1: exon has Parent=t1, but no gene or"),
        (b">chr1\nACGT\n", "neither GTF, GFF3 nor a SpliceAI table"),
        (b"chr1\t10\t20\tname\t0\t+\n", "neither GTF, GFF3 nor a SpliceAI table"),
        (b"\x89PNG\x0d\x0a\xff\xfe", r"line 1 is not text \(UTF-8\)"),
        (exon("1", 1, 9, "+", "G", "T", feature="CDS").encode(), "has no exon"),
        (GOOD.encode() + GOOD.replace("G", "\xe9").encode("latin-1"), r"line 2 is not text \(UTF-8\)"),
    ],
)
def test_other_content(tmp_path, content, message):
    path = tmp_path / "x.gtf"
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match=message):
        read_annotation(path)


def test_missing_and_folder(tmp_path):
    with pytest.raises(AnnotationError, match="does not exist"):
        read_annotation(tmp_path / "none.gtf")
    with pytest.raises(AnnotationError, match="is a folder"):
        read_annotation(tmp_path)


@pytest.mark.parametrize("text", [GOOD, HEADER + ROW], ids=["gtf", "table"])
@pytest.mark.parametrize("kept", [12, 0.5, -9, -1])
def test_truncated_gzip(tmp_path, text, kept):
    content = gzip.compress((text + text.splitlines(keepends=True)[-1] * 5000).encode(), compresslevel=1)
    path = tmp_path / "cut.gz"
    path.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(AnnotationError, match="truncated or damaged"):
        read_annotation(path)


def test_bgzip_cut_between_blocks(mini_gtf, tmp_path):
    pysam.tabix_compress(str(mini_gtf), str(tmp_path / "x.gz"))
    (tmp_path / "y.gz").write_bytes((tmp_path / "x.gz").read_bytes()[:-28])
    with pytest.raises(AnnotationError, match="is truncated"):
        read_annotation(tmp_path / "y.gz")


def test_damaged_gzip(mini_gtf, tmp_path):
    content = bytearray(gzip.compress(mini_gtf.read_bytes() * 50))
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "x.gz"
    path.write_bytes(bytes(content))
    with pytest.raises(AnnotationError):
        read_annotation(path)


def test_many_blocks(tmp_path, monkeypatch):
    """Genes whose rows lie in different blocks of the parser are put together."""
    monkeypatch.setattr(feature_lines, "_BLOCK", 2000)
    rows = [
        exon("1", 100 * i + 1, 100 * i + 9, "+-"[i % 2], f"G{i // 4}", f"T{i // 4}", f' gene_name "N{i // 4}";')
        for i in range(400)
    ]
    annotation = read_annotation(written(tmp_path, "".join(rows[::2] + rows[1::2])))
    assert len(annotation.genes) == len(annotation.transcripts) == 200
    assert len(annotation.exons) == 400
    assert annotation.genes.column("gene_name").to_pylist()[:4] == ["N0", "N0", "N1", "N1"]


@pytest.mark.parametrize(
    ("attributes", "tags"),
    [
        ('tag "basic"; tag "Ensembl_canonical"; tag "MANE_Select";', ["basic", "Ensembl_canonical", "MANE_Select"]),
        ('tag "MANE Select"; note "x";', ["MANE_Select"]),
        ('level 2; tag "MANE_Plus_Clinical"; ccdsid "C"; tag basic', ["MANE_Plus_Clinical", "basic"]),
        ('tag "basic"; note "a tag b";', ["basic"]),
        ('mytag "a"; note "tag b"; tag "";', []),
        ("", []),
    ],
)
@pytest.mark.parametrize("rows", ["transcript", "exon"])
def test_tags(tmp_path, attributes, tags, rows):
    """Of the transcript's row, or of its exons in a file without such rows."""
    untagged, tagged = exon("1", 1, 9, "+", "G", "T", ' tag "other";'), exon("1", 1, 9, "+", "G", "T", " " + attributes)
    text = untagged + tagged.replace("\texon\t", "\ttranscript\t") if rows == "transcript" else tagged
    annotation = read_annotation(written(tmp_path, text))
    assert annotation.transcripts.schema.field("tags").type == pa.list_(pa.string())
    assert annotation.transcripts.column("tags").to_pylist() == [tags]


def test_transcripts_without_exons(mini_gtf, tmp_path, caplog):
    rows = exon("chr1", 70, 90, "+", "G3", "", feature="gene") + exon("chr1", 70, 90, "+", "G3", "T3").replace(
        "\texon\t", "\ttranscript\t"
    )
    with caplog.at_level(logging.WARNING):
        annotation = read_annotation(written(tmp_path, mini_gtf.read_text() + rows))
    genes = annotation.genes.to_pylist()
    assert [(gene["gene_id"], gene["start"], gene["end"]) for gene in genes] == [
        ("G1", 10, 60),
        ("G3", 69, 90),
        ("G2", 4, 50),
    ]
    assert annotation.exons.column("transcript").to_pylist() == [0, 0, 0, 2, 2, 2]
    assert "1 transcripts have no exons and give no splice sites, first T3" in caplog.text
