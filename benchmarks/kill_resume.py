"""Kill a command at random moments, go on with it, and compare what it leaves behind with what it leaves undisturbed.

    python benchmarks/kill_resume.py --times 20 -- run --fasta genome.fa --annotation genes.gtf --all-genes -o {out}
    python benchmarks/kill_resume.py --times 20 -- predict --fasta ... --annotation ... --all-genes --workers 2 -o {out}

Behind ``--`` stand the arguments of ``splicecore``, with ``{out}`` for the output folder. Each time the command starts
in an empty folder with an empty cache, is killed (SIGKILL; in turn with its workers and alone) at a moment of its
duration, and again while it goes on, before it is let finish. Moments are spread over the duration and drawn from
``--seed``. The script ends with status 1 if a file differs, is missing or is left over; reports, log and lock are not
compared, since they hold times. How many genes each attempt found from before says that nothing was lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

UNDECIDED = {"performance_report.json", "performance_report.txt", "run.log", "lock"}


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file whose bytes the command decides."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in UNDECIDED
    }


class Command:
    """A command of ``splicecore`` with an output folder and a cache of its own."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self.out, self.cache = folder / "out", folder / "cache"
        self.line = [sys.executable, "-m", "splicecore", *(text.replace("{out}", str(self.out)) for text in arguments)]

    def clear(self) -> None:
        """Remove what it left."""
        for folder in (self.out, self.cache):
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own."""
        environment = {**os.environ, "SPLICECORE_CACHE_DIR": str(self.cache), "SPLICECORE_CACHE_LIMIT_GB": "0"}
        return subprocess.Popen(
            self.line, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def finish(self) -> float:
        """Let it end; returns the seconds that took."""
        started = time.perf_counter()
        code = self.start().wait()
        if code not in (0, 6):
            raise SystemExit(f"exit code {code}: {' '.join(self.line)}")
        return time.perf_counter() - started

    def kill_after(self, seconds: float, *, group: bool) -> bool:
        """Kill it; returns False if it had ended before."""
        process = self.start()
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False

    def reused(self) -> int | None:
        """Genes that the last attempt found from before."""
        report = self.out / "performance_report.json"
        return json.loads(report.read_text(encoding="utf-8"))["counters"]["genes_reused"] if report.exists() else None


def main() -> int:
    """Kill, go on, compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("arguments", nargs="+", help="of splicecore, behind --, with {out} for the output folder")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    wrong = killed = 0
    with tempfile.TemporaryDirectory() as name:
        command = Command(options.arguments, Path(name))
        duration = command.finish()
        expected = hashes(command.out)
        print(f"undisturbed: {duration:.1f} s, {len(expected)} files")
        for number in range(options.times):
            command.clear()
            first = duration * (number + moments.random()) / options.times
            kills = [
                command.kill_after(seconds, group=number % 2 == 0) for seconds in (first, duration * moments.random())
            ]
            command.finish()
            found = hashes(command.out)
            differing = sorted(file for file in expected | found if expected.get(file) != found.get(file))
            killed += sum(kills)
            wrong += bool(differing)
            print(
                f"{number + 1:>3}  after {first:6.2f} s  killed {sum(kills)} times  {command.reused()} genes found  "
                + (f"DIFFERS: {', '.join(differing)}" if differing else "same bytes")
            )
    print(f"{killed} kills, {wrong} of {options.times} results differ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
