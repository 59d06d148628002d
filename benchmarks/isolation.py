r"""What it costs that a base model runs in an interpreter of its own.

    python benchmarks/isolation.py --fasta GRCh37.fa.gz --annotation GRCh37.gtf.gz --gene BRCA1 --base-model spliceai

The model is opened twice, in this process and in a worker of the same packages (``--base-model-env`` for others); both
score the gene in turns, ``--repeats`` times, as ``splicecore run`` does, tile after tile. Printed are the medians and
the ratios within each turn (median, least, largest) of elapsed and of processor time, whether the bytes are the same,
and how long a call takes for one position by a model that costs nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from splicecore.api import OpenRequest, PluginSettings, Session
from splicecore.genome.annotation import read_annotation
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.genome.reference import Reference
from splicecore.isolation.client import open_isolated
from splicecore.predict.blocks import GeneSequence
from splicecore.predict.task import score_gene
from splicecore.testing.environments import make_environment
from splicecore.testing.fakes import MOTIF_SPEC
from splicecore.testing.plugins import fake_distribution

FREE = """
from splicecore.api import hookimpl
from splicecore.testing.fakes import MOTIF_SPEC

@hookimpl
def splicecore_base_models():
    yield MOTIF_SPEC
"""


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", required=True)
    parser.add_argument("--annotation", required=True)
    parser.add_argument("--gene", default="BRCA1", help="name or id")
    parser.add_argument("--base-model", default="spliceai")
    parser.add_argument("--models-dir")
    parser.add_argument("--base-model-env", default=sys.executable)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def processor(pid: int | None) -> float:
    """Seconds of processor time of this process and, on Linux, of a worker."""
    own = time.process_time()
    if pid is None:
        return own
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(model: Any, sequence: GeneSequence) -> tuple[float, float, bytes]:
    """Score a gene; returns seconds elapsed, seconds of processor time, and the scores."""
    pid = getattr(model, "pid", None)
    before, started = processor(pid), time.perf_counter()
    scores = np.concatenate(list(score_gene(model, sequence)))
    return time.perf_counter() - started, processor(pid) - before, scores.tobytes()


def gene_of(reference: Reference, annotation: str, name: str) -> Gene:
    """Find a gene."""
    bound = read_annotation(annotation).bind(reference.contigs, reference.build)
    return GeneCatalog(bound).select([name]).genes[0]


def compare(session: Session, options: argparse.Namespace, sequence: GeneSequence) -> None:
    """Let both take turns."""
    shared = {"models_dir": options.models_dir, "threads": options.threads}
    shared = {name: value for name, value in shared.items() if value is not None}
    started = time.perf_counter()
    with session.open_base_model(options.base_model, **shared) as here:
        opened = time.perf_counter()
        with session.open_base_model(options.base_model, base_model_env=options.base_model_env, **shared) as there:
            print(f"opening: here {opened - started:.1f} s, there {time.perf_counter() - opened:.1f} s")
            turns = [(timed(here, sequence), timed(there, sequence)) for _ in range(options.repeats + 1)]
    length = sequence.gene.length
    for what, place in (("elapsed", 0), ("processor", 1)):
        pairs = [(own[place], other[place]) for own, other in turns[1:]]  # the first turn warms up
        ratios = [other / own for own, other in pairs]
        own, other = (statistics.median(each) for each in zip(*pairs, strict=True))
        spread = f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"
        print(f"{options.gene}, {length:,} positions, {what}: here {own:.2f} s, there {other:.2f} s, ratio {spread}")
    print(f"the same bytes: {all(own[2] == other[2] for own, other in turns)}")


def empty_call(folder: Path) -> None:
    """Time calls of a model that does nothing worth mentioning, in an environment of its own."""
    fake_distribution(folder / "site", "bench-free", "1.0", FREE)
    python = make_environment(folder / "env", folder / "site").python
    codes = np.zeros((1, MOTIF_SPEC.left + 1 + MOTIF_SPEC.right), np.uint8)
    request = OpenRequest(interpreter=str(python))
    with open_isolated(MOTIF_SPEC.name, request, PluginSettings(load=("bench-free",))) as there:
        times = []
        for _ in range(500):
            started = time.perf_counter()
            there.predict(codes)
            times.append(time.perf_counter() - started)
    print(f"a call for one position: {1000 * statistics.median(times):.2f} ms, at least {1000 * min(times):.2f} ms")


def main() -> None:
    """Measure."""
    options = parse()
    with tempfile.TemporaryDirectory() as folder, Reference.open(options.fasta) as reference:
        session = Session(cache_dir=folder)
        gene = gene_of(reference, options.annotation, options.gene)
        compare(session, options, GeneSequence(reference=reference, gene=gene, flank="real"))
        empty_call(Path(folder))


if __name__ == "__main__":
    main()
