"""From the rows of an annotation file, whatever its format, to tables of genes, transcripts and exons."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXON", "EXONS", "FEATURES", "GENE", "GENES", "TRANSCRIPT", "TRANSCRIPTS", "GeneModels", "assemble"]

_LOG = logging.getLogger(__name__)

GENE, TRANSCRIPT, EXON = range(3)

_LABEL = pa.dictionary(pa.int32(), pa.string())

FEATURES: pa.Schema = pa.schema(
    [
        ("kind", pa.int8()),
        ("contig", _LABEL),
        ("strand", _LABEL),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("gene_id", _LABEL),
        ("transcript_id", _LABEL),
        ("gene_name", _LABEL),
        ("gene_biotype", _LABEL),
        ("biotype", _LABEL),
    ]
)
"""What a reader of a format yields: ``kind`` GENE, TRANSCRIPT or EXON, 0-based half-open coordinates; null where a file
says nothing. Rows of genes and transcripts may be missing: spans are then those of the exons."""

GENES: pa.Schema = pa.schema(
    [
        ("gene_id", pa.string()),
        ("gene_name", pa.string()),
        ("gene_biotype", pa.string()),
        ("contig", pa.string()),
        ("strand", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
    ]
)
TRANSCRIPTS: pa.Schema = pa.schema(
    [
        ("transcript_id", pa.string()),
        ("gene_id", pa.string()),
        ("gene", pa.int32()),
        ("biotype", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
    ]
)
EXONS: pa.Schema = pa.schema([("transcript", pa.int32()), ("start", pa.int64()), ("end", pa.int64())])

_Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class GeneModels:
    """Tables of the schemas :data:`GENES`, :data:`TRANSCRIPTS` and :data:`EXONS`.

    Genes are sorted by contig (order of the file), start, end, strand, id; transcripts by gene, start, end, id; exons by
    transcript and start. ``transcripts.gene`` and ``exons.transcript`` are row indices.
    """

    genes: pa.Table
    transcripts: pa.Table
    exons: pa.Table


@attrs.frozen(eq=False)
class _Column:
    """A dictionary column as codes (-1: null) and the words that they stand for."""

    codes: _Ints
    words: pa.Array

    @classmethod
    def of(cls, table: pa.Table, name: str) -> _Column:
        column = table.column(name).unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], type=_LABEL)
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(codes, column.dictionary)

    @property
    def ranks(self) -> _Ints:
        """Alphabetical rank of each code's word."""
        order = np.argsort(np.array(self.words.to_pylist(), dtype=object), kind="stable")
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        return ranks

    def take(self, codes: _Ints) -> pa.Array:
        """Words of codes; null for -1."""
        return self.words.take(pa.array(codes, mask=codes < 0))


def assemble(batches: Sequence[pa.RecordBatch]) -> GeneModels:
    """Group features into genes and transcripts.

    A gene is (contig, strand, gene_id): one id on X and Y, or on both strands, is two genes. A transcript is a gene and a
    transcript_id. Their spans cover all their rows. Exons that a file has twice are kept once.

    Parameters
    ----------
    batches
        Rows of the schema :data:`FEATURES`, in any order, with at least one exon.
    """
    table = pa.Table.from_batches(batches, schema=FEATURES)
    kind = table.column("kind").to_numpy()
    start, end = table.column("start").to_numpy(), table.column("end").to_numpy()
    labels = {name: _Column.of(table, name) for name in FEATURES.names if FEATURES.field(name).type == _LABEL}
    contig, gene_id, transcript_id = labels["contig"], labels["gene_id"], labels["transcript_id"]
    minus = (labels["strand"].take(labels["strand"].codes).to_numpy(zero_copy_only=False) == "-").astype(np.int64)

    first, gene = _group((contig.codes * 2 + minus) * max(len(gene_id.words), 1) + gene_id.codes)
    spans = _spans(gene, len(first), start, end)
    order = np.lexsort((gene_id.ranks[gene_id.codes[first]], minus[first], spans[1], spans[0], contig.codes[first]))
    gene, first = _inverse(order)[gene], first[order]
    _warn_of_widened(kind == GENE, gene, start, end, labels["gene_id"])
    genes = {
        "gene_id": gene_id.take(gene_id.codes[first]),
        "gene_name": labels["gene_name"].take(_first_known(kind, gene, labels["gene_name"].codes, len(first))),
        "gene_biotype": labels["gene_biotype"].take(_first_known(kind, gene, labels["gene_biotype"].codes, len(first))),
        "contig": contig.take(contig.codes[first]),
        "strand": pa.array(np.where(minus[first] == 1, "-", "+")),
        "start": spans[0][order],
        "end": spans[1][order],
    }
    genes["gene_name"] = genes["gene_name"].fill_null("")
    genes["gene_name"] = pa.compute.if_else(pa.compute.equal(genes["gene_name"], ""), genes["gene_id"], genes["gene_name"])
    below = np.flatnonzero(kind != GENE)
    transcripts, exons = _transcripts(below, kind, gene, start, end, transcript_id, labels["biotype"], genes["gene_id"])
    return GeneModels(pa.table(genes, schema=GENES), transcripts, exons)


def _transcripts(
    rows: _Ints,
    kind: npt.NDArray[np.int8],
    gene: _Ints,
    start: _Ints,
    end: _Ints,
    transcript_id: _Column,
    biotype: _Column,
    gene_ids: pa.Array,
) -> tuple[pa.Table, pa.Table]:
    """Tables of transcripts and of exons from the rows that are not genes."""
    kind, gene, start, end, codes = kind[rows], gene[rows], start[rows], end[rows], transcript_id.codes[rows]
    first, transcript = _group(gene * max(len(transcript_id.words), 1) + codes)
    spans = _spans(transcript, len(first), start, end)
    order = np.lexsort((transcript_id.ranks[codes[first]], spans[1], spans[0], gene[first]))
    transcript, first = _inverse(order)[transcript], first[order]
    transcripts = pa.table(
        {
            "transcript_id": transcript_id.take(codes[first]),
            "gene_id": gene_ids.take(pa.array(gene[first])),
            "gene": pa.array(gene[first].astype(np.int32)),
            "biotype": biotype.take(_first_known(kind, transcript, biotype.codes[rows], len(first))),
            "start": spans[0][order],
            "end": spans[1][order],
        },
        schema=TRANSCRIPTS,
    )
    is_exon = kind == EXON
    exon = np.stack([transcript[is_exon], start[is_exon], end[is_exon]])
    exon = exon[:, np.lexsort(exon[::-1])]
    new = np.ones(exon.shape[1], dtype=bool)
    new[1:] = (exon[:, 1:] != exon[:, :-1]).any(axis=0)
    exon = exon[:, new]
    exons = pa.table({"transcript": exon[0].astype(np.int32), "start": exon[1], "end": exon[2]}, schema=EXONS)
    return transcripts, exons


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


def _first_known(kind: npt.NDArray[np.int8], group: _Ints, codes: _Ints, count: int) -> _Ints:
    """First code of each group that is not null: of the gene's rows, else of the transcripts', else of the exons'."""
    chosen = np.full(count, -1, dtype=np.int64)
    for level in (EXON, TRANSCRIPT, GENE):
        rows = np.flatnonzero((kind == level) & (codes >= 0))[::-1]
        chosen[group[rows]] = codes[rows]
    return chosen


def _warn_of_widened(declared: npt.NDArray[np.bool_], gene: _Ints, start: _Ints, end: _Ints, ids: _Column) -> None:
    """Say that genes had exons outside the span of their own row."""
    count = int(gene.max()) + 1
    low, high = _spans(gene[declared], count, start[declared], end[declared])
    outside = np.flatnonzero((high[gene] > 0) & ((start < low[gene]) | (end > high[gene])))
    if len(outside):
        name: Any = ids.words[int(ids.codes[outside[0]])].as_py()
        _LOG.warning(
            "%d genes have transcripts beyond their own row's span and were widened, first %s",
            len(np.unique(gene[outside])),
            name,
        )
