"""Blocks made of score parts: bases, scores, and the names of the outputs."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from splicecore.errors import ChecksumError, ResourceNotFoundError
from splicecore.genome.encoding import encode
from splicecore.genome.genes import Gene
from splicecore.genome.reference import Reference
from splicecore.predict.gene_blocks import GeneBlocks
from splicecore.predict.parts import part_path, write_part
from splicecore.uncertainty.select import SelectionConfig, open_strategy

THREE = ("neither", "acceptor", "donor")
FIVE = (*THREE, "acceptor_spread", "donor_spread")
BASES = "ACGTTGCAAC"


@pytest.fixture
def resources(tmp_path):
    """A genome of one contig, as far as blocks ask for it."""
    fasta = tmp_path / "toy.fa"
    fasta.write_text(f">chr1\n{BASES}\n", encoding="utf-8")
    return SimpleNamespace(
        reference=lambda cache: Reference.open(fasta, cache=cache), build=SimpleNamespace(name="toy"), contigs=None
    )


def part(folder, key, outputs, scores):
    write_part(part_path(folder, key), key, outputs, [np.asarray(scores, np.float32)])
    return part_path(folder, key)


def test_blocks_name_the_outputs_that_parts_have(resources, tmp_path, splicecore_host):
    gene = Gene("G", "G", "chr1", "-", 2, 6, 0)
    wide = np.array([[1, 0, 0, 0, 0], [0.5, 0.5, 0, 0.2, 0], [0, 0, 1, 0, 0], [0.9, 0, 0.1, 0, 0.01]], np.float32)
    parts = {"a": part(tmp_path, "aa", FIVE, wide), "b": part(tmp_path, "bb", THREE, wide[:, :3])}
    with GeneBlocks(resources, ("a", "b"), "real", halo=1, cache=tmp_path / "cache") as blocks:
        block = blocks.block(gene, parts)
        assert block.codes.tolist() == encode("GCAACG").tolist()
        assert block.outputs == {"a": FIVE, "b": THREE}
        assert block.scores["a"].tobytes() == wide.tobytes()
        selector = open_strategy(splicecore_host, SelectionConfig(strategy="ensemble_disagreement"))
        uncertainty = selector.score(block)
        np.testing.assert_allclose(uncertainty, [0, 0.2, 0, 0.01], atol=1e-7)
        assert selector.reason(block, selector.select(uncertainty)).tolist() == ["members"]
        with pytest.raises(ResourceNotFoundError, match="G has no scores of b"):
            blocks.block(gene, {"a": parts["a"]})
        with pytest.raises(ChecksumError, match="does not hold the scores of gene G"):
            blocks.block(gene, {**parts, "b": part(tmp_path, "cc", THREE, wide[:2, :3])})
