"""Which rows stay, against plain Python, and that their probabilities are right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.assess.negatives import FLOOR
from splicecore.dataset.config import SamplingConfig
from splicecore.dataset.sampling import gene_generator, sample_rows
from splicecore.errors import ConfigError
from splicecore.genome.genes import Gene

GENE = Gene("G", "G", "chr1", "+", 0, 1000, 0)


@st.composite
def genes(draw):
    """Positions with a kind and a score each."""
    count = draw(st.integers(0, 80))
    steps = draw(st.lists(st.integers(1, 30), min_size=count, max_size=count))
    negative = draw(st.lists(st.booleans() | st.just(True), min_size=count, max_size=count))
    highest = draw(st.lists(st.sampled_from([0.0, 0.1, 0.15, 0.2, 0.9]), min_size=count, max_size=count))
    return np.cumsum(steps, dtype=np.int64), np.array(negative, dtype=bool), np.array(highest, dtype=np.float32)


@given(genes(), st.sampled_from([0.0, 0.3, 0.5, 1.0, 7.0]), st.integers(0, 40), st.integers(0, 2**32))
def test_against_plain_python(gene, ratio, window, seed):
    positions, negative, highest = gene
    config = SamplingConfig(easy_ratio=ratio, hard_prob=0.15, window=window, seed=seed)
    sample = sample_rows(positions, negative, highest, config, gene_generator(seed, GENE))
    events = [p for p, n in zip(positions, negative, strict=True) if not n]
    certain, easy = set(), set()
    for row, (position, is_negative, score) in enumerate(zip(positions, negative, highest, strict=True)):
        near = any(abs(int(position) - int(event)) <= window for event in events)
        (easy if is_negative and score < np.float32(0.15) and not near else certain).add(row)
    wanted = math.ceil(ratio * len(events) - 1e-9) if events else (FLOOR if ratio else 0)
    kept = set(sample.rows.tolist())
    assert certain <= kept
    assert len(kept & easy) == min(wanted, len(easy))
    assert sample.rows.tolist() == sorted(kept)
    for row, probability in zip(sample.rows.tolist(), sample.inclusion_prob.tolist(), strict=True):
        assert probability == (1 if row in certain else min(wanted, len(easy)) / len(easy))


@given(genes(), st.integers(0, 5))
def test_weights_add_up_to_the_rows(gene, seed):
    positions, negative, highest = gene
    sample = sample_rows(positions, negative, highest, SamplingConfig(), gene_generator(seed, GENE))
    if len(sample.rows):
        assert np.sum(1 / sample.inclusion_prob) == pytest.approx(len(positions))


def test_every_easy_row_is_as_likely():
    positions = np.arange(0, 1000, 10)
    negative = positions != 500
    config = SamplingConfig(easy_ratio=20.0, window=5)
    counts = np.zeros(len(positions))
    for seed in range(2000):
        sample = sample_rows(positions, negative, np.zeros(100, np.float32), config, gene_generator(seed, GENE))
        counts[sample.rows] += 1
    assert counts[50] == 2000
    easy = np.delete(counts, 50) / 2000
    expected = 20 / 99
    assert abs(easy - expected).max() < 5 * math.sqrt(expected * (1 - expected) / 2000)


def test_the_choice_depends_on_seed_and_gene_alone():
    def draw(seed, gene):
        positions = np.arange(0, 5000, 10)
        sample = sample_rows(
            positions,
            positions != 500,
            np.zeros(500, np.float32),
            SamplingConfig(easy_ratio=50.0),
            gene_generator(seed, gene),
        )
        return sample.rows.tolist()

    other = Gene("H", "G", "chr1", "+", 0, 1000, 0)
    moved = Gene("G", "another name", "chr1", "+", 0, 1000, 7)
    assert draw(1, GENE) == draw(1, GENE) == draw(1, moved)
    assert draw(1, GENE) != draw(2, GENE)
    assert draw(1, GENE) != draw(1, other)


@pytest.mark.parametrize(
    "values", [{"easy_ratio": -1.0}, {"easy_ratio": math.inf}, {"hard_prob": 0.0}, {"window": -1}, {"seed": -1}]
)
def test_settings_that_make_no_sense(values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        SamplingConfig(**values)
