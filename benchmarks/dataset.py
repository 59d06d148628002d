"""What building a dataset costs: rows, classes, columns, time and peak memory, for half of the genes and for all.

    python benchmarks/dataset.py --fasta GRCh38.fa.gz --annotation GRCh38.gtf.gz --base-model spliceai \\
        --base-model openspliceai --models-dir spliceai=DIR --models-dir openspliceai=DIR \\
        --genes-file genes.txt --folder work

Every step is the command line's own, in a process of its own: the base-model pass of each model (a pass that the
folder has is not done again), then a dataset of half of the genes and one of all of them, with the same batches. Peak
memory is the largest resident memory of the command's processes. The cost of the rows is compared with that of the
scores: the time of the build divided by the time of the passes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from splicecore.dataset.gene_list import gene_list, write_gene_list
from splicecore.dataset.manifest import read_manifest


def main() -> None:
    options = arguments()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    inputs = ["--fasta", options.fasta, "--annotation", options.annotation]
    models = options.base_model or ["spliceai"]
    weights = dict(item.partition("=")[::2] for item in options.models_dir)
    seconds = 0.0
    for model in models:
        took, memory = call("predict", *inputs, *chosen(options), "--base-model", model, *given(weights, model),
                            "--workers", str(options.workers), "-o", str(folder / f"pass_{model}"))  # fmt: skip
        seconds += took
        print(f"pass of {model}: {took:.1f} s, {memory:,} MB")
    passes = [folder / f"pass_{model}" for model in models]
    genes = gene_list(passes[:1])
    write_gene_list(folder / "half.tsv", genes[: len(genes) // 2])
    write_gene_list(folder / "all.tsv", genes)
    peaks = []
    for name in ("half", "all"):
        command = ["dataset", "build", *inputs, "--genes-file", str(folder / f"{name}.tsv")]
        command += [part for model in models for part in ("--base-model", model)]
        command += [part for place in passes for part in ("--artifacts", str(place))]
        command += ["--kmer-sizes", options.kmer_sizes, "--features", options.features]
        command += ["--batch-size", str(options.batch_size), "--batch-rows", str(options.batch_rows)]
        command += ["--workers", str(options.workers), "--overwrite", "-o", str(folder / f"dataset_{name}")]
        took, memory = call(*command)
        peaks.append(memory)
        tell(folder / f"dataset_{name}", took, memory)
    print(f"peak memory of all genes by that of half of them: {peaks[1] / peaks[0]:.2f}")
    print(f"time of the dataset by that of the passes, if these were done now: {took / seconds:.3f}")


def tell(folder: Path, took: float, memory: int) -> None:
    """Print what a dataset is."""
    manifest = read_manifest(folder)
    size = sum(path.stat().st_size for path in (folder / "master").iterdir())
    print(
        f"{folder.name}: {manifest.genes:,} genes, {manifest.rows:,} rows, {len(manifest.contract['columns'])} features"
    )
    print(f"  {json.dumps(manifest.classes)} {json.dumps(manifest.pred_types)}")
    print(f"  {took:.1f} s, {manifest.rows / took:,.0f} rows/s, {memory:,} MB, {size / 1e6:,.1f} MB on disk")


def call(*command: str) -> tuple[float, int]:
    """Run the command line; returns seconds and the peak memory of its largest process in MB."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "splicecore", *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 6):
        sys.exit(f"splicecore {' '.join(command)} failed")
    kilobytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
    return time.perf_counter() - started, kilobytes // 1024


def chosen(options: argparse.Namespace) -> list[str]:
    """Return the options that choose genes for the passes."""
    if options.genes_file is not None:
        return ["--genes-file", options.genes_file]
    if options.chromosomes is not None:
        return ["--chromosomes", options.chromosomes]
    return ["--all-genes"]


def given(weights: dict[str, Any], model: str) -> list[str]:
    return ["--models-dir", weights[model]] if model in weights else []


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", required=True)
    parser.add_argument("--annotation", required=True)
    parser.add_argument("--base-model", action="append")
    parser.add_argument("--models-dir", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--genes-file", help="genes to score; all unless given")
    parser.add_argument("--chromosomes", help="genes to score; all unless given")
    parser.add_argument("--features", default="default")
    parser.add_argument("--kmer-sizes", default="3")
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--batch-rows", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="for passes and datasets")
    return parser.parse_args()


if __name__ == "__main__":
    main()
