"""A gene with and without an edit: which positions of both belong together, and scores laid over one another."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.genome.encoding import Codes
from splicecore.genome.genes import Gene
from splicecore.predict.blocks import GeneSequence
from splicecore.variants.full_windows import FullWindows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.config import FlankMode
    from splicecore.genome.reference import Reference
    from splicecore.plugins.protocols import BaseModel, Scores

__all__ = ["EditedGene", "GeneStore", "lay"]

_TILE = 20_000
_KEPT = 2


@attrs.frozen(eq=False)
class EditedGene:
    """An edit of a gene; offsets are in transcript orientation, from the gene's 5' end.

    As in :func:`splicecore.variants.delta.align`, the first min(REF, ALT) bases by genomic position belong together one
    by one, and the further bases of ALT belong to the last of REF's.

    Attributes
    ----------
    gene
        As it is.
    start, end
        Bases that are replaced, 0-based, half-open, inside the gene.
    codes
        uint8, shape (a,), a >= 1: what replaces them, on the transcribed strand.
    """

    gene: Gene
    start: int
    end: int
    codes: Codes

    @property
    def shift(self) -> int:
        """By how many bases the edited gene is longer."""
        return len(self.codes) - (self.end - self.start)

    @property
    def length(self) -> int:
        """Number of positions of the edited gene."""
        return self.gene.length + self.shift

    def as_gene(self) -> Gene:
        """Return the edited gene: where it is longer or shorter, its end is another."""
        return attrs.evolve(self.gene, end=self.gene.end + self.shift)

    def replaced(self, values: npt.NDArray[Any], middle: npt.NDArray[Any], halo: int = 0) -> npt.NDArray[Any]:
        """Put ``middle`` in the place of the bases that are replaced; ``values`` begins ``halo`` before the gene."""
        return np.concatenate([values[: halo + self.start], middle, values[halo + self.end :]])

    def to_reference(self, index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Offsets in the gene as it is, of offsets in the edited one; int64, same shape."""
        ref, alt = self.end - self.start, len(self.codes)
        inside = index - self.start
        if self.gene.strand == "+":
            middle = self.start + np.minimum(inside, ref - 1)
        else:
            middle = self.end - 1 - np.minimum(alt - 1 - inside, ref - 1)
        found = np.where(inside < 0, index, np.where(inside < alt, middle, index - self.shift))
        return found.astype(np.int64)

    def laid(self, edited: npt.NDArray[Any], missing: Any, halo: int = 0) -> npt.NDArray[Any]:
        """Lay values of the edited gene over the positions of the gene as it is.

        Parameters
        ----------
        edited
            Shape (halo + length + halo, ...).
        missing
            Value of the bases of REF that ALT does not have.
        halo
            Positions beyond the gene.
        """
        ref, alt = self.end - self.start, len(self.codes)
        new = edited[halo + self.start : halo + self.start + alt]
        middle = np.empty((ref, *edited.shape[1:]), dtype=edited.dtype)
        middle[:] = missing
        shared = min(ref, alt)
        if self.gene.strand == "+":
            middle[:shared] = new[:shared]
        else:
            middle[ref - shared :] = new[alt - shared :]
        return np.concatenate([edited[: halo + self.start], middle, edited[halo + self.start + alt :]])


def lay(whole: Scores, part: Scores, at: int) -> None:
    """Write the scores of positions from ``at`` on into those of a gene, as far as they lie inside."""
    low, high = max(at, 0), min(at + len(part), len(whole))
    if low < high:
        whole[low:high] = part[low - at : high - at]


class GeneStore:
    """Bases and base scores of the genes that were asked for last.

    Parameters
    ----------
    reference, flank
        Genome, and what the models see beyond the genes' ends.
    models
        Base model's name -> opened model.
    halo
        Bases beyond a gene that its codes carry.
    """

    def __init__(self, reference: Reference, flank: FlankMode, models: Mapping[str, BaseModel], *, halo: int) -> None:
        self._reference, self._flank, self._models, self.halo = reference, flank, dict(models), halo
        self._windows = {name: FullWindows(model) for name, model in models.items()}
        self._codes: OrderedDict[Gene, Codes] = OrderedDict()
        self._scores: OrderedDict[Gene, dict[str, Scores]] = OrderedDict()
        self._tiles: dict[Gene, set[int]] = {}

    def sequence(self, gene: Gene) -> GeneSequence:
        """Bases of a gene as the models see them."""
        return GeneSequence(reference=self._reference, gene=gene, flank=self._flank)

    def codes(self, gene: Gene) -> Codes:
        """Bases of a gene with the halo: uint8, shape (halo + L + halo,). Not to be written to."""
        if gene not in self._codes:
            self._codes[gene] = self.sequence(gene).codes(-self.halo, gene.length + self.halo)
            if len(self._codes) > _KEPT:
                self._codes.popitem(last=False)
        self._codes.move_to_end(gene)
        return self._codes[gene]

    def unknown(self, gene: Gene) -> dict[str, Scores]:
        """Return base model's name -> NaN for every position: float32, shape (L, outputs)."""
        return {
            name: np.full((gene.length, model.spec.n_outputs), np.nan, dtype=np.float32)
            for name, model in self._models.items()
        }

    def scores(self, gene: Gene, low: int, high: int) -> dict[str, Scores]:
        """Return base scores, with those of the offsets from ``low`` to ``high`` there; others may be NaN.

        They are computed in tiles that are anchored to the gene's 5' end. Not to be written to.
        """
        if gene not in self._scores:
            self._scores[gene], self._tiles[gene] = self.unknown(gene), set()
            if len(self._scores) > _KEPT:
                oldest, _ = self._scores.popitem(last=False)
                del self._tiles[oldest]
        self._scores.move_to_end(gene)
        for tile in range(max(low, 0) // _TILE, -(-min(high, gene.length) // _TILE)):
            if tile not in self._tiles[gene]:
                self._fill(gene, tile * _TILE, min((tile + 1) * _TILE, gene.length))
                self._tiles[gene].add(tile)
        return self._scores[gene]

    def _fill(self, gene: Gene, start: int, end: int) -> None:
        for name, model in self._models.items():
            left = model.spec.left
            codes = self.sequence(gene).codes(start - left, end + model.spec.right)
            nothing = (left, left, np.empty(0, dtype=np.uint8))
            (scores,) = self._windows[name].predict_edits(codes, [nothing], end - start)
            self._scores[gene][name][start:end] = scores
