"""Kill ``splicecore dataset build`` at random moments, go on with it, and compare the master with an undisturbed one.

    python benchmarks/kill_dataset.py --times 20 --workers 2 -- --fasta genome.fa --annotation genes.gtf
        --base-model spliceai --artifacts pass/ --subset-policy all --batch-size 5

Behind ``--`` stand the arguments of ``splicecore dataset build``, without ``--output-dir``. The build is killed with
its workers (SIGKILL) at moments of its duration that are spread evenly and drawn from ``--seed``; each time the same
command goes on, is killed again if ``--twice`` is given, and is let finish. The script ends with status 1 if a file of
the master, the table of genes or the manifest differs, or if a finished batch was built again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the files that make up the dataset."""
    files = [*sorted((folder / "master").glob("*")), folder / "gene_manifest.parquet", folder / "dataset.json"]
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def finished(folder: Path) -> dict[str, int]:
    """Batches that say that they are finished, and the time of change of their rows."""
    done = [path.parent for path in folder.glob("batches/*/batch.json")]
    return {path.name: (path / "trim.parquet").stat().st_mtime_ns for path in done}


class Build:
    """A build into one folder."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.folder = folder
        self.line = [sys.executable, "-m", "splicecore", "dataset", "build", *arguments, "-o", str(folder)]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own."""
        return subprocess.Popen(
            self.line, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
        )

    def finish(self) -> float:
        """Let it end; returns the seconds that took."""
        begun = time.perf_counter()
        code = self.start().wait()
        if code not in (0, 6):
            raise SystemExit(f"exit code {code}: {' '.join(self.line)}")
        return time.perf_counter() - begun

    def kill_after(self, seconds: float) -> bool:
        """Kill it and its workers; returns False if it had ended before."""
        process = self.start()
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False


def attempt(build: Build, moments: list[float], expected: dict[str, str]) -> tuple[int, bool]:
    """Kill a build at some moments and let it finish; returns the batches that were kept, and whether all is well."""
    shutil.rmtree(build.folder, ignore_errors=True)
    for moment in moments:
        build.kill_after(moment)
    before = finished(build.folder)
    build.finish()
    after = finished(build.folder)
    kept = sum(after[name] == changed for name, changed in before.items())
    return kept, kept == len(before) and hashes(build.folder) == expected


def main() -> int:
    """Do it so many times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    arguments = [text for text in options.arguments if text != "--"] + ["--workers", str(options.workers)]
    moments, failures = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as work:
        build = Build(arguments, Path(work) / "set")
        duration = build.finish()
        expected = hashes(build.folder)
        print(f"undisturbed: {duration:.1f} s, {len(expected) - 2} files")
        for number in range(options.times):
            first = (number + moments.random()) / options.times * duration
            kills = [first, moments.random() * duration] if options.twice else [first]
            kept, well = attempt(build, kills, expected)
            failures += not well
            said = " and ".join(f"{kill:.2f} s" for kill in kills)
            print(f"{number + 1:3} killed after {said}: {kept} batches kept, {'the same' if well else 'DIFFERENT'}")
    print(f"{options.times - failures} of {options.times} the same")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
