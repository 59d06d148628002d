"""Datasets as text, in the conventions of the tools that read such files."""

from __future__ import annotations

import pytest
from splicecore.errors import ConfigError
from splicecore.resources.derive import derive_resources
from splicecore.resources.resource_set import ResourceSet
from splicecore.resources.tsv_export import TSV_FILES, export_tsv

SITE_COLUMNS = (
    "chrom start end position strand site_type gene_id transcript_id gene_name gene_biotype transcript_biotype exon_id "
    "exon_number exon_rank"
)


@pytest.fixture
def lines(golden, tmp_path):
    derive_resources(tmp_path / "d", fasta=golden.fasta, annotation=golden.annotation)
    paths = export_tsv(ResourceSet.open(tmp_path / "d"), tmp_path / "tsv")
    assert {kind: path.name for kind, path in paths.items()} == TSV_FILES
    return {kind: [line.split("\t") for line in path.read_text().splitlines()] for kind, path in paths.items()}


def test_splice_sites(lines):
    """Intron-side and 1-based: T3's exons are 81-95, 121-130, 161-170 on the minus strand."""
    header, *rows = lines["splice_sites"]
    assert header == SITE_COLUMNS.split()
    assert [row[1:6] + row[12:] for row in rows if row[7] == "T3"] == [
        ["94", "98", "96", "-", "acceptor", "3", "3"],
        ["118", "122", "120", "-", "donor", "2", "2"],
        ["129", "133", "131", "-", "acceptor", "2", "2"],
        ["158", "162", "160", "-", "donor", "1", "1"],
    ]
    # T2's exons are 11-20, 41-50, 91-100 on the plus strand.
    assert [row[1:6] for row in rows if row[7] == "T2"] == [
        ["19", "23", "21", "+", "donor"],
        ["38", "42", "40", "+", "acceptor"],
        ["49", "53", "51", "+", "donor"],
        ["88", "92", "90", "+", "acceptor"],
    ]
    assert rows[0] == [
        *["chr1", "19", "23", "21", "+", "donor", "GP", "T1", "PLUS", "protein_coding", "protein_coding", "", "1", "1"]
    ]


def test_features(lines):
    assert lines["gene_features"][:3] == [
        ["chrom", "start", "end", "strand", "gene_id", "gene_name", "gene_type", "gene_length"],
        ["chr1", "11", "100", "+", "GP", "PLUS", "protein_coding", "90"],
        ["chr1", "81", "170", "-", "GM", "MINUS", "lncRNA", "90"],
    ]
    assert lines["transcript_features"][3] == ["chr1", "81", "170", "-", "T3", "", "lncRNA", "90", "GM"]
    assert lines["exon_features"][0][4:] == ["exon_number", "exon_length", "chrom", "seqname", "start", "end", "strand"]
    assert lines["exon_features"][7] == ["GM", "T3", "MINUS", "lncRNA", "3", "15", "chr1", "chr1", "81", "95", "-"]


def test_junctions(lines):
    header = ["chrom", "donor_pos", "acceptor_pos", "strand", "gene_id", "gene_name", "transcript_id", "intron_length"]
    assert lines["junctions"] == [
        header,
        ["chr1", "21", "40", "+", "GP", "PLUS", "T1", "20"],
        ["chr1", "61", "90", "+", "GP", "PLUS", "T1", "30"],
        ["chr1", "21", "40", "+", "GP", "PLUS", "T2", "20"],
        ["chr1", "51", "90", "+", "GP", "PLUS", "T2", "40"],
        ["chr1", "120", "96", "-", "GM", "MINUS", "T3", "25"],
        ["chr1", "160", "131", "-", "GM", "MINUS", "T3", "30"],
        ["chr2", "31", "40", "+", "GX", "TOUCH", "T5", "10"],
    ]


def test_overlaps_in_both_directions_counted_once(lines):
    assert lines["overlapping_genes"] == [
        [
            "gene_id_1",
            "gene_id_2",
            "chrom",
            "start_1",
            "end_1",
            "start_2",
            "end_2",
            "strand_1",
            "strand_2",
            "num_overlaps",
        ],
        ["GP", "GM", "chr1", "11", "100", "81", "170", "+", "-", "1"],
        ["GM", "GP", "chr1", "81", "170", "11", "100", "-", "+", "2"],
        ["GM", "GS", "chr1", "81", "170", "131", "140", "-", "+", "2"],
        ["GS", "GM", "chr1", "131", "140", "81", "170", "+", "-", "1"],
    ]


def test_start_is_clipped(golden, tmp_path):
    golden.annotation.write_text(
        "".join(f'chr1\tt\texon\t{span}\t.\t-\t.\tgene_id "G"; transcript_id "T";\n' for span in ("1\t1", "5\t9"))
    )
    derive_resources(tmp_path / "d", fasta=golden.fasta, annotation=golden.annotation)
    export_tsv(ResourceSet.open(tmp_path / "d"), tmp_path / "tsv", ["splice_sites"])
    assert [p.name for p in (tmp_path / "tsv").iterdir()] == ["splice_sites_enhanced.tsv"]
    rows = [line.split("\t") for line in (tmp_path / "tsv" / "splice_sites_enhanced.tsv").read_text().splitlines()[1:]]
    assert [row[1:6] for row in rows] == [["1", "4", "2", "-", "acceptor"], ["2", "6", "4", "-", "donor"]]


def test_quotation_marks_in_names(tmp_path):
    table = tmp_path / "table.txt"
    header = "#NAME CHROM STRAND TX_START TX_END EXON_START EXON_END".replace(" ", "\t")
    table.write_text(f'{header}\n5"\t1\t+\t10\t60\t10,30,\t20,60,\n')
    fasta = tmp_path / "g.fa"
    fasta.write_text(f">chr1\n{'A' * 80}\n")
    derive_resources(tmp_path / "d", fasta=fasta, annotation=table)
    paths = export_tsv(ResourceSet.open(tmp_path / "d"), tmp_path / "tsv", ["gene_features"])
    assert paths["gene_features"].read_text().splitlines()[1] == "chr1\t11\t60\t+\t5_\t5_\t\t50"


def test_unknown_kind(golden, tmp_path):
    derive_resources(tmp_path / "d", fasta=golden.fasta, annotation=golden.annotation)
    with pytest.raises(ConfigError, match="gene_sequences cannot be written as TSV"):
        export_tsv(ResourceSet.open(tmp_path / "d"), tmp_path / "tsv", ["gene_sequences"])
