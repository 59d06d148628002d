"""Edits of genes: which positions belong together, by the definition that delta scores have."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.genome.encoding import encode
from splicecore.genome.genes import Gene
from splicecore.plugins.specs import OpenRequest
from splicecore.testing.fakes import MOTIF_SPEC, MotifModel
from splicecore.variants.delta import align
from splicecore.variants.haplotypes import SequenceReference
from splicecore.variants.meta_scores_gene import EditedGene, GeneStore, lay
from splicecore.variants.rules import VariantRules

LENGTH = 40


def edited_gene(strand, start, ref, alt):
    """An edit of ``ref`` bases at a genomic offset of the gene."""
    gene = Gene("g", "g", "ctg", strand, 100, 100 + LENGTH, 0)
    first = start if strand == "+" else LENGTH - start - ref
    return EditedGene(gene, first, first + ref, encode("ACGTACGT"[:alt]))


edits = st.tuples(st.sampled_from("+-"), st.integers(5, 25), st.integers(1, 6), st.integers(1, 6))


def genomic(values, strand):
    return values if strand == "+" else values[::-1]


@given(edits)
def test_values_are_laid_as_delta_scores_align_them(edit):
    strand, start, ref, alt = edit
    gene = edited_gene(*edit)
    values = np.random.default_rng(1).random((gene.length, 3)).astype(np.float32)
    laid = genomic(gene.laid(values, 0), strand)
    around = genomic(values, strand)[start - 5 : start + alt + 5]
    expected = align(around, ref, alt, VariantRules(distance=5, indel_alignment="max"))
    last = 5 + ref - 1
    found = laid[start - 5 : start + ref + 5]
    if alt > ref:  # delta scores take the largest there; what is laid is the base that the two have in common
        expected[last], found = around[last], found.copy()
    np.testing.assert_array_equal(found, expected)
    outside = np.delete(genomic(values, strand), range(start, start + alt), 0)
    np.testing.assert_array_equal(np.delete(laid, range(start, start + ref), 0), outside)


@given(edits)
def test_offsets_of_the_edited_gene_have_their_base_of_the_gene(edit):
    strand, start, ref, alt = edit
    gene = edited_gene(*edit)
    found = gene.gene.to_genomic(gene.to_reference(np.arange(gene.length))) - 100
    expected = [*range(start), *(start + min(k, ref - 1) for k in range(alt)), *range(start + ref, LENGTH)]
    assert list(genomic(found, strand)) == expected
    assert gene.as_gene().length == gene.length


@given(edits)
def test_replaced_bases(edit):
    gene = edited_gene(*edit)
    codes = np.arange(LENGTH + 6)
    found = gene.replaced(codes, np.full(len(gene.codes), -1), halo=3)
    assert len(found) == gene.length + 6
    assert list(found) == [*codes[: 3 + gene.start], *[-1] * len(gene.codes), *codes[3 + gene.end :]]


def test_scores_beyond_the_gene_are_left_out():
    whole = np.zeros((5, 3), dtype=np.float32)
    lay(whole, np.ones((4, 3), dtype=np.float32), -2)
    lay(whole, np.full((4, 3), 2, dtype=np.float32), 4)
    lay(whole, np.full((4, 3), 3, dtype=np.float32), 9)
    assert list(whole[:, 0]) == [1, 1, 0, 0, 2]


@pytest.mark.parametrize("strand", ["+", "-"])
def test_scores_of_a_gene_are_those_of_a_single_call(strand, monkeypatch):
    monkeypatch.setattr("splicecore.variants.meta_scores_gene._TILE", 64)
    letters = "".join(np.random.default_rng(3).choice(list("ACGT"), 900))
    reference = SequenceReference({"ctg": letters})
    gene = Gene("g", "g", "ctg", strand, 150, 600, 0)
    with MotifModel(MOTIF_SPEC, OpenRequest()) as model:
        store = GeneStore(reference, "n", {"motif": model}, halo=7)
        context = MOTIF_SPEC.left, MOTIF_SPEC.right
        whole = model.predict(store.sequence(gene).codes(-context[0], 450 + context[1])[None])[0]
        part = store.scores(gene, 70, 130)["motif"]
        np.testing.assert_allclose(part[64:192], whole[64:192], atol=1e-6)
        assert np.isnan(part[192:]).all()
        np.testing.assert_allclose(store.scores(gene, -50, 1000)["motif"], whole, atol=1e-6)
    assert len(store.codes(gene)) == 464
    assert np.isnan(store.unknown(gene)["motif"]).all()
    others = [attrs.evolve(gene, start=gene.start + number) for number in range(1, 4)]
    assert [len(store.codes(other)) for other in others] == [463, 462, 461]
