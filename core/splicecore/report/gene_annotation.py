"""Exons and splice sites of a run's genes, kept with the run, so that a report needs the run's folder only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path, make_folder
from splicecore.errors import ChecksumError
from splicecore.genome.arrow import codes_of, numbers, take

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from splicecore.genome.annotation import Annotation
    from splicecore.genome.genes import Gene
    from splicecore.genome.sites import SiteIndex
    from splicecore.resources.resource_set import ResourceSet

__all__ = [
    "GENE_ANNOTATION",
    "GeneAnnotation",
    "GeneModel",
    "join_gene_annotations",
    "keep_gene_annotation",
    "kept_gene_annotation",
    "write_gene_annotation",
]

GENE_ANNOTATION = "metadata/gene_annotation.parquet"
"""Where the table is in a run's folder."""

KINDS = ("exon", "canonical_exon", "acceptor", "donor")
"""Rows of a gene, in this order: exons of all transcripts merged, those of one transcript, sites of the strand."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("contig", _TEXT),
        ("strand", _TEXT),
        ("gene_id", _TEXT),
        ("kind", _TEXT),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("transcript_id", _TEXT),
    ],
    metadata={
        "splicecore.schema": "gene_annotation/1",
        "splicecore.coordinates": "0-based, half-open, genomic; a site is the exon-side base",
        "splicecore.sites": "of every transcript of any gene on the strand, within the gene",
    },
)
_BITS = 40
_Ints = npt.NDArray[np.int64]
_Rows = tuple[_Ints, _Ints, _Ints, _Ints]
"""Index of the gene, start, end, row of the transcript (-1: none)."""


def keep_gene_annotation(folder: Path, resources: ResourceSet, genes: Sequence[Gene]) -> None:
    """Write what a report needs of the annotation into the folder of a run, or of one of its shards."""
    write_gene_annotation(folder / GENE_ANNOTATION, resources.annotation(), resources.sites(), genes)


def kept_gene_annotation(folder: Path) -> list[Path]:
    """Return the file that :func:`keep_gene_annotation` wrote, if it did."""
    return [path for path in (folder / GENE_ANNOTATION,) if path.is_file()]


def write_gene_annotation(path: Path, annotation: Annotation, sites: SiteIndex, genes: Sequence[Gene]) -> None:
    """Write the exons and splice sites of genes as Parquet; the same genes give the same bytes.

    Parameters
    ----------
    path
        The file; its folder is made.
    annotation
        Bound; ``genes`` are rows of it.
    sites
        Its splice sites.
    genes
        Genes of a run, in genomic order.
    """
    from splicecore.evaluate.site_labels import canonical_transcripts

    owner = numbers(annotation.transcripts, "gene").astype(np.int64)[numbers(annotation.exons, "transcript")]
    place = np.full(len(annotation.genes), -1, dtype=np.int64)
    place[[gene.index for gene in genes]] = np.arange(len(genes))
    transcript = numbers(annotation.exons, "transcript").astype(np.int64)
    exons = (place[owner], numbers(annotation.exons, "start"), numbers(annotation.exons, "end"), transcript)
    kept = tuple(column[place[owner] >= 0] for column in exons)
    canonical = np.isin(kept[3], canonical_transcripts(annotation))
    parts = [_merged(*kept[:3]), tuple(column[canonical] for column in kept), *_sites(sites, genes)]
    kind = np.repeat(np.arange(len(KINDS)), [len(part[0]) for part in parts])
    gene, start, end, row = (np.concatenate([part[k] for part in parts]).astype(np.int64) for k in range(4))
    order = np.lexsort((start, kind, gene))
    gene, start, end, row, kind = gene[order], start[order], end[order], row[order], kind[order]
    ids: Any = take(annotation.transcripts.column("transcript_id").combine_chunks(), row)
    columns = {
        "contig": _words([one.contig for one in genes], gene),
        "strand": _words([one.strand for one in genes], gene),
        "gene_id": _words([one.gene_id for one in genes], gene),
        "kind": _words(KINDS, kind),
        "start": start,
        "end": end,
        "transcript_id": ids.cast(pa.string()).dictionary_encode(),
    }
    _write(path, pa.table(columns, schema=_SCHEMA))


def join_gene_annotations(paths: Sequence[Path], target: Path, genes: Sequence[Gene]) -> bool:
    """Put the tables of shards together, in the order of ``genes``; False, and no file, if one of them is missing."""
    if not all(path.is_file() for path in paths):
        return False
    table = pa.concat_tables([_read(path) for path in paths]).unify_dictionaries().combine_chunks()
    rank = {(gene.contig, str(gene.strand), gene.gene_id): number for number, gene in enumerate(genes)}
    place = np.array([rank[key] for key in _keys(table)[0]], dtype=np.int64)[_keys(table)[1]]
    ordered: dict[str, Any] = {
        name: take(table.column(name).combine_chunks(), np.argsort(place, kind="stable")) for name in table.column_names
    }
    for name in ("contig", "strand", "gene_id", "kind", "transcript_id"):
        ordered[name] = ordered[name].cast(pa.string()).dictionary_encode()
    _write(target, pa.table(ordered, schema=_SCHEMA))
    return True


@attrs.frozen(eq=False)
class GeneModel:
    """What the annotation says of one gene; genomic, 0-based, half-open, sorted.

    Attributes
    ----------
    exons
        int64, shape (n, 2): exons of all transcripts, merged.
    canonical
        int64, shape (n, 2): those of one transcript.
    transcript_id
        That transcript, or None.
    sites
        Acceptors and donors of the strand within the gene: two arrays int64, positions.
    """

    exons: _Ints
    canonical: _Ints
    transcript_id: str | None
    sites: tuple[_Ints, _Ints]

    def site_mask(self, positions: _Ints) -> npt.NDArray[np.bool_]:
        """Whether genomic positions are annotated acceptors, donors: bool, shape (n, 2)."""
        return np.stack([np.isin(positions, kind) for kind in self.sites], axis=1)


_NOTHING = GeneModel(np.empty((0, 2), np.int64), np.empty((0, 2), np.int64), None, (np.empty(0, np.int64),) * 2)


class GeneAnnotation:
    """The gene models of a run; a gene that the table lacks has an empty one.

    Parameters
    ----------
    path
        The table of :func:`write_gene_annotation`; if there is none, every gene's model is empty.
    """

    def __init__(self, path: Path) -> None:
        self.known = path.is_file()
        self._spans: dict[tuple[str, str, str], tuple[int, int]] = {}
        if not self.known:
            return
        self._table = _read(path)
        keys, code = _keys(self._table)
        bounds = (
            np.concatenate([[0], np.flatnonzero(np.diff(code)) + 1, [len(code)]]) if len(code) else np.zeros(1, int)
        )
        firsts = bounds[:-1].tolist()
        self._spans = {keys[code[a]]: (a, b) for a, b in zip(firsts, bounds[1:].tolist(), strict=True)}
        self._kind = np.array([KINDS.index(word) for word in codes_of(self._table, "kind")[1]], dtype=np.int64)[
            codes_of(self._table, "kind")[0]
        ]
        self._start, self._end = numbers(self._table, "start"), numbers(self._table, "end")

    @property
    def has_sites(self) -> bool:
        """Whether any splice site is known."""
        return self.known and bool((self._kind >= 2).any())

    def model(self, contig: str, strand: str, gene_id: str) -> GeneModel:
        """Return the model of a gene."""
        span = self._spans.get((contig, strand, gene_id))
        if span is None:
            return _NOTHING
        rows = slice(*span)
        kind, start, end = self._kind[rows], self._start[rows], self._end[rows]
        intervals = np.stack([start, end], axis=1)
        first = span[0] + int(np.argmax(kind == 1))
        transcript = self._table.column("transcript_id")[first].as_py() if (kind == 1).any() else None
        return GeneModel(intervals[kind == 0], intervals[kind == 1], transcript, (start[kind == 2], start[kind == 3]))


def _merged(gene: _Ints, start: _Ints, end: _Ints) -> _Rows:
    """Unite intervals of each gene that overlap or touch."""
    order = np.lexsort((start, gene))
    gene, start, end = gene[order], start[order], end[order]
    reach = np.maximum.accumulate(gene << _BITS | end) if len(gene) else gene
    fresh = np.ones(len(gene), dtype=np.bool_)
    fresh[1:] = (gene << _BITS | start)[1:] > reach[:-1]
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], len(gene))[: len(first)] - 1
    ends = reach[last] & ((1 << _BITS) - 1)
    return gene[first], start[first], ends, np.full(len(first), -1, dtype=np.int64)


def _sites(sites: SiteIndex, genes: Sequence[Gene]) -> list[_Rows]:
    found: tuple[list[_Ints], list[_Ints]] = ([], [])
    for gene in genes:
        for positions, mask in zip(found, sites.site_masks(gene, scope="strand"), strict=True):
            positions.append(np.sort(gene.to_genomic(np.flatnonzero(mask))))
    rows: list[_Rows] = []
    for kind in found:
        owner = np.repeat(np.arange(len(genes)), [len(positions) for positions in kind])
        position = np.concatenate(kind) if kind else np.empty(0, dtype=np.int64)
        rows.append((owner, position, position + 1, np.full(len(position), -1, dtype=np.int64)))
    return rows


def _words(words: Sequence[str], codes: _Ints) -> pa.Array[Any]:
    """Dictionary-encode ``words[codes]``, the dictionary in order of appearance."""
    encoded: pa.Array[Any] = take(pa.array(list(words), pa.string()), codes).dictionary_encode()
    return encoded


def _keys(table: pa.Table) -> tuple[list[tuple[str, str, str]], _Ints]:
    """Return the genes of a table and the number of each row's."""
    columns = [codes_of(table, name) for name in ("contig", "strand", "gene_id")]
    sizes = [len(words) for _, words in columns]
    joint = np.ravel_multi_index([codes for codes, _ in columns], sizes) if len(table) else np.empty(0, np.int64)
    distinct, code = np.unique(joint, return_inverse=True)
    parts = np.unravel_index(distinct, sizes) if len(distinct) else ([], [], [])
    keys = [(columns[0][1][a], columns[1][1][b], columns[2][1][c]) for a, b, c in zip(*parts, strict=True)]
    return keys, np.asarray(code, dtype=np.int64)


def _write(path: Path, table: pa.Table) -> None:
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def _read(path: Path) -> pa.Table:
    try:
        table: pa.Table = pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise ChecksumError(f"{path} is damaged: {error}", hint="run the same command again") from error
    return table
