"""The tables of a base-model pass, assembled from the genes' assessments in genomic order, a few genes at a time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.row_writer import RowWriter
from splicecore.artifacts.store import atomic_path
from splicecore.assess.enhanced import enhanced_schema
from splicecore.assess.schemas import ERRORS, PERFORMANCE, SEQUENCES
from splicecore.predict.assessor import read_assessment
from splicecore.predict.manifest import gene_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

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
            name: stack.enter_context(RowWriter(folder / FILES[name], _with_metadata(schema, metadata), _ROW_GROUP))
            for name, schema in _SCHEMAS.items()
        }
        for path in paths:
            for name, table in read_assessment(path).items():
                for batch in table.to_batches():
                    writers[name].add(batch)
    return {name: writer.rows for name, writer in writers.items()}


def _with_metadata(schema: pa.Schema, metadata: Mapping[str, str]) -> pa.Schema:
    kept: dict[Any, Any] = {**(schema.metadata or {}), **{k.encode(): v.encode() for k, v in metadata.items()}}
    return schema.with_metadata(kept)


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
