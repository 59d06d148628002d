"""Assessing genes in a worker: the files it leaves, and when one counts as made."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from splicecore.assess.config import AssessConfig
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.plugins.specs import OpenRequest
from splicecore.predict.assessor import TABLES, AssessPlan, assessment_path, open_assessor, read_assessment
from splicecore.predict.blocks import GeneSequence
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.task import score_gene
from splicecore.resources.derive import derive_resources
from splicecore.resources.resource_set import ResourceSet
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel
from splicecore.testing.simulate import SimulationConfig, simulate_genome

KINDS = ("gene_features", "transcript_features", "exon_features", "splice_sites")


@pytest.fixture(scope="module")
def resources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resources")
    config = SimulationConfig(intron_length=200, intron_range=(100, 400), intergenic_length=300, exons_per_gene=(3, 4))
    paths = simulate_genome(config, seed=7).write(folder / "genome")
    derive_resources(folder / "derived", fasta=paths.fasta, annotation=paths.annotation, kinds=KINDS, cache=folder)
    return ResourceSet.open(folder / "derived")


@pytest.fixture
def made(resources, tmp_path):
    """An assessor, and genes of both strands with their scores."""
    plan = AssessPlan.of(resources, tmp_path / "products", "m", "real", AssessConfig())
    (tmp_path / "products").mkdir()
    genes = GeneCatalog(resources.annotation()).all()
    chosen = [next(gene for gene in genes if gene.strand == strand) for strand in "+-"]
    with Reference.open(resources.fasta, cache=tmp_path) as reference, MotifModel(MOTIF_SPEC, OpenRequest()) as model:
        for gene in chosen:
            sequence = GeneSequence(reference=reference, gene=gene, flank="real")
            write_part(part_path(tmp_path, gene.gene_id), gene.gene_id, MOTIF_SPEC.outputs, score_gene(model, sequence))
        yield plan, open_assessor(plan.config, reference), chosen


def test_a_gene_is_assessed_into_one_file(made, resources, tmp_path):
    plan, assessor, genes = made
    for gene in genes:
        assert not plan.finished(gene.gene_id)
        assessor.assess(gene, gene.gene_id, part_path(tmp_path, gene.gene_id))
        assert plan.finished(gene.gene_id)
        tables = read_assessment(assessment_path(plan.config, gene.gene_id))
        assert tuple(tables) == TABLES
        assert set(tables["positions"]["gene_id"].to_pylist()) == {gene.gene_id}
        assert set(tables["positions"]["strand"].to_pylist()) == {gene.strand}
        assert tables["sequences"].num_rows == tables["positions"].num_rows
        acceptor, donor = resources.sites().site_masks(gene, scope="gene")
        both = [row for row in tables["performance"].to_pylist() if row["site_type"] == "both"]
        assert both[0]["sites"] == int(np.count_nonzero(acceptor)) + int(np.count_nonzero(donor))
        assert both[0]["tp"] > 0


def test_the_same_gene_gives_the_same_bytes(made, tmp_path):
    plan, assessor, (gene, _) = made
    path = assessment_path(plan.config, gene.gene_id)
    contents = set()
    for _ in range(2):
        assessor.assess(gene, gene.gene_id, part_path(tmp_path, gene.gene_id))
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_a_damaged_file_counts_as_not_made(made, tmp_path):
    plan, assessor, (gene, _) = made
    assessor.assess(gene, gene.gene_id, part_path(tmp_path, gene.gene_id))
    path = assessment_path(plan.config, gene.gene_id)
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[:40], content[:-1] + bytes([content[-1] ^ 1]), b"x" + content):
        path.write_bytes(damaged)
        assert not plan.finished(gene.gene_id)


@pytest.mark.parametrize("change", [{"threshold": 0.4}, {"seed": 1}, {"sequence_flank": 10}, {"negatives": "none"}])
def test_other_settings_have_files_of_their_own(resources, tmp_path, change):
    plans = [
        AssessPlan.of(resources, tmp_path, "m", "real", settings)
        for settings in (AssessConfig(), AssessConfig(**change))
    ]
    plans.append(AssessPlan.of(resources, tmp_path, "m", "n", AssessConfig()))
    paths = {assessment_path(plan.config, "key") for plan in plans}
    assert len(paths) == 3
    assert assessment_path(plans[0].config, "other") not in paths
    assert attrs.asdict(plans[0].config)["settings"]["threshold"] == 0.5
