"""One pass over a run's table: counts, calls worth a look, tracks, and what the curves are made of."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.pooled import FLOOR, PooledScores
from splicecore.genome.contigs import canonical_name
from splicecore.report.calls import CallRows, calls_at, coded
from splicecore.report.gene_rows import GeneRows, read_genes
from splicecore.report.selection_plot import TOP
from splicecore.report.track import Track, draw_track

if TYPE_CHECKING:
    from splicecore.report.gene_annotation import GeneModel
    from splicecore.report.run_folder import RunFolder

__all__ = ["OCTAVES", "Gathered", "GeneSummary", "gather"]

SITES = ("acceptor", "donor")
CLASSES = ("neither", *SITES)
OCTAVES = 26
"""Bins of the histogram of uncertainty: the last begins at 2, each one before it at half of that, the first is 0."""

_Bools = npt.NDArray[np.bool_]
_Scores = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True)
class GeneSummary:
    """Counts of one gene: positions, selected, recalibrated, calls worth a look; coordinates 0-based, half-open."""

    gene_id: str
    gene_name: str
    contig: str
    strand: str
    start: int
    end: int
    positions: int
    selected: int
    adjusted: int
    calls: int


@attrs.define(eq=False)
class Gathered:
    """What one pass over the table found.

    Attributes
    ----------
    genes
        In the order of the table.
    calls
        Calls worth a look, in the order of the table; ``gene`` are indices of ``genes``.
    tracks
        Index of a gene -> its track, of the genes that have one.
    reasons
        Reason of selection -> positions.
    uncertainty
        int64, shape (2, OCTAVES): positions that were not selected, and that were, by uncertainty.
    pools
        Kind of score -> its scores against the annotation; empty where nothing can be compared.
    """

    genes: list[GeneSummary] = attrs.field(factory=list)
    calls: CallRows = attrs.field(factory=CallRows.empty)
    tracks: dict[int, Track] = attrs.field(factory=dict)
    reasons: dict[str, int] = attrs.field(factory=dict)
    reason_names: tuple[str, ...] = ()
    uncertainty: npt.NDArray[np.int64] = attrs.field(factory=lambda: np.zeros((2, OCTAVES), dtype=np.int64))
    pools: dict[str, PooledScores] = attrs.field(factory=dict)

    def total(self, name: str) -> int:
        """Sum of a count over all genes."""
        return sum(int(getattr(gene, name)) for gene in self.genes)


def gather(run: RunFolder, *, tracks: int) -> Gathered:
    """Read a run's table once.

    Parameters
    ----------
    run
        The run.
    tracks
        Number of genes that get a track: those with most calls worth a look, in the order of the table among equals.
    """
    kinds = _score_kinds(run)
    columns = [f"{name}_{kind}" for kind in kinds.values() for name in CLASSES]
    more = ["uncertainty", "is_uncertain", "is_adjusted"] if run.has_meta else []
    vocabularies: dict[str, dict[str, int]] = {"selection_reason": {}} if run.has_meta else {}
    spans = run.spans
    work = _Gathering(run, kinds, tracks)
    for rows in read_genes(run.table, [*columns, *more], {key: span[2] for key, span in spans.items()}, vocabularies):
        name, start, end = spans[rows.contig, rows.strand, rows.gene_id]
        work.add(rows, name, start, end)
    return work.finish(vocabularies.get("selection_reason", {}))


def _score_kinds(run: RunFolder) -> dict[str, str]:
    """Kind of score -> ending of its columns."""
    if not run.has_meta:
        return {"base": "score"}
    return {"base": "score", "base, calibrated": "base", "final": "meta"}


class _Gathering:
    def __init__(self, run: RunFolder, kinds: dict[str, str], tracks: int) -> None:
        self.run, self.kinds, self.n_tracks = run, kinds, tracks
        self.found = Gathered()
        self.parts: list[CallRows] = []
        self.heap: list[tuple[int, int, Track]] = []
        self.counts = np.zeros(0, dtype=np.int64)
        complete = run.identity.get("min_score") is None
        if complete and run.annotation.has_sites:
            floor = min(FLOOR, *(limit for pair in run.thresholds for limit in pair))
            self.found.pools = {kind: PooledScores(max(floor, 1e-9)) for kind in kinds}

    def add(self, rows: GeneRows, name: str, start: int, end: int) -> None:
        number = len(self.found.genes)
        model = self.run.annotation.model(rows.contig, rows.strand, rows.gene_id)
        base = rows.scores([f"{one}_score" for one in SITES])
        final = rows.scores([f"{one}_meta" for one in SITES]) if self.run.has_meta else None
        calls = self._calls(number, rows, model, base, final)
        self.parts.append(calls)
        uncertain = rows.columns["is_uncertain"] if self.run.has_meta else None
        if uncertain is not None:
            self._count_selection(rows, uncertain)
        self._pool(rows, model, name, start, end)
        self.found.genes.append(
            GeneSummary(
                gene_id=rows.gene_id,
                gene_name=name,
                contig=rows.contig,
                strand=rows.strand,
                start=start,
                end=end,
                positions=len(rows.positions),
                selected=0 if uncertain is None else int(uncertain.sum()),
                adjusted=int(rows.columns["is_adjusted"].sum()) if self.run.has_meta else 0,
                calls=len(calls),
            )
        )
        rank = (len(calls), -number)
        if len(self.heap) < self.n_tracks or (self.heap and rank > self.heap[0][:2]):
            track = draw_track(model, rows.positions, base, final, uncertain=uncertain, calls=calls)
            push = heapq.heappush if len(self.heap) < self.n_tracks else heapq.heapreplace
            push(self.heap, (*rank, track))

    def _calls(self, number: int, rows: GeneRows, model: GeneModel, base: _Scores, final: _Scores | None) -> CallRows:
        limits = self.run.thresholds
        before, annotated = calls_at(base, limits[0]), coded(model.site_mask(rows.positions))
        if final is not None:
            after = calls_at(final, limits[1])
        elif self.run.annotation.has_sites:
            after = annotated
        else:
            after = before
        chosen = np.flatnonzero(before != after)
        none = np.full(len(before), np.nan, dtype=np.float32)
        return CallRows(
            gene=np.full(len(chosen), number, dtype=np.int64),
            position=rows.positions[chosen],
            before=before[chosen],
            after=after[chosen],
            annotated=annotated[chosen],
            base=base[chosen],
            final=(base if final is None else final)[chosen],
            uncertainty=rows.columns.get("uncertainty", none)[chosen],
            reason=rows.columns.get("selection_reason", np.zeros(len(before), dtype=np.int64))[chosen],
        )

    def _count_selection(self, rows: GeneRows, uncertain: _Bools) -> None:
        octave = np.frexp(rows.columns["uncertainty"])[1].astype(np.int64) + OCTAVES - 2 - TOP
        octave = np.where(rows.columns["uncertainty"] > 0, np.clip(octave, 1, OCTAVES - 1), 0)
        for row, chosen in enumerate((~uncertain, uncertain)):
            self.found.uncertainty[row] += np.bincount(octave[chosen], minlength=OCTAVES)
        counts = np.bincount(rows.columns["selection_reason"][uncertain])
        if len(counts) > len(self.counts):
            self.counts = np.pad(self.counts, (0, len(counts) - len(self.counts)))
        self.counts[: len(counts)] += counts

    def _pool(self, rows: GeneRows, model: GeneModel, name: str, start: int, end: int) -> None:
        gene = EvaluatedGene(
            GeneKey(canonical_name(rows.contig), rows.strand, rows.gene_id), start, end, gene_name=name
        )
        for kind, pool in self.found.pools.items():
            scores = rows.scores([f"{one}_{self.kinds[kind]}" for one in CLASSES])
            pool.add(gene, model.site_mask(rows.positions), scores)

    def finish(self, vocabulary: dict[str, int]) -> Gathered:
        found = self.found
        found.calls = CallRows.join(self.parts) if self.parts else found.calls
        found.tracks = {-order: track for _, order, track in sorted(self.heap, key=lambda item: -item[1])}
        names = {code: name for name, code in vocabulary.items()}
        found.reasons = {names[code]: int(count) for code, count in enumerate(self.counts) if count}
        found.reason_names = tuple(names[code] for code in range(len(names)))
        return found
