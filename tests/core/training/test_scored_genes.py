"""Labels of genes at all positions: both strands, transcript orientation, what does not count."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.genome.genes import GeneCatalog
from splicecore.resources.derive import derive_resources
from splicecore.resources.resource_set import ResourceSet
from splicecore.testing.simulate import SimulationConfig, simulate_genome
from splicecore.training.scored_genes import ScoredGenes

KINDS = ("gene_features", "transcript_features", "exon_features", "splice_sites")


@pytest.fixture(scope="module")
def resources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    config = SimulationConfig(intron_length=300, intron_range=(100, 900), intergenic_length=500, exons_per_gene=(3, 5))
    paths = simulate_genome(config, seed=4).write(folder / "files")
    made = {"fasta": paths.fasta, "annotation": paths.annotation, "build": None, "kinds": KINDS}
    derive_resources(folder / "derived", **made, cache=folder)
    return ResourceSet.open(folder / "derived")


@pytest.mark.parametrize("kind", ["all", "canonical"])
def test_sites_lie_where_the_annotation_has_them(resources, kind, tmp_path):
    annotation = resources.annotation()
    sites = resources.sites().sites
    found = {"+": 0, "-": 0}
    with ScoredGenes(resources, {}, None, kind, tmp_path) as scored:
        for gene in GeneCatalog(annotation).all():
            truth = scored.truth(gene)
            own = sites.filter(np.asarray(sites.column("gene")) == gene.index)
            expected = np.zeros((gene.length, 2), dtype=np.bool_)
            for row in own.to_pylist():
                expected[gene.to_relative(np.array([row["position"]]))[0], int(row["site_type"] == "donor")] = True
            assert truth.sites.shape == expected.shape
            assert truth.counts[truth.sites.any(axis=1)].all()
            if kind == "all":
                assert np.array_equal(truth.sites, expected)
            else:
                assert (truth.sites <= expected).all()
                other = (expected & ~truth.sites).any(axis=1) & ~truth.sites.any(axis=1)
                assert not truth.counts[other].any()
            assert np.array_equal(truth.labels == 2, truth.sites[:, 1])
            assert np.array_equal(truth.labels == 1, truth.sites[:, 0] & ~truth.sites[:, 1])
            found[gene.strand] += int(truth.sites.sum())
    assert min(found.values()) > 0
