"""The tables of a base-model pass, assembled from the genes' assessments in genomic order, a few genes at a time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.assess.enhanced import enhanced_schema
from splicecore.assess.schemas import ERRORS, PERFORMANCE, SEQUENCES
from splicecore.predict.assessor import TABLES, read_assessment
from splicecore.predict.manifest import gene_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from splicecore.predict.record import PlanRecord
    from splicecore.predict.runner import PassResult

__all__ = ["FILES", "GENE_MANIFEST", "write_gene_manifest", "write_tables"]

FILES: dict[str, str] = {
    "positions": "splice_positions_enhanced.parquet",
    "errors": "splice_errors.parquet",
    "sequences": "analysis_sequences.parquet",
    "performance": "splice_performance.parquet",
}
"""Name of each table's file."""

GENE_MANIFEST = "gene_manifest.parquet"

_SCHEMAS = {"positions": enhanced_schema(), "errors": ERRORS, "sequences": SEQUENCES, "performance": PERFORMANCE}
_ROW_GROUP = 65_536


def write_tables(folder: Path, paths: Iterable[Path], metadata: Mapping[str, str]) -> dict[str, int]:
    """Write the four tables; each file appears when it is whole.

    Parameters
    ----------
    folder
        Where they go.
    paths
        The genes' assessments, in the order of the rows.
    metadata
        What to write into the files' metadata beside the conventions.

    Returns
    -------
    Rows by table.
    """
    with contextlib.ExitStack() as stack:
        writers = {
            name: stack.enter_context(_TableWriter(folder / FILES[name], _SCHEMAS[name], metadata)) for name in TABLES
        }
        for path in paths:
            for name, table in read_assessment(path).items():
                writers[name].add(table)
    return {name: writer.rows for name, writer in writers.items()}


class _TableWriter:
    """Writes a table in row groups of one size, whatever the sizes of what is added."""

    def __init__(self, path: Path, schema: pa.Schema, metadata: Mapping[str, str]) -> None:
        kept: dict[Any, Any] = {**(schema.metadata or {}), **{k.encode(): v.encode() for k, v in metadata.items()}}
        self.path = path
        self.schema = schema.with_metadata(kept)
        self.rows = 0
        self._held: list[pa.Table] = []
        self._held_rows = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            dictionaries: Any = [field.name for field in self.schema if pa.types.is_dictionary(field.type)]
            self._writer = stack.enter_context(
                pq.ParquetWriter(
                    temporary, self.schema, compression="zstd", write_page_checksum=True, use_dictionary=dictionaries
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            if kind is None:
                self._write(self._held_rows)
        except BaseException as failure:
            self._stack.__exit__(type(failure), failure, failure.__traceback__)
            raise
        return self._stack.__exit__(kind, error, trace)

    def add(self, table: pa.Table) -> None:
        """Add rows."""
        self._held.append(table.replace_schema_metadata(self.schema.metadata))
        self._held_rows += table.num_rows
        if self._held_rows >= _ROW_GROUP:
            self._write(self._held_rows // _ROW_GROUP * _ROW_GROUP)

    def _write(self, rows: int) -> None:
        if rows == 0:
            return
        table = pa.concat_tables(self._held).unify_dictionaries().combine_chunks()
        self._writer.write_table(table.slice(0, rows), row_group_size=_ROW_GROUP)
        self.rows += rows
        rest = table.slice(rows)
        self._held, self._held_rows = ([rest] if rest.num_rows else []), rest.num_rows


def write_gene_manifest(folder: Path, record: PlanRecord, result: PassResult) -> None:
    """Write the manifest of genes as a table, beside the tables that :func:`write_tables` wrote."""
    sites = _sites(pq.read_table(folder / FILES["performance"], columns=[*_GENE, "site_type", "sites"]))
    positions = pq.read_table(folder / FILES["positions"], columns=list(_GENE)).unify_dictionaries()
    counts = positions.group_by(list(_GENE)).aggregate([([], "count_all")]).to_pylist()
    rows = {tuple(row[name] for name in _GENE): row["count_all"] for row in counts}
    entries = [
        {
            **{name: row.get(name) for name in _MANIFEST.names},
            "positions": row.get("positions", 0),
            "rows": rows.get(_gene(row), 0),
            "sites": sites.get(_gene(row)),
            "base_model": record.base_model["name"],
            "build": record.build,
            "scores": None if key is None else f"scores/{key}.parquet",
        }
        for row, key in zip(gene_rows(record, result), _keys(record, result), strict=True)
    ]
    with atomic_path(folder / GENE_MANIFEST) as temporary:
        pq.write_table(
            pa.Table.from_pylist(entries, schema=_MANIFEST), temporary, compression="zstd", write_page_checksum=True
        )


_GENE = ("contig", "strand", "gene_id")


def _gene(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in _GENE)


def _sites(counts: pa.Table) -> dict[tuple[Any, ...], int]:
    return {_gene(row): row["sites"] for row in counts.to_pylist() if row["site_type"] == "both"}


def _keys(record: PlanRecord, result: PassResult) -> list[str | None]:
    keys = dict(zip(record.genes, record.keys, strict=True))
    found = [None if entry.gene is None else keys.get(entry.gene) for entry in record.entries]
    return [key if key in result.done else None for key in found]


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field[Any]:
    return pa.field(name, kind, metadata={"description": description})


_MANIFEST = pa.schema(
    [
        _field("requested", pa.string(), "name that was asked for; null if not by name"),
        _field("status", pa.string(), "processed, or why there is nothing"),
        _field("reason", pa.string(), "of a status other than processed"),
        _field("gene_id", pa.string(), "as in the annotation"),
        _field("gene_name", pa.string(), "as in the annotation; the id where it has none"),
        _field("contig", pa.string(), "the reference's name of it"),
        _field("strand", pa.string(), "+ or -"),
        _field("start", pa.int64(), "genomic, 0-based"),
        _field("end", pa.int64(), "genomic, half-open"),
        _field("positions", pa.int64(), "bases that were scored"),
        _field("rows", pa.int64(), "of the gene in the table of positions"),
        _field("sites", pa.int64(), "annotated, acceptors and donors"),
        _field("base_model", pa.string(), "name of the base model"),
        _field("build", pa.string(), "genome build"),
        _field("scores", pa.string(), "file of the gene's scores, in this folder"),
    ],
    metadata={"splicecore.schema": "gene_manifest/1"},
)
