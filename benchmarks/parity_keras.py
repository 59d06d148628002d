"""Compare splicecore's SpliceAI with Keras running the same weights, on real genes of both strands.

Three steps, because Keras with TensorFlow lives in an environment of its own:

1.  In splicecore's environment: pick genes and write their bases, transcribed strand, with 5 kb of real flank.

        python benchmarks/parity_keras.py export --fasta GRCh37.fa.gz --table GRCh37.spliceai_table.txt genes.npz

2.  In the TensorFlow environment (needs numpy, h5py, keras, tensorflow; not splicecore): score the way that SpliceAI
    does, in windows of 5,000 positions with 10 kb of context and `same` padding, cropped.

        python benchmarks/parity_keras.py keras --weights .../spliceai/models genes.npz keras.npz

3.  In splicecore's environment: score the genes in long tiles through the plugin and print the largest differences.

        python benchmarks/parity_keras.py compare --weights .../spliceai/models genes.npz keras.npz

Step 3 ends with status 1 if a probability differs by more than 1e-5.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

FLANK = 5000
WINDOW = 5000
MEMBERS = (1, 2, 3, 4, 5)
LIMIT = 1e-5
GROUPS = ((11, 1), (11, 4), (21, 10), (41, 25))
CHANNELS = ("neither", "acceptor", "donor")


# ------------------------------------------------------------------------------------------ 1: splicecore's environment


def export(arguments: argparse.Namespace) -> int:
    """Write genes of both strands, at least ``--positions`` positions of each."""
    import pysam
    from splicecore.api import N, encode, reverse_complement

    genes: dict[str, np.ndarray] = {}
    positions = {"+": 0, "-": 0}
    with pysam.FastaFile(str(arguments.fasta)) as fasta:
        for row in in_turns(arguments.table, arguments.contigs.split(",")):
            strand, start, end = row["STRAND"], int(row["TX_START"]), int(row["TX_END"])
            if positions[strand] >= arguments.positions or not arguments.shortest <= end - start <= arguments.longest:
                continue
            contig = next(name for name in (row["CHROM"], "chr" + row["CHROM"]) if name in fasta.references)
            if start < FLANK or end + FLANK > fasta.get_reference_length(contig):
                continue
            codes = encode(fasta.fetch(contig, start - FLANK, end + FLANK))
            if (codes[FLANK:-FLANK] == N).any():
                continue
            genes[f"{row['#NAME']}{strand}"] = codes if strand == "+" else reverse_complement(codes)
            positions[strand] += end - start
    np.savez_compressed(arguments.genes, **genes)
    print(f"{len(genes)} genes, {positions['+']:,} positions on +, {positions['-']:,} on -: {' '.join(genes)}")
    return 0


def in_turns(table: Path, contigs: list[str]) -> Iterator[dict[str, str]]:
    """Yield rows of the table, one of each contig in turn, in the order of the table."""
    with table.open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text, delimiter="\t"))
    for turn in zip_longest(*([row for row in rows if row["CHROM"] == contig] for contig in contigs)):
        yield from (row for row in turn if row is not None)


# ---------------------------------------------------------------------------------------- 2: the TensorFlow environment


def keras(arguments: argparse.Namespace) -> int:
    """Score every gene with every network; writes ``<gene>/<member>`` float32 (L, 3)."""
    with np.load(arguments.genes) as stored:
        genes = {name: stored[name] for name in stored.files}
    results: dict[str, np.ndarray] = {}
    positions = 0
    started = time.perf_counter()
    for member in MEMBERS:
        file = arguments.weights / f"spliceai{member}.h5"
        model = keras_from_config(file) if arguments.from_config else keras_from_code(file)
        for name, codes in genes.items():
            windows, length = keras_windows(codes)
            scores = np.concatenate([model.predict_on_batch(windows[i : i + 4]) for i in range(0, len(windows), 4)])
            results[f"{name}/{member}"] = scores.reshape(-1, 3)[:length].astype(np.float32)
            positions += length
        print(f"network {member}: {positions / (time.perf_counter() - started):,.0f} positions/s so far", flush=True)
    np.savez(arguments.scores, **results)
    return 0


def keras_windows(codes: np.ndarray) -> tuple[np.ndarray, int]:
    """One-hot windows (n, 15000, 4) of a gene with flanks, N as zeros, and the gene's length."""
    length = codes.size - 2 * FLANK
    n = -(-length // WINDOW)
    padded = np.full(n * WINDOW + 2 * FLANK, 4, dtype=np.uint8)
    padded[: codes.size] = codes
    one_hot = np.vstack([np.eye(4, dtype=np.float32), np.zeros((1, 4), dtype=np.float32)])
    return np.stack([one_hot[padded[i * WINDOW : (i + 1) * WINDOW + 2 * FLANK]] for i in range(n)]), length


def keras_from_code(file: Path) -> object:
    """Build SpliceAI-10k from the paper's description and set the weights of the file by layer name."""
    import h5py
    from keras import Model, layers

    counters = {"conv1d": 0, "batch_normalization": 0}

    def name(kind: str) -> str:
        counters[kind] += 1
        return f"{kind}_{counters[kind]}"

    def conv(x: object, filters: int = 32, kernel: int = 1, dilation: int = 1, activation: str | None = None) -> object:
        layer = layers.Conv1D(
            filters, kernel, dilation_rate=dilation, padding="same", activation=activation, name=name("conv1d")
        )
        return layer(x)

    def norm_relu(x: object) -> object:
        return layers.ReLU()(layers.BatchNormalization(epsilon=1e-3, name=name("batch_normalization"))(x))

    bases = layers.Input((None, 4))
    x = conv(bases)
    skip = conv(x)
    for kernel, dilation in GROUPS:
        for _ in range(4):
            h = conv(norm_relu(x), kernel=kernel, dilation=dilation)
            h = conv(norm_relu(h), kernel=kernel, dilation=dilation)
            x = layers.Add()([h, x])
        skip = layers.Add()([skip, conv(x)])
    skip = layers.Cropping1D(FLANK)(skip)
    model = Model(bases, conv(skip, filters=3, activation="softmax"))
    with h5py.File(file, "r") as stored:
        for layer in model.layers:
            if layer.weights:
                group = stored["model_weights"][layer.name][layer.name]
                layer.set_weights([group[f"{weight.name}:0"][()] for weight in layer.weights])
    return model


def keras_from_config(file: Path) -> object:
    """Let Keras build the network from the file's own description; only for files that you trust."""
    from keras.models import load_model

    return load_model(file, compile=False)


# ------------------------------------------------------------------------------------------ 3: splicecore's environment


def compare(arguments: argparse.Namespace) -> int:
    """Print the largest absolute differences, for each network and for the mean, by strand."""
    with np.load(arguments.genes) as stored:
        genes = {name: stored[name] for name in stored.files}
    with np.load(arguments.scores) as stored:
        expected = {name: stored[name] for name in stored.files}
    print(f"{len(genes)} genes; largest absolute difference from Keras")
    worst = 0.0
    for members in (*((member,) for member in MEMBERS), MEMBERS):
        which = f"network {members[0]}" if len(members) == 1 else "mean of five"
        worst = max(worst, compare_members(arguments, genes, expected, members, which))
    print(f"largest of all {worst:.3g}, allowed {LIMIT:g}: {'equal' if worst <= LIMIT else 'DIFFERENT'}")
    return int(worst > LIMIT)


def compare_members(
    arguments: argparse.Namespace,
    genes: dict[str, np.ndarray],
    expected: dict[str, np.ndarray],
    members: tuple[int, ...],
    which: str,
) -> float:
    """Score all genes with these networks, print one line a strand, and return the largest difference."""
    from splicecore.api import OpenRequest
    from splicecore_spliceai.model import open_model
    from splicecore_spliceai.plugin import SPEC

    request = OpenRequest(
        weights=str(arguments.weights),
        device=arguments.device,
        threads=arguments.threads,
        config={"members": list(members)},
    )
    largest = {"+": np.zeros(3), "-": np.zeros(3)}
    positions = {"+": 0, "-": 0}
    sites = {"+": 0, "-": 0}
    with open_model(SPEC, request) as model:
        for name, codes in genes.items():
            reference = np.mean([expected[f"{name}/{m}"] for m in members], axis=0, dtype=np.float64)
            tiles = []
            for start in range(0, len(reference), SPEC.max_positions):
                stop = min(start + SPEC.max_positions, len(reference))
                tiles.append(model.predict(codes[np.newaxis, start : stop + 2 * FLANK])[0])
            off = np.abs(np.concatenate(tiles) - reference)
            strand = name[-1]
            largest[strand] = np.maximum(largest[strand], off.max(axis=0))
            positions[strand] += len(reference)
            sites[strand] += int((reference[:, 1:] > 0.5).sum())
    for strand, off in largest.items():
        channels = ", ".join(f"{channel} {value:.2g}" for channel, value in zip(CHANNELS, off, strict=True))
        print(f"{which}, {strand}: {channels}  ({positions[strand]:,} positions, {sites[strand]} over 0.5)", flush=True)
    return float(max(off.max() for off in largest.values()))


def main() -> int:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True)

    step = steps.add_parser("export", help="write genes (splicecore's environment)")
    step.add_argument("--fasta", type=Path, required=True)
    step.add_argument("--table", type=Path, required=True, help="SpliceAI annotation table")
    step.add_argument("--contigs", default="1,5,9", help="contigs to take genes from (%(default)s)")
    step.add_argument("--positions", type=int, default=60_000, help="at least this many on each strand (%(default)s)")
    step.add_argument("--shortest", type=int, default=4_000)
    step.add_argument("--longest", type=int, default=40_000)
    step.add_argument("genes", type=Path)
    step.set_defaults(run=export)

    step = steps.add_parser("keras", help="score with Keras (TensorFlow environment)")
    step.add_argument("--weights", type=Path, required=True, help="folder of spliceai1.h5 to spliceai5.h5")
    step.add_argument("--from-config", action="store_true", help="let Keras build the network from the file itself")
    step.add_argument("genes", type=Path)
    step.add_argument("scores", type=Path)
    step.set_defaults(run=keras)

    step = steps.add_parser("compare", help="score with splicecore and compare (splicecore's environment)")
    step.add_argument("--weights", type=Path, required=True)
    step.add_argument("--threads", type=int, default=2)
    step.add_argument("--device", default="cpu")
    step.add_argument("genes", type=Path)
    step.add_argument("scores", type=Path)
    step.set_defaults(run=compare)

    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
