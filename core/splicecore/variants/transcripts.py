"""Transcripts that variants are scored in: which ones of an annotation, and those at a position."""

from __future__ import annotations

import bisect
import functools
import logging
from typing import TYPE_CHECKING, Literal

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import AnnotationError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.genes import Gene

__all__ = ["MANE_TAGS", "Choice", "Transcript", "Transcripts"]

_LOG = logging.getLogger(__name__)

Choice = Literal["canonical", "mane", "all"]
MANE_TAGS = ("MANE_Select", "MANE_Plus_Clinical")
"""Tags of the transcripts that ``"mane"`` chooses."""
_KEPT = 1_024


@attrs.frozen
class Transcript:
    """One transcript; coordinates are genomic, 0-based, half-open.

    Attributes
    ----------
    gene_id, gene_name, transcript_id
        As in the annotation.
    contig
        The reference's own name.
    strand
        ``"+"`` or ``"-"``.
    start, end
        Span. Beyond it the model sees N, unless the rules say otherwise.
    exon_starts, exon_ends
        Of its exons, by rising start.
    order
        Its place in the order of results of one allele.
    """

    gene_id: str
    gene_name: str
    transcript_id: str
    contig: str
    strand: Literal["+", "-"]
    start: int
    end: int
    exon_starts: tuple[int, ...]
    exon_ends: tuple[int, ...]
    order: int = 0

    @property
    def length(self) -> int:
        """Number of bases, introns included."""
        return self.end - self.start

    @property
    def span(self) -> tuple[str, str, int, int]:
        """What decides the bases that the model sees: contig, strand, start, end."""
        return self.contig, self.strand, self.start, self.end

    def as_gene(self) -> Gene:
        """Return its span as a gene, which sequences are read for."""
        from splicecore.genome.genes import Gene

        return Gene(self.gene_id, self.gene_name, self.contig, self.strand, self.start, self.end, self.order)

    @functools.cached_property
    def _edges(self) -> list[int]:
        return sorted({*self.exon_starts, *(end - 1 for end in self.exon_ends)})

    def boundary(self, position: int) -> int:
        """Find the exon's first or last base that is nearest to a position; the lower one of two equally near.

        The ends of the transcript are boundaries too. Both positions are genomic, 0-based.
        """
        edges = self._edges
        after = bisect.bisect_left(edges, position)
        return min(edges[max(after - 1, 0) : after + 1], key=lambda edge: abs(edge - position))

    def edit_start(self, position: int, ref_length: int) -> int:
        """Offset in transcript orientation (0-based, from the 5' end) of the first of the bases of REF at a position.

        On the minus strand that is the last base of REF. Offsets below 0 or beyond ``length`` lie outside.
        """
        return position - self.start if self.strand == "+" else self.end - position - ref_length


@attrs.frozen(eq=False)
class _OnContig:
    """Transcripts of a contig by rising start: their spans, rows, and the largest end so far."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    reach: npt.NDArray[np.int64]

    @classmethod
    def of(cls, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], row: npt.NDArray[np.int64]) -> _OnContig:
        order = np.argsort(start, kind="stable")
        return cls(start[order], end[order], row[order], np.maximum.accumulate(end[order]))

    def at(self, position: int) -> npt.NDArray[np.int64]:
        first = int(np.searchsorted(self.reach, position, side="right"))
        last = int(np.searchsorted(self.start, position, side="right"))
        return np.sort(self.row[first:last][self.end[first:last] > position])


class Transcripts:
    """The transcripts of an annotation that variants are scored in. Make it by :meth:`of`.

    Attributes
    ----------
    choice
        Which ones: ``"canonical"``, ``"mane"`` or ``"all"``.
    """

    choice: Choice

    def __init__(self, annotation: BoundAnnotation, rows: npt.NDArray[np.int64], choice: Choice) -> None:
        from splicecore.genome.arrow import labels, numbers

        self.choice = choice
        self._contigs = annotation.reference_contigs
        self._made: dict[int, Transcript] = {}
        chosen = annotation.transcripts.take(rows)
        genes = annotation.genes.take(numbers(chosen, "gene").astype(np.int64))
        self._labels = [labels(chosen, "transcript_id")]
        self._labels += [labels(genes, name) for name in ("gene_id", "gene_name", "contig", "strand")]
        self._start: npt.NDArray[np.int64] = numbers(chosen, "start")
        self._end: npt.NDArray[np.int64] = numbers(chosen, "end")
        parent = numbers(annotation.exons, "transcript")
        self._exons = np.searchsorted(parent, rows, side="left"), np.searchsorted(parent, rows, side="right")
        self._exon_start: npt.NDArray[np.int64] = numbers(annotation.exons, "start")
        self._exon_end: npt.NDArray[np.int64] = numbers(annotation.exons, "end")

    @classmethod
    def of(cls, annotation: BoundAnnotation, choose: Choice = "canonical") -> Transcripts:
        """Choose transcripts.

        Parameters
        ----------
        annotation
            Bound to the reference that variants are scored on.
        choose
            ``"canonical"``: one a gene, as :func:`splicecore.evaluate.site_labels.canonical_transcripts` has it, and
            every row of a SpliceAI table, which has one a gene by itself. ``"mane"``: those tagged MANE Select or MANE
            Plus Clinical. ``"all"``: all. Transcripts without exons are left out.

        Raises
        ------
        ConfigError
            If the choice is unknown, or is ``"mane"`` on GRCh37, which MANE was not made for.
        AnnotationError
            If the annotation has no transcript of that kind.
        """
        if choose not in ("canonical", "mane", "all"):
            raise ConfigError(f"transcripts {choose!r} is unknown", hint="one of canonical, mane, all")
        rows = _rows(annotation, choose)
        spliced = np.isin(rows, annotation.exons.column("transcript").to_numpy())
        if not spliced.all():
            _LOG.info("%d transcripts without exons are left out", int((~spliced).sum()))
        rows = rows[spliced]
        if not len(rows):
            raise AnnotationError(f"{annotation.path} has no transcript with exons that variants could be scored in")
        return cls(annotation, rows, choose)

    def __len__(self) -> int:
        return len(self._start)

    def __iter__(self) -> Iterator[Transcript]:
        return (self.transcript(order) for order in range(len(self)))

    def transcript(self, order: int) -> Transcript:
        """Transcript by its place in the table; those asked for last are kept."""
        if order not in self._made:
            if len(self._made) >= _KEPT:
                self._made.clear()
            self._made[order] = self._make(order)
        return self._made[order]

    def _make(self, order: int) -> Transcript:
        transcript_id, gene_id, name, contig, strand = (column[order] for column in self._labels)
        low, high = (int(bounds[order]) for bounds in self._exons)
        return Transcript(
            gene_id=gene_id,
            gene_name=name,
            transcript_id=transcript_id,
            contig=contig,
            strand="-" if strand == "-" else "+",
            start=int(self._start[order]),
            end=int(self._end[order]),
            exon_starts=tuple(self._exon_start[low:high].tolist()),
            exon_ends=tuple(self._exon_end[low:high].tolist()),
            order=order,
        )

    def at(self, contig: str, position: int) -> list[Transcript]:
        """Transcripts whose span contains a position, in the order of the table.

        Parameters
        ----------
        contig
            Any name of the contig; one that the reference does not have has no transcripts.
        position
            Genomic, 0-based: of a record, the first base of REF and no other.
        """
        name = self._contigs.resolve(contig)
        found = None if name is None else self._by_contig.get(name)
        return [] if found is None else [self.transcript(order) for order in found.at(position).tolist()]

    def of_gene(self, gene_id: str, contig: str) -> list[Transcript]:
        """Transcripts of a gene on a contig (the reference's own name), in the order of the table."""
        names, contigs = self._labels[1], self._labels[3]
        places = [order for order, name in enumerate(names) if name == gene_id and contigs[order] == contig]
        return [self.transcript(order) for order in places]

    @functools.cached_property
    def _by_contig(self) -> dict[str, _OnContig]:
        contig = np.array(self._labels[3], dtype=object)
        tables = {}
        for name in dict.fromkeys(self._labels[3]):
            rows = np.flatnonzero(contig == name)
            tables[name] = _OnContig.of(self._start[rows], self._end[rows], rows)
        return tables


def _rows(annotation: BoundAnnotation, choose: Choice) -> npt.NDArray[np.int64]:
    """Rows of the chosen transcripts, in the order of results."""
    if choose == "mane":
        return _mane(annotation)
    every = np.arange(len(annotation.transcripts), dtype=np.int64)
    if annotation.format == "spliceai":
        return every[np.argsort(_file_order(annotation), kind="stable")]
    if choose == "all":
        return every
    from splicecore.evaluate.site_labels import canonical_transcripts

    return canonical_transcripts(annotation)


def _mane(annotation: BoundAnnotation) -> npt.NDArray[np.int64]:
    from splicecore.genome.build import Build

    build = annotation.build or Build.of(annotation.reference_contigs)
    if build.name == "GRCh37":
        raise ConfigError(
            "MANE transcripts exist for GRCh38 only, and the reference is GRCh37",
            hint="choose canonical transcripts, or lift the variants over to GRCh38",
        )
    tags = annotation.transcripts.column("tags").to_pylist()
    rows = np.flatnonzero([not set(MANE_TAGS).isdisjoint(words or ()) for words in tags])
    if not len(rows):
        raise AnnotationError(
            f"{annotation.path} has no transcript tagged {' or '.join(MANE_TAGS)}",
            hint="take GENCODE 38, Ensembl 104, RefSeq's MANE files or later, or choose canonical transcripts",
        )
    return rows.astype(np.int64)


def _file_order(annotation: BoundAnnotation) -> npt.NDArray[np.int64]:
    """Place of each transcript of a SpliceAI table in its file; that of the annotation where the file is gone."""
    from splicecore.genome.arrow import labels
    from splicecore.genome.text_source import TextSource

    ids = labels(annotation.transcripts, "transcript_id")
    place: dict[str, int] = {}
    seen: dict[str, int] = {}
    try:
        for number, line in TextSource.of(annotation.path).lines():
            name = line.split("\t", 1)[0]
            if number > 1 and name:
                seen[name] = seen.get(name, 0) + 1
                place[name if seen[name] == 1 else f"{name}#{seen[name]}"] = number
    except AnnotationError as error:
        _LOG.warning("transcripts are ordered by place, not as in their table: %s", error)
    return np.array([place.get(name, len(place) + 2) for name in ids], dtype=np.int64)
