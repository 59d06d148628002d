"""Accuracy of a base model's predictions against an annotation: average precision, top-k, calls, zero-offset check.

    python benchmarks/accuracy.py out/predictions/base_model_predictions.parquet --annotation genes.gtf --contigs 1,5,9

A short form of `splicecore evaluate` for one table: no intervals, and status 1 if scores lie beside the sites.
Every row counts: a position of two genes counts once for each. A position is a true site if an annotated transcript has
it, by default one of any gene on the same strand (`--scope gene`: of the row's own gene only; sites of other genes are
left out then).

`--mask-boundary` names a table of transcripts that the annotation lacks because the known sequence ends within them
(tab-separated; columns chrom, strand, exon_starts_0based, exon_ends). Their splice sites are real but not annotated, so
these positions are left out, unless the annotation has them too.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.errors import SplicecoreError
from splicecore.evaluate.config import EvaluateConfig, ModelInput
from splicecore.evaluate.evaluation import evaluate_tables
from splicecore.evaluate.report import evaluation_json
from splicecore.genome.annotation import read_annotation

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = ("acceptor", "donor")
FIGURES = ("false_positives", "false_negatives", "precision", "recall")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the table and pick the figures."""
    contigs = tuple(name for name in (arguments.contigs or "").split(",") if name)
    config = EvaluateConfig(
        scope=arguments.scope,
        contigs=contigs,
        thresholds=(repr(arguments.threshold),),
        mask_boundary=None if arguments.mask_boundary is None else str(arguments.mask_boundary),
        max_offset=arguments.max_offset,
        bootstrap=0,
    )
    found = evaluate_tables([ModelInput("model", arguments.predictions)], read_annotation(arguments.annotation), config)
    value = evaluation_json(found)
    model = value["models"]["model"]
    figures: dict[str, Any] = {
        "builds": [value["build"]],
        "contigs": value["contigs"],
        "genes": value["genes"],
        "positions": value["positions"],
        "masked_rows": value["mask"]["rows"],
        "masked_positions": value["mask"]["positions"],
        "threshold": arguments.threshold,
    }
    for kind in TYPES:
        whole = model["figures"][kind]
        (at,) = whole["operating_points"].values()
        names = ("sites", "average_precision", "top_k")
        figures[kind] = {name: whole[name] for name in names} | {name: at[name] for name in FIGURES}
    figures["offsets"] = model["offsets"]
    return figures


def report(figures: dict[str, Any]) -> Iterator[str]:
    """Lines for people."""
    yield (
        f"{figures['positions']:,} positions of {figures['genes']:,} genes on {', '.join(figures['contigs'])} "
        f"({', '.join(figures['builds'])})"
    )
    masked, rows = figures["masked_positions"], figures["masked_rows"]
    yield f"left out: {masked:,} positions that are sites of boundary transcripts or other genes ({rows:,} rows)"
    yield ""
    at = f"at {figures['threshold']:g}"
    yield f"{'type':<10}{'sites':>9}{'AP':>9}{'top-k':>9}{'FP ' + at:>11}{'FN ' + at:>11}{'precision':>11}{'recall':>9}"
    for kind in TYPES:
        row = {name: float("nan") if value is None else value for name, value in figures[kind].items()}
        yield (
            f"{kind:<10}{row['sites']:>9,}{row['average_precision']:>9.4f}{row['top_k']:>9.4f}"
            f"{row['false_positives']:>11,}{row['false_negatives']:>11,}{row['precision']:>11.4f}{row['recall']:>9.4f}"
        )
    yield ""
    yield "mean score by offset from annotated sites, transcript orientation (the best must be 0)"
    for row in figures["offsets"]:
        means = "  ".join(f"{int(offset):+d}:{mean:.3f}" for offset, mean in row["means"].items() if mean is not None)
        yield f"{row['strand']} {row['type']:<9}{row['sites']:>7,} sites  best {row['best']:+d}   {means}"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path, help="predictions/base_model_predictions.parquet of a run")
    parser.add_argument("--annotation", type=Path, required=True, help="GTF or SpliceAI table, of the run's build")
    parser.add_argument("--contigs", help="only these, comma-separated, with or without chr (default: all)")
    parser.add_argument("--scope", choices=("strand", "gene"), default="strand", help="whose sites are true ones")
    parser.add_argument("--mask-boundary", type=Path, metavar="TSV", help="transcripts whose sites are left out")
    parser.add_argument("--threshold", type=float, default=0.5, help="lowest score that is called (default: 0.5)")
    parser.add_argument("--max-offset", type=int, default=5, help="largest offset that is looked at (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the figures; status 1 if an offset other than 0 is best."""
    arguments = parse(argv)
    try:
        figures = measure(arguments)
    except SplicecoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    print("\n".join(report(figures)))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["best"] == 0 for row in figures["offsets"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
