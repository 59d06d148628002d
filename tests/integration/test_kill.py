"""SIGKILL at random moments of ``run``, ``predict`` and ``resources derive``: resumed, nothing is lost or half written.

The commands count what they flush to the disk (once a temporary file, once its folder after the renaming) and die a
random while after a random one of these, so that the moments are spread evenly over what can be left half done, however
busy the machine is.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import attrs
import pytest

KILLER = """
import os, signal, threading

flushed, flush = os.environ["KILL_COUNT"], os.fsync
at, delay, whom = os.environ.get("KILL", "-1 0 group").split()
leader = os.getpgrp()

def kill():
    (os.killpg if whom == "group" else os.kill)(leader, signal.SIGKILL)

def later(seconds):
    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()

def counting(descriptor):
    flush(descriptor)
    with open(flushed, "ab") as handle:
        handle.write(b".")
    if os.path.getsize(flushed) == int(at):
        later(float(delay))

os.fsync = counting
if at == "0" and os.getpid() == leader:
    later(20 * float(delay))
"""
UNDECIDED = {"performance_report.json", "performance_report.txt", "run.log", "lock", ".lock"}


def decided(folder):
    """Content of all files whose bytes the command decides; a temporary file would be one of them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in UNDECIDED
    }


def parts_in(folder):
    """Names of the whole score parts in a folder, wherever an attempt has them."""
    return {path.name for path in folder.rglob("*.parquet") if len(path.stem) == 64}


@attrs.define
class Victim:
    """A command that is killed and done again.

    Attributes
    ----------
    arguments, folder, variables
        The command, where its files are, and environment variables of it.
    tools
        Folder of what kills it.
    moments
        Where they are drawn from.
    """

    bench: object
    inside: object
    tools: Path
    arguments: list[str]
    folder: Path
    moments: random.Random
    variables: dict[str, str] = attrs.field(factory=dict)

    @property
    def flushed(self):
        return self.tools / "flushed"

    def start(self, **variables):
        """Do it in a process group of its own; returns its exit code once all have ended."""
        self.flushed.write_bytes(b"")
        environment = self.bench.environment(SLOW="0.01", KILL_COUNT=str(self.flushed), **self.variables, **variables)
        environment["PYTHONPATH"] = f"{self.tools}{os.pathsep}{environment['PYTHONPATH']}"
        process = subprocess.Popen(
            self.bench.command(*self.arguments), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        code = process.wait(timeout=120)
        wait_for_orphans(process.pid)
        return code

    def kills(self, times, *, reset, alone=lambda _: False):
        """Kill it so many times, each time from nothing; yields after each, and checks what the caller made of it.

        ``alone`` says of which kills only the first process dies, not its workers with it.
        """
        assert self.start() == 0
        expected, flushes = decided(self.folder), self.flushed.stat().st_size
        assert flushes > times, "there is hardly anything to interrupt"
        for number in range(times):
            at, delay = int((number + self.moments.random()) / times * flushes), self.moments.uniform(0, 0.02)
            whom = "leader" if alone(number) else "group"
            reset()
            while self.start(KILL=f"{at} {delay:.4f} {whom}") != -signal.SIGKILL:
                assert decided(self.folder) == expected, "it ended before it was killed"
                at, delay = at - 1, 0
                reset()
            yield at
            assert decided(self.folder) == expected

    def go_on(self):
        """Do it undisturbed in this process."""
        done = self.inside.call(*self.arguments, **self.variables)
        assert done.returncode == 0, done.stderr
        return done

    def go_on_without_loss(self):
        """Go on, and check that every part that was there counts as found from before; returns their number."""
        parts = parts_in(self.folder)
        done = self.go_on()
        if "found finished" not in done.stdout:
            counters = json.loads((self.folder / "performance_report.json").read_text())["counters"]
            assert counters["genes_reused"] == len(parts)
            assert counters["genes_scored"] == len(self.bench.genome.genes)
        return len(parts)


def wait_for_orphans(group):
    """Wait until nobody is left in a process group."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("workers outlived their parent by 30 seconds")


@pytest.fixture
def victim(bench, inside, tmp_path):
    def make(arguments, folder, seed, **fields):
        (tmp_path / "tools").mkdir()
        (tmp_path / "tools" / "sitecustomize.py").write_text(KILLER)
        return Victim(bench, inside, tmp_path / "tools", arguments, folder, random.Random(seed), **fields)

    return make


def remove(folder):
    return lambda: shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("workers", "times"), [(1, 5), (2, 4)])
def test_run(victim, bench, tmp_path, workers, times):
    folder = tmp_path / "out"
    arguments = bench.run_arguments(folder, "--all-genes", "--workers", str(workers), model="slow")
    killed = victim(arguments, folder, seed=workers)
    kills = killed.kills(times, reset=remove(folder), alone=lambda number: number % 2 == 0)
    found = [killed.go_on_without_loss() for _ in kills]
    assert len(found) == times
    assert any(found), "some were killed after they had scored something"


@pytest.mark.parametrize(
    ("options", "times"), [((), 3), (("--target-meta-rate", "0.05", "--workers", "2"), 2)], ids=["one", "two"]
)
def test_run_with_a_meta_model(victim, served, tmp_path, options, times):
    folder = tmp_path / "out"
    variables = {"SPLICECORE_LOAD_PLUGINS": served.plugins}
    killed = victim(served.arguments(folder, *options), folder, seed=len(options), variables=variables)
    found = []
    for _ in killed.kills(times, reset=remove(folder)):
        found.append(len(parts_in(folder)))
        killed.go_on()
    assert any(found)


def test_predict(victim, data_root):
    inputs = ["--source", "sim", "--build", "toy", "--base-model", "slow", "--all-genes", "--test-name", "killed"]
    folder = data_root.resources / "slow_eval" / "tests" / "killed" / "meta_models" / "predictions"
    killed = victim(["predict", *inputs], folder, seed=3, variables={"SPLICECORE_DATA_ROOT": str(data_root.path)})
    found = [killed.go_on_without_loss() for _ in killed.kills(6, reset=remove(data_root.resources / "slow_eval"))]
    assert len(found) == 6
    assert any(found)


def test_derive(victim, data_root, prepared_root):
    root = prepared_root / "sim" / "toy"
    imported = {path.name for path in root.iterdir() if path.suffix in (".fa", ".fai", ".gtf")}

    def reset():
        for path in data_root.resources.iterdir():
            if path.name not in imported:
                path.unlink()

    reset()
    arguments = ["resources", "derive", "--source", "sim", "--build", "toy", "--data-root", str(data_root.path)]
    killed = victim(arguments, data_root.resources, seed=4)
    for _ in killed.kills(5, reset=reset):
        killed.go_on()
        assert decided(data_root.resources) == decided(root)
