"""The programs that variants.py measures, each in a process of its own that waits to be asked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import IO

__all__ = ["Program", "Team"]

SCRIPT = Path(__file__).with_name("variants.py")


class Team:
    """Several processes of splicecore with one thread each, which have equal parts: what ``--workers`` does.

    Parameters
    ----------
    size
        How many.
    python, arguments
        As for :class:`Program`.
    """

    limit: int | None = None

    def __init__(self, size: int, python: str, *arguments: str) -> None:
        self._members = [Program(python, *arguments) for _ in range(size)]

    @property
    def memory(self) -> float:
        """Of all, in MB."""
        return sum(member.memory for member in self._members)

    def score(
        self, vcf: Path, *, distance: int = 50, limit: int | None = None, first: int | None = None
    ) -> dict[str, float]:
        """Score a workload; returns variants, seconds until the last has ended, cpu, memory."""
        total = sum(not line.startswith("#") for line in vcf.read_text(encoding="ascii").splitlines())
        start, count = first or 0, limit or total
        count = min(count, total - start)
        spread = limit is not None and first is None
        size = len(self._members)
        cuts = [start + count * place // size for place in range(size + 1)]
        for member, low, high in zip(self._members, cuts, cuts[1:], strict=False):
            part = {"limit": -(-count // size)} if spread else {"first": low, "limit": high - low}
            member.ask(vcf, distance=distance, **part)
        answers = [member.answer() for member in self._members]
        found = {name: sum(answer[name] for answer in answers) for name in ("variants", "cpu", "memory")}
        return found | {"seconds": max(answer["seconds"] for answer in answers)}

    def close(self) -> None:
        """End the processes."""
        for member in self._members:
            member.close()


class Program:
    """One program in a process of its own, started and ready.

    Parameters
    ----------
    python
        Interpreter that has what it needs.
    arguments
        Which of this script's servers, and its options.
    """

    def __init__(self, python: str, *arguments: str) -> None:
        self.memory = 0.0
        self.batch = 1
        self.limit: int | None = None
        self._process = subprocess.Popen(
            [python, str(SCRIPT), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        )
        self._answer()

    def score(
        self, vcf: Path, *, distance: int = 50, limit: int | None = None, first: int | None = None
    ) -> dict[str, float]:
        """Score a workload, or as much as the program does of each; returns variants, seconds, cpu, memory."""
        if self.limit is not None:
            first, limit = None, self.limit
        self.ask(vcf, distance=distance, limit=limit, first=first)
        return self.answer()

    def ask(self, vcf: Path, *, distance: int, limit: int | None, first: int | None = None) -> None:
        """Begin to score."""
        request = {"vcf": str(vcf), "distance": distance, "limit": limit, "first": first, "batch": self.batch}
        stdin: IO[str] = self._process.stdin  # type: ignore[assignment]
        print(json.dumps(request), file=stdin, flush=True)

    def answer(self) -> dict[str, float]:
        """Wait for what was asked for last."""
        answer = self._answer()
        self.memory = answer["memory"]
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, float]:
        stdout: IO[str] = self._process.stdout  # type: ignore[assignment]
        line = stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self._process.args))} ended")  # type: ignore[arg-type]
        return json.loads(line)  # type: ignore[no-any-return]
