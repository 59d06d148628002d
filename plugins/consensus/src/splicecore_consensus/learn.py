"""Learning the consensus model from genes with known splice sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs
import numpy as np
import numpy.typing as npt
from splicecore.api import Codes, InputError, N

from splicecore_consensus.calibration import fit_softmax
from splicecore_consensus.motif import MotifShape, SiteMotif
from splicecore_consensus.parameters import ACCEPTOR_SHAPE, DONOR_SHAPE, FLANK, ConsensusModelParameters, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["TrainingGene", "TrainingGenes", "learn_from_genes"]

_Floats = npt.NDArray[np.float64]

_PSEUDOCOUNT = 4.0
_SHRINKAGE = 20.0
"""How many sites the zero-order frequencies weigh in the first-order ones."""
_FLOOR_QUANTILE = 0.005
_CELL = 0.25
"""Width of the cells of the calibration's histogram, in natural log-odds; the floor has one of its own."""
_MOST_CELLS = 10_000
_DECIMALS = 4
_FEWEST_SITES = 20


@attrs.frozen(kw_only=True, eq=False)
class TrainingGene:
    """A gene in transcript orientation.

    Attributes
    ----------
    codes
        uint8, shape (FLANK + L + FLANK,): the gene with :data:`~splicecore_consensus.parameters.FLANK` bases on both
        sides.
    acceptors, donors
        int64: offsets of the annotated sites (exon-side bases) in the gene, each once.
    """

    codes: Codes
    acceptors: npt.NDArray[np.int64]
    donors: npt.NDArray[np.int64]


class TrainingGenes(Protocol):
    """Genes that can be gone through twice, such as a list; they need not be in memory together."""

    def __iter__(self) -> Iterator[TrainingGene]: ...


def learn_from_genes(genes: TrainingGenes, provenance: Provenance) -> ConsensusModelParameters:
    """Learn motifs and calibration.

    The first pass counts bases at sites and, as the background, pairs of neighbouring bases anywhere in genes. The
    second one scores every position of every gene, for the calibration.

    Parameters
    ----------
    genes
        What to learn from.
    provenance
        Where the genes come from; the counts of genes and sites are filled in here.

    Raises
    ------
    InputError
        If there are fewer than 20 donors or acceptors of a canonical dinucleotide.
    """
    windows: dict[str, list[Codes]] = {"acceptor": [], "donor": []}
    pairs = np.zeros((5, 5))
    n_genes = 0
    for gene in genes:
        n_genes += 1
        windows["acceptor"].append(_windows(gene.codes, gene.acceptors, ACCEPTOR_SHAPE))
        windows["donor"].append(_windows(gene.codes, gene.donors, DONOR_SHAPE))
        joined = gene.codes[:-1].astype(np.intp) * 5 + gene.codes[1:]
        pairs += np.bincount(joined, minlength=25).reshape(5, 5)
    acceptor = _motif("acceptor", ACCEPTOR_SHAPE, windows["acceptor"], pairs)
    donor = _motif("donor", DONOR_SHAPE, windows["donor"], pairs)
    calibration, prevalence = _calibrate(genes, acceptor, donor)
    learned = attrs.evolve(
        provenance, n_genes=n_genes, n_positions=prevalence[0], n_acceptors=prevalence[1], n_donors=prevalence[2]
    )
    return ConsensusModelParameters(acceptor=acceptor, donor=donor, calibration=calibration, provenance=learned)


def _windows(codes: Codes, sites: npt.NDArray[np.int64], shape: MotifShape) -> Codes:
    index = (sites + FLANK)[:, None] + np.arange(-shape.before, shape.after + 1)
    windows: Codes = codes[index]
    return windows


def _motif(name: str, shape: MotifShape, windows: Iterable[Codes], pairs: _Floats) -> SiteMotif:
    """Weight array of the sites with a canonical dinucleotide and no N."""
    known = np.concatenate([np.empty((0, shape.length), dtype=np.uint8), *windows])
    unscored = SiteMotif(shape=shape, log_odds=np.ones((shape.length, 5, 4)), floor=-1.0)
    known = known[(known < N).all(axis=1)]
    known = known[unscored.score(known, shape.before, 1)[:, 0] > unscored.floor]
    if len(known) < _FEWEST_SITES:
        raise InputError(
            f"there are {len(known)} {name}s to learn from (dinucleotide {' or '.join(shape.dinucleotides)}, no N); "
            f"{_FEWEST_SITES} are the least",
            hint="check that annotation and genome are of the same build, and that not all contigs are excluded",
        )
    log_odds = np.round(_log_odds(known, pairs[:4, :4] + 1.0), _DECIMALS)
    scores = SiteMotif(shape=shape, log_odds=log_odds, floor=-np.inf).score(known, shape.before, 1)
    floor = round(float(np.quantile(scores, _FLOOR_QUANTILE)), _DECIMALS)
    return SiteMotif(shape=shape, log_odds=log_odds, floor=floor)


def _log_odds(known: Codes, pairs: _Floats) -> _Floats:
    """Log-odds of each base given the one before; row 4 (no base known before) and position 0 do without it."""
    background = pairs.sum(axis=0) / pairs.sum()
    following = pairs / pairs.sum(axis=1, keepdims=True)
    table = np.empty((known.shape[1], 5, 4))
    for index in range(known.shape[1]):
        counts = np.bincount(known[:, index], minlength=4) + _PSEUDOCOUNT * background
        frequencies = counts / counts.sum()
        table[index] = np.log(frequencies / background)
        if index:
            joined = known[:, index - 1].astype(np.intp) * 4 + known[:, index]
            seen = np.bincount(joined, minlength=16).reshape(4, 4) + _SHRINKAGE * frequencies
            table[index, :4] = np.log(seen / seen.sum(axis=1, keepdims=True) / following)
    return table


def _calibrate(genes: TrainingGenes, acceptor: SiteMotif, donor: SiteMotif) -> tuple[_Floats, tuple[int, int, int]]:
    """Fit the calibration to a histogram of both scores over all positions; also positions, acceptors and donors."""
    histogram: dict[int, npt.NDArray[np.int64]] = {}
    for gene in genes:
        length = len(gene.codes) - 2 * FLANK
        cells = np.zeros(length, dtype=np.int64)
        for motif in (acceptor, donor):
            heights = motif.score(gene.codes[None], FLANK, length)[0] - motif.floor
            cells = cells * _MOST_CELLS + np.ceil(heights / _CELL).astype(np.int64)
        labels = np.zeros(length, dtype=np.int64)
        labels[gene.acceptors] = 1
        labels[gene.donors] = 2
        found, counts = np.unique(cells * 3 + labels, return_counts=True)
        for key, count in zip(found.tolist(), counts.tolist(), strict=True):
            histogram.setdefault(key // 3, np.zeros(3, dtype=np.int64))[key % 3] += count
    cells = np.array(sorted(histogram), dtype=np.int64)
    table = np.stack([histogram[cell] for cell in cells.tolist()])
    by_acceptor, by_donor = (np.maximum(bins - 0.5, 0.0) * _CELL for bins in divmod(cells, _MOST_CELLS))
    calibration: _Floats = np.round(fit_softmax(by_acceptor, by_donor, table.astype(np.float64)), _DECIMALS)
    totals = table.sum(axis=0)
    return calibration, (int(totals.sum()), int(totals[1]), int(totals[2]))
