"""One kind of splice site as a weight array: log-odds of each base given the base before it."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
from splicecore.api import Codes, N, encode

__all__ = ["MotifShape", "SiteMotif"]

_N_CODES = 5


@attrs.frozen(kw_only=True)
class MotifShape:
    """Which bases around a splice site are looked at, in transcript orientation.

    Attributes
    ----------
    before, after
        Bases 5' and 3' of the labelled one, which is the exon's base beside the intron.
    dinucleotide_at
        Index in the window of the first of the intron's two bases beside the exon.
    dinucleotides
        What those two bases may be; anything else gets the motif's floor.
    """

    before: int
    after: int
    dinucleotide_at: int
    dinucleotides: tuple[str, ...]

    @property
    def length(self) -> int:
        """Number of bases in the window."""
        return self.before + 1 + self.after


@attrs.frozen(kw_only=True, eq=False)
class SiteMotif:
    """A learned motif.

    Attributes
    ----------
    shape
        The window.
    log_odds
        float64, shape (window, 5, 4): natural logarithm of how much likelier a base (last axis: A, C, G, T) is at a
        site than in the background, given the base before it (A, C, G, T, or nothing known of it).
    floor
        Score of everything below it, and of windows whose dinucleotide is none of the shape's.
    """

    shape: MotifShape
    log_odds: npt.NDArray[np.float64]
    floor: float

    def score(self, codes: Codes, left: int, length: int) -> npt.NDArray[np.float64]:
        """Sum the log-odds over the window of every position.

        Parameters
        ----------
        codes
            uint8, shape (n, width): A, C, G, T, N = 0..4, 5' to 3'.
        left
            Index of the first position that is scored.
        length
            Number of positions.

        Returns
        -------
        float64, shape (n, length)
            Log-odds, not below ``floor``. An N adds nothing, and the base after it is scored without it.
        """
        scores = np.zeros((len(codes), length))
        first = left - self.shape.before
        pairs = codes[:, first : first + length + self.shape.length - 1].astype(np.intp)
        pairs[:, 1:] += _N_CODES * pairs[:, :-1]
        pairs[:, :1] += _N_CODES * N
        for index, table in enumerate(_padded(self.log_odds)):
            if index == 0:
                alone = codes[:, first : first + length]
                scores += table[N][alone]
            else:
                scores += table.reshape(-1)[pairs[:, index : index + length]]
        at = self.shape.dinucleotide_at + 1
        canonical = _allowed(self.shape.dinucleotides)[pairs[:, at : at + length]]
        return np.where(canonical, np.maximum(scores, self.floor), self.floor)


def _padded(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Add the column of N, which is worth nothing."""
    return np.concatenate([log_odds, np.zeros((*log_odds.shape[:2], 1))], axis=2)


def _allowed(dinucleotides: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Which pairs (5 * first + second) could be one of the dinucleotides, an N being any base."""
    allowed = np.zeros((_N_CODES, _N_CODES), dtype=np.bool_)
    for letters in dinucleotides:
        first, second = encode(letters)
        allowed[np.ix_([first, N], [second, N])] = True
    return allowed.reshape(-1)
