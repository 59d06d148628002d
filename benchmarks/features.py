"""How fast features are computed, on one core, and what they cost beside the base model's scores.

    python benchmarks/features.py                                          # rows a second of each set
    python benchmarks/features.py --base-model spliceai --models-dir DIR   # and the ratio to scoring the positions

One gene of random bases (``--bases``), with the base model's scores or random ones, is turned into features: all
of its positions in batches of the pipeline's own size, and one in a hundred. Printed are medians, least and largest
of ``--repeats``, by the processor time of the process, which has one thread at work. The ratio divides the processor
time that the features of all positions cost by that of scoring the same positions in memory, reading and writing not
counted on either side.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
from splicecore.features.configs import FeatureConfig
from splicecore.features.gene_record import GeneRecord
from splicecore.features.matrix import to_matrix
from splicecore.features.pipeline import FeaturePipeline
from splicecore.features.presets import feature_preset
from splicecore.genome.genes import Gene
from splicecore.plugins.host import PluginHost
from splicecore.plugins.specs import OpenRequest
from splicecore.predict.blocks import Block

if TYPE_CHECKING:
    from collections.abc import Callable

HALO = 5_000
CONFIGS = {
    "probability": FeatureConfig(sets=("probability",)),
    "context": FeatureConfig(sets=("context",)),
    "partners": FeatureConfig(sets=("partners",)),
    "probability + context": FeatureConfig(sets=("probability", "context")),
    "sequence, composition": FeatureConfig(sets=("sequence",), settings={"sequence": {"kmer_sizes": []}}),
    "sequence, 3-mers": FeatureConfig(
        sets=("sequence",), settings={"sequence": {"kmer_sizes": [3], "composition": []}}
    ),
    "sequence, 6-mers": FeatureConfig(
        sets=("sequence",), settings={"sequence": {"kmer_sizes": [6], "composition": []}}
    ),
    "structural": FeatureConfig(sets=("structural",)),
    "preset default": feature_preset("default"),
    "preset seed": feature_preset("seed"),
}


def seconds(work: Callable[[], object], repeats: int) -> list[float]:
    """Processor time of each repeat, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return times


def make_block(bases: int, scores: np.ndarray, codes: np.ndarray) -> Block:
    """Make the block of one gene on the minus strand."""
    gene = Gene("G1", "G1", "chr1", "-", 10_000, 10_000 + bases, 0)
    return Block(gene=gene, build="random", flank="real", halo=HALO, codes=codes, scores={"model": scores})


def record(gene: Gene) -> GeneRecord:
    """Gene features, invented."""
    return GeneRecord(
        gene_id=gene.gene_id,
        gene_name=gene.gene_name,
        gene_biotype="protein_coding",
        contig=gene.contig,
        strand=gene.strand,
        start=gene.start,
        end=gene.end,
        gene_length=gene.length,
        num_transcripts=3,
        num_exons=12,
        avg_exon_length=150.0,
        median_exon_length=120.0,
        total_exon_length=1_800,
        total_intron_length=gene.length - 1_800,
        n_splice_sites=22,
        num_overlaps=1,
    )


def score(name: str, models_dir: str | None, codes: np.ndarray, tile: int) -> tuple[np.ndarray, float]:
    """Score the gene with one thread; returns the scores and the processor time."""
    host = PluginHost.discover()
    with host.open_base_model(host.base_model(name), OpenRequest(weights=models_dir, threads=1)) as model:
        left, right, length = model.spec.left, model.spec.right, len(codes) - 2 * HALO
        if max(left, right) > HALO:
            raise SystemExit(f"{name} wants {max(left, right)} bases of context; the benchmark has {HALO}")
        inner = codes[HALO - left : HALO + length + right]
        model.predict(inner[None, : left + min(tile, length) + right])
        start = time.process_time()
        tiles = [
            model.predict(inner[None, first : left + min(first + tile, length) + right])[0]
            for first in range(0, length, tile)
        ]
        return np.concatenate(tiles), time.process_time() - start


def measure(block: Block, index: np.ndarray, repeats: int, scoring: float | None) -> None:
    """Print one line for each configuration."""
    host, resources = PluginHost(), {"gene_features": record(block.gene)}
    head = f"{'':24}{'columns':>8}{'rows/s':>12}{'(least, largest)':>26}"
    print(head + (f"{'of scoring':>12}" if scoring else ""))
    for name, config in CONFIGS.items():
        pipeline = FeaturePipeline.open(config, host, ["model"])
        rows = index if len(pipeline.schema) < 1_000 else index[: max(1, len(index) // 20)]

        def work(pipeline: FeaturePipeline = pipeline, rows: np.ndarray = rows) -> None:
            for _ in pipeline.batches(block, rows, resources):
                pass

        times = seconds(work, repeats)
        rates = [len(rows) / each for each in times]
        span = f"({min(rates):,.0f}, {max(rates):,.0f})"
        line = f"{name:24}{len(pipeline.schema):8}{statistics.median(rates):12,.0f}{span:>26}"
        cost = statistics.median(times) / len(rows)
        print(line + (f"{cost / (scoring / block.length):12.2%}" if scoring else ""))


def matrix(block: Block, repeats: int) -> None:
    """Print the rate of turning a batch into a matrix."""
    pipeline = FeaturePipeline.open(feature_preset("default"), PluginHost(), ["model"])
    batch = next(pipeline.batches(block, np.arange(block.length)))
    times = seconds(lambda: to_matrix(batch), repeats)
    print(f"{'to_matrix, default':24}{batch.num_columns:8}{batch.num_rows / statistics.median(times):12,.0f}")


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bases", type=int, default=300_000, help="positions of the gene")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--base-model", help="score with this model and print the ratio to its cost")
    parser.add_argument("--models-dir", help="folder of its weights")
    parser.add_argument("--tile", type=int, default=200_000, help="positions that the base model scores at once")
    args = parser.parse_args()

    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, args.bases + 2 * HALO).astype(np.uint8)
    scores, scoring = rng.dirichlet([5, 0.05, 0.05], args.bases).astype(np.float32), None
    if args.base_model:
        scores, scoring = score(args.base_model, args.models_dir, codes, args.tile)
        print(f"{args.base_model}: {args.bases / scoring:,.0f} positions/s of processor time on one thread\n")
    block = make_block(args.bases, scores, codes)

    print(f"all {args.bases:,} positions")
    measure(block, np.arange(args.bases), args.repeats, scoring)
    matrix(block, args.repeats)
    sample = np.sort(rng.choice(args.bases, args.bases // 100, replace=False))
    print(f"\na sample of {len(sample):,} of them")
    measure(block, sample, args.repeats, None)


if __name__ == "__main__":
    main()
