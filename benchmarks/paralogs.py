"""How often copies of a gene are found by the words that they share: by identity and length, and for unrelated genes.

    python benchmarks/paralogs.py

Prints the table of docs/concepts/training_concepts.md. Sequences are random, substitutions independent.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from splicecore.training.paralogs import find_paralogs

if TYPE_CHECKING:
    from splicecore.genome.encoding import Codes

LENGTHS = (150, 300, 1000, 3000)
IDENTITIES = (0.95, 0.90, 0.87, 0.85, 0.83, 0.80)
SHARES = (0.05, 0.10, 0.15, 0.20)


def bases(rng: np.random.Generator, count: int) -> Codes:
    """Draw random bases; uint8, shape (count,)."""
    return rng.integers(0, 4, count).astype(np.uint8)


def mutated(rng: np.random.Generator, codes: Codes, rate: float) -> Codes:
    """Substitute a share of the bases."""
    hit = rng.random(len(codes)) < rate
    return np.where(hit, (codes + rng.integers(1, 4, len(codes))) % 4, codes).astype(np.uint8)


def found(genes: list[Codes], copies: list[Codes]) -> float:
    """Share of the pairs (gene, its copy) that are found."""
    pairs = find_paralogs([*genes, *copies])
    return float(np.count_nonzero(pairs.second - pairs.first == len(genes)) / len(genes))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200, help="Pairs of each kind.")
    parser.add_argument("--unrelated", type=int, default=2000, help="Unrelated genes of 3,000 bases.")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = np.random.Generator(np.random.PCG64(arguments.seed))
    print("bases", *(f"{identity:.0%}" for identity in IDENTITIES), *(f"segment {s:.0%}" for s in SHARES), sep="\t")
    for length in LENGTHS:
        genes = [bases(rng, length) for _ in range(arguments.pairs)]
        row = [found(genes, [mutated(rng, gene, 1 - identity) for gene in genes]) for identity in IDENTITIES]
        for share in SHARES:
            same = round(share * length)
            row.append(found(genes, [np.concatenate([g[:same], bases(rng, length - same)]) for g in genes]))
        print(length, *(f"{value:.2f}" for value in row), sep="\t")
    unrelated = find_paralogs([bases(rng, 3000) for _ in range(arguments.unrelated)])
    print(f"pairs among {arguments.unrelated} unrelated genes: {len(unrelated)}")


if __name__ == "__main__":
    main()
