"""The report of a run: ``performance_report.json`` for machines and ``performance_report.txt`` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import write_json, write_text
from splicecore.evaluate.calls import CallSummary, count_calls
from splicecore.genome.sites import SiteIndex
from splicecore.predict.parts import PartReader, part_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from splicecore.config import RunConfig
    from splicecore.predict.plan import ScorePlan
    from splicecore.predict.table import ScoreTable
    from splicecore.predict.workflow import PassResult

__all__ = ["write_reports"]


def write_reports(
    folder: Path, plan: ScorePlan, result: PassResult, config: RunConfig, table: ScoreTable, *, rows: int
) -> None:
    """Compare the calls with the annotation and write both reports; ``rows`` is what the table's file holds."""
    summary = CallSummary()
    per_gene = []
    with result.stage("compare with annotation"):
        sites = SiteIndex(plan.annotation)
        for gene, key in zip(table.genes, table.keys, strict=True):
            with PartReader(part_path(table.parts, key)) as part:
                calls = count_calls(gene, part, *sites.site_masks(gene, scope="strand"))
            summary += calls
            unit = result.units[key]
            per_gene.append(
                {
                    "gene_id": gene.gene_id,
                    "gene_name": gene.gene_name,
                    "contig": gene.contig,
                    "strand": gene.strand,
                    "positions": gene.length,
                    "seconds": round(float(unit["seconds"]), 3),
                    "reused": bool(unit.get("reused", False)),
                    **dict(calls.as_json()["calls"].items()),
                }
            )
    report = _report(plan, result, config, summary, per_gene)
    report["counters"]["rows_written"] = rows
    write_json(folder / "performance_report.json", report)
    write_text(folder / "performance_report.txt", _text(report))


def _report(
    plan: ScorePlan, result: PassResult, config: RunConfig, summary: CallSummary, per_gene: list[dict[str, Any]]
) -> dict[str, Any]:
    scored = sum(gene["positions"] for gene in per_gene if not gene["reused"])
    seconds = result.stages.get("score", 0.0)
    return {
        "schema": "splicecore-performance/1",
        "base_model": {"name": plan.spec.name, "engine": plan.request.engine, "fingerprint": plan.fingerprint},
        "build": plan.build,
        "flank": plan.flank,
        "workers": config.workers,
        "threads": config.threads_per_worker,
        "device": config.device,
        "stages": [{"stage": name, "seconds": round(value, 3)} for name, value in result.stages.items()],
        "counters": {
            "genes_requested": len(plan.entries),
            "genes_scored": len(per_gene),
            "genes_reused": sum(gene["reused"] for gene in per_gene),
            "positions": sum(gene["positions"] for gene in per_gene),
            "positions_scored": scored,
            "positions_per_second": round(scored / seconds) if scored and seconds else None,
            "base_model_calls": result.total("calls"),
            "bases_read": result.total("bases_read"),
            "unknown_bases": result.total("unknown_bases"),
        },
        "peak_memory_mb": round(result.peak_memory / 1e6),
        "accuracy": summary.as_json(),
        "genes": per_gene,
        "configuration": attrs.asdict(config),
    }


def _text(report: dict[str, Any]) -> str:
    counters, model = report["counters"], report["base_model"]
    genes = f"{counters['genes_scored']} of {counters['genes_requested']} scored"
    reused = f", {counters['genes_reused']} of them found from before" if counters["genes_reused"] else ""
    where = f"{report['workers']} worker(s) x {report['threads']} thread(s), {report['device']}"
    lines = [
        f"splicecore run: {model['name']} ({model['engine']}) on {report['build']}, flank {report['flank']}",
        "",
        f"genes      {genes}{reused}",
        f"positions  {counters['positions']:,}",
        f"rows       {_coverage(report)}",
        f"speed      {_number(counters['positions_per_second'])} positions/s ({where})",
        f"memory     {report['peak_memory_mb']} MB at most in one process",
        "",
        *_columns([["stage", "seconds"], *([row["stage"], f"{row['seconds']:.2f}"] for row in report["stages"])]),
        "",
        f"Calls at a probability of {report['accuracy']['threshold']} against the annotation (exact positions)",
        *_call_table(report["accuracy"]["calls"]),
        "",
        "Mean score around annotated sites, by offset in transcript orientation (the best must be +0)",
        *_offset_table(report["accuracy"]["offsets"]),
        "",
        *_gene_table(report["genes"]),
    ]
    return "\n".join(lines) + "\n"


def _coverage(report: dict[str, Any]) -> str:
    """How much of the scored positions the table holds."""
    rows, positions = report["counters"]["rows_written"], report["counters"]["positions"]
    least = report["configuration"]["min_score"]
    if least is None:
        return f"{rows:,}: complete coverage"
    share = f"{rows / positions:.2%} of the positions" if positions else "no position"
    return f"{rows:,}: {share}, those that score {least:g} or more as acceptor or donor; the others were scored too"


def _call_table(calls: dict[str, Any]) -> list[str]:
    rows = [["", "annotated", "found", "recall", "other calls", "precision"]]
    for name, row in calls.items():
        counts = [str(row[field]) for field in ("sites", "found", "other_calls")]
        rows.append([name, *counts[:2], _number(row["recall"]), counts[2], _number(row["precision"])])
    return _columns(rows)


def _offset_table(offsets: dict[str, Any]) -> list[str]:
    if not offsets:
        return ["no annotated sites"]
    first = next(iter(offsets.values()))
    header = ["strand, type", "sites", "best", *first["mean_score"]]
    rows = [
        [name, str(row["sites"]), f"{row['best']:+d}", *(_number(mean) for mean in row["mean_score"].values())]
        for name, row in offsets.items()
    ]
    return _columns([header, *rows])


def _gene_table(genes: Sequence[dict[str, Any]]) -> list[str]:
    rows = [["gene", "location", "positions", "acceptors found", "donors found", "other calls", "seconds"]]
    for gene in genes:
        calls = [gene[name] for name in ("acceptor", "donor")]
        rows.append(
            [
                gene["gene_name"] or gene["gene_id"],
                f"{gene['contig']} ({gene['strand']})",
                f"{gene['positions']:,}",
                *(f"{call['found']}/{call['sites']}" for call in calls),
                str(sum(call["other_calls"] for call in calls)),
                "from before" if gene["reused"] else f"{gene['seconds']:.2f}",
            ]
        )
    return _columns(rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
