"""Random genes with tied scores on both strands, for tests of figures."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.pooled import PooledScores


@attrs.frozen(eq=False)
class Toy:
    """Genes with their labels (n, 2) and scores (n, 3), sorted as pools sort them."""

    genes: list[EvaluatedGene]
    sites: list[np.ndarray]
    scores: list[np.ndarray]

    def pooled(self, *, floor: float = 1e-4, order: list[int] | None = None) -> PooledScores:
        pooled = PooledScores(floor)
        for index in range(len(self.genes)) if order is None else order:
            pooled.add(self.genes[index], self.sites[index], self.scores[index])
        return pooled

    def column(self, k: int, chosen: list[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Labels and scores of a class (0 acceptor, 1 donor) over genes, repeated as often as they are chosen."""
        rows = range(len(self.genes)) if chosen is None else chosen
        sites = np.concatenate([self.sites[row][:, k] for row in rows])
        return sites, np.concatenate([self.scores[row][:, k + 1] for row in rows])


def make_toy(seed: int, *, n_genes: int = 8, lowest: float = 0.002) -> Toy:
    """Scores of few levels, so that most are tied; genes of three contigs and both strands, some overlapping."""
    rng = np.random.default_rng(seed)
    levels = np.array([lowest, 0.01, 0.0625, 0.2, 0.25, 0.45])
    genes, sites, scores = [], [], []
    for index in range(n_genes):
        length = int(rng.integers(5, 60))
        key = GeneKey(f"chr{index % 3 + 1}", "+-"[index % 2], f"g{index:02d}")
        start = 1000 * (index // 6) + 3 * (index // 3 % 2)
        genes.append(EvaluatedGene(key, start, start + length, key.gene_id, ("coding", "other")[index % 2]))
        kind = rng.choice(3, size=length, p=[0.7, 0.15, 0.15])
        sites.append(np.stack([kind == 1, kind == 2], axis=1))
        score = rng.choice(levels, size=(length, 2)).astype(np.float32)
        found = (rng.random((length, 2)) < 0.5) & sites[-1]
        score[found[:, ::-1]] = lowest  # so that probabilities stay below one together
        score[found] += np.float32(0.5)
        scores.append(np.column_stack([1 - score.sum(axis=1), score]).astype(np.float32))
    order = sorted(range(n_genes), key=lambda i: genes[i].order)
    return Toy(*([column[i] for i in order] for column in (genes, sites, scores)))


@pytest.fixture
def toy() -> Toy:
    return make_toy(3)


@pytest.fixture(scope="session")
def toys():
    """Make toys of other seeds."""
    return make_toy
