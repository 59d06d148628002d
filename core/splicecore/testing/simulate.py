"""Small realistic genomes with genes, for tests, demonstrations and plugin authors.

A simulated genome has what a splice model looks at: exons of coding composition with splicing enhancers, introns with
donors (MAG|GTRAGT, about one in a hundred GC), branch points, polypyrimidine tracts and acceptors, and decoys that have
the motif next to the dinucleotide but nothing around it. Genes lie on both strands, overlap, nest and have several
transcripts; there are runs of N and soft-masked stretches. Everything follows from the seed.

Examples
--------
>>> genome = simulate_genome(SimulationConfig(), seed=1)
>>> list(genome.sequences)
['chr1', 'chr2']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ConfigError
from splicecore.genome.encoding import Codes, N, reverse_complement
from splicecore.testing import _composition
from splicecore.testing._drafts import GeneDraft, draft_gene
from splicecore.testing._export import SimulatedPaths, write_genome

if TYPE_CHECKING:
    import os

__all__ = [
    "SITE_DTYPE",
    "SimulatedGene",
    "SimulatedGenome",
    "SimulatedTranscript",
    "SimulationConfig",
    "simulate_genome",
]

SITE_DTYPE = np.dtype(
    [("contig", "i4"), ("position", "i8"), ("strand", "i1"), ("type", "i1"), ("gene", "i4"), ("alternative", "?")]
)
"""Splice sites and decoys: index of the contig, 0-based genomic position of the exon-side base, strand (+1 or -1), type
(1 acceptor, 2 donor), index of the gene, and whether the canonical transcript lacks it."""

_ROLES = ("alone", "nested", "opposite", "single", "alone", "same")
_ISOFORMS: tuple[tuple[str, ...], ...] = (("skip", "alt5"), ("alt3",), ("skip",), (), ("alt5", "alt3"))
_TERMINAL_OVERLAP = 60


def _check_share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0.0 <= value < 1.0:
        raise ConfigError(f"{attribute.name} is {value}; it is a share, 0 to less than 1")


def _check_positive(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value > 0.0:
        raise ConfigError(f"{attribute.name} is {value}; it has to be positive")


def _check_range(_: object, attribute: attrs.Attribute[tuple[int, int]], value: tuple[int, int]) -> None:
    if len(value) != 2 or not 0 < value[0] <= value[1]:
        raise ConfigError(f"{attribute.name} is {value}; it is (shortest, longest) in bases")


def _at_least(lowest: int) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: int | tuple[int, int]) -> None:
        smallest = value if isinstance(value, int) else value[0]
        if smallest < lowest:
            raise ConfigError(f"{attribute.name} is {value}; {lowest} is the least")

    return check


@attrs.frozen(kw_only=True)
class SimulationConfig:
    """What a simulated genome is like. Lengths are in bases.

    Attributes
    ----------
    contigs
        Names of the contigs.
    genes_per_contig
        Genes of each contig. Six of them bring every arrangement: alone, nested in an intron, overlapping the end of
        another gene on the opposite strand and on the same strand, and without introns.
    exons_per_gene
        Fewest and most exons of a gene with introns.
    exon_length, exon_sigma, exon_range
        Median and log-normal sigma of internal exons, and their limits.
    intron_length, intron_sigma, intron_range
        The same of introns.
    intergenic_length
        Median distance between genes that do not overlap; also the distance to the contig's ends.
    site_strength
        Exponent of the motifs' base frequencies: 1 is as in the human genome, more is closer to the consensus.
    gc_donor_share
        Share of donors that have GC in place of GT.
    enhancer_share
        Share of the hexamers of exons that are splicing enhancers.
    decoy_share
        Share of introns with a decoy donor and a decoy acceptor.
    n_run_length
        Length of the runs of N at the contig's start and between some genes; 0 for none.
    soft_masked_share
        Share of bases written in lower case.
    overlaps, isoforms
        Whether genes overlap and nest, and whether they have several transcripts.
    """

    contigs: tuple[str, ...] = attrs.field(default=("chr1", "chr2"), converter=tuple)
    genes_per_contig: int = attrs.field(default=6, validator=_at_least(1))
    exons_per_gene: tuple[int, int] = attrs.field(default=(4, 9), validator=_check_range)
    exon_length: int = attrs.field(default=122, validator=_at_least(1))
    exon_sigma: float = attrs.field(default=0.25, validator=_check_positive)
    exon_range: tuple[int, int] = attrs.field(default=(50, 250), validator=[_check_range, _at_least(12)])
    intron_length: int = attrs.field(default=800, validator=_at_least(1))
    intron_sigma: float = attrs.field(default=0.6, validator=_check_positive)
    intron_range: tuple[int, int] = attrs.field(default=(150, 6000), validator=[_check_range, _at_least(80)])
    intergenic_length: int = attrs.field(default=3000, validator=_at_least(1))
    site_strength: float = attrs.field(default=1.6, validator=_check_positive)
    gc_donor_share: float = attrs.field(default=0.01, validator=_check_share)
    enhancer_share: float = attrs.field(default=0.3, validator=_check_share)
    decoy_share: float = attrs.field(default=0.5, validator=_check_share)
    n_run_length: int = attrs.field(default=200, validator=_at_least(0))
    soft_masked_share: float = attrs.field(default=0.2, validator=_check_share)
    overlaps: bool = True
    isoforms: bool = True


@attrs.frozen(eq=False)
class SimulatedTranscript:
    """A transcript: its exons are int64 of shape (k, 2), 0-based half-open, by rising genomic coordinate."""

    transcript_id: str
    exons: npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class SimulatedGene:
    """A gene, 0-based half-open; the first transcript is the canonical one. ``strand`` is "+" or "-"."""

    gene_id: str
    gene_name: str
    contig: str
    strand: str
    start: int
    end: int
    transcripts: tuple[SimulatedTranscript, ...]


@attrs.frozen(eq=False)
class SimulatedGenome:
    """A genome and its annotation, in memory.

    Attributes
    ----------
    config, seed
        What it was made from.
    sequences
        Codes of each contig, plus strand, uint8 of shape (length,).
    soft_masked
        Which bases are written in lower case, bool of shape (length,).
    genes
        In order of contig and making; nested genes follow their host.
    sites, decoys
        Arrays of :data:`SITE_DTYPE`, sorted by contig, position and strand; no position twice.
    """

    config: SimulationConfig
    seed: int
    sequences: dict[str, Codes]
    soft_masked: dict[str, npt.NDArray[np.bool_]]
    genes: tuple[SimulatedGene, ...]
    sites: npt.NDArray[np.void]
    decoys: npt.NDArray[np.void]

    def write(
        self, folder: str | os.PathLike[str], *, bgzip: bool = False, spliceai_table: bool = False
    ) -> SimulatedPaths:
        """Write ``genome.fa`` and ``annotation.gtf`` (GENCODE style), and SpliceAI's table if asked for.

        Parameters
        ----------
        folder
            Made if it does not exist; files of the same names in it are replaced.
        bgzip
            Compress FASTA and GTF with BGZF (``.gz``).
        spliceai_table
            Also write ``spliceai_table.txt``, one canonical transcript a gene, contigs without ``chr``.

        Raises
        ------
        OutputError
            If the folder or a file cannot be written.
        """
        return write_genome(self, folder, bgzip=bgzip, spliceai_table=spliceai_table)


def simulate_genome(config: SimulationConfig | None = None, seed: int = 0) -> SimulatedGenome:
    """Draw a genome. The same config and seed give the same genome, to the byte.

    A contig does not depend on how many others there are.

    Raises
    ------
    ConfigError
        If the seed is negative or a setting makes no sense.
    """
    if seed < 0:
        raise ConfigError(f"seed is {seed}; it cannot be negative")
    config = SimulationConfig() if config is None else config
    sequences: dict[str, Codes] = {}
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    genes: list[SimulatedGene] = []
    tables: dict[str, list[npt.NDArray[np.void]]] = {"sites": [], "decoys": []}
    for index, contig in enumerate(config.contigs):
        rng = np.random.default_rng([seed, index])
        placed = _place_genes(rng, config)
        codes = _contig(rng, config, placed)
        sequences[contig] = codes
        masks[contig] = _composition.stretches(rng, len(codes), config.soft_masked_share)
        for gene in placed:
            draft = gene[0]
            tables["sites"].append(_genomic(draft.sites, gene, index, len(genes)))
            decoys = tuple((offset, kind, False) for offset, kind in draft.decoys)
            tables["decoys"].append(_genomic(decoys, gene, index, len(genes)))
            genes.append(_gene(gene, contig, len(genes) + 1))
    return SimulatedGenome(
        config, seed, sequences, masks, tuple(genes), _sorted(tables["sites"]), _sorted(tables["decoys"])
    )


_Placed = tuple[GeneDraft, int, int]
"""A gene, the 0-based position of its first base on the plus strand, and its strand (+1 or -1)."""


def _place_genes(rng: np.random.Generator, config: SimulationConfig) -> list[_Placed]:
    """Lay genes along a contig, each by its role; a negative distance is an overlap."""
    placed: list[_Placed] = []
    end, strand, nested = _gap(rng, config), int(rng.choice((-1, 1))), None
    for index in range(config.genes_per_contig):
        role = _ROLES[index % len(_ROLES)]
        if role == "nested" and nested is not None:
            host, start, host_strand = placed[-1]
            offset = host.nest if host_strand > 0 else len(host.codes) - host.nest - len(nested.codes)
            placed.append((nested, start + offset, -host_strand))
            nested = None
            continue
        hosts = (
            config.overlaps and index + 1 < config.genes_per_contig and _ROLES[(index + 1) % len(_ROLES)] == "nested"
        )
        if hosts:
            nested = draft_gene(rng, config, n_exons=3)
        draft = _draft(rng, config, index, role, len(nested.codes) if nested else 0)
        overlapping = config.overlaps and role in {"opposite", "same"}
        strand = strand if overlapping and role == "same" else -strand
        start = end - _TERMINAL_OVERLAP if overlapping else end + (_gap(rng, config) if placed else 0)
        placed.append((draft, start, strand))
        end = start + len(draft.codes)
    return placed


def _draft(rng: np.random.Generator, config: SimulationConfig, index: int, role: str, nest: int) -> GeneDraft:
    if role == "single":
        return draft_gene(rng, config, n_exons=1)
    fewest, most = config.exons_per_gene
    n_exons = max(int(rng.integers(fewest, most + 1)), 2)
    isoforms = _ISOFORMS[index % len(_ISOFORMS)] if config.isoforms and n_exons >= 4 else ()
    return draft_gene(rng, config, n_exons=n_exons, isoforms=isoforms, nest=nest)


def _gap(rng: np.random.Generator, config: SimulationConfig) -> int:
    return int(config.intergenic_length * np.exp(rng.normal(0.0, 0.3))) + config.n_run_length


def _contig(rng: np.random.Generator, config: SimulationConfig, placed: list[_Placed]) -> Codes:
    ends = [start + len(draft.codes) for draft, start, _ in placed]
    length = max(ends) + _gap(rng, config)
    codes = _composition.background(rng, length, _composition.INTERGENIC)
    for draft, start, strand in placed:
        codes[start : start + len(draft.codes)] = draft.codes if strand > 0 else reverse_complement(draft.codes)
    codes[: config.n_run_length] = N
    reached = 0
    for (_, start, _), end in zip(placed, ends, strict=True):
        if reached and start - reached > 2 * config.n_run_length:
            middle = (start + reached - config.n_run_length) // 2
            codes[middle : middle + config.n_run_length] = N
        reached = max(reached, end)
    return codes


def _genomic(sites: tuple[tuple[int, int, bool], ...], placed: _Placed, contig: int, gene: int) -> npt.NDArray[np.void]:
    draft, start, strand = placed
    last = len(draft.codes) - 1
    rows = [
        (contig, start + (offset if strand > 0 else last - offset), strand, kind, gene, alternative)
        for offset, kind, alternative in sites
    ]
    return np.array(rows, dtype=SITE_DTYPE)


def _sorted(tables: list[npt.NDArray[np.void]]) -> npt.NDArray[np.void]:
    table = np.concatenate([np.empty(0, dtype=SITE_DTYPE), *tables])
    return table[np.lexsort((table["type"], table["strand"], table["position"], table["contig"]))]


def _gene(placed: _Placed, contig: str, number: int) -> SimulatedGene:
    draft, start, strand = placed
    length = len(draft.codes)
    transcripts = []
    for index, exons in enumerate(draft.transcripts):
        genomic = start + exons if strand > 0 else start + length - exons[::-1, ::-1]
        transcripts.append(SimulatedTranscript(f"SIMT{number:07d}{index:02d}.1", genomic))
    return SimulatedGene(
        gene_id=f"SIMG{number:09d}.1",
        gene_name=f"SIM{number}",
        contig=contig,
        strand="+" if strand > 0 else "-",
        start=start,
        end=start + length,
        transcripts=tuple(transcripts),
    )
