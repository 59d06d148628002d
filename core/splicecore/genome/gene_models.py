"""From the rows of an annotation file, whatever its format, to tables of genes, transcripts and exons."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers, schema, take

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXON", "EXONS", "FEATURES", "GENE", "GENES", "TRANSCRIPT", "TRANSCRIPTS", "GeneModels", "assemble"]

_LOG = logging.getLogger(__name__)

GENE, TRANSCRIPT, EXON = range(3)

_LABEL = pa.dictionary(pa.int32(), pa.string())


FEATURES: pa.Schema = schema(
    kind=pa.int8(),
    contig=_LABEL,
    strand=_LABEL,
    start=pa.int64(),
    end=pa.int64(),
    gene_id=_LABEL,
    transcript_id=_LABEL,
    gene_name=_LABEL,
    gene_biotype=_LABEL,
    biotype=_LABEL,
    tags=_LABEL,
)
"""What a reader of a format yields: ``kind`` GENE, TRANSCRIPT or EXON, 0-based half-open coordinates; null where a file
says nothing. ``tags`` are those of the transcript, joined by commas, with underscores for blanks (``MANE_Select``).
Rows of genes and transcripts may be missing: spans are then those of the exons."""

GENES: pa.Schema = schema(
    gene_id=pa.string(),
    gene_name=pa.string(),
    gene_biotype=pa.string(),
    contig=pa.string(),
    strand=pa.string(),
    start=pa.int64(),
    end=pa.int64(),
)
TRANSCRIPTS: pa.Schema = schema(
    transcript_id=pa.string(),
    gene_id=pa.string(),
    gene=pa.int32(),
    biotype=pa.string(),
    tags=pa.list_(pa.string()),
    start=pa.int64(),
    end=pa.int64(),
)
EXONS: pa.Schema = schema(transcript=pa.int32(), start=pa.int64(), end=pa.int64())

_Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class GeneModels:
    """Tables of the schemas :data:`GENES`, :data:`TRANSCRIPTS` and :data:`EXONS`.

    Genes are sorted by contig (order of the file), start, end, strand, id; transcripts by gene, start, end, id; exons
    by transcript and start. ``transcripts.gene`` and ``exons.transcript`` are row indices.
    """

    genes: pa.Table
    transcripts: pa.Table
    exons: pa.Table


@attrs.frozen(eq=False)
class _Column:
    """A dictionary column as codes (-1: null) and the words that they stand for."""

    codes: _Ints
    words: Any

    @classmethod
    def of(cls, table: pa.Table, name: str) -> _Column:
        column: Any = table.column(name).unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0)
        return cls(column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), column.dictionary)

    def ranks(self, rows: _Ints) -> _Ints:
        """Alphabetical rank of the words of some rows."""
        order = np.argsort(np.array(self.words.to_pylist(), dtype=object), kind="stable")
        return _inverse(order)[self.codes[rows]]

    def take(self, rows: _Ints) -> Any:
        """Words of some rows (a negative row is null); null where the row has none."""
        codes = np.append(self.codes, -1)[rows]
        return take(self.words, codes)


@attrs.frozen(eq=False)
class _Features:
    """The columns of :data:`FEATURES`, all of the same length."""

    kind: npt.NDArray[np.int8]
    start: _Ints
    end: _Ints
    columns: dict[str, _Column]

    @classmethod
    def of(cls, table: pa.Table) -> _Features:
        columns = {name: _Column.of(table, name) for name in table.schema.names if table.field(name).type == _LABEL}
        return cls(numbers(table, "kind"), numbers(table, "start"), numbers(table, "end"), columns)

    def where(self, chosen: npt.NDArray[np.bool_]) -> _Features:
        columns = {name: _Column(column.codes[chosen], column.words) for name, column in self.columns.items()}
        return _Features(self.kind[chosen], self.start[chosen], self.end[chosen], columns)


def assemble(batches: Sequence[pa.RecordBatch]) -> GeneModels:
    """Group features into genes and transcripts.

    A gene is (contig, strand, gene_id): one id on X and Y, or on both strands, is two genes. A transcript is a gene and
    a transcript_id. Their spans cover all their rows. Exons that a file has twice are kept once.

    Parameters
    ----------
    batches
        Rows of the schema :data:`FEATURES`, in any order, with at least one exon.
    """
    features = _Features.of(pa.Table.from_batches(batches, schema=FEATURES))
    genes, gene = _genes(features)
    _warn_of_widened(features, gene)
    below = features.kind != GENE
    features, gene = features.where(below), gene[below]
    transcripts, transcript = _transcripts(features, gene, genes.column("gene_id"))
    exon = features.kind == EXON
    _warn_of_empty(transcripts, transcript[exon])
    return GeneModels(genes, transcripts, _exons(transcript[exon], features.start[exon], features.end[exon]))


def _genes(features: _Features) -> tuple[pa.Table, _Ints]:
    """Table of genes, and the gene of every feature."""
    columns = features.columns
    contig, gene_id = columns["contig"], columns["gene_id"]
    strand = columns["strand"]
    minus = np.array([word == "-" for word in strand.words.to_pylist()], dtype=np.int64)[strand.codes]
    first, gene = _group((contig.codes * 2 + minus) * len(gene_id.words) + gene_id.codes)
    start, end = _spans(gene, len(first), features.start, features.end)
    order = np.lexsort((gene_id.ranks(first), minus[first], end, start, contig.codes[first]))
    gene, first = _inverse(order)[gene], first[order]
    identifiers = gene_id.take(first)
    table = {
        "gene_id": identifiers,
        "gene_name": pc.coalesce(columns["gene_name"].take(_informative(features, gene, "gene_name")), identifiers),
        "gene_biotype": columns["gene_biotype"].take(_informative(features, gene, "gene_biotype")),
        "contig": contig.take(first),
        "strand": strand.take(first),
        "start": start[order],
        "end": end[order],
    }
    return pa.table(table, schema=GENES), gene


def _transcripts(features: _Features, gene: _Ints, gene_ids: Any) -> tuple[pa.Table, _Ints]:
    """Table of transcripts, and the transcript of every feature; there are no rows of genes among the features."""
    transcript_id = features.columns["transcript_id"]
    first, transcript = _group(gene * len(transcript_id.words) + transcript_id.codes)
    start, end = _spans(transcript, len(first), features.start, features.end)
    order = np.lexsort((transcript_id.ranks(first), end, start, gene[first]))
    transcript, first = _inverse(order)[transcript], first[order]
    table: dict[str, Any] = {
        "transcript_id": transcript_id.take(first),
        "gene_id": take(gene_ids, gene[first]),
        "gene": gene[first].astype(np.int32),
        "biotype": features.columns["biotype"].take(_informative(features, transcript, "biotype")),
        "tags": _split(features.columns["tags"], _informative(features, transcript, "tags")),
        "start": start[order],
        "end": end[order],
    }
    return pa.table(table, schema=TRANSCRIPTS), transcript


def _split(column: _Column, rows: _Ints) -> Any:
    """Split the words of some rows at their commas; empty lists where a row has none or is negative."""
    lists = pc.split_pattern(column.words, ",")
    codes = np.append(column.codes, -1)[rows]
    with_none: Any = pa.concat_arrays([lists, pa.array([[]], type=lists.type)])
    return with_none.take(pa.array(np.where(codes < 0, len(lists), codes)))


def _exons(transcript: _Ints, start: _Ints, end: _Ints) -> pa.Table:
    """Table of exons, each once."""
    order = np.lexsort((end, start, transcript))
    exon = np.stack([transcript, start, end])[:, order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (exon[:, 1:] != exon[:, :-1]).any(axis=0)
    table: dict[str, Any] = {"transcript": exon[0, new].astype(np.int32), "start": exon[1, new], "end": exon[2, new]}
    return pa.table(table, schema=EXONS)


def _group(keys: _Ints) -> tuple[_Ints, _Ints]:
    """Row of each group's first occurrence, and each row's group."""
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return first, group.reshape(-1)


def _inverse(order: _Ints) -> _Ints:
    inverse = np.empty(len(order), dtype=np.int64)
    inverse[order] = np.arange(len(order))
    return inverse


def _spans(group: _Ints, count: int, start: _Ints, end: _Ints) -> tuple[_Ints, _Ints]:
    """Smallest start and largest end of each group."""
    low, high = np.full(count, np.iinfo(np.int64).max), np.zeros(count, dtype=np.int64)
    np.minimum.at(low, group, start)
    np.maximum.at(high, group, end)
    return low, high


def _informative(features: _Features, group: _Ints, name: str) -> _Ints:
    """Row that tells each group's value: the first of a gene, else of a transcript, else of an exon; -1 if none."""
    codes = features.columns[name].codes
    chosen = np.full(int(group.max()) + 1, -1, dtype=np.int64)
    for level in (EXON, TRANSCRIPT, GENE):
        rows = np.flatnonzero((features.kind == level) & (codes >= 0))[::-1]
        chosen[group[rows]] = rows
    return chosen


def _warn_of_widened(features: _Features, gene: _Ints) -> None:
    """Say that genes had transcripts or exons outside the span of their own row."""
    declared = features.kind == GENE
    low, high = _spans(gene[declared], int(gene.max()) + 1, features.start[declared], features.end[declared])
    outside = np.flatnonzero((high[gene] > 0) & ((features.start < low[gene]) | (features.end > high[gene])))
    if len(outside):
        name = features.columns["gene_id"].take(outside[:1])[0].as_py()
        count = len(np.unique(gene[outside]))
        _LOG.warning("%d genes have exons beyond the span of their own row and were widened, first %s", count, name)


def _warn_of_empty(transcripts: pa.Table, with_exons: _Ints) -> None:
    """Say that transcripts had no exons; their genes keep their spans."""
    empty = np.bincount(with_exons, minlength=len(transcripts)) == 0
    if empty.any():
        name = transcripts.column("transcript_id")[int(empty.argmax())].as_py()
        _LOG.warning("%d transcripts have no exons and give no splice sites, first %s", int(empty.sum()), name)
