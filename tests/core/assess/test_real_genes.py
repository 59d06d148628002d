"""Every gene of the real annotation, scored by a base model that is always right and by one that is always shifted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from splicecore.assess.config import AssessConfig
from splicecore.assess.gene import assess_gene
from splicecore.assess.performance import sum_performance
from splicecore.assess.sites import TranscriptSites
from splicecore.genome.annotation import read_annotation
from splicecore.genome.genes import GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.genome.sites import SiteIndex
from splicecore.predict.blocks import Block

pytestmark = pytest.mark.realdata


def scored(gene, masks, shift):
    scores = np.zeros((gene.length, 3), np.float32)
    for channel, mask in enumerate(masks, start=1):
        called = np.flatnonzero(mask) + shift
        scores[called[called < gene.length], channel] = 1
    return Block(
        gene=gene, build="GRCh38", flank="real", halo=0, codes=np.zeros(gene.length, np.uint8), scores={"m": scores}
    )


@pytest.mark.parametrize(("shift", "precision", "recall"), [(0, 1, 1), (2, 1, 0.99), (3, 0.01, 0.01)])
def test_calls_at_every_site_of_the_strand(real_data, shift, precision, recall):
    with Reference.open(real_data / "genome" / "GRCh38.fa.gz", build="GRCh38") as reference:
        annotation = read_annotation(real_data / "genome" / "GRCh38.gtf.gz").bind(reference.contigs, reference.build)
    index = SiteIndex(annotation)
    own = TranscriptSites(index.sites, annotation.transcripts.column("transcript_id"))
    transcripts, performance = 0, []
    for gene in GeneCatalog(annotation).all():
        block = scored(gene, index.site_masks(gene, scope="strand"), shift)
        found = assess_gene(block, index, own.of(gene), AssessConfig())
        transcripts += int(np.sum(found.positions.column("n_transcripts").to_numpy()))
        performance.append(found.performance)
    rows = sum_performance(pa.concat_tables(performance))
    assert transcripts == len(index.sites)  # every row of a site and transcript is in one list
    assert rows[2]["overlap_sites"] > 0
    for row in rows:
        if shift == 0:
            assert (row["precision"], row["recall"]) == (precision, recall)
        elif shift == 2:
            assert row["precision"] > 0.98
            assert row["recall"] > recall
        else:
            assert row["precision"] < 0.05
            assert row["recall"] < 0.05
