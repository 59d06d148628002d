"""SIGKILL at random moments of ``dataset build``, ``dedup`` and ``patch``: nothing is lost, half written or mixed.

The commands count what they flush to the disk and die a random while after a random one of these, so the moments are
spread over all that can be left half done, however busy the machine is.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time

import attrs
import pytest
from splicecore.artifacts.store import file_sha256, read_json
from splicecore.dataset.dataset import Dataset

KILLER = """
import os, signal, threading

counter, flush, (at, delay) = os.environ["FLUSHED"], os.fsync, os.environ["DIE"].split()

def counting(descriptor):
    flush(descriptor)
    with open(counter, "ab") as handle:
        handle.write(b".")
    if os.path.getsize(counter) == int(at):
        timer = threading.Timer(float(delay), os.killpg, (os.getpgrp(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

os.fsync = counting
"""


def decided(folder):
    """Bytes of all files that the command decides; a temporary file would be one of them."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".lock", "run.log")
    }


def results(folder):
    """Bytes of all files but temporary ones."""
    return {name: data for name, data in decided(folder).items() if not name.endswith(".tmp")}


@attrs.define
class Mortal:
    """Runs commands that die before they end."""

    bench: object
    inside: object
    tools: object
    moments: random.Random

    def start(self, arguments, at=-1, delay=0.0):
        """Run a command that is killed after a number of flushes; returns its exit code when all processes are gone."""
        counter = self.tools / "flushed"
        counter.write_bytes(b"")
        environment = self.bench.environment(FLUSHED=str(counter), DIE=f"{at} {delay:.4f}")
        environment["PYTHONPATH"] = f"{self.tools}{os.pathsep}{environment['PYTHONPATH']}"
        process = subprocess.Popen(
            self.bench.command(*arguments), env=environment, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        _, said = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        wait_for_group(process.pid)
        return process.returncode

    def flushes(self, arguments):
        """How often an undisturbed command flushes."""
        assert self.start(arguments) == 0
        return (self.tools / "flushed").stat().st_size

    def kill(self, arguments, most):
        """Kill a command after at most so many flushes; returns whether it was still at work."""
        return self.start(arguments, self.moments.randint(1, most), self.moments.uniform(0, 0.02)) != 0

    def finish(self, arguments):
        """Run a command undisturbed in this process."""
        done = self.inside.call(*arguments)
        assert done.returncode == 0, done.stderr
        return done


def wait_for_group(group):
    """Wait until nobody is left in a process group."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("workers outlived their parent by 30 seconds")


@pytest.fixture(scope="session")
def scored(bench, tmp_path_factory):
    """Folder of a base-model pass over all genes."""
    folder = tmp_path_factory.mktemp("scored") / "pass"
    inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation)]
    done = bench.call("predict", *inputs, "--base-model", "quick", "--all-genes", "-o", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def build(bench, scored):
    """Arguments of a build of all genes, one to a batch."""

    def arguments(folder, *more):
        inputs = ["--fasta", str(bench.fasta), "--annotation", str(bench.annotation), "--base-model", "quick"]
        what = ["--artifacts", str(scored), "--subset-policy", "all", "--batch-size", "1", "--features", "probability"]
        return ["dataset", "build", *inputs, *what, "-o", str(folder), *more]

    return arguments


@pytest.fixture
def mortal(bench, inside, tmp_path):
    def make(seed):
        (tmp_path / "tools").mkdir()
        (tmp_path / "tools" / "sitecustomize.py").write_text(KILLER)
        return Mortal(bench, inside, tmp_path / "tools", random.Random(seed))

    return make


def finished_batches(folder):
    """Check what a killed build left: whatever says that it is whole is whole; returns the finished batches."""
    records = [read_json(path) for path in sorted(folder.glob("batches/*/batch.json"))]
    for record in records:
        assert file_sha256(folder / "batches" / record["name"] / "trim.parquet") == record["sha256"]
    if (folder / "dataset.json").exists() and read_json(folder / "dataset.json")["complete"]:
        assert Dataset.open(folder).verify() == []
    return {record["name"] for record in records}


@pytest.mark.parametrize(("workers", "kills"), [(1, 10), (2, 10)])
def test_build(mortal, build, tmp_path, workers, kills):
    """Killed again and again while it goes on from where it was, then let finish."""
    killed, folder = mortal(workers), tmp_path / "set"
    arguments = build(folder, "--workers", str(workers))
    flushes = killed.flushes(arguments)
    expected = results(folder)
    assert flushes > 24
    shutil.rmtree(folder)
    died, found, rounds = 0, set(), 0
    while died < kills:
        if killed.kill(arguments, flushes // 2):
            died += 1
            now = finished_batches(folder)
            assert found <= now
            found = now
        else:
            assert results(folder) == expected
            shutil.rmtree(folder)
            found, rounds = set(), rounds + 1
    done = killed.finish(build(folder))
    assert f"{12 - len(found)} of 12 built now" in done.stdout or "found finished from before" in done.stdout
    assert results(folder) == expected
    assert rounds < kills


def test_a_build_removes_what_a_killed_one_left(mortal, build, tmp_path):
    killed, folder = mortal(4), tmp_path / "set"
    killed.finish(build(folder))
    expected = decided(folder)
    for name in (".gene_manifest.parquet.4711.tmp", ".dataset.json.4711.tmp", "master/.batch_00000.parquet.4711.tmp"):
        (folder / name).write_bytes(b"half")
    (folder / "master" / "batch_00001.parquet").unlink()
    killed.finish(build(folder))
    assert decided(folder) == expected


@pytest.mark.parametrize("command", [["dedup"], ["patch", "--features", "sequence"]])
def test_maintenance_in_place(mortal, build, tmp_path, command):
    """Whoever looks after the kill finds the old dataset or the new one; the same command again completes it."""
    killed, folder, origin = mortal(3), tmp_path / "set", tmp_path / "origin"
    killed.finish(build(origin))
    shutil.copytree(origin, folder)
    arguments = ["dataset", *command, str(folder), "--inplace"]
    flushes = killed.flushes(arguments)
    old, new = decided(origin), decided(folder)
    assert old != new
    seen = []
    while len(seen) < 4:
        shutil.rmtree(folder)
        shutil.copytree(origin, folder)
        if not killed.kill(arguments, flushes):
            continue
        left = decided(folder)
        assert left in (old, new)
        seen.append(left == old)
        assert Dataset.open(folder).verify() == []
        killed.finish(arguments)
        assert decided(folder) == new
        assert sorted(path.name for path in tmp_path.iterdir()) == ["origin", "set", "tools"]
    assert any(seen)
