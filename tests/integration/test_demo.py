"""The demo behind ``make demo``, on its simulated genome with the base model that brings its own parameters."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


@pytest.mark.timeout(600)
def test_the_demo_goes_the_whole_way(tmp_path):
    for name in ("splicecore_consensus", "splicecore_xgb_meta", "xgboost", "bokeh"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    if not Path(sys.executable).with_name("splicecore").exists():
        pytest.skip("needs the installed command")
    environment = {**os.environ, "SPLICECORE_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, str(DEMO), "consensus"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout.split()
    for step in ("derive", "predict", "build", "train", "run", "evaluate"):
        assert step in told
    page = Path(told[-1])
    assert page == tmp_path / "demo-output" / "run" / "report.html"
    assert page.stat().st_size > 100_000
    assert "positions recalibrated by the meta-model" in done.stdout
    assert "0 positions recalibrated" not in done.stdout
