"""Tables of one row per position and gene, assembled from the genes' parts in genomic order.

Memory follows the width of the window and the number of genes that overlap it, never a gene or a genome.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.genome.genes import Gene
from splicecore.predict.parts import JoinedParts

if TYPE_CHECKING:
    from pathlib import Path

    from splicecore.plugins.protocols import Scores

__all__ = ["GeneTable"]

WINDOW = 65_536
ROW_GROUP = 131_072
_SORTING = ("contig", "position", "strand", "gene_id")


@attrs.frozen(kw_only=True)
class GeneTable:
    """Values of genes, sorted by contig (in the reference's order), position, strand and gene_id.

    What the values are is a subclass's business: it says which parts hold them and which columns are made of them.

    Attributes
    ----------
    genes
        The genes, each with its parts.
    build
        Name of the genome build.
    contigs
        The reference's contig names, in its order.
    metadata
        What to write into the file's metadata beside the conventions.
    """

    genes: Sequence[Gene]
    build: str
    contigs: Sequence[str]
    metadata: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def value_fields(self) -> list[pa.Field[Any]]:
        """Columns after those that say which position and gene a row is of."""
        raise NotImplementedError

    @property
    def conventions(self) -> dict[str, str]:
        """What the file's metadata says about the table, before :attr:`metadata`."""
        raise NotImplementedError

    def part_paths(self, index: int) -> list[Path]:
        """Files of a gene's parts, whose columns stand side by side."""
        raise NotImplementedError

    def kept(self, values: Scores) -> npt.NDArray[np.int64] | None:  # noqa: ARG002
        """Rows of a window that the table has, in order; None for all. ``values``: float32, shape (rows, columns)."""
        return None

    def value_arrays(self, values: Scores, owner: npt.NDArray[np.int64]) -> Sequence[pa.Array[Any]]:  # noqa: ARG002
        """Arrays of :attr:`value_fields`; ``owner`` is each row's index of its gene, int64, shape (rows,)."""
        return [pa.array(np.ascontiguousarray(values[:, column])) for column in range(values.shape[1])]

    @property
    def schema(self) -> pa.Schema:
        """Columns: build, contig, strand, position, rel_position, gene_id, gene_name, then :attr:`value_fields`."""
        text = pa.dictionary(pa.int32(), pa.string())
        key = [
            pa.field("build", text),
            pa.field("contig", text),
            pa.field("strand", text),
            pa.field("position", pa.int64()),
            pa.field("rel_position", pa.int64()),
            pa.field("gene_id", text),
            pa.field("gene_name", text),
        ]
        metadata: dict[str | bytes, str | bytes] = dict(self.conventions.items())
        return pa.schema([*key, *self.value_fields], metadata=metadata)

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
            readers: dict[int, JoinedParts] = {}
            waiting = list(reversed(indices))
            low = 0
            while waiting or readers:
                if not readers:
                    low = self.genes[waiting[-1]].start // WINDOW * WINDOW
                high = low + WINDOW
                while waiting and self.genes[waiting[-1]].start < high:
                    index = waiting.pop()
                    readers[index] = stack.enter_context(JoinedParts(self.part_paths(index)))
                yield columns.window(readers, low, high)
                for index in [i for i in readers if self.genes[i].end <= high]:
                    readers.pop(index).close()
                low = high


class _Columns:
    """Turns slices of parts into sorted record batches."""

    def __init__(self, table: GeneTable) -> None:
        self.table, self.genes = table, table.genes
        self.schema = table.schema
        self.value_names = [field.name for field in table.value_fields]
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

    def window(self, readers: Mapping[int, JoinedParts], low: int, high: int) -> pa.RecordBatch:
        slices = [_slice(self.genes[index], index, reader, low, high) for index, reader in readers.items()]
        position, relative, owner = (np.concatenate([part[k] for part in slices]) for k in range(3))
        values = np.concatenate([part[3] for part in slices])
        if len(slices) > 1:
            order = np.lexsort((self.rank[owner], position))
            position, relative, owner, values = position[order], relative[order], owner[order], values[order]
        kept = self.table.kept(values)
        if kept is not None:
            position, relative, owner, values = position[kept], relative[kept], owner[kept], values[kept]
        arrays: dict[str, pa.Array[Any]] = {"position": pa.array(position), "rel_position": pa.array(relative)}
        for name, (values_of, code) in self.dictionaries.items():
            arrays[name] = pa.DictionaryArray.from_arrays(pa.array(code[owner]), values_of)
        arrays |= zip(self.value_names, self.table.value_arrays(values, owner), strict=True)
        return pa.record_batch([arrays[name] for name in self.schema.names], schema=self.schema)


_Ints = npt.NDArray[np.int64]


def _slice(gene: Gene, index: int, reader: JoinedParts, low: int, high: int) -> tuple[_Ints, _Ints, _Ints, Scores]:
    """One gene's rows within a window, by rising position: position, rel_position, index of the gene, values."""
    position = np.arange(max(low, gene.start), min(high, gene.end), dtype=np.int64)
    relative = gene.to_relative(position)
    first, last = int(relative.min()), int(relative.max())
    values = reader.read(first, last + 1)
    owner = np.full(len(position), index, dtype=np.int64)
    return position, relative, owner, values if gene.strand == "+" else values[::-1]


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
