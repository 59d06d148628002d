"""Schemas of the derived datasets: every column once, with its type and what it means.

Coordinates are genomic, 0-based and half-open; positions of splice sites are the exon's base beside the intron. Types
are named as in :data:`TYPES`, so that this module loads without Arrow.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SCHEMAS", "TYPES", "Column", "DatasetSchema", "dataset_schema"]

TYPES = ("bool", "int32", "int64", "float64", "string", "label", "labels")
"""``label``: strings encoded by a dictionary (int32); ``labels``: list of strings."""


@attrs.frozen
class Column:
    """One column of a dataset.

    Attributes
    ----------
    name
        Of the column.
    type
        One of :data:`TYPES`.
    meaning
        What it holds, with its unit where it has one.
    nullable
        Whether it may lack a value.
    """

    name: str
    type: str
    meaning: str
    nullable: bool = False


@attrs.frozen
class DatasetSchema:
    """Columns of a dataset and the version of their definition.

    Attributes
    ----------
    kind
        Of the dataset, which is also its file's name without the ending.
    version
        Raised whenever columns, their meaning or how they are computed change: files of others are derived anew.
    summary
        What one row is.
    sorting
        Names of the columns that the rows are sorted by.
    columns
        In the order of the file.
    """

    kind: str
    version: int
    summary: str
    sorting: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def file(self) -> str:
        """Name of the dataset's file in its folder."""
        return f"{self.kind}.parquet"

    def arrow(self, columns: tuple[str, ...] | None = None) -> pa.Schema:
        """Return the Arrow schema, of some columns if they are named.

        Raises
        ------
        ConfigError
            If a named column does not exist.
        """
        import pyarrow as pa

        chosen = {column.name: column for column in self.columns}
        unknown = [name for name in columns or () if name not in chosen]
        if unknown:
            raise ConfigError(f"{self.kind} has no column {unknown[0]!r}", hint=f"it has {', '.join(self.names)}")
        names = self.names if columns is None else columns
        return pa.schema([pa.field(name, _arrow_types()[chosen[name].type], chosen[name].nullable) for name in names])


@functools.cache
def _arrow_types() -> dict[str, Any]:
    import pyarrow as pa

    return {
        "bool": pa.bool_(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "string": pa.string(),
        "label": pa.dictionary(pa.int32(), pa.string()),
        "labels": pa.list_(pa.string()),
    }


_CONTIG = Column("contig", "label", "contig, by the reference's own name")
_STRAND = Column("strand", "label", '"+" or "-"')
_START = Column("start", "int64", "first base, 0-based")
_END = Column("end", "int64", "end, 0-based, exclusive")
_GENE = Column("gene", "int32", "row of the gene in gene_features")
_TRANSCRIPT = Column("transcript", "int32", "row of the transcript in transcript_features")
_GENE_BIOTYPE = Column("gene_biotype", "label", "biotype of the gene; null where there is none", nullable=True)
_TRANSCRIPT_ID = Column("transcript_id", "label", "id of the transcript")
_GENE_ID = Column("gene_id", "label", "id of the gene")
_EXON_LENGTHS = (
    Column("avg_exon_length", "float64", "mean length of those exons in bases; null without exons", nullable=True),
    Column("median_exon_length", "float64", "median length of those exons in bases; null without exons", nullable=True),
    Column("total_exon_length", "int64", "bases that lie in an exon, each counted once"),
    Column("total_intron_length", "int64", "bases from the first exon to the last that lie in no exon"),
)

_GENE_COLUMNS = (
    Column("gene_id", "string", "id of the gene; one id on two contigs or strands is two genes"),
    Column("gene_name", "string", "name of the gene; its id where the annotation has no name"),
    _GENE_BIOTYPE,
    _CONTIG,
    _STRAND,
    _START,
    _END,
)

_GENES = DatasetSchema(
    "gene_features",
    1,
    "a gene",
    ("contig", "start", "end", "strand", "gene_id"),
    (
        *_GENE_COLUMNS,
        Column("gene_length", "int64", "bases from start to end, introns included"),
        Column("num_transcripts", "int32", "transcripts of the gene"),
        Column("num_exons", "int32", "distinct exons (start, end) of all its transcripts"),
        *_EXON_LENGTHS,
        Column("n_splice_sites", "int32", "distinct splice sites (position and type) of all its transcripts"),
        Column("num_overlaps", "int32", "other genes, of either strand, that share at least one base with it"),
    ),
)
_UNMATCHED = DatasetSchema(
    "unmatched_genes",
    1,
    "a gene on a contig that the reference does not have, with the annotation's name of the contig",
    (),
    _GENE_COLUMNS,
)
_TRANSCRIPTS = DatasetSchema(
    "transcript_features",
    1,
    "a transcript",
    ("gene", "start", "end", "transcript_id"),
    (
        Column("transcript_id", "string", "id of the transcript"),
        _GENE_ID,
        _GENE,
        _CONTIG,
        _STRAND,
        _START,
        _END,
        Column("biotype", "label", "biotype of the transcript; null where the annotation has none", nullable=True),
        Column("tags", "labels", "tags, such as MANE_Select; empty where there are none"),
        Column("transcript_length", "int64", "bases from start to end, introns included"),
        Column("num_exons", "int32", "exons of the transcript"),
        *_EXON_LENGTHS,
    ),
)
_EXONS = DatasetSchema(
    "exon_features",
    1,
    "an exon of a transcript",
    ("transcript", "start"),
    (
        _TRANSCRIPT,
        _GENE_ID,
        _TRANSCRIPT_ID,
        Column("exon_number", "int32", "rank in the transcript, 1 at its 5' end"),
        Column("exon_length", "int64", "bases"),
        _START,
        _END,
        _CONTIG,
        _STRAND,
    ),
)
_SITES = DatasetSchema(
    "splice_sites",
    1,
    "a splice site of a transcript",
    ("gene", "position", "site_type", "transcript"),
    (
        _CONTIG,
        Column("position", "int64", "the exon's base beside the intron, 0-based"),
        _STRAND,
        Column("site_type", "label", '"acceptor" (first base of an exon) or "donor" (last base)'),
        _GENE,
        _TRANSCRIPT,
        _GENE_ID,
        _TRANSCRIPT_ID,
        Column("gene_name", "label", "name of the gene"),
        _GENE_BIOTYPE,
        Column("transcript_biotype", "label", "biotype of the transcript; null where there is none", nullable=True),
        Column("exon_number", "int32", "rank, in the transcript, of the exon that the site belongs to"),
        Column("motif", "label", "first two bases of the intron (donor) or last two (acceptor), on the strand"),
    ),
)
_JUNCTIONS = DatasetSchema(
    "junctions",
    1,
    "an intron of a transcript, between two adjacent exons",
    ("transcript",),
    (
        _CONTIG,
        _STRAND,
        Column("donor_position", "int64", "last base of the upstream exon, 0-based"),
        Column("acceptor_position", "int64", "first base of the downstream exon, 0-based; lower than the donor on '-'"),
        Column("intron_length", "int64", "bases between the two"),
        _GENE,
        _TRANSCRIPT,
        _GENE_ID,
        _TRANSCRIPT_ID,
    ),
)
_OVERLAPS = DatasetSchema(
    "overlapping_genes",
    1,
    "a pair of genes that share at least one base, on any strands; each pair once, gene_1 < gene_2",
    ("gene_1", "gene_2"),
    (
        Column("gene_1", "int32", "row of the first gene in gene_features"),
        Column("gene_2", "int32", "row of the second gene in gene_features"),
        Column("gene_id_1", "label", "id of the first gene"),
        Column("gene_id_2", "label", "id of the second gene"),
        _CONTIG,
        Column("start_1", "int64", "first base of the first gene, 0-based"),
        Column("end_1", "int64", "end of the first gene, 0-based, exclusive"),
        Column("start_2", "int64", "first base of the second gene, 0-based"),
        Column("end_2", "int64", "end of the second gene, 0-based, exclusive"),
        Column("strand_1", "label", "strand of the first gene"),
        Column("strand_2", "label", "strand of the second gene"),
        Column("overlap", "int64", "bases that both cover"),
        Column("same_strand", "bool", "whether both are on the same strand"),
    ),
)
_SEQUENCES = DatasetSchema(
    "gene_sequences",
    1,
    "a gene with its bases; a file a contig, written on request only",
    ("gene",),
    (
        _GENE,
        Column("gene_id", "string", "id of the gene"),
        Column("gene_name", "string", "name of the gene"),
        _CONTIG,
        _STRAND,
        _START,
        _END,
        Column("sequence", "string", "A, C, G, T, N from the gene's 5' end to its 3' end, introns included"),
    ),
)

SCHEMAS: dict[str, DatasetSchema] = {
    schema.kind: schema
    for schema in (_GENES, _TRANSCRIPTS, _EXONS, _SITES, _JUNCTIONS, _OVERLAPS, _SEQUENCES, _UNMATCHED)
}
"""Schemas by kind. ``unmatched_genes`` always accompanies ``gene_features``."""


def dataset_schema(kind: str) -> DatasetSchema:
    """Return the schema of a kind of dataset.

    Raises
    ------
    ConfigError
        If there is no such kind.
    """
    if kind not in SCHEMAS:
        raise ConfigError(f"there is no derived dataset {kind!r}", hint=f"one of {', '.join(SCHEMAS)}")
    return SCHEMAS[kind]
