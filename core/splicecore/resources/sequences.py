"""Sequences of genes, read through from the genome; and, where somebody wants them as files, one Parquet a contig."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.genome.encoding import Codes, decode
from splicecore.resources.dataset_files import file_schema
from splicecore.resources.labels import encoded
from splicecore.resources.schemas import SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from splicecore.genome.genes import Gene, GeneCatalog
    from splicecore.genome.reference import Reference

__all__ = ["GeneSequences", "sequence_file", "write_sequences"]

_BATCH_BASES = 16_000_000


class GeneSequences:
    """A view of the genome: gene -> bases, 5' to 3'. Nothing is kept; a context manager that closes the genome.

    Parameters
    ----------
    reference
        The open genome, which the view then owns.
    catalog
        The genes.
    """

    def __init__(self, reference: Reference, catalog: GeneCatalog) -> None:
        self.reference = reference
        self.catalog = catalog

    def __len__(self) -> int:
        return len(self.catalog)

    def codes(self, gene: Gene) -> Codes:
        """Bases of a gene in transcript orientation, introns included: uint8, shape (gene.length,)."""
        return self.reference.fetch_oriented(gene.contig, gene.start, gene.end, gene.strand)

    def text(self, gene: Gene) -> str:
        """Bases of a gene as letters A, C, G, T, N, in transcript orientation."""
        return decode(self.codes(gene))

    def close(self) -> None:
        """Close the genome."""
        self.reference.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sequence_file(contig: str) -> str:
    """Name of the file of a contig's sequences; letters that file names cannot have are escaped as in URLs."""
    return f"{quote(contig, safe='')}.parquet"


def write_sequences(folder: Path, sequences: GeneSequences, content: str) -> dict[str, int]:
    """Write all genes' sequences, one file a contig, holding at most 16 Mb of them (or one gene) at a time.

    Parameters
    ----------
    folder
        Where to write; it exists.
    sequences
        The genes and the genome.
    content
        Key of what decides the rows.

    Returns
    -------
    Number of genes by file, in the order of the contigs.
    """
    by_contig: dict[str, list[Gene]] = {}
    for gene in sequences.catalog.all():
        by_contig.setdefault(gene.contig, []).append(gene)
    schema = file_schema(SCHEMAS["gene_sequences"], content)
    for contig, genes in by_contig.items():
        with (
            atomic_path(folder / sequence_file(contig)) as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as writer,
        ):
            for batch in _batches(genes):
                writer.write_table(_table(batch, sequences, schema))
    return {sequence_file(contig): len(genes) for contig, genes in by_contig.items()}


def _batches(genes: list[Gene]) -> Iterator[list[Gene]]:
    batch: list[Gene] = []
    bases = 0
    for gene in genes:
        if batch and bases + gene.length > _BATCH_BASES:
            yield batch
            batch, bases = [], 0
        batch.append(gene)
        bases += gene.length
    if batch:
        yield batch


def _table(genes: list[Gene], sequences: GeneSequences, schema: pa.Schema) -> pa.Table:
    import numpy as np

    zeros = np.zeros(len(genes), dtype=np.int64)
    columns = {
        "gene": [gene.index for gene in genes],
        "gene_id": [gene.gene_id for gene in genes],
        "gene_name": [gene.gene_name for gene in genes],
        "contig": encoded(zeros, [genes[0].contig]),
        "strand": encoded(np.array([gene.strand == "-" for gene in genes], dtype=np.int64), ["+", "-"]),
        "start": [gene.start for gene in genes],
        "end": [gene.end for gene in genes],
        "sequence": [sequences.text(gene) for gene in genes],
    }
    return pa.table(columns, schema=schema)
