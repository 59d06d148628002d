"""Annotations that do not belong to the genome are told by the bases beside their splice sites."""

from __future__ import annotations

import gzip
import logging

import pytest
from splicecore.errors import AnnotationError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.motif_check import MotifShare, check_motifs, sample_motifs
from splicecore.genome.reference import Reference
from splicecore.testing.simulate import SimulationConfig, simulate_genome


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    config = SimulationConfig(
        intron_length=150, intron_range=(100, 300), intergenic_length=500, exons_per_gene=(12, 14)
    )
    return simulate_genome(config, seed=3).write(tmp_path_factory.mktemp("simulated"))


def shifted(path, target, by, *, genes=None):
    """Copy a GTF with coordinates shifted, of all genes or of those that are named."""
    lines = []
    for line in path.read_text().splitlines():
        fields = line.split("\t")
        if len(fields) == 9 and (genes is None or any(f'gene_name "{name}"' in fields[8] for name in genes)):
            fields[3:5] = (str(int(field) + by) for field in fields[3:5])
        lines.append("\t".join(fields) + "\n")
    target.write_text("".join(lines))
    return target


def bound(path, reference):
    return read_annotation(path).bind(reference.contigs, reference.build, reference_name=str(reference.path))


def test_right_annotation(paths):
    with Reference.open(paths.fasta) as reference:
        annotation = bound(paths.annotation, reference)
        found = sample_motifs(reference, annotation)
        check_motifs(reference, annotation)
        check_motifs(reference, annotation, [0])
        one = sample_motifs(reference, annotation, [2, 2])
    assert found.known > 100
    assert found.share > 0.99
    assert 0 < one.known < found.known


@pytest.mark.parametrize("by", [1, -1, 2, 137])
@pytest.mark.parametrize("chosen", [None, [0], [4, 2, 3]])
def test_shifted_annotation(paths, tmp_path, by, chosen):
    path = shifted(paths.annotation, tmp_path / "shifted.gtf", by)
    message = r"do not belong together: of [\d,]+ sampled splice sites only"
    with Reference.open(paths.fasta) as reference, pytest.raises(AnnotationError, match=message) as e:
        check_motifs(reference, bound(path, reference), chosen)
    assert str(path) in e.value.message
    assert str(paths.fasta) in e.value.message
    assert "another build" in e.value.hint


def test_odd_genes_in_a_right_annotation_are_only_mentioned(paths, tmp_path, caplog):
    with Reference.open(paths.fasta) as reference, caplog.at_level(logging.WARNING):
        annotation = bound(paths.annotation, reference)
        name = next(
            gene.gene_name
            for gene in GeneCatalog(annotation).all()
            if sample_motifs(reference, annotation, [gene.index]).informative
        )
        annotation = bound(shifted(paths.annotation, tmp_path / "odd.gtf", 1, genes=[name]), reference)
        (gene,) = GeneCatalog(annotation).select([name]).genes
        assert sample_motifs(reference, annotation, [gene.index]).share < 0.5
        check_motifs(reference, annotation, [gene.index])
    assert "are they pseudogenes?" in caplog.text


def test_too_few_sites_say_nothing(mini_gtf, mini_fasta):
    with Reference.open(mini_fasta) as reference:
        annotation = bound(mini_gtf, reference)
        assert sample_motifs(reference, annotation).known < 20
        check_motifs(reference, annotation)


def test_share():
    assert MotifShare(20, 14).plausible
    assert not MotifShare(20, 13).plausible
    assert MotifShare(20, 0).informative
    assert not MotifShare(19, 0).informative
    assert not MotifShare(0, 0).plausible


def test_unknown_bases_do_not_count(paths, tmp_path):
    """A genome of N only: nothing can be said, so nothing is refused."""
    text = paths.fasta.read_text()
    lines = (line if line.startswith(">") else "N" * len(line) for line in text.splitlines())
    fasta = tmp_path / "hidden.fa"
    fasta.write_text("".join(f"{line}\n" for line in lines))
    with Reference.open(fasta) as reference:
        annotation = bound(paths.annotation, reference)
        assert sample_motifs(reference, annotation) == MotifShare(0, 0)
        check_motifs(reference, annotation)


@pytest.mark.realdata
@pytest.mark.parametrize("suffix", ["gtf.gz", "spliceai_table.txt"])
@pytest.mark.parametrize(("build", "other"), [("GRCh38", "GRCh37"), ("GRCh37", "GRCh38")])
@pytest.mark.parametrize("chosen", [None, ["TTN", "BRCA1", "NF2"], ["BRCA2"]])
def test_other_build(real_data, tmp_path, build, other, suffix, chosen):
    """The annotation of the other build is refused, even without the genes that end beyond its contigs."""
    genome = real_data / "genome"
    with Reference.open(genome / f"{build}.fa.gz") as reference:
        right = bound(genome / f"{build}.{suffix}", reference)
        rows = None if chosen is None else [gene.index for gene in GeneCatalog(right).select(chosen).genes]
        check_motifs(reference, right, rows)
        assert sample_motifs(reference, right, rows).share > 0.97
        wrong = bound(within(genome / f"{other}.{suffix}", reference, tmp_path), reference)
        rows = None if chosen is None else [gene.index for gene in GeneCatalog(wrong).select(chosen).genes]
        with pytest.raises(AnnotationError, match="do not belong together"):
            check_motifs(reference, wrong, rows)


def within(path, reference, folder):
    """Copy an annotation without the genes that end beyond the reference's contigs."""
    contig, end = (0, 4) if "gtf" in path.name else (1, 4)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    kept = []
    for line in content.decode().splitlines(keepends=True):
        fields = line.split("\t")
        if line.startswith("#") or int(fields[end]) <= reference.contigs.length(fields[contig]):
            kept.append(line)
    target = folder / "within"
    target.write_text("".join(kept))
    return target
