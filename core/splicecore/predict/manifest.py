"""What a run says about itself for machines: ``manifest.json`` and ``gene_manifest.json``, without times or paths."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splicecore.predict.plan import ScorePlan
    from splicecore.predict.selection import GeneEntry
    from splicecore.predict.workflow import PassResult
    from splicecore.session import Session

__all__ = ["gene_manifest", "run_manifest"]

_PACKAGES = ("numpy", "pyarrow", "pysam", "torch")


def run_manifest(session: Session, plan: ScorePlan, rows: int, *, failed: int) -> dict[str, Any]:
    """Content of ``manifest.json``, less the files' hashes: identity, versions, row counts."""
    return {
        "schema": "splicecore-run/1",
        "identity": dict(plan.identity),
        "rows": rows,
        "genes": len(plan.genes),
        "failed": failed,
        "inputs": {"fasta": plan.fasta.name, "annotation": plan.annotation.path.name},
        "base_model": {
            "name": plan.spec.name,
            "summary": plan.spec.summary,
            "licence": plan.spec.licence,
            "commercial_use": plan.spec.commercial_use,
            "citation": plan.spec.citation,
        },
        "plugins": {
            record.name: f"{record.distribution} {record.version}"
            for record in session.host.records
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


def gene_manifest(plan: ScorePlan, result: PassResult) -> dict[str, Any]:
    """Content of ``gene_manifest.json``: every gene that was asked for, its status and why it could not be scored."""
    keys = dict(zip(plan.genes, plan.keys, strict=True))
    genes = [
        _entry(entry, result.units.get(keys.get(entry.gene, "")) if entry.gene else None) for entry in plan.entries
    ]
    return {
        "schema": "splicecore-genes/1",
        "build": plan.build,
        "base_model": plan.spec.name,
        "flank": plan.flank,
        "counts": dict(sorted(Counter(gene["status"] for gene in genes).items())),
        "genes": genes,
    }


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
