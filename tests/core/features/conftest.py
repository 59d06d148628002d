"""Blocks with random sequence and scores, and pipelines over them."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.features.configs import FeatureConfig
from splicecore.features.gene_record import GeneRecord
from splicecore.features.pipeline import FeaturePipeline
from splicecore.features.presets import feature_preset
from splicecore.genome.genes import Gene
from splicecore.plugins.host import PluginHost
from splicecore.predict.blocks import Block


@pytest.fixture(scope="session")
def make_block():
    """Block of a gene; scores have peaks, exact zeros and ones, the sequence runs of N."""

    def make(seed, length=120, *, strand="+", halo=250, models=("primary",), unknown=0.1):
        rng = np.random.default_rng(seed)
        gene = Gene("G1", "GENE1", "chr7", strand, 1_000, 1_000 + length, 0)
        codes = rng.integers(0, 4, length + 2 * halo).astype(np.uint8)
        codes[rng.random(len(codes)) < unknown] = 4
        codes[: int(rng.integers(0, halo + 1))] = 4
        scores = {}
        for model in models:
            values = rng.dirichlet([3, 0.05, 0.05], length).astype(np.float32)
            values[rng.random(length) < 0.1] = [1, 0, 0]
            values[rng.random(length) < 0.02] = [0, 1, 0]
            scores[model] = values
        return Block(gene=gene, build="custom", flank="real", halo=halo, codes=codes, scores=scores)

    return make


@pytest.fixture(scope="session")
def make_record():
    """Gene features of a gene."""

    def make(gene, **values):
        given = {
            "gene_id": gene.gene_id,
            "gene_name": gene.gene_name,
            "gene_biotype": "lncRNA",
            "contig": gene.contig,
            "strand": gene.strand,
            "start": gene.start,
            "end": gene.end,
            "gene_length": gene.length,
            "num_transcripts": 2,
            "num_exons": 5,
            "avg_exon_length": 10.2,
            "median_exon_length": 9.5,
            "total_exon_length": 40,
            "total_intron_length": gene.length - 40,
            "n_splice_sites": 7,
            "num_overlaps": 1,
        }
        return GeneRecord(**(given | values))

    return make


@pytest.fixture(scope="session")
def host():
    return PluginHost()


@pytest.fixture(scope="session")
def open_sets(host):
    """Pipeline of sets by name, or of a preset."""

    def opened(*names, models=("primary",), **settings):
        if names in {("seed",), ("default",)}:
            return FeaturePipeline.open(feature_preset(names[0]), host, models)
        return FeaturePipeline.open(FeatureConfig(sets=names, settings=settings), host, models)

    return opened
