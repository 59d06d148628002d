"""Background, exon and mask composition of simulated genomes. All arrays run 5' to 3' on the transcribed strand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splicecore.genome.encoding import A, Codes, G, T
from splicecore.testing._motifs import draw_from, splicing_enhancers

__all__ = ["INTERGENIC", "INTRONIC", "background", "coding", "remove_stops", "stretches"]

Transitions = npt.NDArray[np.float64]

# Rows: the base before; columns: A, C, G, T. CG is rare, as in vertebrates.
INTERGENIC: Transitions = np.array(
    [(0.33, 0.17, 0.24, 0.26), (0.35, 0.26, 0.05, 0.34), (0.29, 0.21, 0.26, 0.24), (0.22, 0.20, 0.25, 0.33)]
)
INTRONIC: Transitions = np.array(
    [(0.30, 0.17, 0.22, 0.31), (0.31, 0.26, 0.05, 0.38), (0.25, 0.20, 0.28, 0.27), (0.19, 0.20, 0.23, 0.38)]
)

_CODON_POSITIONS: Transitions = np.array([(0.27, 0.25, 0.31, 0.17), (0.32, 0.23, 0.19, 0.26), (0.19, 0.31, 0.29, 0.21)])
_CHAIN = 256
_BURN_IN = 8


def background(rng: np.random.Generator, length: int, transitions: Transitions) -> Codes:
    """Draw a first-order Markov sequence, as chains of 256 bases laid end to end; uint8 of shape (length,)."""
    n_chains = -(-length // _CHAIN) or 1
    cumulative = np.cumsum(transitions, axis=1)[:, :3]
    chains = np.empty((_CHAIN + _BURN_IN, n_chains), dtype=np.uint8)
    chains[0] = rng.integers(0, 4, n_chains)
    for step in range(1, len(chains)):
        chains[step] = (rng.random((n_chains, 1)) >= cumulative[chains[step - 1]]).sum(axis=1)
    return chains[_BURN_IN:].T.reshape(-1)[:length].copy()


def coding(rng: np.random.Generator, length: int, enhancer_share: float) -> Codes:
    """Draw exon sequence: codons without stops, a share of the hexamers being splicing enhancers; uint8, (length,)."""
    n_hexamers = -(-length // 6) or 1
    codes = draw_from(rng, np.tile(_CODON_POSITIONS, (2 * n_hexamers, 1))).reshape(n_hexamers, 6)
    enhancers = splicing_enhancers()
    chosen = rng.random(n_hexamers) < enhancer_share
    codes[chosen] = enhancers[rng.integers(0, len(enhancers), int(chosen.sum()))]
    codes = codes.reshape(-1)[:length].copy()
    remove_stops(codes)
    return codes


def remove_stops(codes: Codes) -> None:
    """Turn the T of every TAA, TAG and TGA in frame 0 into G, in place."""
    codons = codes[: len(codes) // 3 * 3].reshape(-1, 3)
    second, third = codons[:, 1], codons[:, 2]
    stop = (codons[:, 0] == T) & (((second == A) & ((third == A) | (third == G))) | ((second == G) & (third == A)))
    codons[stop, 0] = G


def stretches(rng: np.random.Generator, length: int, share: float, mean_length: int = 300) -> npt.NDArray[np.bool_]:
    """Mark about ``share`` of the bases in stretches (for soft-masking); bool of shape (length,)."""
    marked = np.zeros(length, dtype=np.bool_)
    if share <= 0.0 or length == 0:
        return marked
    n_stretches = int(np.ceil(-np.log1p(-share) * length / mean_length))
    starts = rng.integers(0, length, n_stretches)
    sizes = rng.integers(mean_length // 2, 3 * mean_length // 2, n_stretches)
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        marked[start : start + size] = True
    return marked
