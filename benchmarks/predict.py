"""How fast genes are scored, and in how much memory, beside other programs with the same weights on the same sequence.

    python benchmarks/predict.py                                           # splicecore alone
    python benchmarks/predict.py --keras-python tensorflow-env/bin/python  # beside Keras with SpliceAI's weights
    python benchmarks/predict.py --openspliceai-python openspliceai-env/bin/python --openspliceai-weights DIR
    python benchmarks/predict.py --memory                                  # peak memory at 300 kb and at 3 Mb

Every program is a process of its own that has imported and warmed up what it needs; then they take turns, ``--repeats``
times. Printed are medians of positions a second and, because machines and their load differ, the ratio to splicecore
within each turn. What is timed:

- splicecore, whole: ``Session.predict`` from FASTA and annotation to the table, opening the model included;
- splicecore, model: the opened model on bases in memory, with ``convolutions`` "fast" (the default) and "direct";
- Keras: windows of 5,000 positions with 10 kb of context through the five networks, all in memory, and their mean;
- OpenSpliceAI: its command ``predict`` from FASTA to BED, in its faster mode, without intermediate HDF5, with a
  threshold that keeps nearly all positions out of the BED files.

On a machine that others use too, elapsed times say little; the seconds of processor time, of all threads, say more.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from predict_programs import THRESHOLD

CONTIG = "bench"
PROGRAMS = str(Path(__file__).with_name("predict_programs.py"))

# ----------------------------------------------------------------------------------------------- what there is to score


def write_genome(folder: Path, genes: list[int], source: str | None, seed: int) -> None:
    """Write ``genome.fa``, one contig with genes side by side, and ``genes.txt``, their annotation."""
    total = sum(genes)
    if source is None:
        bases = "".join(random.Random(seed).choices("ACGT", k=total))
    else:
        import pysam

        path, _, region = source.partition("::")
        with pysam.FastaFile(path) as fasta:
            bases = fasta.fetch(region=region).upper()[:total]
        if len(bases) < total:
            raise SystemExit(f"{source} has {len(bases):,} bases; {total:,} are needed")
    lines = [bases[i : i + 60] for i in range(0, total, 60)]
    (folder / "genome.fa").write_text(f">{CONTIG}\n" + "\n".join(lines) + "\n", encoding="ascii")
    rows = ["#NAME\tCHROM\tSTRAND\tTX_START\tTX_END\tEXON_START\tEXON_END"]
    start = 0
    for number, length in enumerate(genes):
        end, strand = start + length, "+-"[number % 2]
        rows.append(f"G{number}\t{CONTIG}\t{strand}\t{start}\t{end}\t{start},\t{end},")  # one exon: no sites to check
        start = end
    (folder / "genes.txt").write_text("\n".join(rows) + "\n", encoding="ascii")


def gene_lengths(total: int, seed: int) -> list[int]:
    """Lengths as genes have them, from 5 to 400 kb, that add up to ``total``; nearly all different."""
    draw = random.Random(seed)
    lengths: list[int] = []
    while (rest := total - sum(lengths)) > 0:
        length = int(5_000 * 80 ** draw.random())
        lengths.append(rest if rest < length + 5_000 else length)
    return lengths


# ----------------------------------------------------------------------------------------------- programs, in processes


class Program:
    """One program in a process of its own, started and ready.

    Parameters
    ----------
    name
        What the table calls it.
    python
        Interpreter that has what it needs.
    arguments
        Which program of ``predict_programs.py``, and its options.
    """

    def __init__(self, name: str, python: str, *arguments: str) -> None:
        self.name = name
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        self._process = subprocess.Popen(
            [python, PROGRAMS, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet
        )
        self._answer()

    def take_turn(self) -> float:
        """Do the job once; returns its seconds."""
        stdin: IO[str] = self._process.stdin  # type: ignore[assignment]
        print("go", file=stdin, flush=True)
        answer = self._answer()
        self.seconds.append(float(answer["seconds"]))
        self.cpu.append(float(answer["cpu"]))
        return self.seconds[-1]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        stdout: IO[str] = self._process.stdout  # type: ignore[assignment]
        line = stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended with status {self._process.wait()}")
        return json.loads(line)  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------------------------- speed


def measure_speed(arguments: argparse.Namespace, folder: Path) -> int:
    """Let the programs take turns and print medians and ratios."""
    write_genome(folder, [arguments.bases], arguments.sequence, seed=1)
    groups = [spliceai_programs(arguments, folder), openspliceai_programs(arguments, folder)]
    programs = [program for group in groups for program in group]
    for turn in range(arguments.repeats):
        for program in programs:
            seconds = program.take_turn()
            print(f"turn {turn + 1}: {program.name} {seconds:.2f} s", flush=True)
    for program in programs:
        program.close()
    for group in groups:
        if group:
            print_group(group, arguments.bases, folder)
    return 0


def splicecore_programs(arguments: argparse.Namespace, folder: Path, model: str, weights: str) -> dict[str, Program]:
    """Start splicecore in its three ways."""
    common = ["--folder", str(folder), "--threads", str(arguments.threads), "--model", model, "--weights", weights]
    programs = {"whole": Program(f"{model}, whole", sys.executable, "whole", *common)}
    for way in ("fast", "direct"):
        programs[way] = Program(f"{model}, model, {way}", sys.executable, "model", *common, "--convolutions", way)
    return programs


def spliceai_programs(arguments: argparse.Namespace, folder: Path) -> list[Program]:
    """Start what scores with SpliceAI's weights; says what is missing."""
    weights = spliceai_weights(arguments.spliceai_weights)
    if weights is None:
        print("SpliceAI: skipped; pip install splicecore-spliceai[weights], or --spliceai-weights DIR")
        return []
    ours = splicecore_programs(arguments, folder, "spliceai", weights)
    programs = [ours["fast"], ours["direct"], ours["whole"]]
    if arguments.keras_python is None:
        print("Keras: skipped; --keras-python PATH of a Python with tensorflow, keras and h5py")
        return programs
    options = ["--folder", str(folder), "--weights", weights, "--batch", str(arguments.keras_batch)]
    return [*programs, Program("Keras", arguments.keras_python, "keras", *options)]


def openspliceai_programs(arguments: argparse.Namespace, folder: Path) -> list[Program]:
    """Start what scores with OpenSpliceAI's weights; says what is missing."""
    if arguments.openspliceai_weights is None:
        print("OpenSpliceAI: skipped; --openspliceai-weights DIR with the .pt files for 10,000 nt of context")
        return []
    weights = str(arguments.openspliceai_weights)
    ours = splicecore_programs(arguments, folder, "openspliceai", weights)
    programs = [ours["whole"], ours["fast"], ours["direct"]]
    if arguments.openspliceai_python is None:
        print("openspliceai predict: skipped; --openspliceai-python PATH of a Python with openspliceai")
        return programs
    options = ["--folder", str(folder), "--weights", weights, "--threads", str(arguments.threads)]
    return [*programs, Program("openspliceai predict", arguments.openspliceai_python, "openspliceai", *options)]


def print_group(group: list[Program], bases: int, folder: Path) -> None:
    """Print a table of programs with the same weights; the first is splicecore doing what the last does."""
    first = group[0]
    print(f"\n{bases:,} positions, five networks, {len(first.seconds)} turns\n")
    print("| program | s | positions/s | times the first's s | processor s | times the first's |")
    print("|---|---|---|---|---|---|")
    for program in group:
        median, cpu = statistics.median(program.seconds), statistics.median(program.cpu)
        ratio = spread(program.seconds, first.seconds)
        cells = [program.name, f"{median:.2f}", f"{bases / median:,.0f}", ratio, f"{cpu:.2f}"]
        print("| " + " | ".join([*cells, spread(program.cpu, first.cpu)]) + " |")
    print_differences(first.name.partition(",")[0], folder)


def spread(theirs: list[float], ours: list[float]) -> str:
    """Median, least and largest of the ratios of each turn."""
    ratios = [their / our for their, our in zip(theirs, ours, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def print_differences(model: str, folder: Path) -> None:
    """Print the largest differences between the programs' scores."""
    import numpy as np

    scores = np.load(folder / f"{model}-fast.npy")
    for name in (f"{model}-whole", f"{model}-direct", *(["keras"] if model == "spliceai" else [])):
        if (folder / f"{name}.npy").exists():
            print(f"largest difference from {name}: {np.abs(scores - np.load(folder / f'{name}.npy')).max():.2g}")
    if model != "openspliceai":
        return
    for channel, kind in enumerate(("acceptor", "donor"), 1):
        found = next((folder / "openspliceai").rglob(f"{kind}_predictions.bed"), None)
        if found is None:
            continue
        rows = [line.split("\t") for line in found.read_text(encoding="utf-8").splitlines()]
        positions = np.array([int(row[1]) for row in rows])
        theirs = np.array([float(row[4]) for row in rows])
        shift = 0 if kind == "donor" else 1  # its BED files name the intron's side of acceptors
        off = np.abs(scores[np.clip(positions + shift, 0, len(scores) - 1), channel] - theirs)
        print(f"{kind}: {len(rows)} scores above {THRESHOLD}, largest difference {off.max():.2g}")


def spliceai_weights(given: Path | None) -> str | None:
    """Folder of spliceai1.h5 to spliceai5.h5: what was given, or the installed distribution's."""
    if given is not None:
        return str(given)
    found = importlib.util.find_spec("spliceai")  # finds it, imports nothing
    if found is None or found.origin is None:
        return None
    return str(Path(found.origin).parent / "models")


# --------------------------------------------------------------------------------------------------------------- memory


def measure_memory(arguments: argparse.Namespace, folder: Path) -> int:
    """Run ``splicecore run`` on 300 kb and on 3 Mb of genes of many lengths; print the largest process of each."""
    weights = spliceai_weights(arguments.spliceai_weights)
    if weights is None:
        raise SystemExit("no SpliceAI weights; pip install splicecore-spliceai[weights], or --spliceai-weights DIR")
    peaks = []
    print(f"{arguments.workers} workers, {arguments.threads} threads in each")
    print("| positions | genes | seconds | largest process, MB |")
    print("|---|---|---|---|")
    for total in (300_000, 3_000_000):
        genes = gene_lengths(total, seed=3)
        place = folder / str(total)
        place.mkdir()
        write_genome(place, genes, arguments.sequence, seed=1)
        command = [sys.executable, "-m", "splicecore", "run", "--base-model", "spliceai", "--models-dir", weights]
        command += ["--fasta", str(place / "genome.fa"), "--annotation", str(place / "genes.txt"), "--all-genes", "-q"]
        command += ["--workers", str(arguments.workers), "--threads", str(arguments.threads), "-o", str(place / "out")]
        started = time.perf_counter()
        process = subprocess.Popen(command, env=os.environ | {"SPLICECORE_CACHE_DIR": str(place / "cache")})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"splicecore run ended with status {process.returncode}")
        report = json.loads((place / "out" / "performance_report.json").read_text(encoding="utf-8"))
        own = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        peaks.append(max(own, peak_of(report)))
        seconds = time.perf_counter() - started
        print(f"| {total:,} | {len(genes)} | {seconds:.0f} | {peaks[-1] / 1e6:.0f} |", flush=True)
    print(f"\n3 Mb takes {peaks[1] / peaks[0]:.2f} times the memory of 300 kb")
    return int(peaks[1] > 1.2 * peaks[0] or peaks[1] > 2e9)


def peak_of(report: dict[str, Any]) -> int:
    """Find what the run says about its largest process, in bytes; 0 if it says nothing."""
    found = [value for key, value in report.items() if "peak" in key and isinstance(value, int)]
    found += [peak_of(value) for value in report.values() if isinstance(value, dict)]
    return max(found, default=0)


# --------------------------------------------------------------------------------------------------------- command line


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bases", type=int, default=300_000, help="positions to score, one gene (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="turns of every program (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of every program (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes of splicecore, with --memory (%(default)s)")
    parser.add_argument("--sequence", metavar="FASTA::REGION", help="real sequence; random bases unless given")
    parser.add_argument("--spliceai-weights", type=Path, metavar="DIR", help="the installed distribution's by default")
    parser.add_argument("--keras-python", metavar="PATH", help="Python with tensorflow, keras and h5py")
    parser.add_argument("--keras-batch", type=int, default=4, help="windows that Keras is given at once (%(default)s)")
    parser.add_argument("--openspliceai-weights", type=Path, metavar="DIR")
    parser.add_argument("--openspliceai-python", metavar="PATH", help="Python with openspliceai")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead of speed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="splicecore-benchmark-") as folder:
        measure = measure_memory if arguments.memory else measure_speed
        return measure(arguments, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
