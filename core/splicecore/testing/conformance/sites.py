"""The zero-offset check: a model must score splice sites at their own base, in their own channel, on both strands."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from splicecore.genome.encoding import Codes, N, reverse_complement
from splicecore.testing.conformance.case import BaseModelCase, expect, skip
from splicecore.testing.simulate import SimulatedGenome, SimulationConfig, simulate_genome

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore.genome.genes import Gene
    from splicecore.genome.reference import Reference
    from splicecore.plugins.protocols import BaseModel, Scores
    from splicecore.predict.blocks import GeneSequence

__all__ = ["check_zero_offset"]

_REACH = 3
_TYPES = {1: "acceptor", 2: "donor"}
_LEAST = 0.02
_CONTRAST = 3.0
_SEED = 3
_GENES_PER_STRAND = 2


def check_zero_offset(case: BaseModelCase) -> None:
    """Check that splice sites of either strand score highest at their own base and in their own channel.

    The genes are those of ``case.genome`` (FASTA and annotation) where the author names one, else simulated. A model
    that scores no simulated site above its surroundings, as one with random weights, is skipped.

    Remedy: shift nothing: a site is the exon's base beside the intron; outputs are neither, acceptor, donor.
    """
    if case.genome is not None:
        _check_real(case, *case.genome)
        return
    with case.open() as model:
        means = _mean_scores(model)
    peaks = {key: np.unravel_index(int(around.argmax()), around.shape) for key, (around, _) in means.items()}
    known = [key for key, (around, far) in means.items() if around.max() >= max(_LEAST, _CONTRAST * far)]
    if not known:
        skip("the model scores no simulated site above its surroundings: override the fixture genome with a real one")
    for strand, channel in means:
        name = f"{'plus' if strand == '+' else 'minus'}-strand {_TYPES[channel]}s"
        expect((strand, channel) in known, f"{name} score no higher than their surroundings, other sites do")
        best, offset = peaks[strand, channel]
        expect(int(best) + 1 == channel, f"{name} score highest as {_TYPES[int(best) + 1]}s")
        expect(
            int(offset) == _REACH, f"{name} score highest at offset {int(offset) - _REACH:+d}, not at their own base"
        )


def _check_real(case: BaseModelCase, fasta: str, annotation: str) -> None:
    from splicecore.genome.annotation import read_annotation
    from splicecore.genome.reference import Reference
    from splicecore.resources.site_offsets import LEAST_SITES, scan_site_offsets

    with case.open() as model, Reference.open(Path(fasta)) as reference:
        bound = read_annotation(Path(annotation)).bind(reference.contigs, reference.build, reference_name=fasta)
        found = [each for each in scan_site_offsets(model, reference, bound) if each.sites >= LEAST_SITES]
    expect(found, f"{annotation} has too few splice sites in {fasta}")
    for offsets in found:
        expect(offsets.best == 0, f"{offsets.title} sites score highest at offset {offsets.best:+d}, not at their base")


_Means = dict[tuple[str, int], tuple["npt.NDArray[np.float64]", float]]


def _mean_scores(model: BaseModel) -> _Means:
    """Mean scores at sites of each strand and type: (2 channels, offsets -3 to +3), and the mean of everything else."""
    from splicecore.predict.blocks import GeneSequence

    genome = _genome()
    reference = cast("Reference", _InMemory(genome))
    sums: dict[tuple[str, int], list[npt.NDArray[np.float64]]] = {}
    background = []
    for number, gene in _genes(genome):
        sequence = GeneSequence(reference=reference, gene=gene, flank="real")
        scores = _scores(model, sequence)[:, 1:3]
        background.append(float(scores.mean()))
        own = genome.sites[genome.sites["gene"] == number]
        for channel in _TYPES:
            at = gene.to_relative(own["position"][own["type"] == channel])
            at = at[(at >= _REACH) & (at < gene.length - _REACH)]
            around = scores[at[:, None] + np.arange(-_REACH, _REACH + 1)].astype(np.float64)
            sums.setdefault((gene.strand, channel), []).append(around)
    far = float(np.mean(background))
    return {key: (np.concatenate(found).mean(axis=0).T, far) for key, found in sums.items()}


def _scores(model: BaseModel, sequence: GeneSequence) -> Scores:
    """Score a gene in the tiles that ``run`` uses, without its checks: other checks say what is wrong with scores."""
    from splicecore.predict.tiling import Tiling

    spec, length = model.spec, sequence.gene.length
    pieces = []
    for spans in Tiling.of(spec).batches(length):
        codes = np.stack([sequence.codes(start - spec.left, stop + spec.right) for start, stop in spans])
        for scores, (start, stop) in zip(model.predict(codes), spans, strict=True):
            pieces.append(scores[: min(stop, length) - start])
    return np.concatenate(pieces)


def _genes(genome: SimulatedGenome) -> list[tuple[int, Gene]]:
    """Choose the shortest genes of each strand that have introns, with their numbers."""
    from splicecore.genome.genes import Gene

    chosen = []
    for strand in "+-":
        spliced = [
            (gene.end - gene.start, number)
            for number, gene in enumerate(genome.genes)
            if gene.strand == strand and len(gene.transcripts[0].exons) > 2
        ]
        for _, number in sorted(spliced)[:_GENES_PER_STRAND]:
            gene = genome.genes[number]
            strand_of: Any = gene.strand
            place = Gene(gene.gene_id, gene.gene_name, gene.contig, strand_of, gene.start, gene.end, number)
            chosen.append((number, place))
    return chosen


@functools.cache
def _genome() -> SimulatedGenome:
    settings: dict[str, Any] = {"contigs": ("chr1",), "genes_per_contig": 8, "intron_range": (150, 900)}
    return simulate_genome(SimulationConfig(**settings, overlaps=False), seed=_SEED)


class _InMemory:
    """Stands for a reference that is open."""

    def __init__(self, genome: SimulatedGenome) -> None:
        self._sequences = genome.sequences

    def fetch_oriented(self, contig: str, start: int, end: int, strand: str) -> Codes:
        sequence = self._sequences[contig]
        codes = np.full(end - start, N, dtype=np.uint8)
        low, high = max(start, 0), min(end, len(sequence))
        codes[low - start : high - start] = sequence[low:high]
        return reverse_complement(codes) if strand == "-" else codes
