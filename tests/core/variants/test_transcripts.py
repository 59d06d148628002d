"""Which transcripts variants are scored in."""

from __future__ import annotations

import pytest
from splicecore.errors import AnnotationError, ConfigError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.contigs import Contigs
from splicecore.variants.transcripts import Transcript, Transcripts

TABLE = """\
#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END
LONG\t1\t-\t100\t900\t100,300,\t200,900,
SHORT\t1\t-\t100\t500\t100,300\t200,500
TWICE\t1\t+\t50\t120\t50,\t120,
TWICE\t1\t+\t400\t600\t400,\t600,
OTHER\t2\t+\t10\t20\t10,\t20,
"""
CONTIGS = Contigs.from_mapping({"chr2": 1_000, "chr1": 1_000})
GRCH37 = Contigs.from_mapping({"chr1": 249_250_621})
GRCH38 = Contigs.from_mapping({"chr1": 248_956_422})


def bound(tmp_path, text, contigs=CONTIGS):
    path = tmp_path / "annotation"
    path.write_text(text)
    return read_annotation(path).bind(contigs)


def gtf(*rows):
    """One gene "g" on chr1; a row is (transcript, start, end, attributes) with one exon, 1-based."""
    lines = []
    for name, start, end, attributes in rows:
        common = f'gene_id "g"; transcript_id "{name}"; gene_name "GENE"; {attributes}'
        lines += [f"chr1\tx\t{kind}\t{start}\t{end}\t.\t+\t.\t{common}\n" for kind in ("transcript", "exon")]
    return "".join(lines)


def ids(found):
    return [transcript.transcript_id for transcript in found]


def test_rows_contain_pos_and_come_in_the_order_of_the_table(tmp_path):
    table = Transcripts.of(bound(tmp_path, TABLE))
    assert ids(table.at("1", 450)) == ["LONG", "SHORT", "TWICE#2"]
    assert ids(table.at("chr1", 110)) == ["LONG", "SHORT", "TWICE"]
    assert [transcript.order for transcript in table.at("chr1", 110)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("position", "expected"),
    [(49, []), (50, ["TWICE"]), (99, ["TWICE"]), (499, 3), (500, ["LONG", "TWICE#2"]), (899, ["LONG"]), (900, [])],
)
def test_first_and_last_base_of_a_row_are_inside(tmp_path, position, expected):
    found = ids(Transcripts.of(bound(tmp_path, TABLE)).at("1", position))
    assert len(found) == expected if isinstance(expected, int) else found == expected


def test_a_row_as_it_is(tmp_path):
    (found,) = Transcripts.of(bound(tmp_path, TABLE)).at("1", 890)
    assert found == Transcript("LONG", "LONG", "LONG", "chr1", "-", 100, 900, (100, 300), (200, 900), 0)
    assert found.length == 800


def test_contigs_without_rows_have_none(tmp_path):
    table = Transcripts.of(bound(tmp_path, TABLE))
    assert table.at("chr2", 500) == table.at("chr7", 500) == []


def test_of_a_table_every_row_is_canonical(tmp_path):
    annotation = bound(tmp_path, TABLE)
    assert ids(Transcripts.of(annotation)) == ids(Transcripts.of(annotation, "all"))
    assert len(Transcripts.of(annotation)) == 5


def test_a_table_that_is_gone_is_ordered_by_place(tmp_path, caplog):
    annotation = bound(tmp_path, TABLE)
    annotation.path.unlink()
    assert ids(Transcripts.of(annotation).at("1", 450)) == ["TWICE#2", "SHORT", "LONG"]
    assert "by place" in caplog.text


def test_canonical_is_one_of_a_gene(tmp_path):
    annotation = bound(tmp_path, gtf(("a", 1, 900, ""), ("b", 10, 500, 'tag "Ensembl_canonical";'), ("c", 2, 800, "")))
    assert ids(Transcripts.of(annotation)) == ["b"]
    assert sorted(ids(Transcripts.of(annotation, "all"))) == ["a", "b", "c"]
    assert ids(Transcripts.of(annotation).at("chr1", 600)) == []


def test_mane_select_and_plus_clinical_count(tmp_path):
    rows = [
        ("a", 1, 900, ""),
        ("b", 10, 500, 'tag "basic"; tag "MANE_Select";'),
        ("c", 2, 8, 'tag "MANE_Plus_Clinical";'),
    ]
    annotation = bound(tmp_path, gtf(*rows), GRCH38)
    assert sorted(ids(Transcripts.of(annotation, "mane"))) == ["b", "c"]


def test_mane_of_refseq_gff3(tmp_path):
    text = "##gff-version 3\n" + "".join(
        f"chr1\tBestRefSeq\t{kind}\t11\t90\t.\t-\t.\tID={name};{parent}gene=GENE;{tag}\n"
        for kind, name, parent, tag in (
            ("gene", "gene-GENE", "", ""),
            ("mRNA", "rna-NM_1.1", "Parent=gene-GENE;", "tag=MANE Select"),
            ("exon", "exon-1", "Parent=rna-NM_1.1;", "tag=MANE Select"),
            ("mRNA", "rna-NM_2.1", "Parent=gene-GENE;", ""),
            ("exon", "exon-2", "Parent=rna-NM_2.1;", ""),
        )
    )
    assert len(Transcripts.of(bound(tmp_path, text, GRCH38), "mane")) == 1


def test_mane_is_refused_on_grch37(tmp_path):
    annotation = bound(tmp_path, gtf(("b", 10, 500, 'tag "MANE_Select";')), GRCH37)
    with pytest.raises(ConfigError, match="GRCh37"):
        Transcripts.of(annotation, "mane")


def test_an_annotation_without_mane_says_so(tmp_path):
    with pytest.raises(AnnotationError, match="no transcript tagged"):
        Transcripts.of(bound(tmp_path, TABLE), "mane")


def test_an_unknown_choice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown"):
        Transcripts.of(bound(tmp_path, TABLE), "longest")


def test_transcripts_without_exons_are_left_out(tmp_path):
    text = gtf(("a", 1, 900, "")) + 'chr1\tx\ttranscript\t5\t20\t.\t+\t.\tgene_id "g"; transcript_id "bare";\n'
    assert ids(Transcripts.of(bound(tmp_path, text), "all")) == ["a"]


@pytest.mark.parametrize(
    ("position", "expected"), [(0, 100), (149, 100), (150, 199), (199, 199), (249, 199), (250, 300), (800, 899)]
)
def test_boundary_is_the_nearest_end_of_an_exon_and_the_lower_of_two(position, expected):
    row = Transcript("g", "g", "t", "c", "+", 100, 900, (100, 300), (200, 900))
    if position == 249:
        row = Transcript("g", "g", "t", "c", "+", 100, 900, (100, 299), (200, 900))
    assert row.boundary(position) == expected


def test_offsets_of_ref_on_both_strands():
    row = Transcript("g", "g", "t", "c", "+", 100, 200, (100,), (200,))
    assert (row.edit_start(100, 1), row.edit_start(199, 1), row.edit_start(150, 10)) == (0, 99, 50)
    row = Transcript("g", "g", "t", "c", "-", 100, 200, (100,), (200,))
    assert (row.edit_start(100, 1), row.edit_start(199, 1), row.edit_start(150, 10)) == (99, 0, 40)
