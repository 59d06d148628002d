"""From finished batches to a dataset: the master's files, the table of genes, and the manifest."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path, file_sha256, make_folder, read_json
from splicecore.dataset.manifest import BatchRecord, DatasetManifest, write_manifest
from splicecore.dataset.schema import CLASSES, GENES, PRED_TYPES
from splicecore.dataset.task import BATCH, RAW, TRIM, batch_folder
from splicecore.errors import ChecksumError, InputError, OutputError
from splicecore.predict.score_store import link_or_copy
from splicecore.tracks.monitor import ChannelMonitor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from splicecore.dataset.plan import BatchPlan, DatasetPlan
    from splicecore.genome.genes import Gene

__all__ = ["assemble", "finished_batch", "master_damage"]

logger = logging.getLogger(__name__)

_SHOWN = 4
_GENE = ("gene_id", "gene_name", "contig", "strand", "start", "end")


def finished_batch(folder: Path, batch: BatchPlan, cache: Path, keep_raw: bool) -> bool:
    """Whether a batch of this key is there and has the content that its ``batch.json`` says."""
    place = batch_folder(folder, batch.name)
    record: Mapping[str, Any] = {}
    with contextlib.suppress(OutputError):
        record = read_json(place / BATCH)
    if not isinstance(record, dict) or record.get("key") != batch.key or not (place / TRIM).is_file():
        return False
    if keep_raw and not (place / RAW).is_file():
        return False
    intact = file_sha256(place / TRIM, cache) == record.get("sha256")
    if not intact:
        logger.warning("%s changed since it was written; it is built anew", place / TRIM)
    return intact


def master_damage(folder: Path, manifest: DatasetManifest) -> list[str]:
    """Compare the files of the master with the manifest, byte for byte; returns a sentence for each problem."""
    problems = []
    for batch in manifest.batches:
        path = folder / "master" / f"{batch.name}.parquet"
        if not path.is_file():
            problems.append(f"{path} is missing")
        elif file_sha256(path) != batch.sha256:
            problems.append(f"{path} changed since it was written")
    if not (folder / "gene_manifest.parquet").is_file():
        problems.append(f"{folder / 'gene_manifest.parquet'} is missing")
    return problems


def assemble(folder: Path, plan: DatasetPlan, manifest: DatasetManifest, cache: Path) -> DatasetManifest:
    """Link the batches into the master, write the table of genes, and record the dataset as complete.

    Returns
    -------
    The manifest as written.

    Raises
    ------
    InputError
        If there is no row at all.
    """
    records = [read_json(batch_folder(folder, batch.name) / BATCH) for batch in plan.batches]
    if not sum(record["rows"] for record in records):
        raise InputError(
            f"the {plan.genes} genes have no row to keep", hint="a higher --easy-ratio, or genes with annotated sites"
        )
    make_folder(folder / "master")
    for batch, record in zip(plan.batches, records, strict=True):
        source = batch_folder(folder, batch.name) / TRIM
        _place(source, folder / "master" / f"{batch.name}.parquet", record["sha256"], cache)
    _write_genes(folder / "gene_manifest.parquet", plan, records)
    finished = attrs.evolve(
        manifest,
        complete=True,
        batches=tuple(
            BatchRecord(**{name: record[name] for name in ("name", "key", "genes", "rows", "sha256")})
            for record in records
        ),
        rows=sum(record["rows"] for record in records),
        classes=_sum(records, "classes", CLASSES),
        pred_types=_sum(records, "pred_types", PRED_TYPES),
        ambiguous=sum(record["ambiguous"] for record in records),
        masked=sum(record.get("masked", 0) for record in records),
        alarms=_alarms(records, plan.contract.names),
    )
    write_manifest(folder, finished)
    return finished


def _place(source: Path, target: Path, sha256: str, cache: Path) -> None:
    """Let a file of the master be the batch's, as a hard link where that can be."""
    if target.exists() and (target.samefile(source) or file_sha256(target, cache) == sha256):
        return
    link_or_copy(source, target)
    if not target.samefile(source) and file_sha256(target) != sha256:
        raise ChecksumError(f"{target} is not what {source} was when it was written", hint="run the same command again")


def _sum(records: Sequence[Mapping[str, Any]], what: str, names: Sequence[str]) -> dict[str, int]:
    return {name: sum(record[what][name] for record in records) for name in names}


def _alarms(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Columns that say nothing in all batches together, in the order of the contract."""
    monitor = ChannelMonitor()
    for record in records:
        monitor.merge(ChannelMonitor.from_dict(record["channels"]))
    order = {name: place for place, name in enumerate(names)}
    dead = sorted(monitor.dead(), key=lambda channel: order[channel.column])
    if dead:
        more = f"; and {len(dead) - _SHOWN} more, see dataset.json" if len(dead) > _SHOWN else ""
        logger.warning("columns that say nothing: %s%s", "; ".join(map(str, dead[:_SHOWN])), more)
    return tuple(attrs.asdict(channel) for channel in dead)


def _write_genes(path: Path, plan: DatasetPlan, records: Sequence[Mapping[str, Any]]) -> None:
    """Write one row for each gene that has rows, and one for each other gene or name that was asked for."""
    places: dict[Gene, dict[str, Any]] = {}
    for batch, record in zip(plan.batches, records, strict=True):
        for gene, count in zip(batch.genes, record["gene_rows"], strict=True):
            places[gene] = {"global_index": len(places), "batch": batch.name, "rows": count, "status": "processed"}
    rows = []
    for item in plan.chosen:
        row = {"requested": item.requested, "status": item.status, "reason": item.reason, "rows": 0}
        if item.gene is not None:
            row |= {name: getattr(item.gene, name) for name in _GENE}
        if item.gene is not None and item.status == "pending":
            if item.gene not in places:
                continue  # asked for by two names
            row |= places.pop(item.gene)
        rows.append({name: row.get(name) for name in GENES.names})
    with atomic_path(path) as temporary:
        table = pa.Table.from_pylist(rows, schema=GENES)
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)
