"""Genes in transcript orientation: their bases with context, and the block that features and strategies see."""

from __future__ import annotations

import attrs
import numpy as np

from splicecore.config import FlankMode
from splicecore.genome.encoding import Codes, N
from splicecore.genome.genes import Gene
from splicecore.genome.reference import Reference
from splicecore.plugins.protocols import Scores

__all__ = ["Block", "GeneSequence"]


@attrs.frozen(kw_only=True, eq=False)
class Block:
    """One gene as feature sets and uncertainty strategies see it; everything in transcript orientation, 5' to 3'.

    Attributes
    ----------
    gene
        The gene; its coordinates are genomic, 0-based, half-open.
    build
        Name of the genome build.
    flank
        What the models saw beyond the gene's ends.
    halo
        Bases that ``codes`` carries beyond the gene on both sides.
    codes
        uint8, shape (halo + L + halo,).
    scores
        Base model's name -> float32, shape (L, outputs).
    outputs
        Base model's name -> names of its outputs, where they are known; the first three are always the same.
    """

    gene: Gene
    build: str
    flank: FlankMode
    halo: int
    codes: Codes
    scores: dict[str, Scores]
    outputs: dict[str, tuple[str, ...]] = attrs.field(factory=dict)

    @property
    def length(self) -> int:
        """Number of positions L."""
        return self.gene.length


@attrs.frozen(kw_only=True)
class GeneSequence:
    """The bases of a gene and beyond, read from the reference as they are asked for.

    Attributes
    ----------
    reference
        The open genome.
    gene
        The gene.
    flank
        Beyond the gene's ends: ``"real"`` the genome (N beyond the contig's), ``"n"`` N.
    """

    reference: Reference
    gene: Gene
    flank: FlankMode

    def codes(self, start: int, stop: int) -> Codes:
        """Bases of the half-open span of offsets in transcript orientation, which may begin before 0 and end beyond L.

        Returns
        -------
        uint8, shape (stop - start,)
        """
        if self.flank == "real":
            return self._fetch(start, stop)
        inside = max(start, 0), min(stop, self.gene.length)
        codes = np.full(stop - start, N, dtype=np.uint8)
        if inside[0] < inside[1]:
            codes[inside[0] - start : inside[1] - start] = self._fetch(*inside)
        return codes

    def _fetch(self, start: int, stop: int) -> Codes:
        gene = self.gene
        if gene.strand == "+":
            low, high = gene.start + start, gene.start + stop
        else:
            low, high = gene.end - stop, gene.end - start
        return self.reference.fetch_oriented(gene.contig, low, high, gene.strand)
