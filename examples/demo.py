"""The demo behind ``make demo``: SpliceAI on real genes where real sequence is at hand, else on a simulated genome.

Run it from the project's root. It prints the ``splicecore run`` command that it uses, runs it, and ends with the path
of the report.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

OUTPUT = Path("demo-output")
GENES = "LMNA,MPZ,MUTYH,XPA,TTC37,CDC73"
SEED = 20


def real_inputs() -> tuple[Path, Path] | None:
    """Genome and annotation of the real data, or None where there is none."""
    chosen = os.environ.get("SPLICECORE_TEST_DATA")
    folder = (Path(chosen) if chosen else Path("..") / "shared" / "data") / "genome"
    inputs = folder / "GRCh37.fa.gz", folder / "GRCh37.spliceai_table.txt"
    return inputs if all(path.is_file() for path in inputs) else None


def simulated_inputs(folder: Path) -> tuple[Path, Path]:
    """Write a small simulated genome and its annotation into ``folder``."""
    from splicecore.testing.simulate import SimulationConfig, simulate_genome

    folder.mkdir(parents=True, exist_ok=True)
    files = simulate_genome(SimulationConfig(), seed=SEED).write(folder)
    return files.fasta, files.annotation


def choose_model() -> str:
    """SpliceAI where its weights are installed, else the consensus model, which brings its own."""
    try:
        importlib.metadata.distribution("spliceai")
    except importlib.metadata.PackageNotFoundError:
        return "consensus"
    return "spliceai"


def main() -> int:
    """Run the demo; the exit code is that of ``splicecore run``."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    inputs = real_inputs()
    if inputs is not None:
        print("Real sequence: genes of GRCh37 chromosomes 1, 5 and 9, which SpliceAI was not trained on.")
        genes = ["--genes", GENES]
    else:
        print("No real sequence at hand (see CONTRIBUTING.md): a simulated genome instead.")
        inputs = simulated_inputs(OUTPUT / "simulated")
        genes = ["--all-genes"]
    model = choose_model()
    command = [
        str(Path(sys.executable).with_name("splicecore")),
        "run",
        "--fasta",
        str(inputs[0]),
        "--annotation",
        str(inputs[1]),
        "--base-model",
        model,
        *genes,
        "--no-reuse",
        "--output-dir",
        str(OUTPUT / "run"),
    ]
    print("\n  " + shlex.join(["splicecore", *command[1:]]) + "\n", flush=True)
    started = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    if code == 0:
        report = OUTPUT / "run" / "performance_report.txt"
        print(f"\n{report.read_text()}")
        print(f"Done in {time.perf_counter() - started:.0f} s. The report to open: {report.resolve()}")
    return code


if __name__ == "__main__":
    sys.exit(main())
