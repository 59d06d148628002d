"""Features know nothing of labels: not of the exons near a position, the transcript or the class that made a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.features.gene_record import GeneRecord
from splicecore.features.matrix import to_matrix
from splicecore.genome.annotation import read_annotation
from splicecore.genome.arrow import numbers
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import GeneCatalog
from splicecore.predict.blocks import Block

START, END = 1_000, 1_600
CONTIGS = Contigs(("chr7",), (5_000,))
EXONS = [(START, 1_080), (1_150, 1_190), (1_260, 1_360), (1_450, END)]


def gene_and_record(path, exons, strand):
    """Bind an annotation of one transcript; the record is counted here, from its tables."""
    lines = [
        f'chr7\tt\texon\t{start + 1}\t{end}\t.\t{strand}\t.\tgene_id "G1"; transcript_id "T1"; gene_name "G1";\n'
        for start, end in exons
    ]
    path.write_text("".join(lines))
    bound = read_annotation(path).bind(CONTIGS)
    (gene,) = GeneCatalog(bound).all()
    lengths = numbers(bound.exons, "end") - numbers(bound.exons, "start")
    record = GeneRecord(
        gene_id=gene.gene_id,
        gene_name=gene.gene_name,
        gene_biotype=None,
        contig=gene.contig,
        strand=gene.strand,
        start=gene.start,
        end=gene.end,
        gene_length=gene.length,
        num_transcripts=len(bound.transcripts),
        num_exons=len(lengths),
        avg_exon_length=float(lengths.mean()),
        median_exon_length=float(np.median(lengths)),
        total_exon_length=int(lengths.sum()),
        total_intron_length=int(gene.length - lengths.sum()),
        n_splice_sites=2 * len(lengths) - 2,
        num_overlaps=0,
    )
    return gene, record


def matrix(pipeline, block, gene, record, index):
    moved = Block(
        gene=gene, build=block.build, flank=block.flank, halo=block.halo, codes=block.codes, scores=block.scores
    )
    return to_matrix(pipeline.compute(moved, index, {"gene_features": record}))


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize("name", ["seed", "default"])
@given(
    lengths=st.permutations([80, 40, 100]),
    gaps=st.lists(st.integers(1, 60), min_size=2, max_size=2),
)
@settings(max_examples=20)
def test_moving_internal_exon_edges_changes_nothing(
    tmp_path_factory, make_block, open_sets, name, strand, lengths, gaps
):
    path = tmp_path_factory.getbasetemp() / "label_free.gtf"
    moved, at = [], START
    for length, gap in zip(lengths, [*gaps, 0], strict=True):
        moved.append((at, at + length))
        at += length + gap
    moved.append((1_450, END))
    block = make_block(3, END - START, strand=strand)
    pipeline = open_sets(name)
    pair = [gene_and_record(path, exons, strand) for exons in (EXONS, moved)]
    before, after = (matrix(pipeline, block, *each, np.arange(END - START)) for each in pair)
    assert before.tobytes() == after.tobytes()


def test_permuting_labels_changes_nothing(make_block, make_record, open_sets):
    block = make_block(4, 300)
    rng = np.random.default_rng(0)
    index = np.sort(rng.choice(300, 60, replace=False))
    resources = {"gene_features": make_record(block.gene)}
    pipeline = open_sets("seed")
    rows = to_matrix(pipeline.compute(block, index, resources))
    labels = rng.integers(0, 3, 60)
    for _ in range(3):
        by_class = np.argsort(rng.permutation(labels), kind="stable")  # rows collected class by class
        collected = to_matrix(pipeline.compute(block, index[by_class], resources))
        assert collected.tobytes() == rows[by_class].tobytes()


def test_gene_level_columns_do_not_separate_rows(make_block, make_record, open_sets):
    block = make_block(4, 300)
    batch = open_sets("seed").compute(block, np.arange(300), {"gene_features": make_record(block.gene)})
    for name in ("num_exons", "transcript_length", "tx_start", "avg_exon_length", "n_splice_sites"):
        assert len(set(batch.column(name).to_pylist())) == 1
