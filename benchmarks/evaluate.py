"""Time and memory of `splicecore evaluate` on made-up tables of the genes of an annotation.

    python benchmarks/evaluate.py --annotation GRCh38.spliceai_table.txt --contigs 1,5,9 --models 2 --replicates 1000

Scores are random with the right proportions: sites high, some missed, few other positions high, errors shared by the
models. Each evaluation runs in a process of its own. Also prints how far off the average precision may be.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from splicecore.genome.annotation import Annotation, read_annotation
from splicecore.genome.contigs import canonical_name
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.genome.sites import SiteIndex
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.table import ScoreTable

OUTPUTS = ("neither", "acceptor", "donor")


def make_scores(labels: np.ndarray, gene: int, model: int) -> np.ndarray:
    """Random probabilities, float32 (n, 3)."""
    common, own = (np.random.default_rng([gene, number]) for number in (0, model + 1))
    logits = own.normal(-16, 3.2, (len(labels), 2))
    hard = common.random(len(labels)) < 5e-4
    for column in range(2):
        rows = np.flatnonzero(labels == column + 1)
        logits[rows, column] = common.normal(5, 3, len(rows)) + own.normal(0, 1, len(rows))
        rows = np.flatnonzero(hard & (labels == 0))
        logits[rows, column] = common.normal(-3, 2, len(rows)) + own.normal(0, 1, len(rows))
    scores = 1 / (1 + np.exp(-logits))
    scores /= np.maximum(1, scores.sum(axis=1, keepdims=True))
    return np.column_stack([1 - scores.sum(axis=1), scores]).astype(np.float32)


def make_table(folder: Path, annotation: Annotation, genes: list[Gene], model: int) -> Path:
    """Write one model's table as `splicecore run` would."""
    sites = SiteIndex(annotation)
    keys = [f"gene{number}" for number in range(len(genes))]
    parts = folder / f"parts{model}"
    parts.mkdir()
    for number, (key, gene) in enumerate(zip(keys, genes, strict=True)):
        write_part(part_path(parts, key), key, OUTPUTS, iter([make_scores(sites.labels(gene), number, model)]))
    contigs = list(dict.fromkeys(gene.contig for gene in genes))
    table = ScoreTable(genes=genes, keys=keys, parts=parts, build="GRCh38", contigs=contigs, outputs=OUTPUTS)
    path = folder / f"model{model}.parquet"
    table.write(path)
    return path


def main() -> int:
    """Make the tables and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotation", type=Path, required=True)
    parser.add_argument("--contigs", default="1,5,9")
    parser.add_argument("--models", type=int, default=2)
    parser.add_argument("--replicates", type=int, default=1000)
    arguments = parser.parse_args()
    annotation = read_annotation(arguments.annotation)
    wanted = {canonical_name(name) for name in arguments.contigs.split(",")}
    genes = [gene for gene in GeneCatalog(annotation).all() if canonical_name(gene.contig) in wanted]
    with tempfile.TemporaryDirectory() as name:
        paths = [make_table(Path(name), annotation, genes, model) for model in range(arguments.models)]
        for replicates in (0, arguments.replicates):
            command = [sys.executable, "-m", "splicecore", "evaluate", *map(str, paths)]
            command += ["--annotation", str(arguments.annotation), "--bootstrap", str(replicates), "--json"]
            started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            value = json.loads(done.stdout)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            error = max(
                model["figures"][kind]["average_precision_error"]
                for model in value["models"].values()
                for kind in OUTPUTS[1:]
            )
            print(
                f"{arguments.models} models, {value['positions']:,} positions of {value['genes']} genes, "
                f"{replicates} replicates: {time.perf_counter() - started:.1f} s, {cpu:.1f} s of processor time, "
                f"{after.ru_maxrss / 1024:.0f} MB; average precision within {error:.1e}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
