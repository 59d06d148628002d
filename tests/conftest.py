"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("splicecore", deadline=None)
settings.load_profile("splicecore")

ROOT = Path(__file__).resolve().parents[1]


def find_real_data() -> Path | None:
    """Folder with the real genome, annotation and weights, or None where there is none."""
    chosen = os.environ.get("SPLICECORE_TEST_DATA")
    folder = Path(chosen) if chosen else ROOT.parent / "shared" / "data"
    return folder if (folder / "genome").is_dir() else None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with the real data; skips where it is not at hand."""
    folder = find_real_data()
    if folder is None:
        pytest.skip("no real data: set SPLICECORE_TEST_DATA to a folder laid out as CONTRIBUTING.md describes")
    return folder
