"""Compare the engines of the base model spliceai: torch (direct and fast convolutions) and TensorFlow, in turns.

In the environment of `make test-tensorflow`, which has both frameworks:

    python benchmarks/engines.py --positions 100000 --threads 1 --repeats 5
    python benchmarks/engines.py --fasta GRCh37.fa.gz --contig chr1 --start 900000 --positions 100000

Prints for each engine the seconds that opening and the first call take, the median positions per second (all five
networks) of the calls after it, the ratio to the first engine, and the largest difference from its scores. Without a
FASTA file the bases are random. Ends with status 1 if a score differs by more than 1e-5.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from splicecore.api import OpenRequest, encode
from splicecore_spliceai.model import open_model
from splicecore_spliceai.plugin import SPEC

LIMIT = 1e-5
ENGINES = {
    "torch": {"engine": "torch"},
    "torch-direct": {"engine": "torch", "config": {"convolutions": "direct"}},
    "tensorflow": {"engine": "tensorflow"},
}


def sequence(arguments: argparse.Namespace) -> np.ndarray:
    """Codes, uint8 (1, left + positions + right)."""
    width = SPEC.left + arguments.positions + SPEC.right
    if arguments.fasta is None:
        return np.random.default_rng(1).integers(0, 4, (1, width)).astype(np.uint8)
    import pysam

    with pysam.FastaFile(str(arguments.fasta)) as fasta:
        return encode(fasta.fetch(arguments.contig, arguments.start, arguments.start + width))[np.newaxis]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="torch,tensorflow", help=f"of {', '.join(ENGINES)} (%(default)s)")
    parser.add_argument("--positions", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--weights", type=Path, help="folder of spliceai1.h5 to spliceai5.h5 (those of `spliceai`)")
    parser.add_argument("--fasta", type=Path)
    parser.add_argument("--contig", default="chr1")
    parser.add_argument("--start", type=int, default=900_000)
    arguments = parser.parse_args()
    folder = arguments.weights or importlib.metadata.distribution("spliceai").locate_file("spliceai/models")
    codes = sequence(arguments)
    names = arguments.engines.split(",")

    models, opening, scores = {}, {}, {}
    for name in names:
        started = time.perf_counter()
        models[name] = open_model(SPEC, OpenRequest(weights=str(folder), threads=arguments.threads, **ENGINES[name]))
        scores[name] = models[name].predict(codes)
        opening[name] = time.perf_counter() - started
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(arguments.repeats):
        for name in names:
            started = time.perf_counter()
            models[name].predict(codes)
            seconds[name].append(time.perf_counter() - started)

    worst = 0.0
    first = statistics.median(seconds[names[0]])
    for name in names:
        median = statistics.median(seconds[name])
        off = float(np.abs(scores[name] - scores[names[0]]).max())
        worst = max(worst, off)
        print(f"{name}: opened, with the first call, in {opening[name]:.1f} s")
        print(f"  {arguments.positions / median:,.0f} positions/s, {first / median:.2f} of {names[0]}", end=" ")
        print(f"(calls of {min(seconds[name]):.2f} to {max(seconds[name]):.2f} s); largest difference {off:.2g}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{arguments.positions:,} positions, {arguments.threads} threads, {os.cpu_count()} cores; peak {peak:,.0f} MB"
    )
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
