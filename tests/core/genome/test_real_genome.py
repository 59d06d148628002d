"""The real genome and annotations: counts, builds, and the dinucleotides beside every annotated site."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.errors import AnnotationError, ContigError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.encoding import decode
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.genome.sites import SiteIndex, motifs, splice_sites

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize(
    ("build", "file", "n_genes"),
    [
        ("GRCh37", "gtf.gz", 1076),
        ("GRCh38", "gtf.gz", 793),
        ("GRCh37", "spliceai_table.txt", 864),
        ("GRCh38", "spliceai_table.txt", 617),
    ],
)
def test_annotations_of_both_builds(real_data, build, file, n_genes):
    with Reference.open(real_data / "genome" / f"{build}.fa.gz", build=build) as reference:
        annotation = read_annotation(real_data / "genome" / f"{build}.{file}")
        assert len(annotation.genes) == n_genes
        bound = annotation.bind(reference.contigs, reference.build)
        assert bound.unmatched == {}
        assert reference.build.name == build
        index = SiteIndex(bound)
        shares = {
            (r["strand"], r["site_type"], r["motif"]): r["share"] for r in motifs(reference, index.sites).to_pylist()
        }
        for strand in "+-":
            assert shares[strand, "donor", "GT"] > 0.98
            assert shares[strand, "donor", "GT"] + shares[strand, "donor", "GC"] > 0.99
            assert shares[strand, "acceptor", "AG"] > 0.99
        # The masks lie on the transcribed strand: GT follows the donors, AG precedes the acceptors.
        pairs: dict[tuple[str, str], list[str]] = {}
        for gene in GeneCatalog(bound).all()[::10]:
            codes = reference.fetch_oriented(gene.contig, gene.start, gene.end, gene.strand)
            acceptor, donor = (np.flatnonzero(mask) for mask in index.site_masks(gene))
            pairs.setdefault((gene.strand, "GT"), []).extend(decode(codes[d + 1 : d + 3]) for d in donor)
            pairs.setdefault((gene.strand, "AG"), []).extend(decode(codes[a - 2 : a]) for a in acceptor)
        assert len(pairs) == 4
        for (_, motif), found in pairs.items():
            assert len(found) > 100
            assert found.count(motif) > 0.97 * len(found)


def test_wrong_build_is_noticed(real_data):
    genome = real_data / "genome"
    with pytest.raises(ContigError, match="'hg19' was declared, but the reference is GRCh38"):
        Reference.open(genome / "GRCh38.fa.gz", build="hg19")
    with Reference.open(real_data / "arabidopsis" / "genome.fa.gz") as reference:
        assert reference.build.name.startswith("custom-")
        with pytest.raises(AnnotationError, match="end beyond their contig"):
            read_annotation(genome / "GRCh38.gtf.gz").bind(reference.contigs, reference.build)
        plant = read_annotation(real_data / "arabidopsis" / "annotation.gtf.gz").bind(reference.contigs)
        assert len(plant.genes) == 341


def test_gene_on_an_absent_chromosome(real_data, tmp_path):
    """Chromosomes 3 and 7 are not in the reference: their genes are set aside, with the reason."""
    genome = real_data / "genome"
    table = tmp_path / "table.txt"
    text = (genome / "GRCh38.spliceai_table.txt").read_text()
    table.write_text(text + "MLH1\t3\t+\t36993225\t37050846\t36993225,37050000,\t36993663,37050846,\n")
    with Reference.open(genome / "GRCh38.fa.gz") as reference:
        bound = read_annotation(table).bind(reference.contigs, reference.build, reference_name=reference.path.name)
    selection = GeneCatalog(bound).select(["MLH1", "BRCA1", "BRCA11"])

    assert bound.unmatched == {"3": 1}
    assert [(gene.gene_name, gene.contig, gene.strand) for gene in selection.genes] == [("BRCA1", "chr17", "-")]
    assert selection.missing[0].reason == "gene MLH1 is on contig 3, which GRCh38.fa.gz does not have"
    assert selection.missing[1].suggestions[0] == "BRCA1"


def test_gtf_without_genes(real_data):
    path = real_data / "annotation_formats" / "ucsc_ensgene_one_transcript.GRCh37.gtf"
    (gene,) = read_annotation(path).genes.to_pylist()
    assert (gene["gene_id"], gene["start"], gene["end"]) == ("ENSG00000177663", 17_565_848, 17_596_583)


def sites_by_name(annotation):
    """Sites of every gene, by name: (contig, position, strand, type)."""
    names, sites = annotation.genes.column("gene_name").to_pylist(), splice_sites(annotation)
    found: dict[str, set[tuple[object, ...]]] = {}
    for site in sites.to_pylist():
        place = (site["contig"], site["position"], site["strand"], site["site_type"])
        found.setdefault(names[site["gene"]], set()).add(place)
    return found


def test_mane_as_refseq_gff3(real_data):
    """MANE Select of chromosome 22: counts, motifs, and the sites of two other annotations of the same build."""
    genome = real_data / "genome"
    annotation = read_annotation(real_data / "annotation_formats" / "refseq_mane_chr22.GRCh38.gff3.gz")
    assert (annotation.format, annotation.contigs) == ("gff3", ("chr22",))
    assert (len(annotation.genes), len(annotation.transcripts), len(annotation.exons)) == (423, 423, 4198)
    assert set(annotation.genes.column("gene_biotype").to_pylist()) == {"protein_coding"}
    assert annotation.transcripts.column("tags").to_pylist() == [["MANE_Select"]] * 423
    with Reference.open(genome / "GRCh38.fa.gz") as reference:
        bound = annotation.bind(reference.contigs, reference.build)
        known = [row for row in motifs(reference, splice_sites(bound)).to_pylist() if "N" not in row["motif"]]
        others = [
            read_annotation(genome / f"GRCh38.{name}").bind(reference.contigs, reference.build)
            for name in ("gtf.gz", "spliceai_table.txt")
        ]
    counts = {(row["site_type"], row["motif"]): 0 for row in known}
    for row in known:
        counts[row["site_type"], row["motif"]] += row["count"]
    for kind, motif in (("donor", "GT"), ("acceptor", "AG")):
        total = sum(count for (site_type, _), count in counts.items() if site_type == kind)
        assert total > 400
        assert counts[kind, motif] > 0.98 * total
    mane = sites_by_name(bound)
    for other, least in zip(others, (1, 0.99), strict=True):
        theirs = sites_by_name(other)
        shared = mane.keys() & theirs.keys()
        assert len(shared) > 40
        agreed = sum(len(mane[name] & theirs[name]) for name in shared)
        assert agreed >= least * sum(len(mane[name]) for name in shared)
