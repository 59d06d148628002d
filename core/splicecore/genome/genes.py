"""Genes of a bound annotation: by name, by region, and positions within them."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

import attrs
import numpy as np

from splicecore.errors import ConfigError
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from splicecore.genome.annotation import BoundAnnotation

__all__ = ["Gene", "GeneCatalog", "MissingGene", "Region", "Selection", "parse_region"]

_REGION = re.compile(r"(?P<contig>.+?)(?::(?P<start>[\d,]+)(?:-(?P<end>[\d,]+))?)?")
_VERSIONED = re.compile(r"(?P<id>ENS[A-Z]*G\d{11})\.\d+(?P<suffix>_PAR_Y)?")
_SUGGESTED_FOR = 20


@attrs.frozen(order=False)
class Gene:
    """One gene.

    Attributes
    ----------
    gene_id, gene_name
        As in the annotation; the name is the id where the annotation has none.
    contig
        The reference's own name.
    strand
        ``"+"`` or ``"-"``.
    start, end
        Genomic, 0-based, half-open.
    index
        Row in the annotation's table of genes.
    """

    gene_id: str
    gene_name: str
    contig: str
    strand: Literal["+", "-"]
    start: int
    end: int
    index: int

    @property
    def length(self) -> int:
        """Number of bases, introns included."""
        return self.end - self.start

    def to_relative(self, position: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Offsets in transcript orientation, 0 at the gene's 5' end, of genomic positions.

        Parameters
        ----------
        position
            Genomic, 0-based; any shape. Positions outside the gene give offsets below 0 or from ``length`` on.

        Returns
        -------
        int64, same shape
        """
        genomic = np.asarray(position, dtype=np.int64)
        return np.asarray(genomic - self.start if self.strand == "+" else self.end - 1 - genomic, dtype=np.int64)

    def to_genomic(self, rel_position: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Genomic positions, 0-based, of offsets in transcript orientation; the inverse of :meth:`to_relative`."""
        relative = np.asarray(rel_position, dtype=np.int64)
        return np.asarray(self.start + relative if self.strand == "+" else self.end - 1 - relative, dtype=np.int64)


@attrs.frozen
class MissingGene:
    """A requested name without a gene.

    Attributes
    ----------
    name
        As requested.
    reason
        Why it is missing: unknown, or on a contig that the reference does not have.
    suggestions
        Near names, best first; empty if the name is known.
    contig
        Contig that the gene is on and the reference does not have; None if the name is unknown.
    """

    name: str
    reason: str
    suggestions: tuple[str, ...] = ()
    contig: str | None = None


@attrs.frozen
class Selection:
    """What a list of names selects: genes in the catalog's order, each once, and the names without a gene."""

    genes: tuple[Gene, ...]
    missing: tuple[MissingGene, ...]


class Region(NamedTuple):
    """A region as asked for: contig (as typed), 0-based half-open; ``end`` None means the contig's end."""

    contig: str
    start: int
    end: int | None


class GeneCatalog:
    """All genes of a bound annotation, in the reference's order of contigs, then start, end, strand, gene_id.

    Parameters
    ----------
    annotation
        Bound to a reference.
    """

    def __init__(self, annotation: BoundAnnotation) -> None:
        from splicecore.genome.arrow import labels, numbers

        self.annotation = annotation
        table = annotation.genes
        self._labels = {name: labels(table, name) for name in ("gene_id", "gene_name", "contig", "strand")}
        self._start: npt.NDArray[np.int64] = numbers(table, "start")
        self._end: npt.NDArray[np.int64] = numbers(table, "end")

    def __len__(self) -> int:
        return len(self._start)

    def gene(self, index: int) -> Gene:
        """Gene by its row in the annotation's table of genes."""
        gene_id, name, contig, strand = (column[index] for column in self._labels.values())
        span = int(self._start[index]), int(self._end[index])
        return Gene(gene_id, name, contig, "-" if strand == "-" else "+", *span, int(index))

    def all(self) -> tuple[Gene, ...]:
        """All genes."""
        return tuple(self.gene(index) for index in range(len(self)))

    def select(self, names: Sequence[str]) -> Selection:
        """Genes by name.

        A name is tried as gene_id, then as gene_name, then as an Ensembl id without its version. All loci of a name are
        selected (a gene of the pseudoautosomal regions is on X and on Y).
        """
        rows: set[int] = set()
        missing: list[MissingGene] = []
        for name in dict.fromkeys(names):
            found = next((table[name] for table in self._lookup if name in table), None)
            if found is None:
                missing.append(self._missing(name, suggest=len(missing) < _SUGGESTED_FOR))
            else:
                rows.update(found)
        return Selection(tuple(self.gene(row) for row in sorted(rows)), tuple(missing))

    def in_region(self, contig: str, start: int = 0, end: int | None = None) -> tuple[Gene, ...]:
        """Genes that overlap a region.

        Parameters
        ----------
        contig
            Any name of the contig.
        start, end
            0-based, half-open; None: the contig's end.

        Raises
        ------
        ContigError
            If the reference does not have the contig.
        """
        name = self.annotation.reference_contigs.require(contig)
        stop = self.annotation.reference_contigs.length(name) if end is None else end
        overlapping = np.flatnonzero((self._start < stop) & (self._end > start))
        return tuple(self.gene(row) for row in overlapping.tolist() if self._labels["contig"][row] == name)

    @functools.cached_property
    def _lookup(self) -> tuple[dict[str, list[int]], dict[str, list[int]], dict[str, list[int]]]:
        """Rows by gene_id, by gene_name, by id without version."""
        identifiers = self._labels["gene_id"]
        return _rows(identifiers), _rows(self._labels["gene_name"]), _rows(_without_version(x) for x in identifiers)

    @functools.cached_property
    def _unmatched(self) -> dict[str, str]:
        """Contig of the genes that are not on the reference, by id, name and id without version."""
        from splicecore.genome.arrow import labels

        table = self.annotation.unmatched_genes
        contigs: dict[str, str] = {}
        columns = (labels(table, name) for name in ("gene_id", "gene_name", "contig"))
        for identifier, name, contig in zip(*columns, strict=True):
            for key in (identifier, name, _without_version(identifier)):
                contigs.setdefault(key, contig)
        return contigs

    def _missing(self, name: str, *, suggest: bool) -> MissingGene:
        if name in self._unmatched:
            contig, reference = self._unmatched[name], self.annotation.reference_name
            return MissingGene(
                name, f"gene {name} is on contig {contig}, which {reference} does not have", contig=contig
            )
        known = dict.fromkeys([*self._labels["gene_name"], *self._labels["gene_id"]])
        near = near_names(name, known) if suggest else ()
        return MissingGene(name, f"gene {name} is not in {self.annotation.path}", near)


def _rows(keys: Iterable[str]) -> dict[str, list[int]]:
    table: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        table.setdefault(key, []).append(row)
    return table


def _without_version(identifier: str) -> str:
    match = _VERSIONED.fullmatch(identifier)
    return identifier if match is None else match["id"] + (match["suffix"] or "")


def parse_region(text: str) -> Region:
    """Parse ``"chr1:1,000-2,000"`` (1-based, inclusive), ``"chr1:1,000"`` (one base) or ``"chr1"`` (the whole contig).

    Returns
    -------
    Region
        0-based, half-open.

    Raises
    ------
    ConfigError
        If the text is no region, begins before 1 or ends before it begins.
    """
    hint = "write a region as chr1:1,000-2,000 (1-based, both ends included) or chr1"
    match = _REGION.fullmatch(text.strip())
    if match is None or (match["start"] is None and ":" in text):
        raise ConfigError(f"region {text!r} is malformed", hint=hint)
    if match["start"] is None:
        return Region(match["contig"], 0, None)
    digits = [field.replace(",", "") for field in (match["start"], match["end"] or match["start"])]
    if not all(digits):
        raise ConfigError(f"region {text!r} is malformed", hint=hint)
    start, end = int(digits[0]), int(digits[1])
    if start < 1 or end < start:
        raise ConfigError(f"region {text!r} {'begins before 1' if start < 1 else 'ends before it begins'}", hint=hint)
    return Region(match["contig"], start - 1, end)
