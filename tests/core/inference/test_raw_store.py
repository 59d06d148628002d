"""The store of probabilities: what is written is read, from the kept folder first, and damage is no knowledge."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.artifacts.store import digest
from splicecore.errors import OutputError
from splicecore.inference.raw_store import RawStore

KEY = digest("gene")


@pytest.fixture
def raw():
    values = np.full((50, 3), np.nan, dtype=np.float32)
    values[::7] = np.random.default_rng(1).dirichlet((1, 1, 1), 8)
    return values


def test_nothing_is_known_at_first(tmp_path):
    for store in (RawStore(), RawStore(cache=str(tmp_path), limit=10**9, kept=str(tmp_path / "kept"))):
        found = store.read(KEY, 5)
        assert found.shape == (5, 3)
        assert np.isnan(found).all()


@pytest.mark.parametrize("place", [{"cache": "cache", "limit": 10**9}, {"kept": "kept"}])
def test_what_is_written_is_read_and_may_be_added_to(tmp_path, raw, place):
    place = {name: str(tmp_path / value) if name != "limit" else value for name, value in place.items()}
    store = RawStore(**place)
    store.write(KEY, raw)
    assert np.array_equal(store.read(KEY, 50), raw, equal_nan=True)
    more = raw.copy()
    more[1] = 1 / 3
    store.write(KEY, more)
    found = RawStore(**place).read(KEY, 50)
    assert np.array_equal(found, more, equal_nan=True)
    found[:] = 0  # what is read may be written to
    assert np.isnan(store.read(KEY, 49)).all(), "a part of another length is another gene's"


def test_a_damaged_file_is_passed_over(tmp_path, raw):
    store = RawStore(cache=str(tmp_path / "cache"), limit=10**9, kept=str(tmp_path / "kept"))
    store.write(KEY, raw)
    kept = tmp_path / "kept" / f"{KEY}.parquet"
    kept.write_bytes(kept.read_bytes()[:-10])
    assert np.array_equal(store.read(KEY, 50), raw, equal_nan=True), "the cache has it too"
    (tmp_path / "cache" / KEY[:2] / kept.name).write_bytes(b"")
    assert np.isnan(store.read(KEY, 50)).all()


def test_only_the_kept_folder_must_be_writable(tmp_path, raw):
    (tmp_path / "file").write_text("in the way")
    RawStore(cache=str(tmp_path / "file"), limit=10**9).write(KEY, raw)
    with pytest.raises(OutputError):
        RawStore(kept=str(tmp_path / "file")).write(KEY, raw)
    RawStore(cache=str(tmp_path / "none"), limit=0).write(KEY, raw)
    assert not (tmp_path / "none").exists()
