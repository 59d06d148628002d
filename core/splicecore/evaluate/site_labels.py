"""Which positions are splice sites: of all transcripts of an annotation, or of one canonical transcript a gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from splicecore.errors import AnnotationError
from splicecore.evaluate.evaluated_gene import GeneKey
from splicecore.genome.arrow import codes_of, labels, numbers
from splicecore.genome.arrow import compute as pc
from splicecore.genome.contigs import canonical_name
from splicecore.genome.sites import splice_sites

if TYPE_CHECKING:
    from splicecore.genome.annotation import Annotation

__all__ = ["Kind", "Scope", "SiteLabels", "canonical_transcripts"]

_BITS = 40
_PREFERRED = ("MANE_Select", "Ensembl_canonical", "RefSeq Select", "RefSeq_Select", "appris_principal_1")
_NONE: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]
Kind = Literal["all", "canonical"]
Scope = Literal["strand", "gene"]


def canonical_transcripts(annotation: Annotation) -> _Ints:
    """Choose one transcript of each gene: by tag, else a protein-coding one, else the one with most exonic bases.

    In this order: tag MANE_Select, Ensembl_canonical, RefSeq Select, appris_principal_1; biotype protein_coding; most
    exonic bases; most exons; lowest start, then end; transcript_id.

    Returns
    -------
    int64, shape (genes that have transcripts,)
        Rows of ``annotation.transcripts``, sorted.
    """
    table, exons = annotation.transcripts, annotation.exons
    count = len(table)
    tags: Any = table.column("tags").combine_chunks()
    tags = tags.chunk(0) if hasattr(tags, "chunk") and tags.num_chunks else tags
    rank = np.full(count, len(_PREFERRED))
    if count:
        owner = pc.list_parent_indices(tags).to_numpy()
        place = pc.index_in(pc.list_flatten(tags), value_set=_words(_PREFERRED)).fill_null(len(_PREFERRED)).to_numpy()
        np.minimum.at(rank, owner, place)
    coding = pc.equal(table.column("biotype"), "protein_coding").fill_null(False).to_numpy()
    parent = numbers(exons, "transcript")
    bases = np.bincount(parent, weights=numbers(exons, "end") - numbers(exons, "start"), minlength=count)
    n_exons = np.bincount(parent, minlength=count)
    gene = numbers(table, "gene")
    names = np.argsort(pc.sort_indices(table.column("transcript_id")).to_numpy())
    order = np.lexsort((names, numbers(table, "end"), numbers(table, "start"), -n_exons, -bases, ~coding, rank, gene))
    first = np.flatnonzero(np.diff(gene[order], prepend=-1))
    return np.sort(order[first]).astype(np.int64)


def _words(values: tuple[str, ...]) -> Any:
    import pyarrow as pa

    return pa.array(values)


class SiteLabels:
    """True sites, and the sites that are neither true nor false.

    Parameters
    ----------
    annotation
        Bound to a reference or not; contigs are matched by canonical name.
    kind
        ``"all"``: sites of every transcript; ``"canonical"``: of :func:`canonical_transcripts`.
    scope
        ``"strand"``: a position is a site if a transcript of any gene on its strand has it; ``"gene"``: only
        transcripts of the row's own gene count.

    Attributes
    ----------
    gene_types
        Biotype of every gene; ``"unknown"`` where the annotation has none.
    spans
        Start and end of every gene, genomic, 0-based, half-open.

    Raises
    ------
    AnnotationError
        If the annotation has no introns.
    """

    def __init__(self, annotation: Annotation, kind: Kind = "all", scope: Scope = "strand") -> None:
        self.kind, self.scope = kind, scope
        self.path = annotation.path
        genes = annotation.genes
        columns = [
            [canonical_name(x) for x in labels(genes, "contig")],
            labels(genes, "strand"),
            labels(genes, "gene_id"),
        ]
        self._keys = [GeneKey(*key) for key in zip(*columns, strict=True)]
        types = [kind or "unknown" for kind in genes.column("gene_biotype").to_pylist()]
        self.gene_types: dict[GeneKey, str] = dict(zip(self._keys, types, strict=True))
        spans = zip(numbers(genes, "start").tolist(), numbers(genes, "end").tolist(), strict=True)
        self.spans: dict[GeneKey, tuple[int, int]] = dict(zip(self._keys, spans, strict=True))
        table = splice_sites(annotation)
        if not table.num_rows:
            raise AnnotationError(f"{annotation.path} has no introns, so there is nothing to compare with")
        gene, position = numbers(table, "gene").astype(np.int64), numbers(table, "position")
        donor = pc.equal(table.column("site_type"), "donor").to_numpy()
        chosen = np.ones(len(gene), dtype=np.bool_)
        if kind == "canonical":
            chosen = np.isin(numbers(table, "transcript"), canonical_transcripts(annotation))
        strand_of_gene, self._strands = self._strand_codes(annotation)
        strand = strand_of_gene[gene]
        owner, count = (strand, len(self._strands)) if scope == "strand" else (gene, len(self._keys))
        self._sites = [_tracks(owner[rows], position[rows], count) for rows in (chosen & ~donor, chosen & donor)]
        self._any_on_strand = _tracks(strand, position, len(self._strands))
        self._any_of_gene = _tracks(gene, position, len(self._keys)) if scope == "gene" else None
        self._rows = {key: row for row, key in enumerate(self._keys)}

    def _strand_codes(self, annotation: Annotation) -> tuple[_Ints, dict[tuple[str, str], int]]:
        contig, names = codes_of(annotation.genes, "contig")
        canonical = {name: canonical_name(name) for name in names}
        rank = {name: index for index, name in enumerate(dict.fromkeys(canonical.values()))}
        minus = pc.equal(annotation.genes.column("strand"), "-").to_numpy()
        code = np.array([rank[canonical[name]] for name in names], dtype=np.int64)[contig] * 2 + minus
        return code, {(name, strand): 2 * index + (strand == "-") for name, index in rank.items() for strand in "+-"}

    def sites(self, key: GeneKey, start: int, end: int) -> _Bools:
        """Where a gene has true sites.

        Parameters
        ----------
        key
            The gene; one that the annotation lacks has only the sites of its strand's other genes (scope strand).
        start, end
            Genomic, 0-based, half-open.

        Returns
        -------
        bool, shape (end - start, 2)
            Acceptor and donor, by rising genomic position.
        """
        owner = self._strands.get(key[:2]) if self.scope == "strand" else self._rows.get(key)
        mask = np.zeros((end - start, 2), dtype=np.bool_)
        if owner is not None:
            for column, tracks in enumerate(self._sites):
                mask[_within(tracks, owner, start, end) - start, column] = True
        return mask

    def other_genes(self, key: GeneKey, start: int, end: int) -> _Ints:
        """Positions of sites of other genes on the strand, of any transcript, that are no labels (scope gene)."""
        if self._any_of_gene is None:
            return _NONE
        own = _within(self._any_of_gene, self._rows.get(key), start, end)
        return np.setdiff1d(self._annotated(key, start, end), own)

    def other_transcripts(self, key: GeneKey, start: int, end: int) -> _Ints:
        """Positions of sites that only transcripts which give no labels have (of the own gene with scope gene)."""
        if self._any_of_gene is not None:
            return _within(self._any_of_gene, self._rows.get(key), start, end)
        return self._annotated(key, start, end)

    def _annotated(self, key: GeneKey, start: int, end: int) -> _Ints:
        return _within(self._any_on_strand, self._strands.get(key[:2]), start, end)


_Tracks = tuple[_Ints, _Ints]


def _tracks(owner: _Ints, position: _Ints, count: int) -> _Tracks:
    """Sorted positions without repeats of every owner, and where each owner's begin."""
    keys = np.unique(owner << _BITS | position)
    return keys & ((1 << _BITS) - 1), np.searchsorted(keys, np.arange(count + 1, dtype=np.int64) << _BITS)


def _within(tracks: _Tracks, owner: int | None, start: int, end: int) -> _Ints:
    if owner is None:
        return _NONE
    positions = tracks[0][tracks[1][owner] : tracks[1][owner + 1]]
    low, high = np.searchsorted(positions, (start, end))
    return positions[low:high]
