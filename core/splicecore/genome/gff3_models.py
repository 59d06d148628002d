"""From the rows of a GFF3 file to genes, transcripts and exons with their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers
from splicecore.genome.feature_lines import misplaced, refuse_first
from splicecore.genome.gene_models import EXON, FEATURES, GENE, TRANSCRIPT
from splicecore.genome.hierarchy import CycleError, Hierarchy, Links, climb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.genome.text_source import TextSource

__all__ = ["GENE_TYPE", "TRANSCRIPT_TYPE", "build_features"]

GENE_TYPE = "(^|_)(gene|pseudogene)$"
"""Types of features that are genes: gene, pseudogene, ncRNA_gene, ..."""

TRANSCRIPT_TYPE = "(RNA|^transcript|_transcript|_gene_segment)$"
"""Types of features that are transcripts even if they have no exons: mRNA, lnc_RNA, primary_transcript, ..."""

_PREFIX = "^(gene|transcript|rna)[:-]"
_LABEL = pa.dictionary(pa.int32(), pa.string())
_Ints = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


def build_features(
    source: TextSource, nodes: Sequence[pa.RecordBatch], exons: Sequence[pa.RecordBatch]
) -> list[pa.RecordBatch]:
    """Find the transcript and the gene of every exon, and name them.

    Parameters
    ----------
    source
        The file, for messages.
    nodes
        Rows that may be genes or transcripts, in the order of the file: line, feature, start, end (as in the file),
        contig, strand (dictionaries) and the attributes as strings; ``parent`` is not decoded.
    exons
        Rows of exons: line, start, end, contig, strand, parent (dictionaries).

    Returns
    -------
    list of RecordBatch of the schema :data:`~splicecore.genome.gene_models.FEATURES`
        Genes, transcripts, exons.

    Raises
    ------
    AnnotationError
        If a parent does not exist, an ID is of several genes or transcripts, or a child is on another contig or strand
        than its parent.
    """
    rows = pa.Table.from_batches(nodes).unify_dictionaries().combine_chunks()
    exon_rows = pa.Table.from_batches(exons).unify_dictionaries().combine_chunks()
    tree = Hierarchy.of(_array(rows, "id"))
    parents = tree.resolve(_array(rows, "parent").take(pa.array(tree.first)))
    models = _Models.of(source, rows, tree, parents, _exon_parents(source, tree, exon_rows))
    _check_ids(source, models)
    _check_places(source, models, exon_rows)
    names = _Names.of(models)
    return [_genes(models, names), _transcripts(models, names), _exons(models, names, exon_rows)]


def _array(table: pa.Table, name: str) -> Any:
    """Column of one chunk as an array."""
    column: Any = table.column(name).combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def _codes(table: pa.Table, name: str) -> _Ints:
    codes: _Ints = _array(table, name).indices.to_numpy().astype(np.int64)
    return codes


def _error(source: TextSource, line: int, problem: str) -> AnnotationError:
    return AnnotationError(f"{source.path}, line {line}: {problem}")


def _exon_parents(source: TextSource, tree: Hierarchy, exons: pa.Table) -> tuple[_Ints, _Ints]:
    """Pairs of exon (row) and parent (node)."""
    exon, owner = tree.resolve(_array(exons, "parent").dictionary).expand(_codes(exons, "parent"))
    orphans = exon[owner < 0]
    if len(orphans):
        row = exons.slice(int(orphans.min()), 1).to_pylist()[0]
        problem = f"exon has Parent={row['parent']}, but no gene or transcript has this ID"
        raise _error(source, row["line"], problem)
    return exon, owner


@attrs.frozen(eq=False)
class _Models:
    """Who is a gene, who is a transcript, who belongs to whom. Nodes are IDs, see :class:`Hierarchy`.

    Attributes
    ----------
    is_gene
        Whether each node has the type of a gene and is not below another gene.
    transcript, gene
        Pairs of nodes, sorted. A gene with exons directly below it is its own transcript; so is a transcript without a
        gene above it, which is its own gene.
    exon, owner
        Pairs of exon (row) and parent (node).
    """

    rows: pa.Table
    tree: Hierarchy
    is_gene: _Bools
    transcript: _Ints
    gene: _Ints
    exon: _Ints
    owner: _Ints

    @classmethod
    def of(
        cls, source: TextSource, rows: pa.Table, tree: Hierarchy, parents: Links, owners: tuple[_Ints, _Ints]
    ) -> _Models:
        feature = _array(rows, "feature").take(pa.array(tree.first))
        gene_typed, transcript_typed = (
            pc.match_substring_regex(feature, pattern).to_numpy(zero_copy_only=False)
            for pattern in (GENE_TYPE, TRANSCRIPT_TYPE)
        )
        child, parent = parents.expand(np.flatnonzero(gene_typed))
        nested = np.zeros(len(tree.ids), dtype=np.bool_)
        nested[np.flatnonzero(gene_typed)[child[np.append(gene_typed, False)[parent]]]] = True
        is_transcript = transcript_typed | (gene_typed & nested)
        is_transcript[owners[1]] = True
        try:
            transcript, gene = climb(parents, np.flatnonzero(is_transcript), gene_typed & ~nested)
        except CycleError as error:
            line = numbers(rows, "line")[tree.first[error.node]]
            raise _error(source, line, f"{tree.ids[error.node]} is its own ancestor by Parent") from error
        models = cls(rows, tree, gene_typed & ~nested, transcript, gene, *owners)
        _check_parents(source, models, parents)
        return models

    @property
    def own_gene(self) -> _Bools:
        """Whether each pair is a transcript without a gene."""
        own: _Bools = (self.transcript == self.gene) & ~self.is_gene[self.gene]
        return own

    @property
    def has_gene_row(self) -> _Bools:
        """Whether each node is a gene with rows of its own: typed as one, or the topmost ancestor of transcripts."""
        declared = self.is_gene.copy()
        declared[np.setdiff1d(self.gene, self.gene[self.own_gene])] = True
        return declared

    def attribute(self, name: str, nodes: _Ints) -> Any:
        """Attribute of nodes: strings, null where missing."""
        return _array(self.rows, name).take(pa.array(self.tree.first[nodes]))


def _check_parents(source: TextSource, models: _Models, parents: Links) -> None:
    """Refuse genes, transcripts and what is between them if a Parent is missing."""
    involved = np.union1d(np.flatnonzero(models.is_gene), models.transcript)
    orphans = [np.empty(0, dtype=np.int64)]
    seen = np.zeros(len(models.tree.ids), dtype=np.bool_)
    while len(involved):
        seen[involved] = True
        child, parent = parents.expand(involved)
        orphans.append(involved[child[parent < 0]])
        above = np.unique(parent[parent >= 0])
        involved = above[~seen[above]]
    rows = models.tree.first[np.concatenate(orphans)]
    if len(rows):
        row = models.rows.slice(int(rows.min()), 1).to_pylist()[0]
        problem = f"{row['feature']} {row['id']} has Parent={row['parent']}, but no feature has this ID"
        raise _error(source, row["line"], problem)


def _check_ids(source: TextSource, models: _Models) -> None:
    """Refuse genes and transcripts at impossible places, and one ID of several of them."""
    involved = models.has_gene_row
    involved[models.transcript] = True
    chosen = np.flatnonzero(involved[models.tree.node])
    rows = models.rows.take(chosen)
    refuse_first(source, rows, misplaced(rows))
    first = models.tree.first[models.tree.node[chosen]]
    for index in np.flatnonzero(first != chosen).tolist():
        new, old = (models.rows.slice(int(row), 1).to_pylist()[0] for row in (chosen[index], first[index]))
        same = all(new[name] == old[name] for name in ("contig", "strand", "start", "end", "feature"))
        if not same and (new["part"] is None or old["part"] is None):
            problem = f"ID={new['id']} was given to another {old['feature']} on line {old['line']}"
            raise _error(source, new["line"], problem)


def _check_places(source: TextSource, models: _Models, exons: pa.Table) -> None:
    """Refuse what is on another contig or strand than its parent, unless the parent has several parts."""
    tree, line = models.tree, numbers(models.rows, "line")
    place = _places(models.rows, models.rows)[tree.first]
    whole = np.diff(tree.rows.starts) == 1
    pairs = (
        ("exon", _places(exons, models.rows)[models.exon], numbers(exons, "line")[models.exon], models.owner),
        ("transcript", place[models.transcript], line[tree.first[models.transcript]], models.gene),
    )
    for what, places, lines, above in pairs:
        wrong = np.flatnonzero((places != place[above]) & whole[above])
        if len(wrong):
            problem = f"the {what} and its parent {tree.ids[above[wrong[0]]]} are on different contigs or strands"
            raise _error(source, lines[wrong[0]], problem)


def _places(table: pa.Table, known: pa.Table) -> _Ints:
    """One number for each contig of ``known`` and strand."""
    contigs, strands = _array(table, "contig").dictionary, _array(table, "strand").dictionary
    contig = pc.index_in(contigs, value_set=_array(known, "contig").dictionary).fill_null(-1).to_numpy()
    minus = pc.equal(strands, "-").to_numpy(zero_copy_only=False)
    places: _Ints = contig[_codes(table, "contig")].astype(np.int64) * 2 + minus[_codes(table, "strand")]
    return places


@attrs.frozen(eq=False)
class _Names:
    """Names of the pairs of transcript and gene, and of all nodes as genes (null where a node is none)."""

    gene_id: Any
    gene_name: Any
    gene_biotype: Any
    transcript_id: Any

    @classmethod
    def of(cls, models: _Models) -> _Names:
        everyone = np.arange(len(models.tree.ids))
        get = {name: models.attribute(name, everyone) for name in models.rows.schema.names}
        typed = pa.array(models.is_gene)
        stripped = pc.replace_substring_regex(models.tree.ids, _PREFIX, "")
        gene_id = pc.if_else(typed, get["gene_id"], pc.coalesce(get["gene_id"], get["gene"]))
        # One gene of GENCODE on X and Y has two IDs, but in some releases only one gene_id.
        gene_id = pc.if_else(pc.ends_with(stripped, "_PAR_Y"), stripped, pc.coalesce(gene_id, stripped))
        place = _places(models.rows, models.rows)[models.tree.first]
        genes = np.flatnonzero(models.is_gene)
        gene_id = _unique(gene_id, models.tree.ids, genes, place[genes])
        name = pc.coalesce(get["gene_name"], get["gene"])
        biotype = pc.coalesce(get["gene_biotype"], pc.if_else(typed, get["biotype"], None))
        transcript_id = pc.coalesce(get["transcript_id"], stripped).take(pa.array(models.transcript))
        pair_gene = gene_id.take(pa.array(models.gene))
        implied = models.is_gene[models.transcript]
        transcript_id = pc.if_else(pa.array(implied), pair_gene, transcript_id)
        named = np.flatnonzero(~implied)
        within = _numbered(pair_gene)[named]
        raw = models.tree.ids.take(pa.array(models.transcript))
        return cls(
            gene_id,
            pc.if_else(typed, pc.coalesce(name, get["name"]), name),
            biotype,
            _unique(transcript_id, raw, named, within),
        )


def _numbered(words: Any) -> _Ints:
    codes: _Ints = pc.dictionary_encode(words).indices.to_numpy().astype(np.int64)
    return codes


def _unique(words: Any, others: Any, rows: _Ints, group: _Ints) -> Any:
    """Words, with the others in place of those of ``rows`` that occur several times in a group."""
    keys = np.stack([group, _numbered(words.take(pa.array(rows)))])
    _, inverse, counts = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    again = np.zeros(len(words), dtype=np.bool_)
    again[rows[counts[inverse.reshape(-1)] > 1]] = True
    return pc.if_else(pa.array(again), others, words)


def _batch(rows: pa.Table, at: _Ints, kind: int, **columns: Any) -> pa.RecordBatch:
    """Features with the places of some rows."""
    place = rows.select(["contig", "strand", "start", "end"]).take(at)
    values: dict[str, Any] = {
        "kind": pa.array(np.full(len(at), kind, dtype=np.int8)),
        "contig": _array(place, "contig"),
        "strand": _array(place, "strand"),
        "start": pc.subtract(_array(place, "start"), 1),
        "end": _array(place, "end"),
        **{name: pc.dictionary_encode(words) for name, words in columns.items()},
    }
    unknown = pa.nulls(len(at), _LABEL)
    return pa.RecordBatch.from_arrays([values.get(field.name, unknown) for field in FEATURES], schema=FEATURES)


def _genes(models: _Models, names: _Names) -> pa.RecordBatch:
    chosen = np.flatnonzero(models.has_gene_row[models.tree.node])
    nodes = pa.array(models.tree.node[chosen])
    return _batch(
        models.rows,
        chosen,
        GENE,
        gene_id=names.gene_id.take(nodes),
        gene_name=names.gene_name.take(nodes),
        gene_biotype=names.gene_biotype.take(nodes),
    )


def _transcripts(models: _Models, names: _Names) -> pa.RecordBatch:
    """Rows of transcripts that have any: not those of exons directly below a gene."""
    pairs = np.flatnonzero(~models.is_gene[models.transcript])
    origin, rows = models.tree.rows.expand(models.transcript[pairs])
    pairs = pairs[origin]
    nodes, genes = models.transcript[pairs], pa.array(models.gene[pairs])
    get = {name: models.attribute(name, nodes) for name in ("transcript_biotype", "biotype", "feature", "tag")}
    return _batch(
        models.rows,
        rows,
        TRANSCRIPT,
        gene_id=names.gene_id.take(genes),
        gene_name=names.gene_name.take(genes),
        gene_biotype=names.gene_biotype.take(genes),
        transcript_id=names.transcript_id.take(pa.array(pairs)),
        biotype=pc.coalesce(get["transcript_biotype"], get["biotype"], get["feature"]),
        tags=pc.replace_substring(get["tag"], " ", "_"),
    )


def _exons(models: _Models, names: _Names, exons: pa.Table) -> pa.RecordBatch:
    pairs_of = Links.by_key(models.transcript, len(models.tree.ids))
    origin, pairs = pairs_of.expand(models.owner)
    gene_id = pc.dictionary_encode(names.gene_id.take(pa.array(models.gene)))
    return _batch(
        exons,
        models.exon[origin],
        EXON,
        gene_id=gene_id.take(pa.array(pairs)),
        transcript_id=pc.dictionary_encode(names.transcript_id).take(pa.array(pairs)),
    )
