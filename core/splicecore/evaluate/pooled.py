"""What is kept of the scores of one model over all positions of many genes: enough for every figure, little memory.

Of each gene and class (acceptor, donor) these are kept: the score of every true site, the score of every other position
that scores at least ``floor``, counts of the rest in fine bins, and sums of log loss and Brier score. Figures at
thresholds, reliability, top-k and everything else that looks above the floor are exact. Average precision and the area
under the ROC curve are exact unless a true site scores below the floor; such a site and the other positions of its bin
(at most 6 % wide) are then taken as equal, and :func:`~splicecore.evaluate.ranking.rank_figures` says how far off the
figures may be at most.

Memory: 4 bytes for a position that scores at least the floor, and 4 kB a gene.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Self

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError
from splicecore.evaluate.evaluated_gene import EvaluatedGene

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore.evaluate.evaluated_gene import GeneKey

__all__ = ["CLASSES", "FLOOR", "ClassPool", "Pool", "PooledScores", "bin_edges"]

CLASSES = ("acceptor", "donor")
FLOOR = 1e-4
PROBABILITY_EPSILON = 1e-7
"""Probabilities are clipped to [1e-7, 1 - 1e-7] in the log loss: float32 cannot tell less from 0 beside 1."""

_SHIFT = 19  # of float32's 23 bits of mantissa 4 are left: bins are 1/16 of an octave wide
_LOWEST = 2.0**-40
_Floats = npt.NDArray[np.float64]
_Scores = npt.NDArray[np.float32]
_Bools = npt.NDArray[np.bool_]
_Ints = npt.NDArray[np.int64]


def _bin_of(scores: _Scores) -> npt.NDArray[np.int32]:
    """Bin of scores that are not negative: the leading bits of the float, which order as the numbers do."""
    lowest = int(np.float32(_LOWEST).view(np.int32) >> _SHIFT)
    bits = np.ascontiguousarray(scores).view(np.int32) >> _SHIFT
    bins: npt.NDArray[np.int32] = np.maximum(bits - np.int32(lowest), 0).astype(np.int32)
    return bins


def bin_edges(floor: float) -> _Scores:
    """Lower edges of the bins of what scores below ``floor``: rising, the first one 0."""
    lowest = int(np.float32(_LOWEST).view(np.int32) >> _SHIFT)
    count = int(_bin_of(np.array([np.nextafter(np.float32(floor), np.float32(0))]))[0]) + 1
    edges = ((np.arange(count, dtype=np.int32) + np.int32(lowest)) << _SHIFT).view(np.float32)
    edges[0] = 0
    return edges


@attrs.frozen(eq=False)
class _GenePool:
    """One gene: positions, those that are both classes, sums of losses (joint, acceptor, donor), scores by class."""

    gene: EvaluatedGene
    positions: int
    ambiguous: int
    log_loss: _Floats
    brier: _Floats
    sites: tuple[_Scores, _Scores]
    others: tuple[_Scores, _Scores]
    rest: npt.NDArray[np.int32]


@attrs.frozen(eq=False)
class ClassPool:
    """One class's scores, gene after gene.

    Attributes
    ----------
    sites, site_gene
        float32 and int64, shape (true sites,): score, and index of the gene.
    others, other_gene
        The same of all other positions that score at least the floor.
    rest
        int32, shape (genes, bins): counts of other positions below the floor; :func:`bin_edges` has the bins.
    """

    sites: _Scores
    site_gene: _Ints
    others: _Scores
    other_gene: _Ints
    rest: npt.NDArray[np.int32]


@attrs.frozen(eq=False)
class Pool:
    """All that was gathered, genes sorted by position.

    Attributes
    ----------
    genes
        The genes.
    floor
        Lowest score of which every position is kept.
    positions, ambiguous
        int64, shape (genes,): positions, and those that are both acceptor and donor (a donor in the joint losses).
    log_loss, brier
        float64, shape (genes, 3): sums over positions for the three classes jointly, acceptor against the rest, donor
        against the rest.
    classes
        The scores by class.
    """

    genes: tuple[EvaluatedGene, ...]
    floor: float
    positions: _Ints
    ambiguous: _Ints
    log_loss: _Floats
    brier: _Floats
    classes: dict[str, ClassPool]

    def sites(self, name: str) -> _Ints:
        """Count the true sites of a class by gene."""
        return np.bincount(self.classes[name].site_gene, minlength=len(self.genes))

    def calls(self, name: str, threshold: float) -> tuple[_Ints, _Ints]:
        """Count true and false calls of a class by gene; a call scores at least the threshold (double precision).

        Raises
        ------
        InputError
            If the threshold is below the floor.
        """
        if threshold < self.floor:
            raise InputError(f"threshold {threshold:g} is below the floor {self.floor:g} of what was kept")
        kept, count, limit = self.classes[name], len(self.genes), np.float64(threshold)
        true = np.bincount(kept.site_gene[kept.sites >= limit], minlength=count)
        return true, np.bincount(kept.other_gene[kept.others >= limit], minlength=count)


class PooledScores:
    """Takes the scores of one model gene by gene; accumulators of different genes merge with ``+=``.

    The result depends neither on the order of the genes nor on how they were spread over accumulators.

    Parameters
    ----------
    floor
        Lowest score of which every position is kept; the lowest threshold that can be asked for later.
    """

    def __init__(self, floor: float = FLOOR) -> None:
        if not 0 < floor <= 0.01:
            raise InputError(f"floor {floor:g} must be above 0 and at most 0.01")
        self.floor = float(floor)
        self._limit = np.float32(floor)
        self._bins = len(bin_edges(floor))
        self._genes: dict[GeneKey, _GenePool] = {}

    def __len__(self) -> int:
        return len(self._genes)

    def add(self, gene: EvaluatedGene, sites: _Bools, scores: _Scores) -> None:
        """Add one gene.

        Parameters
        ----------
        gene
            What the positions belong to; each gene once.
        sites
            bool, shape (n, 2): whether a position is an acceptor, a donor.
        scores
            float32, shape (n, 3): probabilities of neither, acceptor, donor of the same positions, in any order.

        Raises
        ------
        InputError
            If shapes differ, a score is NaN, or the gene was added before.
        """
        if gene.key in self._genes:
            raise InputError(f"gene {gene.key.gene_id} ({gene.key.contig}) was added twice")
        if sites.shape != (len(scores), 2) or scores.shape[1:] != (3,) or np.isnan(scores).any():
            raise InputError(f"gene {gene.key.gene_id}: sites {sites.shape}, scores {scores.shape} or NaN among them")
        scores = np.clip(scores.astype(np.float32, copy=False), 0, 1)
        kept = [self._class(sites[:, k], scores[:, k + 1]) for k in range(2)]
        log_loss, brier = _losses(sites, scores)
        self._genes[gene.key] = _GenePool(
            gene=gene,
            positions=len(scores),
            ambiguous=int(np.count_nonzero(sites.all(axis=1))),
            log_loss=log_loss,
            brier=brier,
            sites=(kept[0][0], kept[1][0]),
            others=(kept[0][1], kept[1][1]),
            rest=np.stack([kept[0][2], kept[1][2]]),
        )
        self.__dict__.pop("pool", None)

    def _class(self, sites: _Bools, scores: _Scores) -> tuple[_Scores, _Scores, npt.NDArray[np.int32]]:
        others = scores[~sites]
        high = others >= self._limit
        rest = np.bincount(_bin_of(others[~high]), minlength=self._bins)
        return np.sort(scores[sites]), np.sort(others[high]), rest.astype(np.int32)

    def __iadd__(self, other: PooledScores) -> Self:
        if other.floor != self.floor:
            raise InputError(f"scores kept from {self.floor:g} and from {other.floor:g} on cannot be merged")
        repeated = self._genes.keys() & other._genes.keys()
        if repeated:
            raise InputError(f"{len(repeated)} genes are in both parts, first {min(repeated).gene_id}")
        self._genes |= other._genes
        self.__dict__.pop("pool", None)
        return self

    @functools.cached_property
    def pool(self) -> Pool:
        """Everything that was added, as arrays.

        Raises
        ------
        InputError
            If nothing was.
        """
        if not self._genes:
            raise InputError("there are no scores to evaluate")
        parts = sorted(self._genes.values(), key=lambda part: part.gene.order)
        return Pool(
            genes=tuple(part.gene for part in parts),
            floor=self.floor,
            positions=np.array([part.positions for part in parts], dtype=np.int64),
            ambiguous=np.array([part.ambiguous for part in parts], dtype=np.int64),
            log_loss=np.stack([part.log_loss for part in parts]),
            brier=np.stack([part.brier for part in parts]),
            classes={
                name: ClassPool(
                    *_joined(part.sites[k] for part in parts),
                    *_joined(part.others[k] for part in parts),
                    np.stack([part.rest[k] for part in parts]),
                )
                for k, name in enumerate(CLASSES)
            },
        )


def _joined(parts: Iterable[_Scores]) -> tuple[_Scores, _Ints]:
    arrays = list(parts)
    return np.concatenate(arrays), np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])


def _losses(sites: _Bools, scores: _Scores) -> tuple[_Floats, _Floats]:
    """Sum log loss and squared error: joint, acceptor against the rest, donor against the rest."""
    label = np.where(sites[:, 1], 2, sites[:, 0].astype(np.int64))
    epsilon = PROBABILITY_EPSILON
    chosen = np.take_along_axis(scores, label[:, None], axis=1)[:, 0].astype(np.float64)
    log_loss = [-np.log(np.clip(chosen, epsilon, 1)).sum()]
    square = np.einsum("ij,ij->i", scores, scores, dtype=np.float64)
    brier = [(square - 2 * chosen + 1).sum()]
    for k in range(2):
        score = np.clip(scores[:, k + 1].astype(np.float64), epsilon, 1 - epsilon)
        log_loss.append(-np.log(np.where(sites[:, k], score, 1 - score)).sum())
        brier.append(np.square(scores[:, k + 1].astype(np.float64) - sites[:, k]).sum())
    return np.array(log_loss), np.array(brier)
