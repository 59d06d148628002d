"""Variants scored by a meta-model: its recalibrated probabilities of REF and of ALT, and their deltas.

The features of both alleles are computed in the gene, of the base models' scores there: those of the edited gene for
ALT. Positions are scored within the distance only, but a base model's scores change within its whole context, and
features may look far beyond, so more of the gene is scored than is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.errors import InputError
from splicecore.features.matrix import to_matrix
from splicecore.features.pipeline import CELLS, ROWS, FeaturePipeline
from splicecore.genome.encoding import Codes, N
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.predict.blocks import Block
from splicecore.variants.alleles import Job, Unscored
from splicecore.variants.full_windows import edit_scoring
from splicecore.variants.meta_scores_gene import EditedGene, GeneStore, lay
from splicecore.variants.scorer import VariantScorer, _Placed
from splicecore.variants.windows import Change, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.inference.scorer import MetaScorer
    from splicecore.plugins.protocols import BaseModel, Edit, Scores
    from splicecore.predict.gene_blocks import GeneBlocks
    from splicecore.variants.delta import AlignedTracks
    from splicecore.variants.rules import VariantRules
    from splicecore.variants.transcripts import Transcript

__all__ = ["MetaVariantScorer"]

_POSITIONS = 1 << 21
_NEITHER = np.array([1, 0, 0], dtype=np.float32)


class MetaVariantScorer(VariantScorer):
    """Scores alleles with a meta-model.

    Parameters
    ----------
    meta
        Opened, and held to the base models, flank mode and build; stays open.
    models
        Base model's name -> opened model, as the meta-model names them, the primary one first.
    blocks
        Genome and resources; stay open.
    rules
        How to score; their flank mode is the meta-model's.

    Notes
    -----
    Sets of features that ask for resources (``gene_features``, tracks) know positions by their place in the genome:
    for ALT they are given what is laid over the positions of REF, so that both alleles have them of the same
    positions. All others see the edited gene as it is. Positions outside the gene have no features, and no change.
    """

    def __init__(
        self, meta: MetaScorer, models: Mapping[str, BaseModel], blocks: GeneBlocks, rules: VariantRules
    ) -> None:
        widest = max(models.values(), key=lambda model: model.spec.left + model.spec.right)
        super().__init__(widest, blocks.reference, rules)
        self.meta, self._models, self._blocks = meta, dict(models), blocks
        self._edits = {name: edit_scoring(model) for name, model in models.items()}
        self._store = GeneStore(blocks.reference, rules.flank, models, halo=meta.pipeline.halo)
        self._catalog = GeneCatalog(blocks.resources.annotation())
        self._genes: dict[tuple[str, str, str, int, int], Gene] = {}
        context = max(max(model.spec.left, model.spec.right) for model in models.values())
        reach = meta.pipeline.reach
        self._seen = None if reach is None else rules.distance + reach
        self._near = context if self._seen is None else min(context, self._seen)
        self._split: tuple[FeaturePipeline | None, FeaturePipeline | None] | None = None

    def _place(self, index: int, job: Job) -> _Placed | Unscored:
        placed = super()._place(index, job)
        if isinstance(placed, _Placed):
            gene = self._gene(placed.transcript)
            edited = self._edited(placed, gene)
            if edited.start < 0 or edited.end > gene.length:
                return Unscored.BEYOND_GENE
        return placed

    def _gene(self, transcript: Transcript) -> Gene:
        """Find the gene of a transcript, which features are computed in."""
        place = (transcript.gene_id, *transcript.span)
        if place not in self._genes:
            self._genes[place] = next(
                (
                    gene
                    for gene in self._catalog.select([transcript.gene_id]).genes
                    if (gene.contig, gene.strand) == place[1:3] and gene.start <= place[3] <= place[4] <= gene.end
                ),
                None,
            ) or _no_gene(transcript)
        return self._genes[place]

    def _edited(self, placed: _Placed, gene: Gene) -> EditedGene:
        change = Change.of(placed.variant, placed.transcript)
        first = _first(placed.transcript, gene)
        return EditedGene(gene, change.start + first, change.end + first, change.codes)

    def _score_window(self, window: Window, group: list[_Placed]) -> Iterator[tuple[_Placed, AlignedTracks]]:
        """Score the alleles of a window, gene by gene."""
        by_gene: dict[Gene, list[_Placed]] = {}
        for placed in group:
            by_gene.setdefault(self._gene(placed.transcript), []).append(placed)
        size = max(1, _POSITIONS // (4 * self._near + 1))
        for gene, own in by_gene.items():
            first = _first(own[0].transcript, gene)
            span = window.start + first - self._near, window.end + first + self._near
            for start in range(0, len(own), size):
                yield from self._score_part(gene, span, own[start : start + size])

    def _score_part(
        self, gene: Gene, span: tuple[int, int], part: list[_Placed]
    ) -> Iterator[tuple[_Placed, AlignedTracks]]:
        edits = [self._edited(placed, gene) for placed in part]
        base = {name: self._base_scores(name, gene, span, edits) for name in self._models}
        known: dict[tuple[int, int], Scores] = {}
        for number, (placed, edited) in enumerate(zip(part, edits, strict=True)):
            place = edited.start, edited.end
            ref, alt = ({name: scores[number][side] for name, scores in base.items()} for side in (0, 1))
            if place not in known:
                known[place] = self._of_ref(edited, ref)
            yield placed, self._align(placed, known[place], self._of_alt(edited, alt))

    def _base_scores(
        self, name: str, gene: Gene, span: tuple[int, int], edits: list[EditedGene]
    ) -> list[tuple[Scores, Scores]]:
        """Scores of one base model around each edit, of REF and of ALT: from ``near`` bases before to as many after."""
        spec = self._models[name].spec
        codes = self._store.sequence(gene).codes(span[0] - spec.left, span[1] + spec.right)
        shift = spec.left - span[0]
        rank: dict[tuple[int, int, bytes], int] = {}
        distinct: list[Edit] = []
        wanted = []
        for edited in edits:
            start, end = edited.start + shift, edited.end + shift
            both: list[Edit] = [(start, end, codes[start:end]), (start, end, edited.codes)]
            keys = [(low, high, new.tobytes()) for low, high, new in both]
            for key, edit in zip(keys, both, strict=True):
                if rank.setdefault(key, len(distinct)) == len(distinct):
                    distinct.append(edit)
            wanted.append((rank[keys[0]], rank[keys[1]]))
        scored = self._edits[name](codes, distinct, self._near)
        return [(scored[ref], scored[alt]) for ref, alt in wanted]

    def _of_ref(self, edited: EditedGene, near: Mapping[str, Scores]) -> Scores:
        """Probabilities of REF, from D before the edit to D after it, in transcript orientation."""
        scores = {name: whole.copy() for name, whole in self._whole(edited).items()}
        for name, whole in scores.items():
            lay(whole, near[name], edited.start - self._near)
        gene, distance = edited.gene, self.rules.distance
        index = np.arange(max(edited.start - distance, 0), min(edited.end + distance, gene.length), dtype=np.int64)
        block = self._block(gene, self._store.codes(gene), scores)
        found = self._probabilities((block, index), None)
        return _window(found, index, edited.start - distance, edited.end + distance)

    def _of_alt(self, edited: EditedGene, near: Mapping[str, Scores]) -> Scores:
        """Probabilities of ALT, from D before the edit to D after it, in transcript orientation of the edited gene."""
        gene, distance, alt = edited.gene, self.rules.distance, len(edited.codes)
        whole = self._whole(edited)
        scores = {}
        for name, values in whole.items():
            blank = np.full((alt, values.shape[1]), np.nan, dtype=np.float32)
            scores[name] = edited.replaced(values, blank)
            lay(scores[name], near[name], edited.start - self._near)
        halo = self._store.halo
        codes = edited.replaced(self._store.codes(gene), edited.codes, halo)
        low, high = max(edited.start - distance, 0), min(edited.start + alt + distance, edited.length)
        index = np.arange(low, high, dtype=np.int64)
        own = self._block(edited.as_gene(), codes, scores), index
        by_place = None
        if edited.shift:
            laid = {name: edited.laid(values, _missing(values)) for name, values in scores.items()}
            by_place = self._block(gene, edited.laid(codes, N, halo), laid), edited.to_reference(index)
        found = self._probabilities(own, by_place)
        return _window(found, index, edited.start - distance, edited.start + alt + distance)

    def _whole(self, edited: EditedGene) -> dict[str, Scores]:
        """Return base scores of REF as far as features see them beyond those near the edit."""
        gene = edited.gene
        if self._seen is None:
            return self._store.scores(gene, 0, gene.length)
        if self._seen <= self._near:
            return self._store.unknown(gene)
        return self._store.scores(gene, edited.start - self._seen, edited.end + self._seen)

    def _block(self, gene: Gene, codes: Codes, scores: dict[str, Scores]) -> Block:
        return Block(
            gene=gene,
            build=self._blocks.resources.build.name,
            flank=self.rules.flank,
            halo=self._store.halo,
            codes=codes,
            scores=scores,
            outputs={name: model.spec.outputs for name, model in self._models.items()},
        )

    def _probabilities(
        self, own: tuple[Block, npt.NDArray[np.int64]], by_place: tuple[Block, npt.NDArray[np.int64]] | None
    ) -> Scores:
        """Calibrated probabilities of positions: float32, shape (k, 3).

        Parameters
        ----------
        own
            Block and offsets.
        by_place
            Another block and offsets of the same positions, for the sets that ask for resources; None for the same.
        """
        meta, rows = self.meta, max(1, min(ROWS, CELLS // len(self.meta.pipeline.schema)))
        found = [np.empty((0, 3), dtype=np.float32)]
        for first in range(0, len(own[1]), rows):
            part = slice(first, first + rows)
            if by_place is None:
                batch = meta.pipeline.compute(own[0], own[1][part], self._blocks.given(own[0].gene))
            else:
                batch = self._joined((own[0], own[1][part]), (by_place[0], by_place[1][part]))
            matrix = to_matrix(batch.select(list(meta.record.columns)))
            found.append(meta.calibrate(meta.predict(matrix)))
        return np.concatenate(found)

    def _joined(
        self, own: tuple[Block, npt.NDArray[np.int64]], by_place: tuple[Block, npt.NDArray[np.int64]]
    ) -> pa.RecordBatch:
        """Compute the sets that ask for resources from one block, the others from another."""
        if self._split is None:
            self._split = self._pipeline(asking=False), self._pipeline(asking=True)
        plain, asking = self._split
        columns: dict[str, pa.Array[pa.Scalar[pa.DataType]]] = {}
        if plain is not None:
            batch = plain.compute(*own)
            columns |= zip(batch.schema.names, batch.columns, strict=True)
        if asking is not None:
            batch = asking.compute(*by_place, self._blocks.given(by_place[0].gene))
            columns |= zip(batch.schema.names, batch.columns, strict=True)
        schema = self.meta.pipeline.schema
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _pipeline(self, *, asking: bool) -> FeaturePipeline | None:
        pipeline = self.meta.pipeline
        chosen = [number for number, spec in enumerate(pipeline.specs) if bool(spec.requires) == asking]
        if not chosen:
            return None
        specs, configs = ([values[number] for number in chosen] for values in (pipeline.specs, pipeline.configs))
        return FeaturePipeline(specs, configs, pipeline.models)

    def close(self) -> None:
        """Close what was opened for insertions and deletions; the meta-model and the genome stay open."""
        for pipeline in self._split or ():
            if pipeline is not None:
                pipeline.close()


def _first(transcript: Transcript, gene: Gene) -> int:
    """Offset of a transcript's 5' end from its gene's."""
    return transcript.start - gene.start if gene.strand == "+" else gene.end - transcript.end


def _no_gene(transcript: Transcript) -> Gene:
    raise InputError(
        f"the annotation has no gene {transcript.gene_id} that transcript {transcript.transcript_id} is in"
    )


def _missing(scores: Scores) -> Scores:
    """Scores of a base that is not there: neither, for certain."""
    missing = np.zeros(scores.shape[1], dtype=np.float32)
    missing[0] = 1
    return missing


def _window(found: Scores, index: npt.NDArray[np.int64], low: int, high: int) -> Scores:
    """Scores of the offsets from ``low`` to ``high``; those without a score are neither, for certain."""
    scores = np.tile(_NEITHER, (high - low, 1))
    scores[index - low] = found
    return scores
