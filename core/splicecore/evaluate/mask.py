"""Positions that count neither as sites nor as others: the annotation that gives the labels cannot know them."""

from __future__ import annotations

import contextlib
import csv
import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import InputError
from splicecore.evaluate.site_labels import SiteLabels
from splicecore.genome.arrow import codes_of, numbers
from splicecore.genome.contigs import canonical_name
from splicecore.genome.sites import splice_sites

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from splicecore.evaluate.evaluated_gene import GeneKey
    from splicecore.genome.annotation import Annotation

__all__ = ["MASK_REASONS", "SiteMask", "annotation_sites", "read_boundary_sites"]

MASK_REASONS = ("boundary", "other_gene", "other_annotation", "other_transcript")
"""Why a position is left out. A position with several reasons counts for the first."""

_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
StrandSites = dict[tuple[str, str], _Ints]
"""(canonical contig, strand) -> sorted genomic positions, 0-based."""


@attrs.define
class SiteMask:
    """Decides which positions of a gene are left out, and counts them.

    Attributes
    ----------
    site_labels
        The true sites; these are never left out.
    boundary
        Sites of transcripts that the annotation lacks because the known sequence ends within them.
    other
        Sites of another annotation.
    other_transcripts
        Leave out the sites of transcripts that give no labels (with canonical labels).
    rows, positions
        Reason -> rows left out, and distinct positions (contig, strand, position).
    """

    site_labels: SiteLabels
    boundary: StrandSites = attrs.field(factory=dict)
    other: StrandSites = attrs.field(factory=dict)
    other_transcripts: bool = False
    rows: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(MASK_REASONS, 0))
    _seen: set[tuple[str, str, int]] = attrs.field(factory=set)
    positions: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(MASK_REASONS, 0))

    def unknown(self, key: GeneKey, start: int, end: int, sites: _Bools) -> _Bools:
        """Say which positions of a gene are left out.

        Parameters
        ----------
        key, start, end
            The gene and its span; genomic, 0-based, half-open.
        sites
            bool, shape (end - start, 2): true sites.

        Returns
        -------
        bool, shape (end - start,)
        """
        known: _Bools = sites[:, 0] | sites[:, 1]
        masked = np.zeros(end - start, dtype=np.bool_)
        for reason, positions in zip(MASK_REASONS, self._candidates(key, start, end), strict=True):
            rows = positions - start
            rows = rows[~known[rows] & ~masked[rows]]
            masked[rows] = True
            self.rows[reason] += len(rows)
            new = {(key.contig, key.strand, int(row) + start) for row in rows} - self._seen
            self.positions[reason] += len(new)
            self._seen |= new
        return masked

    def _candidates(self, key: GeneKey, start: int, end: int) -> Iterator[_Ints]:
        yield _between(self.boundary, key, start, end)
        yield self.site_labels.other_genes(key, start, end)
        yield _between(self.other, key, start, end)
        no_sites = np.empty(0, dtype=np.int64)
        yield self.site_labels.other_transcripts(key, start, end) if self.other_transcripts else no_sites

    def to_json(self) -> dict[str, Any]:
        """Return the numbers of what was left out."""
        return {
            "rows": sum(self.rows.values()),
            "positions": sum(self.positions.values()),
            "reasons": {
                reason: {"rows": self.rows[reason], "positions": self.positions[reason]} for reason in MASK_REASONS
            },
        }


def _between(sites: StrandSites, key: GeneKey, start: int, end: int) -> _Ints:
    positions = sites.get(key[:2], np.empty(0, dtype=np.int64))
    low, high = np.searchsorted(positions, (start, end))
    return positions[low:high]


def annotation_sites(annotation: Annotation) -> StrandSites:
    """Return the splice sites of all transcripts of an annotation by contig and strand."""
    table = splice_sites(annotation)
    contig, names = codes_of(table, "contig")
    strand, strands = codes_of(table, "strand")
    group = contig * max(len(strands), 1) + strand
    position = numbers(table, "position")
    gathered: dict[tuple[str, str], list[_Ints]] = {}
    for code in np.unique(group).tolist():
        key = (canonical_name(names[code // len(strands)]), strands[code % len(strands)])
        gathered.setdefault(key, []).append(position[group == code])
    return _merged(gathered)


def read_boundary_sites(path: str | Path) -> StrandSites:
    """Read the splice sites of transcripts that are cut by the edge of the known sequence.

    Parameters
    ----------
    path
        Tab-separated, gzip or not, with a header; columns chrom, strand, exon_starts_0based, exon_ends (lists separated
        by commas). All introns of a transcript give sites.

    Raises
    ------
    InputError
        If it cannot be read or a line is malformed.
    """
    source = Path(path)
    gathered: dict[tuple[str, str], list[_Ints]] = {}
    for number, row in _rows(source):
        try:
            starts = np.array([int(x) for x in row["exon_starts_0based"].split(",") if x], dtype=np.int64)
            ends = np.array([int(x) for x in row["exon_ends"].split(",") if x], dtype=np.int64)
            key = (canonical_name(row["chrom"]), _strand(row["strand"]))
            order = _exon_order(starts, ends)
        except (KeyError, ValueError, AttributeError) as error:
            raise InputError(
                f"{source}, line {number}: not a boundary transcript ({error!r})",
                hint="columns chrom, strand, exon_starts_0based, exon_ends are needed",
            ) from error
        starts, ends = starts[order], ends[order]
        gathered.setdefault(key, []).append(np.concatenate([ends[:-1] - 1, starts[1:]]))
    if not gathered:
        raise InputError(f"{source} has no transcript")
    return _merged(gathered)


def _exon_order(starts: _Ints, ends: _Ints) -> npt.NDArray[np.intp]:
    if starts.shape != ends.shape or (starts >= ends).any():
        raise ValueError("starts and ends do not agree")
    return np.argsort(starts, kind="stable")


def _strand(text: str) -> str:
    if text not in {"+", "-"}:
        raise ValueError(f"strand {text!r}")
    return text


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with contextlib.ExitStack() as stack:
            if path.suffix == ".gz":
                lines = stack.enter_context(gzip.open(path, "rt", encoding="utf-8"))
            else:
                lines = stack.enter_context(path.open(encoding="utf-8"))
            yield from enumerate(csv.DictReader(lines, delimiter="\t"), start=2)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _merged(gathered: Mapping[tuple[str, str], Sequence[_Ints]]) -> StrandSites:
    return {key: np.unique(np.concatenate(parts)) for key, parts in gathered.items()}
