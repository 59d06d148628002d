"""How much sooner ``splicecore run`` of one gene is there when resources and scores are in place.

    python benchmarks/warm_start.py --fasta GRCh38.fa.gz --annotation GRCh38.gtf.gz --gene MPZ

Every run is a process of its own. Cold: an empty cache, so that the genome is hashed, the annotation read, its datasets
derived, the weights opened and the gene scored. Warm: the same command again with another output folder. Printed are
medians of the seconds from start to result, their ratio, and the counters that say what each did; the script ends with
status 1 if a warm run derived, read, opened or scored anything, if its table differs from the cold one's, or if it is
less than ``--ratio`` times as fast.

Reading files for the first time since the machine started costs more than either; the first cold run is not counted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COUNTERS = ("datasets_derived", "base_models_opened", "base_model_calls", "bases_read", "positions_scored")


def run(arguments: argparse.Namespace, cache: Path, output: Path) -> dict[str, Any]:
    """Run the command in a process of its own; returns seconds, counters and the table's hash."""
    command = [
        sys.executable, "-m", "splicecore", "run", "--fasta", arguments.fasta, "--annotation", arguments.annotation,
        "--base-model", arguments.base_model, "--genes", arguments.gene, "--output-dir", str(output), "--quiet",
    ]  # fmt: skip
    started = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "SPLICECORE_CACHE_DIR": str(cache)})
    seconds = time.perf_counter() - started
    counters = json.loads((output / "performance_report.json").read_text(encoding="utf-8"))["counters"]
    table = (output / "predictions" / "base_model_predictions.parquet").read_bytes()
    return {
        "seconds": seconds,
        "counters": {name: counters[name] for name in COUNTERS},
        "table": hashlib.sha256(table).hexdigest(),
    }


def describe(name: str, runs: list[dict[str, Any]]) -> float:
    """Print a line and return the median of the seconds."""
    seconds = [one["seconds"] for one in runs]
    counters = "  ".join(f"{counter} {value:,}" for counter, value in runs[-1]["counters"].items())
    median = statistics.median(seconds)
    print(f"{name}  {median:6.2f} s ({min(seconds):.2f}-{max(seconds):.2f})  {counters}")
    return median


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--fasta", required=True)
    parser.add_argument("--annotation", required=True)
    parser.add_argument("--gene", default="MPZ")
    parser.add_argument("--base-model", default="spliceai")
    parser.add_argument("--repeats", type=int, default=5, help="warm runs; there are about half as many cold ones")
    parser.add_argument("--ratio", type=float, default=10.0, help="least ratio of cold to warm")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold = [
            run(arguments, folder / f"cache{i}", folder / f"cold{i}") for i in range(1 + (arguments.repeats + 1) // 2)
        ]
        warm = [run(arguments, folder / "cache0", folder / f"warm{i}") for i in range(arguments.repeats)]
    ratio = describe("cold", cold[1:]) / describe("warm", warm)
    print(f"{ratio:.1f} times as fast")
    idle = all(not any(one["counters"].values()) for one in warm)
    same = len({one["table"] for one in [*cold, *warm]}) == 1
    for problem, wrong in (
        ("a warm run did work that was done", not idle),
        ("the tables differ", not same),
        (f"less than {arguments.ratio:g} times as fast", ratio < arguments.ratio),
    ):
        if wrong:
            print(problem)
    return int(not idle or not same or ratio < arguments.ratio)


if __name__ == "__main__":
    sys.exit(main())
