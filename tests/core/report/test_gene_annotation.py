"""What a run keeps of the annotation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ChecksumError
from splicecore.report.gene_annotation import (
    GeneAnnotation,
    _merged,
    join_gene_annotations,
    write_gene_annotation,
)


def written(path, bench, genes):
    write_gene_annotation(path, bench.annotation, bench.sites, genes)
    return path


def test_exons_of_all_transcripts_are_merged_and_those_of_the_canonical_one_are_kept(tmp_path, bench):
    known = GeneAnnotation(written(tmp_path / "a.parquet", bench, bench.genes))
    model = known.model("chrT", "-", "G1")
    start = bench.genes[1].start
    fourth = start + 3 * 520
    assert model.transcript_id == "T1a"
    assert model.canonical.tolist() == [[start + k * 520, start + k * 520 + 120] for k in range(5)]
    expected = [[start + k * 520, start + k * 520 + 120] for k in range(5)]
    expected[3] = [fourth - 40, fourth + 120]
    assert model.exons.tolist() == expected


def test_sites_are_exon_side_bases_on_either_strand(tmp_path, bench):
    known = GeneAnnotation(written(tmp_path / "a.parquet", bench, bench.genes))
    for number, strand in ((0, "+"), (1, "-")):
        gene = bench.genes[number]
        acceptors, donors = known.model("chrT", strand, gene.gene_id).sites
        left = [gene.start + k * 520 for k in range(1, 5)]
        right = [gene.start + k * 520 + 119 for k in range(4)]
        left_of_fourth = gene.start + 3 * 520 - 40
        starts, ends = sorted([*left, left_of_fourth]), right
        assert acceptors.tolist() == (starts if strand == "+" else ends)
        assert donors.tolist() == (ends if strand == "+" else starts)
        mask = known.model("chrT", strand, gene.gene_id).site_mask(np.arange(gene.start, gene.end))
        truth = np.stack(bench.sites.site_masks(gene, scope="strand"), axis=1)
        assert np.array_equal(mask, truth if strand == "+" else truth[::-1])


def test_shards_join_to_the_bytes_of_the_whole(tmp_path, bench):
    whole = written(tmp_path / "whole.parquet", bench, bench.genes)
    parts = [written(tmp_path / f"{k}.parquet", bench, bench.genes[k::2]) for k in range(2)]
    assert join_gene_annotations(parts[::-1], tmp_path / "joined.parquet", bench.genes)
    assert (tmp_path / "joined.parquet").read_bytes() == whole.read_bytes()


def test_shards_without_an_annotation_join_to_none(tmp_path, bench):
    part = written(tmp_path / "0.parquet", bench, bench.genes[:1])
    assert not join_gene_annotations([part, tmp_path / "gone.parquet"], tmp_path / "joined.parquet", bench.genes)
    assert not (tmp_path / "joined.parquet").exists()


def test_no_genes_and_no_file_are_empty_models(tmp_path, bench):
    for path in (written(tmp_path / "a.parquet", bench, []), tmp_path / "none.parquet"):
        known = GeneAnnotation(path)
        model = known.model("chrT", "+", "G0")
        assert not known.has_sites
        assert model.exons.shape == (0, 2)
        assert model.transcript_id is None
        assert not model.site_mask(np.arange(5)).any()


def test_a_damaged_file_is_named(tmp_path, bench):
    path = written(tmp_path / "a.parquet", bench, bench.genes)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ChecksumError, match=r"a\.parquet is damaged"):
        GeneAnnotation(path)


INTERVALS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(1, 8)), max_size=25)


@given(INTERVALS)
def test_merging_covers_the_same_bases_with_intervals_that_do_not_touch(intervals):
    gene, start, length = (np.array([one[k] for one in intervals], dtype=np.int64) for k in range(3))
    merged = list(zip(*(column.tolist() for column in _merged(gene, start, start + length)[:3]), strict=True))
    covered = {(g, base) for g, a, b in merged for base in range(a, b)}
    assert covered == {(g, base) for g, a, n in intervals for base in range(a, a + n)}
    assert all(x[0] < y[0] or x[2] < y[1] for x, y in itertools.pairwise(merged))
