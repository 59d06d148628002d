"""The score table: one row per position and gene, assembled from parts in genomic order.

Memory follows the width of the window and the number of genes that overlap it, never a gene or a genome.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.genome.genes import Gene
from splicecore.predict.parts import PartReader, part_path

if TYPE_CHECKING:
    from splicecore.plugins.protocols import Scores

__all__ = ["SCORE_TABLE_VERSION", "ScoreTable"]

SCORE_TABLE_VERSION = "1"
WINDOW = 65_536
ROW_GROUP = 131_072
_SORTING = ("contig", "position", "strand", "gene_id")
_SITES = slice(1, 3)  # the channels acceptor and donor


@attrs.frozen(kw_only=True)
class ScoreTable:
    """Scores of genes, sorted by contig (in the reference's order), position, strand and gene_id.

    Attributes
    ----------
    genes
        The genes, each with its part.
    keys
        The parts' keys, in the order of ``genes``.
    parts
        Folder of the parts.
    build
        Name of the genome build.
    contigs
        The reference's contig names, in its order.
    outputs
        Names of the model's channels.
    metadata
        What to write into the file's metadata beside the conventions.
    min_score
        Leave out rows whose acceptor and donor scores are both below this (compared in float32); None keeps all.
    """

    genes: Sequence[Gene]
    keys: Sequence[str]
    parts: Path
    build: str
    contigs: Sequence[str]
    outputs: Sequence[str]
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    min_score: float | None = None

    @property
    def schema(self) -> pa.Schema:
        """Columns: build, contig, strand, position, rel_position, gene_id, gene_name, one ``*_score`` an output."""
        text = pa.dictionary(pa.int32(), pa.string())
        conventions: dict[str | bytes, str | bytes] = {
            "splicecore.schema": f"scores/{SCORE_TABLE_VERSION}",
            "splicecore.coordinates": "0-based; position is genomic, rel_position the offset from the gene's 5' end",
            "splicecore.sites": "donor = last base of the exon, acceptor = first base of the exon, on either strand",
            "splicecore.scores": "probabilities (0-1) of " + ", ".join(self.outputs),
            "splicecore.key": "build, contig, strand, position, gene_id",
            **dict(self.metadata.items()),
        }
        if self.min_score is not None:
            conventions["splicecore.min_score"] = repr(self.min_score)
        return pa.schema(
            [
                ("build", text),
                ("contig", text),
                ("strand", text),
                ("position", pa.int64()),
                ("rel_position", pa.int64()),
                ("gene_id", text),
                ("gene_name", text),
                *((f"{name}_score", pa.float32()) for name in self.outputs),
            ],
            metadata=conventions,
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, a window of positions at a time."""
        columns = _Columns(self)
        by_contig: dict[str, list[int]] = {}
        for index, gene in enumerate(self.genes):
            by_contig.setdefault(gene.contig, []).append(index)
        for contig in self.contigs:
            indices = sorted(by_contig.get(contig, ()), key=lambda i: self.genes[i].start)
            yield from self._contig(columns, indices)

    def write(self, path: Path) -> int:
        """Write the table as Parquet, atomically; returns the number of rows."""
        rows = 0
        schema = self.schema
        sorting = [pq.SortingColumn(schema.get_field_index(name)) for name in _SORTING]
        with (
            atomic_path(path) as temporary,
            pq.ParquetWriter(
                temporary,
                schema,
                compression="zstd",
                sorting_columns=sorting,
                write_page_checksum=True,
                use_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],  # type: ignore[arg-type]
            ) as writer,
        ):
            for table in _regroup(self.batches(), schema):
                writer.write_table(table, row_group_size=ROW_GROUP)
                rows += table.num_rows
        return rows

    def _contig(self, columns: _Columns, indices: Sequence[int]) -> Iterator[pa.RecordBatch]:
        with contextlib.ExitStack() as stack:
            readers: dict[int, PartReader] = {}
            waiting = list(reversed(indices))
            low = 0
            while waiting or readers:
                if not readers:
                    low = self.genes[waiting[-1]].start // WINDOW * WINDOW
                high = low + WINDOW
                while waiting and self.genes[waiting[-1]].start < high:
                    index = waiting.pop()
                    readers[index] = stack.enter_context(PartReader(part_path(self.parts, self.keys[index])))
                yield columns.window(readers, low, high)
                for index in [i for i in readers if self.genes[i].end <= high]:
                    readers.pop(index).close()
                low = high


class _Columns:
    """Turns slices of parts into sorted record batches."""

    def __init__(self, table: ScoreTable) -> None:
        self.genes = table.genes
        self.schema = table.schema
        self.min_score = None if table.min_score is None else np.float32(table.min_score)
        by_id = sorted(range(len(self.genes)), key=lambda i: (self.genes[i].strand, self.genes[i].gene_id))
        self.rank = np.empty(len(self.genes), dtype=np.int32)
        self.rank[by_id] = np.arange(len(self.genes), dtype=np.int32)
        self.dictionaries: dict[str, tuple[pa.Array[Any], npt.NDArray[np.int32]]] = {
            "build": _dictionary([table.build] * len(self.genes)),
            "contig": _dictionary([gene.contig for gene in self.genes]),
            "strand": _dictionary([gene.strand for gene in self.genes]),
            "gene_id": _dictionary([gene.gene_id for gene in self.genes]),
            "gene_name": _dictionary([gene.gene_name for gene in self.genes]),
        }

    def window(self, readers: Mapping[int, PartReader], low: int, high: int) -> pa.RecordBatch:
        slices = [_slice(self.genes[index], index, reader, low, high) for index, reader in readers.items()]
        position, relative, owner = (np.concatenate([part[k] for part in slices]) for k in range(3))
        score = np.concatenate([part[3] for part in slices])
        if len(slices) > 1:
            order = np.lexsort((self.rank[owner], position))
            position, relative, owner, score = position[order], relative[order], owner[order], score[order]
        if self.min_score is not None:
            kept = np.flatnonzero(score[:, _SITES].max(axis=1) >= self.min_score)
            position, relative, owner, score = position[kept], relative[kept], owner[kept], score[kept]
        arrays: dict[str, pa.Array[Any]] = {"position": pa.array(position), "rel_position": pa.array(relative)}
        for name, (values_of, code) in self.dictionaries.items():
            arrays[name] = pa.DictionaryArray.from_arrays(pa.array(code[owner]), values_of)
        for channel, field in enumerate(self.schema.names[-score.shape[1] :]):
            arrays[field] = pa.array(np.ascontiguousarray(score[:, channel]))
        return pa.record_batch([arrays[name] for name in self.schema.names], schema=self.schema)


_Ints = npt.NDArray[np.int64]


def _slice(gene: Gene, index: int, reader: PartReader, low: int, high: int) -> tuple[_Ints, _Ints, _Ints, Scores]:
    """One gene's rows within a window, by rising position: position, rel_position, index of the gene, scores."""
    position = np.arange(max(low, gene.start), min(high, gene.end), dtype=np.int64)
    relative = gene.to_relative(position)
    first, last = int(relative.min()), int(relative.max())
    scores = reader.read(first, last + 1)
    owner = np.full(len(position), index, dtype=np.int64)
    return position, relative, owner, scores if gene.strand == "+" else scores[::-1]


def _dictionary(values: Sequence[str]) -> tuple[pa.Array[Any], npt.NDArray[np.int32]]:
    distinct = sorted(set(values))
    code = {value: index for index, value in enumerate(distinct)}
    return pa.array(distinct, type=pa.string()), np.array([code[value] for value in values], dtype=np.int32)


def _regroup(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of exactly ROW_GROUP rows (the last one shorter), so that a file's row groups do not depend on windows."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP:
            table = pa.Table.from_batches(held, schema=schema)
            yield table.slice(0, ROW_GROUP)
            held = table.slice(ROW_GROUP).to_batches()
            rows -= ROW_GROUP
    if rows:
        yield pa.Table.from_batches(held, schema=schema)
