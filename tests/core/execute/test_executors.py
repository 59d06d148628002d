"""The built-in executors: same results, one task a worker, errors and interruption that leave nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from splicecore.errors import ContractError, InputError
from splicecore.execute.executors import ProcessExecutor, SerialExecutor, WorkerDiedError

TASKS = """
import os, signal, time
from splicecore.errors import InputError

class Double:
    def __init__(self, config):
        self.config = config
        self.calls = 0
        if config.get("fail_to_open"):
            raise InputError("cannot open", hint="mend it")
    def __call__(self, shard):
        self.calls += 1
        if shard.get("fail"):
            raise InputError(f"shard {shard['n']} is bad", hint="mend it")
        if shard.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(shard.get("sleep", 0))
        return {"n": shard["n"] * self.config["factor"], "pid": os.getpid(), "calls": self.calls}
    def close(self):
        if "closed" in self.config:
            with open(self.config["closed"], "a") as handle:
                handle.write("closed")
"""


@pytest.fixture(autouse=True)
def tasks(tmp_path, monkeypatch):
    (tmp_path / "executor_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("executor_tasks", None)


TASK = "executor_tasks:Double"
SHARDS = [{"n": n} for n in range(7)]


@pytest.mark.parametrize("executor", [SerialExecutor(), ProcessExecutor(workers=2)])
def test_every_shard_is_done_once(executor):
    results = list(executor.map(TASK, {"factor": 3}, SHARDS))
    assert sorted(result["n"] for result in results) == [3 * n for n in range(7)]
    for pid in {result["pid"] for result in results}:
        assert sorted(r["calls"] for r in results if r["pid"] == pid) == list(
            range(1, 1 + sum(r["pid"] == pid for r in results))
        )


def test_serial_closes_its_task_even_when_it_is_left_early(tmp_path):
    config = {"factor": 1, "closed": str(tmp_path / "closed")}
    results = SerialExecutor().map(TASK, config, SHARDS)
    next(results)
    results.close()
    assert (tmp_path / "closed").read_text() == "closed"


@pytest.mark.parametrize("executor", [SerialExecutor(), ProcessExecutor(workers=2)])
def test_errors_keep_their_class_and_hint(executor):
    with pytest.raises(InputError, match="shard 1 is bad") as caught:
        list(executor.map(TASK, {"factor": 1}, [{"n": 1, "fail": True}]))
    assert caught.value.hint == "mend it"
    with pytest.raises(InputError, match="cannot open"):
        list(executor.map(TASK, {"factor": 1, "fail_to_open": True}, SHARDS))
    with pytest.raises(ContractError):
        list(executor.map("executor_tasks:Nothing", {}, SHARDS))


def test_a_killed_worker_is_reported():
    with pytest.raises(WorkerDiedError, match="killed"):
        list(ProcessExecutor(workers=2).map(TASK, {"factor": 1}, [{"n": 1, "die": True}]))


def test_leaving_early_stops_the_workers():
    shards = [{"n": 0}, *({"n": n, "sleep": 60} for n in range(4))]
    started = time.monotonic()
    results = ProcessExecutor(workers=2).map(TASK, {"factor": 1}, shards)
    next(results)
    results.close()
    assert time.monotonic() - started < 50
    assert not multiprocessing.active_children()


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from splicecore.execute.executors import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    shards = [{'n': 0}] + [{'n': 1, 'sleep': 300}] * 3\n"
        f"    for result in ProcessExecutor(workers=2).map({TASK!r}, {{'factor': 1}}, shards):\n"
        "        print(result['pid'], flush=True)\n"
    )
    import subprocess

    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment) as parent:
        worker = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        if _is_zombie(worker):
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return False
