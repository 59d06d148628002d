"""Labels of spans of contigs against the labels of genes, on real annotations."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.errors import AnnotationError, InputError
from splicecore.evaluate.evaluated_gene import GeneKey
from splicecore.evaluate.mask import annotation_sites, read_boundary_sites
from splicecore.evaluate.site_labels import SiteLabels, canonical_transcripts
from splicecore.genome.annotation import read_annotation
from splicecore.genome.contigs import canonical_name
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.sites import SiteIndex


@pytest.mark.realdata
@pytest.mark.parametrize("scope", ["gene", "strand"])
def test_labels_of_real_genes_are_those_of_the_site_index(real_data, scope):
    annotation = read_annotation(real_data / "genome" / "GRCh38.gtf.gz")
    labels, index = SiteLabels(annotation, "all", scope), SiteIndex(annotation)
    genes = [gene for gene in GeneCatalog(annotation).all() if canonical_name(gene.contig) in {"chr5", "chr9"}]
    assert {gene.strand for gene in genes} == {"+", "-"}
    for gene in genes:
        found = labels.sites(GeneKey(canonical_name(gene.contig), gene.strand, gene.gene_id), gene.start, gene.end)
        oriented = found if gene.strand == "+" else found[::-1]
        for column, mask in enumerate(index.site_masks(gene, scope=scope)):
            np.testing.assert_array_equal(oriented[:, column], mask)


@pytest.mark.realdata
def test_real_genes_have_one_canonical_transcript_each(real_data):
    annotation = read_annotation(real_data / "genome" / "GRCh38.gtf.gz")
    chosen = canonical_transcripts(annotation)
    genes = annotation.transcripts.column("gene").to_numpy()[chosen]
    assert sorted(genes.tolist()) == list(range(len(annotation.genes)))
    exons = annotation.exons
    bases = np.bincount(
        exons.column("transcript").to_numpy(), exons.column("end").to_numpy() - exons.column("start").to_numpy()
    )
    coding = np.array([kind == "protein_coding" for kind in annotation.transcripts.column("biotype").to_pylist()])
    longest = np.zeros(len(annotation.genes))
    np.maximum.at(longest, annotation.transcripts.column("gene").to_numpy(), bases + 1e9 * coding)
    np.testing.assert_array_equal((bases + 1e9 * coding)[chosen], longest[genes])


@pytest.mark.realdata
def test_real_boundary_transcripts_are_read_and_mostly_unknown_to_the_annotation(real_data):
    folder = real_data / "genome"
    boundary = read_boundary_sites(folder / "GRCh38.boundary_transcripts.tsv.gz")
    known = annotation_sites(read_annotation(folder / "GRCh38.gtf.gz"))
    total = sum(len(sites) for sites in boundary.values())
    shared = sum(np.isin(sites, known.get(key, sites[:0])).sum() for key, sites in boundary.items())
    assert total > 1000
    assert 0 < shared < total
    assert {strand for _, strand in boundary} == {"+", "-"}


def test_an_annotation_without_introns_gives_no_labels(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_text('1\tt\texon\t1\t9\t.\t+\t.\tgene_id "a"; transcript_id "t";\n')
    with pytest.raises(AnnotationError, match="no introns"):
        SiteLabels(read_annotation(path))


@pytest.mark.parametrize(
    "row", ["chr1\t+\t5,x\t9,20", "chr1\t+\t5\t9,20", "chr1\t.\t5,15\t9,20", "chr1\t+\t5,15\t4,20", "chr1\t+"]
)
def test_a_malformed_boundary_transcript_names_its_line(tmp_path, row):
    path = tmp_path / "boundary.tsv"
    path.write_text(f"chrom\tstrand\texon_starts_0based\texon_ends\nchr1\t+\t5,15\t9,20\n{row}\n")
    with pytest.raises(InputError, match="line 3"):
        read_boundary_sites(path)


def test_a_boundary_table_that_is_missing_damaged_or_empty_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_boundary_sites(tmp_path / "none.tsv")
    (tmp_path / "bad.tsv.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot read"):
        read_boundary_sites(tmp_path / "bad.tsv.gz")
    (tmp_path / "empty.tsv").write_text("chrom\tstrand\texon_starts_0based\texon_ends\n")
    with pytest.raises(InputError, match="no transcript"):
        read_boundary_sites(tmp_path / "empty.tsv")
