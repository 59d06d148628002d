"""Genes in numbers: scores and sites as lists, assessed without a genome or an annotation file."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from splicecore.assess.config import AssessConfig
from splicecore.assess.gene import assess_gene
from splicecore.assess.sites import GENE_SITES
from splicecore.genome.genes import Gene
from splicecore.genome.sites import SITES, SiteIndex
from splicecore.predict.blocks import Block

HALO = 6


def make_block(length, calls=(), *, strand="+", start=1000, gene_id="G", background=0.0):
    """A block whose scores are the background but for ``calls``: (class, rel_position, score)."""
    scores = np.full((length, 3), background, dtype=np.float32)
    for kind, position, score in calls:
        scores[position, 1 if kind == "acceptor" else 2] = score
    scores[:, 0] = 1 - scores[:, 1:].sum(axis=1)
    gene = Gene(gene_id, f"name of {gene_id}", "chr1", strand, start, start + length, 0)
    codes = (np.arange(length + 2 * HALO) % 4).astype(np.uint8)
    return Block(gene=gene, build="toy", flank="real", halo=HALO, codes=codes, scores={"m": scores})


def make_sites(block, own):
    """Rows of the gene's sites: ``own`` are (class, rel_position, transcript)."""
    positions = [int(block.gene.to_genomic(rel)) for _, rel, _ in own]
    return pa.table([positions, [k for k, _, _ in own], [t for _, _, t in own]], schema=GENE_SITES)


def make_index(block, own, others=()):
    """The index of the gene's sites and of ``others``: (class, rel_position), which may lie outside the gene."""
    rows = [(0, kind, rel) for kind, rel, _ in own] + [(1, kind, rel) for kind, rel in others]
    position = [int(block.gene.to_genomic(rel)) for _, _, rel in rows]
    order = sorted(range(len(rows)), key=lambda i: (rows[i][0], position[i], rows[i][1]))
    columns = [
        ["chr1"] * len(rows),
        [position[i] for i in order],
        [block.gene.strand] * len(rows),
        [rows[i][1] for i in order],
        [rows[i][0] for i in order],
        [0] * len(rows),
    ]
    return SiteIndex.of_table(pa.table(columns, schema=SITES))


def run_assess(block, own=(), others=(), **settings):
    """Assess a gene; all true negatives are kept unless the settings say otherwise."""
    config = AssessConfig(**({"negatives": "none"} | settings))
    result = assess_gene(block, make_index(block, own, others), make_sites(block, own), config)
    for table in (result.positions, result.errors, result.performance):
        table.validate(full=True)
    return result


@pytest.fixture(scope="session")
def genes():
    """Functions that make blocks and sites of plain numbers and assess them."""
    return SimpleNamespace(block=make_block, sites=make_sites, index=make_index, assess=run_assess, halo=HALO)
