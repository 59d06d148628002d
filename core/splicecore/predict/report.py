"""The report of a run: ``performance_report.json`` for machines and ``performance_report.txt`` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import write_json, write_text
from splicecore.evaluate.calls import sum_calls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from splicecore.config import PassConfig
    from splicecore.evaluate.calls import CallSummary
    from splicecore.predict.record import PlanRecord
    from splicecore.predict.runner import PassResult

__all__ = ["how_done", "write_reports"]


def how_done(config: PassConfig) -> dict[str, Any]:
    """Say who did the work, for the report."""
    return {
        "workers": config.workers,
        "threads": config.threads_per_worker,
        "device": config.device,
        "configuration": attrs.asdict(config),
    }


def write_reports(
    folder: Path,
    record: PlanRecord,
    result: PassResult,
    calls: Mapping[str, CallSummary],
    how: Mapping[str, Any],
    *,
    rows: int,
    inference: Mapping[str, Any] | None = None,
) -> None:
    """Write both reports.

    Parameters
    ----------
    calls
        Key of each scored gene -> how its calls compare with the annotation.
    how
        As :func:`how_done` says.
    rows
        What the table's file holds.
    inference
        What a meta-model did, of a run with one.
    """
    summary = sum_calls(calls)
    genes = [_gene(record, result, key, calls[key]) for key in record.keys if key in calls]
    report = {**_report(record, result, summary, genes), **how}
    report["counters"]["rows_written"] = rows
    if inference is not None:
        report["inference"] = dict(inference)
    write_json(folder / "performance_report.json", report)
    write_text(folder / "performance_report.txt", _text(report))


def _gene(record: PlanRecord, result: PassResult, key: str, calls: CallSummary) -> dict[str, Any]:
    gene, unit = record.gene(key), result.units[key]
    return {
        "gene_id": gene.gene_id,
        "gene_name": gene.gene_name,
        "contig": gene.contig,
        "strand": gene.strand,
        "positions": gene.length,
        "seconds": round(float(unit["seconds"]), 3),
        "reused": bool(unit.get("reused", False)),
        **calls.as_json()["calls"],
    }


def _report(
    record: PlanRecord, result: PassResult, summary: CallSummary, genes: list[dict[str, Any]]
) -> dict[str, Any]:
    scored = sum(gene["positions"] for gene in genes if not gene["reused"])
    seconds = result.stages.get("score", 0.0)
    return {
        "schema": "splicecore-performance/1",
        "command": "predict" if "pass" in record.identity else "run",
        "base_model": {name: record.base_model[name] for name in ("name", "engine", "fingerprint")},
        "build": record.build,
        "flank": record.flank,
        "stages": [_stage(name, seconds, result.work.get(name, {})) for name, seconds in result.stages.items()],
        "counters": {
            "genes_requested": len(record.entries),
            "genes_scored": len(genes),
            "genes_reused": sum(gene["reused"] for gene in genes),
            "positions": sum(gene["positions"] for gene in genes),
            "positions_scored": scored,
            "positions_per_second": round(scored / seconds) if scored and seconds else None,
            "base_model_calls": result.total("calls"),
            "bases_read": result.total("bases_read"),
            "unknown_bases": result.total("unknown_bases"),
            **dict(sorted(result.counters.items())),
        },
        "peak_memory_mb": round(result.peak_memory / 1e6),
        "accuracy": summary.as_json(),
        "genes": genes,
    }


def _stage(name: str, seconds: float, work: Mapping[str, int]) -> dict[str, Any]:
    positions = work.get("positions")
    rate = {} if not positions or not seconds else {"positions_per_second": round(positions / seconds)}
    return {"stage": name, "seconds": round(seconds, 3), **work, **rate}


def _text(report: dict[str, Any]) -> str:
    counters, model = report["counters"], report["base_model"]
    genes = f"{counters['genes_scored']} of {counters['genes_requested']} scored"
    reused = f", {counters['genes_reused']} of them found from before" if counters["genes_reused"] else ""
    where = f"{report['workers']} worker(s) x {report['threads']} thread(s), {report['device']}"
    what = f"{model['name']} ({model['engine']}) on {report['build']}, flank {report['flank']}"
    lines = [
        f"splicecore {report['command']}: {what}",
        "",
        f"genes      {genes}{reused}",
        f"positions  {counters['positions']:,}",
        f"rows       {_coverage(report)}",
        f"speed      {_number(counters['positions_per_second'])} positions/s ({where})",
        f"memory     {report['peak_memory_mb']} MB at most in one process",
        *_inference_lines(report.get("inference")),
        "",
        *_stage_table(report["stages"]),
        "",
        f"Calls at a probability of {report['accuracy']['threshold']} against the annotation (exact positions)",
        *_call_table(report["accuracy"]["calls"]),
        *_final_calls(report.get("inference")),
        "",
        "Mean score around annotated sites, by offset in transcript orientation (the best must be +0)",
        *_offset_table(report["accuracy"]["offsets"]),
        "",
        *_gene_table(report["genes"]),
    ]
    return "\n".join(lines) + "\n"


def _inference_lines(inference: Mapping[str, Any] | None) -> list[str]:
    if inference is None:
        return []
    model, selection = inference["meta_model"], inference["selection"]
    counts = inference["positions"]
    share = f"{counts['recalibrated'] / counts['all']:.2%}" if counts["all"] else "none"
    rate = "" if selection["target_rate"] is None else f", to reach a rate of {selection['target_rate']:g}"
    reasons = ", ".join(f"{name} {number:,}" for name, number in inference["reasons"].items())
    return [
        f"meta-model {model['name']} ({model['folder']}, {model['fingerprint'][:12]}), mode {inference['mode']}",
        f"selection  {selection['strategy']}, uncertainty of at least {selection['threshold']:g}{rate}",
        f"           {counts['recalibrated']:,} positions recalibrated ({share}): {reasons or 'none'}",
        f"           {inference['changed_calls']:,} calls changed",
    ]


def _stage_table(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [["stage", "seconds", "positions", "found", "positions/s"]]
    for row in stages:
        counts = (row.get(name) for name in ("positions", "found", "positions_per_second"))
        rows.append([row["stage"], f"{row['seconds']:.2f}", *(_number(value) for value in counts)])
    wide = 2 if all(cell == "-" for row in rows[1:] for cell in row[2:]) else 5
    return _columns([row[:wide] for row in rows])


def _final_calls(inference: Mapping[str, Any] | None) -> list[str]:
    if inference is None:
        return []
    accuracy = inference["accuracy"]
    least = ", ".join(f"{name} {value:.3g}" for name, value in accuracy["threshold"].items())
    return ["", f"Final calls ({least}) against the annotation", *_call_table(accuracy["calls"])]


def _coverage(report: dict[str, Any]) -> str:
    """How much of the scored positions the table holds."""
    rows, positions = report["counters"]["rows_written"], report["counters"]["positions"]
    if report["command"] == "predict":
        return f"{rows:,} labeled positions"
    least = report["configuration"].get("min_score")
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
