"""What figures are grouped by: the gene that positions belong to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import attrs

if TYPE_CHECKING:
    from typing import Any

__all__ = ["EvaluatedGene", "GeneKey"]


class GeneKey(NamedTuple):
    """Identity of a gene across tables: canonical name of the contig, strand, id."""

    contig: str
    strand: str
    gene_id: str


@attrs.frozen
class EvaluatedGene:
    """A gene whose positions are evaluated.

    Attributes
    ----------
    key
        Its identity.
    start, end
        First position that has scores and one past the last; genomic, 0-based.
    gene_name
        For people.
    gene_type
        Biotype, or ``"unknown"``.
    """

    key: GeneKey
    start: int
    end: int
    gene_name: str = ""
    gene_type: str = "unknown"

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key: contigs by number then name (chr2 before chr10, chrX), start, end, strand, id."""
        return (contig_order(self.key.contig), self.start, self.end, self.key.strand, self.key.gene_id)


def contig_order(name: str) -> tuple[int, int, str]:
    """Sort key of a contig's name: numbered chromosomes by number, then the others by name."""
    match = re.fullmatch(r"(?:chr)?(\d+)", name)
    return (0, int(match[1]), name) if match else (1, 0, name)
