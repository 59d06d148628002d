"""One simulated gene in transcript orientation: lengths, sequence, transcripts, splice sites, decoys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.genome.encoding import Codes
from splicecore.testing import _composition, _motifs

if TYPE_CHECKING:
    from splicecore.testing.simulate import SimulationConfig

__all__ = ["ACCEPTOR", "DONOR", "GeneDraft", "draft_gene"]

ACCEPTOR = 1
DONOR = 2

_TERMINAL_EXON = (200, 400)
_MARGIN = 120
"""Bases at both ends of an intron that hold no decoy, and bases on both sides of a nested gene."""


_PARTNER = 250
"""Bases before a decoy donor that hold no AG but a decoy's: it has no acceptor to make an exon with."""


@attrs.frozen(eq=False)
class GeneDraft:
    """A gene, 5' to 3', before it has a place.

    Attributes
    ----------
    codes
        uint8, shape (length,).
    transcripts
        Exons of each transcript, int64 of shape (k, 2), offsets from the gene's first base, half-open, 5' to 3'. The
        first one is the canonical transcript.
    sites
        (offset, type, alternative) of every splice site of every transcript; the exon-side base.
    decoys
        (offset, type) of the planted decoys, as if they were sites.
    nest
        Offset at which a nested gene fits into the longest intron, or -1.
    """

    codes: Codes
    transcripts: tuple[npt.NDArray[np.int64], ...]
    sites: tuple[tuple[int, int, bool], ...]
    decoys: tuple[tuple[int, int], ...]
    nest: int


def draft_gene(
    rng: np.random.Generator, config: SimulationConfig, *, n_exons: int, isoforms: tuple[str, ...] = (), nest: int = 0
) -> GeneDraft:
    """Draw a gene.

    Parameters
    ----------
    n_exons
        Number of exons of the canonical transcript.
    isoforms
        Further transcripts: ``"skip"`` (an internal exon skipped), ``"alt5"`` (alternative donor), ``"alt3"``
        (alternative acceptor); each of them needs four exons.
    nest
        Length of a gene that one intron has to have room for.
    """
    exon_lengths, choice = _exon_lengths(rng, config, n_exons, isoforms)
    intron_lengths = _log_normal(rng, config.intron_length, config.intron_sigma, n_exons - 1, config.intron_range)
    host = -1
    if nest:
        host = int(np.argmax(intron_lengths))
        intron_lengths[host] += nest + 2 * _MARGIN
    starts = np.concatenate([[0], np.cumsum(exon_lengths[:-1] + intron_lengths)]).astype(np.int64)
    exons = np.stack([starts, starts + exon_lengths], axis=1)
    codes = _sequence(rng, config, exons)
    transcripts, extra = _isoforms(rng, config, codes, exons, choice)
    sites = [(int(end) - 1, DONOR, False) for end in exons[:-1, 1]]
    sites += [(int(start), ACCEPTOR, False) for start in exons[1:, 0]]
    decoys = _decoys(rng, config, codes, np.delete(_introns(exons), host, axis=0) if nest else _introns(exons))
    room = int(exons[host, 1] + (intron_lengths[host] - nest) // 2) if nest else -1
    return GeneDraft(codes, tuple(transcripts), tuple(sorted(sites + extra)), tuple(decoys), room)


def _introns(exons: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.stack([exons[:-1, 1], exons[1:, 0]], axis=1)


def _log_normal(
    rng: np.random.Generator, median: float, sigma: float, size: int, limits: tuple[int, int]
) -> npt.NDArray[np.int64]:
    lengths = np.exp(rng.normal(np.log(median), sigma, size))
    return np.clip(np.rint(lengths), *limits).astype(np.int64)


def _exon_lengths(
    rng: np.random.Generator, config: SimulationConfig, n_exons: int, isoforms: tuple[str, ...]
) -> tuple[npt.NDArray[np.int64], dict[str, int]]:
    """Draw exon lengths, and which internal exon each alternative transcript changes (a different one each)."""
    lengths = _log_normal(rng, config.exon_length, config.exon_sigma, n_exons, config.exon_range)
    lengths[[0, -1]] = rng.integers(*_TERMINAL_EXON, 2)
    internal = rng.permutation(np.arange(1, n_exons - 1))
    choice = {isoform: int(exon) for isoform, exon in zip(isoforms, internal, strict=False)}
    for isoform, exon in choice.items():
        if isoform != "skip":
            lengths[exon] = rng.integers(190, 240)
    return lengths, choice


def _sequence(rng: np.random.Generator, config: SimulationConfig, exons: npt.NDArray[np.int64]) -> Codes:
    length = int(exons[-1, 1])
    codes = _composition.background(rng, length, _composition.INTRONIC)
    exonic = np.concatenate([np.arange(start, end) for start, end in exons])
    codes[exonic] = _composition.coding(rng, len(exonic), config.enhancer_share)
    for start, end in _introns(exons):
        gc = bool(rng.random() < config.gc_donor_share)
        _overlay_donor(codes, int(start), _motifs.draw_donor(rng, config.site_strength, gc=gc))
        _overlay_acceptor(codes, int(end), _motifs.draw_acceptor(rng, config.site_strength))
    spliced = codes[exonic]
    _composition.remove_stops(spliced)
    codes[exonic] = spliced
    signal = _motifs.polyadenylation_signal()
    codes[length - 25 : length - 25 + len(signal)] = signal
    return codes


def _overlay_donor(codes: Codes, exon_end: int, motif: Codes) -> None:
    start = exon_end - _motifs.DONOR_EXON
    codes[start : start + len(motif)] = motif


def _overlay_acceptor(codes: Codes, exon_start: int, motif: Codes) -> None:
    end = exon_start + _motifs.ACCEPTOR_EXON
    codes[end - len(motif) : end] = motif


def _isoforms(
    rng: np.random.Generator,
    config: SimulationConfig,
    codes: Codes,
    exons: npt.NDArray[np.int64],
    choice: dict[str, int],
) -> tuple[list[npt.NDArray[np.int64]], list[tuple[int, int, bool]]]:
    """Transcripts beside the canonical one, and their own sites, whose motifs are written into ``codes``."""
    transcripts, sites = [exons], []
    for isoform, exon in choice.items():
        changed = exons.copy()
        if isoform == "skip":
            changed = np.delete(exons, exon, axis=0)
        elif isoform == "alt5":
            changed[exon, 1] -= rng.integers(45, 76)
            _overlay_donor(codes, int(changed[exon, 1]), _motifs.draw_donor(rng, config.site_strength))
            sites.append((int(changed[exon, 1]) - 1, DONOR, True))
        else:
            changed[exon, 0] += rng.integers(60, 91)
            _overlay_acceptor(codes, int(changed[exon, 0]), _motifs.draw_acceptor(rng, config.site_strength))
            sites.append((int(changed[exon, 0]), ACCEPTOR, True))
        transcripts.append(changed)
    return transcripts, sites


def _decoys(
    rng: np.random.Generator, config: SimulationConfig, codes: Codes, introns: npt.NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Plant a lone donor motif and an acceptor without branch point and tract into a share of the introns."""
    decoys = []
    for start, end in introns:
        low, high = int(start) + _MARGIN, int(end) - _MARGIN
        if high - low < 2 * _MARGIN or rng.random() >= config.decoy_share:
            continue
        middle = (low + high) // 2
        halves = [(low, middle), (middle, high)]
        if rng.random() < 0.5:
            halves.reverse()
        donor, acceptor = (int(rng.integers(left + 45, right - 10)) for left, right in halves)
        _motifs.remove_ag(codes[max(int(start) + 10, donor - _PARTNER) : donor])
        _overlay_donor(codes, donor, _motifs.draw_donor(rng, config.site_strength))
        _overlay_acceptor(codes, acceptor, _motifs.draw_acceptor(rng, config.site_strength, tract=False))
        decoys += [(donor - 1, DONOR), (acceptor, ACCEPTOR)]
    return decoys
