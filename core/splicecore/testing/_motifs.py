"""Splice-site motifs as tables of position-specific base frequencies, and drawing from them.

The frequencies are round figures of what every textbook shows for human introns; they are for simulating, not for
measuring. All arrays run 5' to 3' on the transcribed strand, columns A, C, G, T.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splicecore.genome.encoding import A, C, Codes, G, T, encode

__all__ = [
    "ACCEPTOR_EXON",
    "DONOR_EXON",
    "draw_acceptor",
    "draw_donor",
    "draw_from",
    "polyadenylation_signal",
    "remove_ag",
    "splicing_enhancers",
]

DONOR_EXON = 3
"""Bases of the donor motif that lie in the exon."""
ACCEPTOR_EXON = 2
"""Bases of the acceptor motif that lie in the exon."""

Frequencies = npt.NDArray[np.float64]

_DONOR: Frequencies = np.array(
    [
        (0.34, 0.36, 0.19, 0.11),  # -3  M
        (0.60, 0.13, 0.12, 0.15),  # -2  A
        (0.09, 0.03, 0.80, 0.08),  # -1  G
        (0.00, 0.00, 1.00, 0.00),  # +1  G
        (0.00, 0.00, 0.00, 1.00),  # +2  T, or C in a GC donor
        (0.57, 0.03, 0.37, 0.03),  # +3  R
        (0.71, 0.08, 0.11, 0.10),  # +4  A
        (0.08, 0.06, 0.79, 0.07),  # +5  G
        (0.17, 0.16, 0.20, 0.47),  # +6  T
    ]
)
_ACCEPTOR: Frequencies = np.array(
    [
        (0.24, 0.28, 0.20, 0.28),  # -4  N
        (0.05, 0.66, 0.01, 0.28),  # -3  Y
        (1.00, 0.00, 0.00, 0.00),  # -2  A
        (0.00, 0.00, 1.00, 0.00),  # -1  G
        (0.25, 0.14, 0.50, 0.11),  # +1  G
        (0.25, 0.18, 0.21, 0.36),  # +2  N
    ]
)
_BRANCH_POINT: Frequencies = np.array(
    [
        (0.13, 0.37, 0.13, 0.37),  # Y
        (0.25, 0.25, 0.25, 0.25),  # N
        (0.06, 0.44, 0.06, 0.44),  # Y
        (0.02, 0.16, 0.02, 0.80),  # U, mostly
        (0.46, 0.08, 0.40, 0.06),  # R
        (1.00, 0.00, 0.00, 0.00),  # A  the branch point
        (0.06, 0.46, 0.06, 0.42),  # Y
    ]
)
_BRANCH_POINT_A = 5
_TRACT: Frequencies = np.array([(0.05, 0.31, 0.06, 0.58)])
_NO_TRACT: Frequencies = np.array([(0.40, 0.14, 0.34, 0.12)])
_SPACER: Frequencies = np.array([(0.16, 0.26, 0.16, 0.42)])

_ENHANCERS = ("GAAGAA", "GAAGAC", "GAGGAA", "AAGAAG", "GAAGGA", "GACGAA", "GGAGAA", "CAAGAA", "GAAGAT", "GATGAA")
_POLYADENYLATION = "AATAAA"


def draw_from(rng: np.random.Generator, frequencies: Frequencies, strength: float = 1.0) -> Codes:
    """Draw one base per row.

    Parameters
    ----------
    frequencies
        float64, shape (n, 4), rows sum to one.
    strength
        Exponent of the frequencies: 1 draws as they are, more sharpens towards the consensus.

    Returns
    -------
    uint8, shape (n,)
    """
    sharpened = frequencies**strength
    cumulative = np.cumsum(sharpened / sharpened.sum(axis=1, keepdims=True), axis=1)
    drawn: Codes = (rng.random((len(frequencies), 1)) >= cumulative[:, :3]).sum(axis=1).astype(np.uint8)
    return drawn


def draw_donor(rng: np.random.Generator, strength: float, *, gc: bool = False) -> Codes:
    """Draw a donor: 3 exon bases and 6 intron bases (MAG|GTRAGT), uint8 of shape (9,).

    A GC donor is drawn closer to the consensus, as the real ones are.
    """
    motif = draw_from(rng, _DONOR, 2.0 * strength if gc else strength)
    if gc:
        motif[DONOR_EXON + 1] = C
    return motif


def draw_acceptor(rng: np.random.Generator, strength: float, *, tract: bool = True) -> Codes:
    """Draw the 3' end of an intron and the first 2 exon bases.

    With ``tract``: a branch point (YNYURAY, its A 18 to 40 bases before the exon), a polypyrimidine tract, and no AG
    between the two and the acceptor's own. Without: the same dinucleotide context after purines, a decoy.

    Returns
    -------
    uint8, one-dimensional; the last 2 bases are the exon's
    """
    motif = draw_from(rng, _ACCEPTOR, strength)
    if not tract:
        return np.concatenate([draw_from(rng, np.repeat(_NO_TRACT, 30, axis=0)), motif])
    branch = draw_from(rng, _BRANCH_POINT, strength)
    distance = int(rng.integers(18, 41))
    between = distance - (len(branch) - _BRANCH_POINT_A) - (len(motif) - ACCEPTOR_EXON)
    n_tract = min(between, int(rng.integers(12, 24)))
    fill = [
        draw_from(rng, np.repeat(_SPACER, between - n_tract, axis=0)),
        draw_from(rng, np.repeat(_TRACT, n_tract, axis=0), strength),
    ]
    upstream = np.concatenate([branch, *fill, motif[:1]])
    remove_ag(upstream)
    return np.concatenate([upstream, motif[1:]])


def remove_ag(codes: Codes) -> None:
    """Turn the G of every AG into T, in place."""
    codes[1:][(codes[:-1] == A) & (codes[1:] == G)] = T


def splicing_enhancers() -> Codes:
    """Exonic splicing enhancers, purine-rich hexamers that hold no stop in frame: uint8, shape (n, 6)."""
    return np.stack([encode(hexamer) for hexamer in _ENHANCERS])


def polyadenylation_signal() -> Codes:
    """Return AATAAA as codes, uint8 of shape (6,)."""
    return encode(_POLYADENYLATION)
