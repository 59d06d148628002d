"""Genome and annotation get into the data root whole, with their indexes, and never over other content."""

from __future__ import annotations

import os

import pytest
from splicecore.api import AnnotationError, ContigError, FastaError, OutputError
from splicecore.errors import ConfigError
from splicecore.plugins.host import PluginHost
from splicecore.resources import importing
from splicecore.resources.registry import Registry
from splicecore.testing.simulate import SimulationConfig, simulate_genome


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    config = SimulationConfig(contigs=("chr1",), genes_per_contig=2)
    return simulate_genome(config, seed=3).write(folder, bgzip=True, spliceai_table=True)


@pytest.fixture
def registry(tmp_path):
    return Registry(PluginHost(), tmp_path / "root")


def states(files):
    return [(file.kind, file.path.name, file.state) for file in files]


@pytest.mark.parametrize(("link", "state"), [(False, "copied"), (True, "linked")])
def test_files_are_placed_with_their_indexes(link, state, registry, genome):
    files = registry.import_files("sim", "toy", fasta=genome.fasta, annotation=genome.annotation, link=link)
    assert states(files) == [
        ("fasta", "genome.fa.gz", state),
        ("fasta_index", "genome.fa.gz.fai", state),
        ("fasta_index", "genome.fa.gz.gzi", state),
        ("annotation", "annotation.gtf.gz", state),
    ]
    folder = registry.folder("sim", "toy")
    assert sorted(path.name for path in folder.iterdir()) == sorted(file.path.name for file in files)
    assert all(file.path.is_symlink() == link for file in files)
    assert (folder / "genome.fa.gz").read_bytes() == genome.fasta.read_bytes()
    again = registry.import_files("sim", "toy", fasta=genome.fasta, annotation=genome.annotation, link=link)
    assert {file.state for file in again} == {"found"}


def test_a_missing_index_is_made(registry, genome, tmp_path, monkeypatch):
    alone = tmp_path / "alone" / "genome.fa.gz"
    alone.parent.mkdir()
    alone.write_bytes(genome.fasta.read_bytes())
    monkeypatch.setattr(importing, "_check_genome", lambda *_: None)  # which would make it beside the source
    files = registry.import_files("sim", "toy", fasta=alone)
    assert states(files)[1:] == [
        ("fasta_index", "genome.fa.gz.fai", "indexed"),
        ("fasta_index", "genome.fa.gz.gzi", "indexed"),
    ]


def test_other_content_is_never_replaced(registry, genome, tmp_path):
    registry.import_files("sim", "toy", annotation=genome.annotation)
    present = registry.folder("sim", "toy") / "annotation.gtf.gz"
    before = present.read_bytes()
    other = tmp_path / "annotation.gtf.gz"
    other.write_bytes(before[::-1])
    with pytest.raises(OutputError, match="exists and has other content") as caught:
        registry.import_files("sim", "toy", annotation=other)
    assert str(present) in caught.value.message
    with pytest.raises(OutputError, match=r"has annotation annotation\.gtf\.gz already"):
        registry.import_files("sim", "toy", annotation=genome.spliceai_table)
    assert present.read_bytes() == before
    assert [path.name for path in present.parent.iterdir()] == [present.name]


def test_nothing_is_placed_if_one_file_cannot_be(registry, genome, tmp_path):
    with pytest.raises(AnnotationError, match="does not exist"):
        registry.import_files("sim", "toy", fasta=genome.fasta, annotation=tmp_path / "none.gtf")
    with pytest.raises(AnnotationError, match="would not be recognized as an annotation"):
        registry.import_files("sim", "toy", fasta=genome.fasta, annotation=genome.fasta)
    assert not registry.folder("sim", "toy").exists()


def test_a_genome_of_another_build_is_refused(registry, genome):
    with pytest.raises(ContigError, match="GRCh38"):
        registry.import_files("sim", "GRCh38", fasta=genome.fasta)
    assert not registry.folder("sim", "GRCh38").exists()


def test_a_bad_genome_is_refused(registry, tmp_path):
    bad = tmp_path / "bad.fa"
    bad.write_text("no fasta\n")
    with pytest.raises(FastaError):
        registry.import_files("sim", "toy", fasta=bad)
    with pytest.raises(FastaError, match="does not exist"):
        registry.import_files("sim", "toy", fasta=tmp_path / "none.fa")
    with pytest.raises(ConfigError, match="nothing to import"):
        registry.import_files("sim", "toy")


def test_a_full_disk_leaves_nothing_behind(registry, genome, monkeypatch):
    def full(source, target):
        target.write_bytes(b"half")
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(importing.shutil, "copyfile", full)
    with pytest.raises(OutputError, match="No space left") as caught:
        registry.import_files("sim", "toy", annotation=genome.annotation)
    assert "disk is full" in caught.value.hint
    assert list(registry.folder("sim", "toy").iterdir()) == []
