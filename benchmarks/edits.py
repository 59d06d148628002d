"""Measure what an edit costs beyond the tile that it is in, and beside scoring its whole window.

    python benchmarks/edits.py --threads 2 --radii 50,500,4999
    python benchmarks/edits.py --model openspliceai --weights models/openspliceai-mane/10000nt
    python benchmarks/edits.py --fasta GRCh38.fa.gz --contig chr22 --start 30000000

For every radius and kind of edit it prints the milliseconds, elapsed and of processor time, of one edit more in a call
(the median over repeats of a call with many edits less one with a single one, divided), those of the tile itself and of
an edit's whole window, the ratio of the latter to an edit, and the largest difference between the two ways' scores;
at last the peak memory. Without a FASTA file the bases are random. Ends with status 1 if a score differs by more than
1e-6. Let nothing else run: elapsed times share the machine with whatever does.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from splicecore.api import OpenRequest, encode

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1e-6
Edit = tuple[int, int, np.ndarray]


def edit_of(codes: np.ndarray, kind: str, position: int) -> Edit:
    """Replace one base, put three in after it or take the three after it away."""
    anchor = codes[position : position + 1]
    if kind == "substitution":
        return position, position + 1, (anchor + 1) % 4
    if kind == "insertion":
        return position, position + 1, np.concatenate([anchor, (anchor + np.arange(1, 4, dtype=np.uint8)) % 4])
    return position, position + 4, anchor


def cost(call: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds, elapsed and of the processor."""
    started, used = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - started) * 1e3, (time.process_time() - used) * 1e3


class Bench:
    """One model and one radius."""

    def __init__(self, model: Any, codes: np.ndarray, radius: int, arguments: argparse.Namespace) -> None:
        self.model, self.codes, self.radius, self.arguments = model, codes, radius, arguments
        self.left, self.right = model.spec.left, model.spec.right

    def edits(self, kind: str, count: int) -> list[Edit]:
        """Edits all over the tile."""
        places = np.linspace(0, self.arguments.tile - 10, count).astype(int) + self.left + self.radius
        return [edit_of(self.codes, kind, int(place)) for place in places]

    def window(self, edit: Edit) -> np.ndarray:
        """Codes of an edit's whole window."""
        start, end, new = edit
        edited = np.concatenate([self.codes[:start], new, self.codes[end:]])
        first = max(start - self.radius, self.left) - self.left
        last = min(start + len(new) + self.radius, len(edited) - self.right) + self.right
        return edited[None, first:last]

    def run(self, kind: str) -> float:
        """Print a line; return the largest difference."""
        edits = self.edits(kind, self.arguments.edits)
        few = edits[:1]
        none = [(few[0][0], few[0][0] + 1, self.codes[few[0][0] : few[0][0] + 1])]
        calls: dict[str, Callable[[], object]] = {
            "tile": lambda: self.model.predict_edits(self.codes, none, self.radius),
            "one": lambda: self.model.predict_edits(self.codes, few, self.radius),
            "many": lambda: self.model.predict_edits(self.codes, edits, self.radius),
            "window": lambda: self.model.predict(self.window(few[0])),
        }
        found = self.model.predict_edits(self.codes, edits, self.radius)
        wrong = max(
            float(np.abs(scores - self.model.predict(self.window(edit))[0]).max())
            for edit, scores in list(zip(edits, found, strict=True))[:: max(1, len(edits) // 5)]
        )
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
        for _ in range(self.arguments.repeats):
            for name, call in calls.items():
                taken[name].append(cost(call))
        figures = []
        for clock in (0, 1):
            per_edit = statistics.median(
                (many[clock] - one[clock]) / (len(edits) - 1)
                for many, one in zip(taken["many"], taken["one"], strict=True)
            )
            tile, window = (statistics.median(pair[clock] for pair in taken[name]) for name in ("tile", "window"))
            figures += [per_edit, tile, window]
        times = "".join(f"{figure:9.1f}" for figure in figures)
        print(f"{self.radius:>6} {kind:<13}{times}{figures[5] / figures[3]:8.1f}{wrong:10.1e}", flush=True)
        return wrong


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("spliceai", "openspliceai"), default="spliceai")
    parser.add_argument("--weights", type=Path, help="folder of the weights (those of the package `spliceai`)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--radii", default="50,500,4999")
    parser.add_argument("--kinds", default="substitution,insertion,deletion")
    parser.add_argument("--tile", type=int, default=5000, help="positions that edits are in")
    parser.add_argument("--edits", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fasta", type=Path)
    parser.add_argument("--contig", default="chr22")
    parser.add_argument("--start", type=int, default=30_000_000)
    arguments = parser.parse_args()
    folder = arguments.weights or importlib.metadata.distribution("spliceai").locate_file("spliceai/models")
    opener = importlib.import_module(f"splicecore_{arguments.model}.model").open_model
    spec = importlib.import_module(f"splicecore_{arguments.model}.plugin").SPEC
    request = OpenRequest(weights=str(folder), threads=arguments.threads, device=arguments.device)
    worst = 0.0
    print(f"{'':20}{'--- elapsed, ms ---':>27}{'-- processor, ms --':>27}")
    print(f"radius {'edit':<13}" + 2 * f"{'edit':>9}{'tile':>9}{'window':>9}" + "   ratio     error")
    with opener(spec, request) as model:
        for radius in map(int, arguments.radii.split(",")):
            codes = sequence(arguments, model.spec.left + model.spec.right + arguments.tile + 2 * radius)
            for kind in arguments.kinds.split(","):
                worst = max(worst, Bench(model, codes, radius, arguments).run(kind))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    if worst > LIMIT:
        print(f"scores differ by more than {LIMIT}", file=sys.stderr)
        return 1
    return 0


def sequence(arguments: argparse.Namespace, width: int) -> np.ndarray:
    """Codes, uint8 (width,)."""
    if arguments.fasta is None:
        return np.random.default_rng(1).integers(0, 4, width).astype(np.uint8)
    import pysam

    with pysam.FastaFile(str(arguments.fasta)) as fasta:
        return encode(fasta.fetch(arguments.contig, arguments.start, arguments.start + width))


if __name__ == "__main__":
    sys.exit(main())
