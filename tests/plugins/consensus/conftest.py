"""Parameters that are learned once from a simulated genome."""

from __future__ import annotations

import pytest
from splicecore.genome.annotation import read_annotation
from splicecore.genome.reference import Reference
from splicecore.testing.simulate import SimulationConfig, simulate_genome
from splicecore_consensus.training import learn

CONTIGS = ("chr1", "chr2", "chr3", "chr4", "chr5", "chr6", "chr7", "chr8")


@pytest.fixture(scope="session")
def genome():
    return simulate_genome(SimulationConfig(contigs=CONTIGS), seed=11)


@pytest.fixture(scope="session")
def genome_files(genome, tmp_path_factory):
    return genome.write(tmp_path_factory.mktemp("genome"))


@pytest.fixture(scope="session")
def parameters(genome_files):
    with Reference.open(genome_files.fasta) as reference:
        return learn(reference, read_annotation(genome_files.annotation), exclude_contigs=["chr1", "2"])
