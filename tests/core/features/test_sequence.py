from __future__ import annotations

import math
from collections import Counter

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.features import words
from splicecore.genome.encoding import decode, encode, reverse_complement
from splicecore.genome.genes import Gene
from splicecore.genome.reference import Reference
from splicecore.predict.blocks import Block, GeneSequence


def slow_row(letters, center, window, sizes):
    """Features of the window around ``letters[center]``."""
    seen = letters[center - window // 2 : center - window // 2 + window]
    assert len(seen) == window
    bases = Counter(seen.replace("N", ""))
    known = sum(bases.values())
    row = {
        "gc_content": (bases["G"] + bases["C"]) / known if known else None,
        "sequence_length": known,
        "sequence_complexity": (
            -sum(count / known * math.log2(count / known) for count in bases.values()) if known else None
        ),
    }
    for k in sizes:
        found = Counter(seen[i : i + k] for i in range(window - k + 1))
        row |= {f"{k}mer_{word}": found[word] for word in words.word_names(k)}
    return row


@given(
    seed=st.integers(0, 2**32),
    length=st.integers(1, 60),
    window=st.integers(3, 41),
    unknown=st.sampled_from([0.0, 0.05, 0.6, 1.0]),
    sparse=st.booleans(),
    sizes=st.sampled_from([(3,), (1, 2), (2, 3)]),
)
def test_counts(make_block, open_sets, seed, length, window, unknown, sparse, sizes):
    block = make_block(seed, length, halo=window // 2, unknown=unknown)
    index = np.array([0, length - 1]) if sparse else np.arange(length)
    pipeline = open_sets("sequence", sequence={"kmer_sizes": list(sizes), "window": window})
    letters = decode(block.codes)
    for i, row in zip(index.tolist(), pipeline.compute(block, index).to_pylist(), strict=True):
        expected = slow_row(letters, block.halo + i, window, sizes)
        assert list(row) == list(expected)
        for name, value in row.items():
            assert value == (None if expected[name] is None else pytest.approx(expected[name], abs=1e-6)), name


@given(seed=st.integers(0, 2**32), k=st.integers(1, 5), width=st.integers(1, 70), count=st.integers(1, 30))
def test_both_ways_of_counting_agree(seed, k, width, count):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 5, 120 + k).astype(np.uint8)
    found = words.word_codes(codes, k)
    starts = rng.integers(0, len(found) - width + 1, count)
    by_sums = words._count_by_sums(found[starts.min() :], 4**k, starts - starts.min(), width)
    by_windows = words._count_by_windows(found, 4**k, starts, width)
    np.testing.assert_array_equal(by_sums, by_windows)
    np.testing.assert_array_equal(words.count_words(found, 4**k, starts, width), by_sums)


def test_running_counts_may_wrap_around():
    starts = np.arange(70_000, 70_100)
    counts = words._count_by_sums(np.zeros(70_200, np.uint8), 1, starts, 100)
    assert (counts == 100).all()


def test_word_codes():
    assert words.word_codes(encode("ACGTNAC"), 2).tolist() == [1, 6, 11, 16, 16, 1]
    assert words.word_names(2)[:6] == ["AA", "AC", "AG", "AT", "CA", "CC"]
    assert words.word_codes(encode("T" * 8), 8).tolist() == [4**8 - 1]


def test_window_of_an_even_size_begins_half_of_it_before(make_block, open_sets):
    codes = encode("NNNNAACCGGTTNNNN")
    block = attrs.evolve(make_block(0, 8, halo=4), codes=codes)
    pipeline = open_sets("sequence", sequence={"kmer_sizes": [2], "window": 4})
    row = pipeline.compute(block, np.array([4])).to_pylist()[0]  # at the first G: the window is ACCG|, then G
    assert pipeline.halo == 2
    found = {name: value for name, value in row.items() if value}
    assert found == {
        "gc_content": 1.0,
        "sequence_length": 4,
        "sequence_complexity": 1.0,
        "2mer_CC": 1,
        "2mer_CG": 1,
        "2mer_GG": 1,
    }


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    rng = np.random.default_rng(5)
    letters = decode(rng.integers(0, 4, 400).astype(np.uint8))
    folder = tmp_path_factory.mktemp("genome")
    path = folder / "g.fa"
    path.write_text(f">plus\n{letters}\n>minus\n{decode(reverse_complement(encode(letters)))}\n")
    with Reference.open(path) as reference:
        yield reference


def block_of(reference, gene, flank, halo, scores):
    codes = GeneSequence(reference=reference, gene=gene, flank=flank).codes(-halo, gene.length + halo)
    return Block(gene=gene, build="b", flank=flank, halo=halo, codes=codes, scores={"primary": scores})


@pytest.mark.parametrize("flank", ["real", "n"])
def test_strands_are_mirror_images(genome, make_block, open_sets, flank):
    scores = make_block(1, 100).scores["primary"]
    plus, minus = Gene("G", "G", "plus", "+", 20, 120, 0), Gene("G", "G", "minus", "-", 280, 380, 0)
    pipeline = open_sets("default")
    batches = [pipeline.compute(block_of(genome, gene, flank, 250, scores), np.arange(100)) for gene in (plus, minus)]
    assert batches[0].equals(batches[1])


def test_beyond_the_gene_the_window_sees_what_the_model_sees(genome, make_block, open_sets):
    gene = Gene("G", "G", "plus", "+", 100, 200, 0)
    scores = make_block(1, 100).scores["primary"]
    pipeline = open_sets("sequence", sequence={"window": 40})
    real, masked = (
        pipeline.compute(block_of(genome, gene, flank, 20, scores), np.arange(100)).column("sequence_length")
        for flank in ("real", "n")
    )
    assert set(real.to_pylist()) == {40}
    assert masked.to_pylist() == [min(20, i) + min(20, 100 - i) for i in range(100)]
