"""Derived resources opened for reading: equal to what they were derived from, and never written to."""

from __future__ import annotations

import os

import numpy as np
import pytest
from splicecore.errors import ChecksumError, ConfigError, ResourceNotFoundError
from splicecore.genome.annotation import read_annotation
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.genome.sites import SiteIndex, splice_sites
from splicecore.resources.derive import derive_resources
from splicecore.resources.resource_set import ResourceSet


@pytest.fixture
def resources(golden, tmp_path):
    derive_resources(tmp_path / "d", fasta=golden.fasta, annotation=golden.annotation)
    return ResourceSet.open(tmp_path / "d")


def bound(fasta, annotation):
    with Reference.open(fasta) as reference:
        return read_annotation(annotation).bind(reference.contigs, reference.build, reference_name=str(fasta))


def assert_equal(found, expected):
    for name in ("genes", "transcripts", "exons", "unmatched_genes"):
        assert getattr(found, name).equals(getattr(expected, name)), name
    for name in ("path", "format", "reference_contigs", "build", "unmatched", "reference_name"):
        assert getattr(found, name) == getattr(expected, name)


def assert_same_index(found, expected, genes):
    assert found.n_ambiguous == expected.n_ambiguous
    for gene in genes:
        for scope in ("gene", "strand"):
            masks = zip(found.site_masks(gene, scope=scope), expected.site_masks(gene, scope=scope), strict=True)
            assert all(np.array_equal(one, other) for one, other in masks)


def test_annotation_and_sites_are_those_of_the_file(resources, golden):
    expected = bound(*golden)
    assert_equal(resources.annotation(), expected)
    assert resources.annotation() is resources.annotation()
    assert resources.sites() is resources.sites()
    assert_same_index(resources.sites(), SiteIndex(expected), GeneCatalog(expected).all())
    assert resources.sites().sites.cast(splice_sites(expected).schema).equals(splice_sites(expected))


def test_simulated_annotation(simulated, tmp_path):
    derive_resources(tmp_path, fasta=simulated.fasta, annotation=simulated.annotation)
    resources, expected = ResourceSet.open(tmp_path), bound(*simulated)
    assert_equal(resources.annotation(), expected)
    assert_same_index(resources.sites(), SiteIndex(expected), GeneCatalog(expected).all())


def test_restricted_annotation(golden, tmp_path):
    derive_resources(tmp_path / "d", fasta=golden.fasta, annotation=golden.annotation, contigs=["chr2"])
    expected = bound(*golden)
    on_chr2 = [row for row, name in enumerate(expected.genes.column("contig").to_pylist()) if name == "chr2"]
    assert_equal(ResourceSet.open(tmp_path / "d").annotation(), expected.only(np.array(on_chr2)))


@pytest.mark.realdata
@pytest.mark.parametrize("suffix", ["gtf.gz", "spliceai_table.txt"])
def test_real_annotation(real_data, tmp_path, suffix):
    inputs = [real_data / "genome" / name for name in ("GRCh38.fa.gz", f"GRCh38.{suffix}")]
    derive_resources(tmp_path, fasta=inputs[0], annotation=inputs[1])
    resources, expected = ResourceSet.open(tmp_path), bound(*inputs)
    assert_equal(resources.annotation(), expected)
    assert_same_index(resources.sites(), SiteIndex(expected), GeneCatalog(expected).all()[::7])


def test_facts(resources, golden):
    with resources.reference() as reference:
        assert reference.contigs == resources.contigs
        assert reference.build == resources.build
    assert (resources.fasta, resources.annotation_path) == golden
    assert resources.key is None
    assert len({resources.content, resources.fasta_sha256, resources.annotation_sha256}) == 3
    assert resources.path("junctions") == resources.folder / "junctions.parquet"
    assert resources.table("junctions", ["strand"]).schema.names == ["strand"]
    assert "custom-" in repr(resources)


def test_content_is_of_what_is_in_it_not_of_where_it_is(resources, golden, tmp_path):
    derive_resources(tmp_path / "other", fasta=golden.fasta, annotation=golden.annotation)
    assert ResourceSet.open(tmp_path / "other").content == resources.content
    derive_resources(tmp_path / "one", fasta=golden.fasta, annotation=golden.annotation, contigs=["chr1"])
    assert ResourceSet.open(tmp_path / "one").content != resources.content


def test_nothing_is_written(resources, golden):
    folders = (resources.folder, golden.fasta.parent)

    def state():
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size)
            for folder in folders
            for path in (folder, *folder.rglob("*"))
        }

    before = state()
    resources.annotation()
    resources.sites()
    resources.verify()
    resources.check_inputs()
    with resources.sequences() as sequences:
        sequences.text(sequences.catalog.gene(0))
    assert state() == before


@pytest.mark.parametrize("missing", ["g.fa.fai", "g.fa"])
def test_no_index_is_made(resources, golden, tmp_path, missing):
    (golden.fasta.parent / missing).unlink()
    before = sorted(golden.fasta.parent.iterdir())
    with pytest.raises(ResourceNotFoundError, match=f"{missing}.*(missing|does not exist).*resources derive"):
        resources.reference(tmp_path / "cache")
    assert sorted(golden.fasta.parent.iterdir()) == before


def test_missing_things(golden, tmp_path):
    with pytest.raises(ResourceNotFoundError, match=r"no resources.json.*splicecore resources derive"):
        ResourceSet.open(tmp_path)
    derive_resources(tmp_path / "d", fasta=golden.fasta, annotation=golden.annotation, kinds=["gene_sequences"])
    resources = ResourceSet.open(tmp_path / "d")
    with pytest.raises(ResourceNotFoundError, match="has no splice_sites"):
        resources.sites()
    with pytest.raises(ResourceNotFoundError, match="is a view of"):
        resources.table("gene_sequences")
    with pytest.raises(ConfigError, match="no derived dataset 'genes'"):
        resources.table("genes")


def test_unknown_column(resources):
    with pytest.raises(ConfigError, match="junctions has no column 'start'"):
        resources.table("junctions", ["start"])


def test_damaged_page(resources):
    path = resources.path("splice_sites")
    raw = bytearray(path.read_bytes())
    raw[40] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(ChecksumError, match=r"splice_sites.parquet is damaged.*derive it anew"):
        resources.table("splice_sites")
    assert resources.verify() == [f"{path} changed since it was derived"]


def test_other_files_in_place_of_datasets(resources, golden, tmp_path):
    sites, junctions, exons = (resources.path(kind) for kind in ("splice_sites", "junctions", "exon_features"))
    sites.write_bytes(junctions.read_bytes())
    with pytest.raises(ChecksumError, match="is of schema junctions/1, not splice_sites/1"):
        resources.table("splice_sites")
    derive_resources(tmp_path / "one", fasta=golden.fasta, annotation=golden.annotation, contigs=["chr1"])
    junctions.write_bytes((tmp_path / "one" / "junctions.parquet").read_bytes())
    with pytest.raises(ChecksumError, match="derived from other inputs"):
        resources.table("junctions")
    exons.unlink()
    with pytest.raises(ChecksumError, match="which the manifest lists, is missing"):
        resources.annotation()
    assert len(resources.verify()) == 3


def test_changed_inputs(resources, golden):
    os.utime(golden.annotation, ns=(5, 5))
    resources.check_inputs()
    golden.annotation.write_text(golden.annotation.read_text() + "\n")
    with pytest.raises(ChecksumError, match=r"the annotation .* changed since .*resources derive"):
        resources.check_inputs()
    golden.annotation.write_text(golden.annotation.read_text()[:-1])
    resources.check_inputs()
    golden.fasta.unlink()
    with pytest.raises(ChecksumError, match=r"the genome .* cannot be read"):
        resources.check_inputs()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:100], "is damaged"),
        (lambda _: "[]", "names no schema"),
        (lambda text: text.replace("splicecore-resources/1", "splicecore-resources/9"), "is of schema"),
        (lambda text: text.replace('"chr1"', '"chr3"'), "was edited or damaged"),
    ],
)
def test_damaged_manifest(resources, damage, message):
    path = resources.folder / "resources.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(ChecksumError, match=message) as error:
        ResourceSet.open(resources.folder)
    assert "--force" in str(error.value)
