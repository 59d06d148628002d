"""Binding an annotation to the contigs of a reference."""

from __future__ import annotations

import logging

import pytest
from splicecore.errors import AnnotationError, ContigError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.assemblies import ASSEMBLIES
from splicecore.genome.build import Build
from splicecore.genome.contigs import Contigs


def test_names_and_order_are_those_of_the_reference(mini_gtf, mini_table):
    contigs = Contigs(("2", "1"), (60, 100))
    build = Build.of(contigs)
    for path in (mini_gtf, mini_table):
        bound = read_annotation(path).bind(contigs, build)
        assert bound.genes.column("contig").to_pylist() == ["2", "1"]
        assert bound.genes.column("gene_name").to_pylist() == ["MINUS", "PLUS"]
        assert bound.transcripts.column("gene").to_pylist() == [0, 1]
        assert bound.transcripts.column("gene_id").to_pylist() == bound.genes.column("gene_id").to_pylist()
        assert bound.exons.to_pylist()[:1] == [{"transcript": 0, "start": 4, "end": 14}]
        assert bound.exons.column("transcript").to_pylist() == [0] * 3 + [1] * 3
        assert bound.unmatched == {}
        assert len(bound.unmatched_genes) == 0
        assert bound.build == build
        assert bound.reference_contigs is contigs
        assert bound.genes.schema == read_annotation(path).genes.schema


def test_contigs_that_the_reference_lacks_are_listed(mini_gtf, caplog):
    with caplog.at_level(logging.WARNING):
        bound = read_annotation(mini_gtf).bind(Contigs(("2",), (60,)), reference_name="ref.fa")

    assert bound.unmatched == {"chr1": 1}
    assert bound.unmatched_genes.column("gene_id").to_pylist() == ["G1"]
    assert bound.genes.column("gene_id").to_pylist() == ["G2"]
    assert bound.transcripts.select(["transcript_id", "gene"]).to_pylist() == [{"transcript_id": "T2", "gene": 0}]
    assert bound.exons.column("start").to_pylist() == [4, 24, 40]
    assert bound.exons.column("transcript").to_pylist() == [0, 0, 0]
    assert "lie on contigs that ref.fa does not have: chr1" in caplog.text


def test_nothing_in_common(mini_gtf):
    with pytest.raises(ContigError) as caught:
        read_annotation(mini_gtf).bind(Contigs(("scaffold1", "scaffold2"), (60, 70)), reference_name="ref.fa")
    assert "ref.fa have no contig in common: the annotation has chr1, chr2; " in caught.value.message
    assert "the reference has scaffold1, scaffold2" in caught.value.message


def test_gene_beyond_the_contig(mini_gtf):
    contigs = Contigs(("chr1", "chr2"), (100, 49))
    with pytest.raises(
        AnnotationError, match=r"1 genes end beyond their contig, first G2 at chr2:5-50 .* 49 bases"
    ) as c:
        read_annotation(mini_gtf).bind(contigs)
    assert "another build" in c.value.hint
    assert len(read_annotation(mini_gtf).bind(Contigs(("chr1", "chr2"), (60, 50))).genes) == 2


def test_accession_of_another_build(mini_gtf, tmp_path):
    path = tmp_path / "refseq.gtf"
    path.write_text(mini_gtf.read_text().replace("chr1\t", "NC_000001.11\t"))
    lengths = {assembly.name: assembly.lengths["chr1"] for assembly in ASSEMBLIES}

    bound = read_annotation(path).bind(Contigs(("chr1", "chr2"), (lengths["GRCh38"], 60)))
    assert bound.genes.column("contig").to_pylist() == ["chr1", "chr2"]
    with pytest.raises(ContigError, match=r"NC_000001\.11 is chr1 of GRCh38"):
        read_annotation(path).bind(Contigs(("chr1", "chr2"), (lengths["GRCh37"], 60)))
