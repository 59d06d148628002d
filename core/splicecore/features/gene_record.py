"""What is known of a gene as a whole: a row of the table of gene features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import GeneNotFoundError, ResourceError

if TYPE_CHECKING:
    import pyarrow as pa

    from splicecore.genome.genes import Gene

__all__ = ["GeneRecord", "GeneRecords"]


@attrs.frozen(kw_only=True)
class GeneRecord:
    """Aggregates of one gene, the same for each of its positions.

    It is the resource ``gene_features`` of feature sets. Coordinates are genomic, 0-based, half-open; lengths are in
    bases; exons are those of all transcripts.

    Attributes
    ----------
    gene_id, gene_name, gene_biotype
        As in the annotation; the biotype is None where it has none.
    contig, strand, start, end
        Where the gene lies.
    gene_length
        ``end - start``.
    num_transcripts, num_exons
        Transcripts, and different exons.
    avg_exon_length, median_exon_length
        Of the different exons; None for a gene without exons.
    total_exon_length, total_intron_length
        Bases in exons of any transcript, and bases from the first exon to the last that are in none.
    n_splice_sites
        Different splice sites: positions and types.
    num_overlaps
        Genes of either strand that overlap this one.
    """

    gene_id: str
    gene_name: str
    gene_biotype: str | None
    contig: str
    strand: str
    start: int
    end: int
    gene_length: int
    num_transcripts: int
    num_exons: int
    avg_exon_length: float | None
    median_exon_length: float | None
    total_exon_length: int
    total_intron_length: int
    n_splice_sites: int
    num_overlaps: int

    def describes(self, gene: Gene) -> bool:
        """Whether this is the record of a gene: same id and same place."""
        place = (self.gene_id, self.contig, self.strand, self.start, self.end)
        return place == (gene.gene_id, gene.contig, gene.strand, gene.start, gene.end)


class GeneRecords:
    """The records of a table of gene features, by gene.

    Parameters
    ----------
    table
        Columns as the attributes of :class:`GeneRecord`, others are ignored; one row for each gene.

    Raises
    ------
    ResourceError
        If a column is missing.
    """

    def __init__(self, table: pa.Table) -> None:
        self._names = [field.name for field in attrs.fields(GeneRecord)]
        missing = [name for name in self._names if name not in table.schema.names]
        if missing:
            raise ResourceError(
                f"the table of gene features lacks {', '.join(missing)}", hint="derive the genomic resources anew"
            )
        self._table = table.select(self._names)
        keys: list[list[Any]] = [table.column(name).to_pylist() for name in ("gene_id", "contig", "strand")]
        self._rows = {key: row for row, key in enumerate(zip(*keys, strict=True))}

    def __len__(self) -> int:
        return self._table.num_rows

    def record(self, gene: Gene) -> GeneRecord:
        """Record of a gene.

        Raises
        ------
        GeneNotFoundError
            If the table has no such gene on this contig and strand.
        """
        row = self._rows.get((gene.gene_id, gene.contig, gene.strand))
        if row is None:
            raise GeneNotFoundError(
                f"the table of gene features has no gene {gene.gene_id} on {gene.contig} ({gene.strand})",
                hint="derive the genomic resources from the annotation that is in use",
            )
        values: dict[str, Any] = self._table.slice(row, 1).to_pylist()[0]
        return GeneRecord(**values)
