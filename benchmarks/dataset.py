"""What building a dataset costs: rows, classes, columns, time and peak memory, for half of the genes and for all.

    python benchmarks/dataset.py --fasta GRCh38.fa.gz --annotation GRCh38.gtf.gz --genes-file genes.txt --folder work
    python benchmarks/dataset.py ... --base-model spliceai --base-model openspliceai --models-dir openspliceai=DIR
    python benchmarks/dataset.py ... --artifacts PASS1 --artifacts PASS2 --exclude-chromosomes chr1,chr5,chr9

Every step is the command line's own, in a process of its own: the base-model pass of each model, unless finished ones
are given with --artifacts; then a dataset of half of the genes and one of all of them, in batches of the same size.
Peak memory is the largest resident memory of the command's processes. The time of the whole dataset is compared with
that of the passes, where these were done.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from splicecore.dataset.gene_list import gene_list, write_gene_list
from splicecore.dataset.manifest import read_manifest


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    inputs = ["--fasta", options.fasta, "--annotation", options.annotation]
    models = options.base_model or ["spliceai"]
    passes, scoring = (options.artifacts, 0.0) if options.artifacts else score(options, inputs, models)
    unwanted = (options.exclude_chromosomes or "").split(",")
    genes = [gene for gene in gene_list(passes[:1]) if gene["contig"] not in unwanted]
    write_gene_list(folder / "half.tsv", genes[: len(genes) // 2])
    write_gene_list(folder / "all.tsv", genes)
    peaks, took = [], 0.0
    for name in ("half", "all"):
        command = ["dataset", "build", *inputs, "--genes-file", str(folder / f"{name}.tsv")]
        command += [part for model in models for part in ("--base-model", model)]
        command += [part for place in passes for part in ("--artifacts", str(place))]
        command += ["--kmer-sizes", options.kmer_sizes, "--features", options.features]
        command += ["--batch-size", str(options.batch_size), "--batch-rows", str(options.batch_rows)]
        shutil.rmtree(folder / f"dataset_{name}", ignore_errors=True)
        took, memory = call(*command, "--workers", str(options.workers), "-o", str(folder / f"dataset_{name}"))
        peaks.append(memory)
        tell(folder / f"dataset_{name}", took, memory)
    print(f"peak memory of all genes by that of half of them: {peaks[1] / peaks[0]:.2f}")
    if scoring:
        print(f"time of the dataset by that of the passes: {took / scoring:.3f}")


def score(options: argparse.Namespace, inputs: list[str], models: list[str]) -> tuple[list[Path], float]:
    """Do the passes; returns their folders and their time in seconds."""
    weights = dict(item.partition("=")[::2] for item in options.models_dir)
    passes, seconds = [], 0.0
    for model in models:
        passes.append(options.folder / f"pass_{model}")
        place = ["--models-dir", weights[model]] if model in weights else []
        command = ["predict", *inputs, *chosen(options), "--base-model", model, *place]
        took, memory = call(*command, "--workers", str(options.workers), "-o", str(passes[-1]))
        seconds += took
        print(f"pass of {model}: {took:.1f} s, {memory:,} MB")
    return passes, seconds


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


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", required=True)
    parser.add_argument("--annotation", required=True)
    parser.add_argument("--base-model", action="append")
    parser.add_argument("--models-dir", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--genes-file", help="genes to score; all unless given")
    parser.add_argument("--chromosomes", help="genes to score; all unless given")
    parser.add_argument(
        "--artifacts", action="append", type=Path, help="finished passes, that of the first model first"
    )
    parser.add_argument("--exclude-chromosomes", metavar="A,B", help="leave their genes out of the datasets")
    parser.add_argument("--features", default="default")
    parser.add_argument("--kmer-sizes", default="3")
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--batch-rows", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True, help="for passes and datasets")
    return parser.parse_args()


if __name__ == "__main__":
    main()
