r"""What hybrid inference costs: beside base_only on genes without scores, and a gene with all base scores in place.

    python benchmarks/hybrid_speed.py cold --data-root ROOT --meta-model MODEL --models-dir NAME=FOLDER --genes A,B,C
    python benchmarks/hybrid_speed.py warm --data-root ROOT --meta-model MODEL --models-dir NAME=FOLDER --genes-file F

``cold``: the same genes in the modes base_only (once for each base model of the meta-model, seconds added up) and
hybrid, nothing reused, in turns, each run its own process; prints medians and the ratio within each turn of elapsed
and of processor time. ``warm``: a hybrid run whose base scores are found, with an empty cache of the meta-model's
probabilities, and again with a filled one; prints seconds a gene, start-up, tables and report included, and the most
memory of a process. Both need the data root's resources, ``warm`` its finished passes too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from splicecore.api import Session
from splicecore.artifacts.store import read_json


class Cost(NamedTuple):
    """Seconds elapsed, seconds of processor time, megabytes of the largest process."""

    elapsed: float
    processor: float
    memory: float


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cold", "warm"))
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--source", default="refseq")
    parser.add_argument("--build", default="GRCh38")
    parser.add_argument("--meta-model", required=True)
    parser.add_argument("--models-dir", help="NAME=FOLDER of base models' weights, separated by commas")
    parser.add_argument("--genes", default="LMNA,MUTYH,XPA,CDC73")
    parser.add_argument("--genes-file")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def run(options: argparse.Namespace, output: Path, *words: str, cache: Path | None = None) -> Cost:
    """Run ``splicecore run`` in a process of its own."""
    genes = ["--genes-file", options.genes_file] if options.genes_file else ["--genes", options.genes]
    command = [sys.executable, "-m", "splicecore", "run", "--data-root", options.data_root, "--source", options.source]
    command += ["--build", options.build, *genes, "--threads", options.threads, "-q", "-o", str(output), *words]
    environment = {**os.environ, **({} if cache is None else {"SPLICECORE_CACHE_DIR": str(cache)})}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=environment)
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = read_json(output / "performance_report.json")["peak_memory_mb"]
    return Cost(elapsed, processor, float(memory))


def weights(options: argparse.Namespace, model: str) -> list[str]:
    """Option with the weights of one base model."""
    given = dict(text.split("=", 1) for text in (options.models_dir or "").split(",") if text)
    return ["--models-dir", given[model]] if model in given else []


def cold(options: argparse.Namespace, folder: Path) -> None:
    """Take turns; print medians and ratios."""
    with Session().open_meta_model(options.meta_model) as scorer:
        models = scorer.base_models
    all_weights = ["--models-dir", options.models_dir] if options.models_dir else []
    turns = []
    for turn in range(options.repeats):
        alone = [
            run(options, folder / f"{model}{turn}", "--base-model", model, "--no-reuse", *weights(options, model))
            for model in models
        ]
        hybrid = run(options, folder / f"hybrid{turn}", "--meta-model", options.meta_model, "--no-reuse", *all_weights)
        base = Cost(sum(one.elapsed for one in alone), sum(one.processor for one in alone), 0)
        turns.append((base, hybrid))
        print(f"turn {turn + 1}: base_only {base.elapsed:.1f} s ({base.processor:.1f} s of processor time), "
              f"hybrid {hybrid.elapsed:.1f} s ({hybrid.processor:.1f} s)", flush=True)  # fmt: skip
    for field in ("elapsed", "processor"):
        ratios = [getattr(hybrid, field) / getattr(base, field) for base, hybrid in turns]
        print(f"{field}: {statistics.median(ratios):.3f} times ({min(ratios):.3f}-{max(ratios):.3f})")
    print(f"largest process of a hybrid run: {max(hybrid.memory for _, hybrid in turns):.0f} MB")


def warm(options: argparse.Namespace, folder: Path) -> None:
    """Run with an empty and with a filled cache; print what a gene costs."""
    words = ["--meta-model", options.meta_model, *(["--models-dir", options.models_dir] if options.models_dir else [])]
    run(options, folder / "first", *words, cache=folder / "cache")  # hashes of files and models are known afterwards
    for name in ("empty", "filled"):
        for turn in range(options.repeats):
            if name == "empty":
                shutil.rmtree(folder / "cache" / "meta", ignore_errors=True)
            output = folder / f"{name}{turn}"
            cost = run(options, output, *words, cache=folder / "cache")
            report = read_json(output / "performance_report.json")
            positions = report["inference"]["positions"]
            genes = len(read_json(output / "gene_manifest.json")["genes"])
            print(
                f"{name}: {genes} genes, {positions['all']:,} positions, {positions['recalibrated']:,} recalibrated, "
                f"{cost.elapsed:.1f} s ({cost.processor:.1f} s of processor time), {cost.elapsed / genes:.2f} s a gene "
                f"({cost.processor / genes:.2f}), {cost.memory:.0f} MB, "
                f"{report['counters'].get('positions_scored', 0):,} positions scored by base models",
                flush=True,
            )


def main() -> None:
    """Measure."""
    options = arguments()
    with tempfile.TemporaryDirectory() as name:
        (cold if options.what == "cold" else warm)(options, Path(name))


if __name__ == "__main__":
    main()
