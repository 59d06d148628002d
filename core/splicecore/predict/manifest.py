"""What a run says about itself for machines: ``manifest.json`` and ``gene_manifest.json``, without times or paths."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.plugins.host import PluginHost
    from splicecore.predict.record import PlanRecord
    from splicecore.predict.runner import PassResult
    from splicecore.predict.selection import GeneEntry
    from splicecore.session import Session

__all__ = ["count_failed", "environment", "environment_of", "gene_manifest", "gene_rows", "run_manifest"]

_NONE: Mapping[str, Mapping[str, Any]] = {}
_PACKAGES = ("numpy", "pyarrow", "pysam", "torch")


def environment(session: Session) -> dict[str, Any]:
    """Versions of plugins and packages."""
    return environment_of(session.host)


def environment_of(host: PluginHost) -> dict[str, Any]:
    """Versions of the plugins of a host, and of packages."""
    return {
        "plugins": {
            record.name: f"{record.distribution} {record.version}"
            for record in host.records
            if record.state == "LOADED"
        },
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def run_manifest(record: PlanRecord, result: PassResult, *, rows: int) -> dict[str, Any]:
    """Content of ``manifest.json``, less the files' hashes: identity, versions, row counts."""
    about = ("name", "summary", "licence", "commercial_use", "citation")
    return {
        "schema": "splicecore-run/1",
        "identity": record.own_identity,
        "rows": rows,
        "genes": len(result.done),
        "failed": count_failed(record, result),
        "inputs": dict(record.inputs),
        "base_model": {name: record.base_model[name] for name in about},
        **record.environment,
    }


def count_failed(record: PlanRecord, result: PassResult) -> int:
    """Entries that count against a pass: named genes without scores, and genes whose scoring failed."""
    keys = dict(zip(record.genes, record.keys, strict=True))
    failed = 0
    for entry in record.entries:
        scored = entry.gene is not None and entry.gene in keys and keys[entry.gene] in result.done
        if not scored and (entry.requested is not None or entry.status == "pending"):
            failed += 1
    return failed


def gene_manifest(
    record: PlanRecord, result: PassResult, more: Mapping[str, Mapping[str, Any]] = _NONE
) -> dict[str, Any]:
    """Content of ``gene_manifest.json``: every gene that was asked for, its status and why it could not be scored.

    ``more`` is what else there is to say of a gene, by the key of its scores.
    """
    genes = gene_rows(record, result, more)
    return {
        "schema": "splicecore-genes/1",
        "build": record.build,
        "base_model": record.base_model["name"],
        "flank": record.flank,
        "counts": dict(sorted(Counter(gene["status"] for gene in genes).items())),
        "genes": genes,
    }


def gene_rows(
    record: PlanRecord, result: PassResult, more: Mapping[str, Mapping[str, Any]] = _NONE
) -> list[dict[str, Any]]:
    """One row per entry: as requested, status, reason, and the gene where there is one, with ``more`` of it by key."""
    keys = dict(zip(record.genes, record.keys, strict=True))
    of_entry = [keys.get(entry.gene, "") if entry.gene else "" for entry in record.entries]
    return [
        {**_entry(entry, result.units.get(key)), **more.get(key, {})}
        for entry, key in zip(record.entries, of_entry, strict=True)
    ]


def _entry(entry: GeneEntry, unit: dict[str, Any] | None) -> dict[str, Any]:
    gene = entry.gene
    row: dict[str, Any] = {
        "requested": entry.requested,
        "status": entry.status if unit is None else unit["status"],
        "reason": entry.reason if unit is None else unit["reason"],
    }
    if gene is not None:
        row |= {
            "gene_id": gene.gene_id,
            "gene_name": gene.gene_name,
            "contig": gene.contig,
            "strand": gene.strand,
            "start": gene.start,
            "end": gene.end,
            "positions": gene.length if row["status"] == "processed" else 0,
        }
    return row
