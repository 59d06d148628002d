"""Genes of similar sequence, found by the words that their exons share.

Every gene's sequence becomes a sketch: of the hashes of its words of ``k`` bases, those below a fixed limit
(FracMinHash; Irber et al., bioRxiv 2022), so that one in ``scale`` words is kept, the same ones in every gene. The
share of the smaller sketch that is found in the other one, the containment C, estimates the identity of the sequences
as C ** (1 / k), if substitutions fall independently (Ondov et al., Genome Biology 2016). This needs NumPy alone: the
strand is known and no alignment is wanted.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ConfigError, InputError
from splicecore.genome.arrow import labels, numbers
from splicecore.genome.encoding import N, reverse_complement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.encoding import Codes
    from splicecore.genome.reference import Reference

__all__ = ["ParalogConfig", "Paralogs", "exonic_sequences", "find_paralogs"]

_Ints = npt.NDArray[np.int64]
_Hashes = npt.NDArray[np.uint64]

_PAIRS_AT_ONCE = 1 << 23
_LONGEST_WORD = 31


@attrs.frozen(kw_only=True)
class ParalogConfig:
    """Which genes count as similar; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    k
        Bases of a word, at most 31.
    scale
        One word in so many is kept.
    min_identity
        Lowest estimated identity of the smaller gene's sequence to the other's, in (0, 1].
    min_shared
        Fewest kept words that two genes share.
    max_genes
        Words that more genes have (repeats, tracts of one base) are passed over.
    """

    k: int = attrs.field(default=15)
    scale: int = attrs.field(default=4)
    min_identity: float = attrs.field(default=0.85)
    min_shared: int = attrs.field(default=5)
    max_genes: int = attrs.field(default=64)

    @k.validator
    @scale.validator
    @min_shared.validator
    @max_genes.validator
    def _check_count(self, attribute: attrs.Attribute[int], value: int) -> None:
        if value < 1:
            raise ConfigError(f"{attribute.name} is {value}; it must be at least 1")

    @min_identity.validator
    def _check_identity(self, _: object, value: float) -> None:
        if not 0 < value <= 1:
            raise ConfigError(f"min_identity is {value:g}; it must be a share above 0")

    def __attrs_post_init__(self) -> None:
        if self.k > _LONGEST_WORD:
            raise ConfigError(f"k is {self.k}; words of more than {_LONGEST_WORD} bases do not fit 64 bits")


@attrs.frozen(eq=False)
class Paralogs:
    """Pairs of similar genes.

    Attributes
    ----------
    first, second
        int64, shape (pairs,): numbers of the genes, first < second; sorted.
    shared
        int64, shape (pairs,): kept words that both have.
    identity
        float64, shape (pairs,): estimated identity, in (0, 1].
    """

    first: _Ints
    second: _Ints
    shared: _Ints
    identity: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def across(self, genes: _Ints, others: _Ints) -> _Ints:
        """Those of ``genes`` that are similar to one of ``others``, rising."""
        forward = np.isin(self.first, genes) & np.isin(self.second, others)
        backward = np.isin(self.second, genes) & np.isin(self.first, others)
        return np.union1d(self.first[forward], self.second[backward]).astype(np.int64)

    def table(self, genes: pa.Table) -> pa.Table:
        """Table of the pairs: gene_id_1, contig_1, gene_id_2, contig_2, shared_words, identity."""
        import pyarrow as pa

        columns = {}
        for number, rows in ((1, self.first), (2, self.second)):
            columns[f"gene_id_{number}"] = genes.column("gene_id").take(rows).cast(pa.string())
            columns[f"contig_{number}"] = genes.column("contig").take(rows).cast(pa.string())
        return pa.table({**columns, "shared_words": self.shared, "identity": self.identity})


def find_paralogs(sequences: Iterable[Codes], config: ParalogConfig | None = None) -> Paralogs:
    """Find the pairs of similar sequences; each on the strand given, so antisense copies are not found.

    Parameters
    ----------
    sequences
        uint8 codes of each gene, such as :func:`exonic_sequences` yields; one is held at a time.
    config
        What counts as similar.
    """
    chosen = config or ParalogConfig()
    sketches = [_sketch(codes, chosen) for codes in sequences]
    sizes = np.array([len(sketch) for sketch in sketches], dtype=np.int64)
    hashes = np.concatenate(sketches) if sketches else np.empty(0, dtype=np.uint64)
    gene = np.repeat(np.arange(len(sketches), dtype=np.int64), sizes)
    del sketches
    order = np.argsort(hashes, kind="stable")
    hashes, gene = hashes[order], gene[order]
    keys, shared = _shared_words(hashes, gene, len(sizes), chosen)
    first, second = np.divmod(keys, max(1, len(sizes)))
    identity = (shared / np.minimum(sizes[first], sizes[second])) ** (1 / chosen.k)
    similar = (shared >= chosen.min_shared) & (identity >= chosen.min_identity)
    return Paralogs(first[similar], second[similar], shared[similar], identity[similar])


def exonic_sequences(reference: Reference, annotation: BoundAnnotation, rows: _Ints | None = None) -> Iterator[Codes]:
    """Yield every gene's exonic sequence, 5' to 3': the union of its transcripts' exons, joined.

    Parameters
    ----------
    reference
        The genome that the annotation is bound to.
    annotation
        Genes, transcripts and exons.
    rows
        int64: rows of ``annotation.genes``, in the order wanted; None: all.

    Raises
    ------
    InputError
        If a row is no gene.
    """
    genes = annotation.genes
    gene, start, end = _merged_exons(annotation)
    bounds = np.searchsorted(gene, np.arange(len(genes) + 1))
    contigs, strands = labels(genes, "contig"), labels(genes, "strand")
    wanted = np.arange(len(genes)) if rows is None else np.asarray(rows)
    if len(wanted) and not (wanted.min() >= 0 and wanted.max() < len(genes)):
        raise InputError(f"rows of genes reach from {wanted.min()} to {wanted.max()}; there are {len(genes)} genes")
    for row in wanted.tolist():
        low, high = start[bounds[row] : bounds[row + 1]], end[bounds[row] : bounds[row + 1]]
        if not len(low):
            yield np.empty(0, dtype=np.uint8)
            continue
        whole = reference.fetch(contigs[row], int(low[0]), int(high[-1]))
        offset = low - low[0]
        codes = np.concatenate([whole[a:b] for a, b in zip(offset, offset + (high - low), strict=True)])
        yield reverse_complement(codes) if strands[row] == "-" else codes


def _merged_exons(annotation: BoundAnnotation) -> tuple[_Ints, _Ints, _Ints]:
    """Gene, start and end of the union of each gene's exons, sorted."""
    transcript = numbers(annotation.exons, "transcript")
    gene = numbers(annotation.transcripts, "gene").astype(np.int64)[transcript]
    start, end = numbers(annotation.exons, "start"), numbers(annotation.exons, "end")
    order = np.lexsort((end, start, gene))
    gene, start, end = gene[order], start[order], end[order]
    if not len(gene):
        return gene, start, end
    base = gene << 40
    reach = np.maximum.accumulate(base + end)
    new = np.concatenate([[True], (base + start)[1:] > reach[:-1]])
    first = np.flatnonzero(new)
    return gene[first], start[first], np.maximum.reduceat(end, first)


def _sketch(codes: Codes, config: ParalogConfig) -> _Hashes:
    """Sorted distinct hashes below the limit of all words without N."""
    count = len(codes) - config.k + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    words = np.zeros(count, dtype=np.uint64)
    for offset in range(config.k):
        words <<= np.uint64(2)
        words |= codes[offset : offset + count] & np.uint8(3)
    unknown = np.concatenate([[0], np.cumsum(codes == N)])
    hashes = _mix(words[unknown[config.k :] == unknown[:count]])
    return np.unique(hashes[hashes <= np.uint64((2**64 - 1) // config.scale)])


def _mix(words: _Hashes) -> _Hashes:
    """Scramble the bits of numbers, one to one (the finaliser of SplitMix64)."""
    mixed = words + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _shared_words(hashes: _Hashes, gene: _Ints, count: int, config: ParalogConfig) -> tuple[_Ints, _Ints]:
    """Keys (first * count + second) of the pairs with a common word, and the number of their common words."""
    first = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else np.empty(0, int)
    size = np.diff(np.append(first, len(hashes)))
    common = (size >= 2) & (size <= config.max_genes)
    first, size = first[common], size[common]
    keys, shared = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for runs in _portions(size * (size - 1) // 2):
        new, times = np.unique(_pair_keys(first[runs], size[runs], gene, count), return_counts=True)
        keys, place = np.unique(np.concatenate([keys, new]), return_inverse=True)
        total: Any = np.bincount(place, weights=np.concatenate([shared, times]), minlength=len(keys))
        shared = total.astype(np.int64)
    return keys, shared


def _portions(pairs: _Ints) -> list[slice]:
    """Divide words into runs of at most so many pairs in all (or one word)."""
    if not len(pairs):
        return []
    number = (np.cumsum(pairs) - pairs) // _PAIRS_AT_ONCE
    bounds = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(pairs)]
    return [slice(low, high) for low, high in itertools.pairwise(bounds)]


def _pair_keys(first: _Ints, size: _Ints, gene: _Ints, count: int) -> _Ints:
    """All pairs of genes within each run of ``size`` sorted entries from ``first`` on."""
    entry = np.repeat(first, size) + _within(size)
    later = np.repeat(first + size, size) - entry - 1
    one = np.repeat(entry, later)
    other = one + 1 + _within(later)
    return gene[one] * count + gene[other]


def _within(counts: _Ints) -> _Ints:
    """0 .. n-1 for every n of ``counts``, one after the other."""
    return np.asarray(np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts), dtype=np.int64)
