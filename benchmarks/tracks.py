"""How fast tracks are read as features, and that memory follows a gene, not the file.

    python benchmarks/tracks.py
    python benchmarks/tracks.py --megabases 16 --repeats 5 --json figures.json

Makes a signal with a value at every base (bigWig and bedGraph) and a junction table, then computes all positions of
genes of 50 kb. Prints rows per second for one core (medians); and for the bedGraph file, and for one four times as
long, the time to index it and read two genes, and the peak memory of the process that does. Ends with status 1 if the
memory grows by more than a tenth.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pybigtools
from splicecore.features.tracks import TrackFeatures
from splicecore.genome.contigs import Contigs
from splicecore.genome.genes import Gene
from splicecore.predict.blocks import Block
from splicecore.tracks.config import TrackConfig, TracksConfig

_GENE = 50_000
_GENES = 20
_GROWTH = 1.1


def main() -> int:
    """Make the files, read them, print the figures."""
    arguments = _arguments()
    if arguments.child is not None:
        print(json.dumps(_child(Path(arguments.child), arguments.megabases * 1_000_000)))
        return 0
    length = arguments.megabases * 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_junctions(folder / "junctions", length)
        _write_bedgraph(folder / "bedgraph", length)
        _write_bedgraph(folder / "long", length * 4)
        values = np.random.default_rng(1).normal(size=length).round(3)
        rows = (("chr1", place, place + 1, value) for place, value in enumerate(values.tolist()))
        pybigtools.open(str(folder / "signal.bw"), "w").write({"chr1": length}, rows)
        figures = {"rows_per_second": _rates(folder, length, arguments.repeats)}
        for file, megabases in (("bedgraph", arguments.megabases), ("long", arguments.megabases * 4)):
            figures[file] = _run_child(folder / file, megabases)
    for track, rate in figures["rows_per_second"].items():
        print(f"{track}: {rate:,.0f} rows/s")
    for file in ("bedgraph", "long"):
        print(f"{file}: {', '.join(f'{name} {value:,}' for name, value in figures[file].items())}")
    if arguments.json is not None:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")
    return int(figures["long"]["peak_mb"] > _GROWTH * figures["bedgraph"]["peak_mb"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabases", type=int, default=4, help="length of the signal")
    parser.add_argument("--repeats", type=int, default=3, help="times to compute each track")
    parser.add_argument("--json", help="write the figures here too")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _write_bedgraph(path: Path, length: int) -> None:
    random = np.random.default_rng(1)
    with path.open("w") as handle:
        for start in range(0, length, 1_000_000):
            values = random.normal(size=min(1_000_000, length - start)).round(3).tolist()
            handle.writelines(f"chr1\t{place}\t{place + 1}\t{value}\n" for place, value in enumerate(values, start))


def _write_junctions(path: Path, length: int) -> None:
    random = np.random.default_rng(2)
    first = random.integers(2, length - 20_000, size=length // 100)
    rows = zip(
        first, first + random.integers(50, 10_000, size=len(first)), random.integers(0, 3, len(first)), strict=True
    )
    path.write_text("".join(f"chr1\t{start}\t{end}\t{strand}\t1\t1\t7\t0\t20\n" for start, end, strand in rows))


def _rates(folder: Path, length: int, repeats: int) -> dict[str, float]:
    tracks = {
        "bigwig, value": {"path": "signal.bw", "windows": [0]},
        "bigwig, value and windows 10, 100": {"path": "signal.bw", "windows": [0, 10, 100]},
        "bedgraph, value": {"path": "bedgraph", "windows": [0]},
        "bedgraph, value and windows 10, 100": {"path": "bedgraph", "windows": [0, 10, 100]},
        "junctions, all columns": {"path": "junctions"},
    }
    rates = {}
    for name, options in tracks.items():
        config = TracksConfig(tracks=(TrackConfig(**{"name": "t", **options, "path": str(folder / options["path"])}),))
        with TrackFeatures(config) as features:
            _compute(features, folder, length)
            seconds = [_compute(features, folder, length) for _ in range(repeats)]
        rates[name] = _GENE * _GENES / statistics.median(seconds)
    return rates


def _compute(features: TrackFeatures, folder: Path, length: int, genes: int = _GENES) -> float:
    resources = {"contigs": Contigs.from_mapping({"chr1": length}), "cache": folder / "cache"}
    index = np.arange(_GENE)
    started = time.perf_counter()
    for number, start in enumerate(np.linspace(0, length - _GENE, genes).astype(int).tolist()):
        gene = Gene("g", "g", "chr1", "-" if number % 2 else "+", start, start + _GENE, number)
        block = Block(gene=gene, build="b", flank="real", halo=0, codes=np.zeros(_GENE, np.uint8), scores={})
        features.compute(block, index, resources)
    return time.perf_counter() - started


def _run_child(path: Path, megabases: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", str(path), "--megabases", str(megabases)]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def _child(path: Path, length: int) -> dict[str, Any]:
    config = TracksConfig(tracks=(TrackConfig(name="t", path=str(path), windows=(0, 10)),))
    with tempfile.TemporaryDirectory(dir=path.parent) as cache, TrackFeatures(config) as features:
        started = time.perf_counter()
        _compute(features, Path(cache), length, genes=2)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"intervals": length, "seconds": round(seconds, 2), "peak_mb": round(peak)}


if __name__ == "__main__":
    sys.exit(main())
