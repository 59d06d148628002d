"""Delta scores: the scores of ALT laid beside those of REF, and the largest gains and losses between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.plugins.protocols import Scores

if TYPE_CHECKING:
    from splicecore.variants.rules import VariantRules

__all__ = ["ACCEPTOR", "DONOR", "AlignedTracks", "DeltaScores", "RawScores", "align", "delta_scores"]

ACCEPTOR, DONOR = 1, 2


@attrs.frozen(eq=False)
class AlignedTracks:
    """Scores of REF and ALT at the same positions, by rising genomic position.

    Attributes
    ----------
    start
        Genomic position (0-based) of the first row.
    ref, alt
        float32, shape (W, outputs): of the reference, and of the allele as :func:`align` lays it beside it.
    """

    start: int
    ref: Scores
    alt: Scores


@attrs.frozen
class DeltaScores:
    """The largest gain and loss of acceptors and donors, as SpliceAI's INFO field has them.

    Attributes
    ----------
    DS_AG, DS_AL, DS_DG, DS_DL
        Delta scores: acceptor gain, acceptor loss, donor gain, donor loss; from -1 (rarely below 0) to 1.
    DP_AG, DP_AL, DP_DG, DP_DL
        Where: genomic offsets from the record's POS, in bases.
    """

    DS_AG: float
    DS_AL: float
    DS_DG: float
    DS_DL: float
    DP_AG: int
    DP_AL: int
    DP_DG: int
    DP_DL: int

    @property
    def largest(self) -> float:
        """Largest of the four delta scores."""
        return max(self.DS_AG, self.DS_AL, self.DS_DG, self.DS_DL)


@attrs.frozen
class RawScores:
    """Probabilities behind the delta scores: of REF and of ALT at the four positions, never masked."""

    REF_AG: float
    ALT_AG: float
    REF_AL: float
    ALT_AL: float
    REF_DG: float
    ALT_DG: float
    REF_DL: float
    ALT_DL: float


def align(edited: Scores, ref_length: int, alt_length: int, rules: VariantRules) -> Scores:
    """Lay the scores of the edited sequence beside the positions of the reference.

    The first min(REF, ALT) bases of both belong together one by one. A base of REF that ALT does not have gets zeros;
    all bases of ALT from the last of REF's on share that base's place, with the largest score of each channel. So an
    insertion is the maximum over the anchor and the inserted bases, and a deletion zeros after the anchor.

    By ``"max"`` the window goes from D bases before POS to D bases after the last base of REF, and every base that is
    retained is compared with itself. By ``"spliceai"`` it ends D bases after POS. A deletion by more than D then
    follows SpliceAI: only the first 2 D + 1 - deleted scores are kept, and the zeros behind them reach bases before POS
    that are retained, which makes losses where there are none.

    Parameters
    ----------
    edited
        float32, shape (D + alt_length + D, outputs): scores of the edited sequence, by rising genomic position, from D
        bases before POS to D bases after REF.
    ref_length, alt_length
        Bases of REF and ALT.
    rules
        Distance D and the way to align.

    Returns
    -------
    float32, shape (W, outputs), W = ``rules.window(ref_length)``
    """
    distance, window = rules.distance, rules.window(ref_length)
    deleted = ref_length - alt_length
    if window == 2 * distance + 1 and alt_length == 1 and deleted > distance:
        aligned = np.zeros((window, edited.shape[1]), dtype=np.float32)
        aligned[: window - deleted] = edited[: window - deleted]
        return aligned
    changed = edited[distance : distance + alt_length]
    block = np.zeros((ref_length, edited.shape[1]), dtype=np.float32)
    shared = min(ref_length, alt_length)
    block[:shared] = changed[:shared]
    if alt_length > ref_length:
        block[-1] = changed[ref_length - 1 :].max(axis=0)
    return np.concatenate([edited[:distance], block, edited[distance + alt_length :]])[:window]


def delta_scores(tracks: AlignedTracks, position: int, boundary: int | None) -> tuple[DeltaScores, RawScores]:
    """Find the largest gains and losses; of several equally large, the one at the lowest coordinate.

    Parameters
    ----------
    tracks
        REF and ALT.
    position
        The record's POS (genomic, 0-based), which offsets are counted from.
    boundary
        To mask: the exon boundary (genomic, 0-based) nearest to the allele. The largest gain counts as 0 if it is at
        it, the largest loss if it is not. None: nothing is masked.

    Returns
    -------
    The delta scores with their positions, and the probabilities of REF and ALT there, which are never masked.
    """
    ref, alt = tracks.ref[:, _SITES], tracks.alt[:, _SITES]
    change = alt - ref
    acceptor_gain, donor_gain = change.argmax(axis=0).tolist()
    acceptor_loss, donor_loss = change.argmin(axis=0).tolist()
    places = (acceptor_gain, acceptor_loss, donor_gain, donor_loss)
    found = [float(change[place, column]) for place, column in zip(places, (0, 0, 1, 1), strict=True)]
    if boundary is not None:
        hidden = [(tracks.start + place == boundary) == gain for place, gain in zip(places, _GAINS, strict=True)]
        found = [0.0 if hide else score for hide, score in zip(hidden, found, strict=True)]
    offsets = [tracks.start + place - position for place in places]
    delta = DeltaScores(found[0], -found[1] if found[1] else 0.0, found[2], -found[3] if found[3] else 0.0, *offsets)
    raw = [
        float(side[place, column]) for place, column in zip(places, (0, 0, 1, 1), strict=True) for side in (ref, alt)
    ]
    return delta, RawScores(*raw)


_SITES = slice(ACCEPTOR, DONOR + 1)
_GAINS = (True, False, True, False)
