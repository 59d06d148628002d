"""Scores found by key: where they are looked for, what is not taken, and what the cache drops."""

from __future__ import annotations

import logging
import os
import shutil

import numpy as np
import pytest
from splicecore.artifacts.store import digest
from splicecore.errors import ConfigError
from splicecore.predict.parts import PartReader, part_path
from splicecore.predict.score_store import ScoreStore, cache_limit, holds_part

KEYS = [digest(name) for name in "abcdef"]
A, B = KEYS[:2]


def snapshot(folder):
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_nothing_is_found_where_nothing_is(tmp_path, target):
    assert not ScoreStore().take(A, 10, target)
    assert not ScoreStore(folders=(tmp_path / "none",), cache=tmp_path / "no cache", limit=10).take(A, 10, target)
    assert not list(target.iterdir())


def test_what_is_kept_is_found(records, tmp_path, target):
    source = records.write_part(tmp_path / "run", A, 100)
    store = ScoreStore(cache=tmp_path / "cache", limit=10**9)
    store.keep(A, tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    assert store.take(A, 100, target)
    with PartReader(part_path(target, A)) as part:
        assert part.read(0, 100).shape == (100, 3)
    assert not source.exists()
    assert not store.take(A, 99, target), "a part of another length is another gene's"
    assert not store.take(B, 100, target)


def test_artifacts_come_before_the_cache_and_are_not_touched(records, tmp_path, target):
    folders = [tmp_path / "v2", tmp_path / "v1"]
    records.write_part(folders[1], A, 100)
    records.write_part(tmp_path / "run", A, 100)
    store = ScoreStore(folders=folders, cache=tmp_path / "cache", limit=10**9)
    store.keep(A, tmp_path / "run")
    before = [snapshot(folder) for folder in (folders[1], tmp_path / "cache")]
    assert store.take(A, 100, target)
    assert part_path(target, A).samefile(part_path(folders[1], A)), "hard links where that can be"
    assert [snapshot(folder) for folder in (folders[1], tmp_path / "cache")] == before
    records.write_part(folders[0], A, 100)
    assert store.take(A, 100, target)
    assert part_path(target, A).samefile(part_path(folders[0], A))


def test_using_the_cache_leaves_results_that_share_its_files_alone(records, tmp_path, target):
    records.write_part(tmp_path / "results", A, 100)
    store = ScoreStore(cache=tmp_path / "cache", limit=10**9)
    store.keep(A, tmp_path / "results")
    before = snapshot(tmp_path / "results")
    assert store.take(A, 100, target)
    assert snapshot(tmp_path / "results") == before


def test_copies_where_links_cannot_be(records, tmp_path, target, monkeypatch):
    def refuse(*_):
        raise OSError("no links between file systems")

    records.write_part(tmp_path / "v1", A, 100)
    monkeypatch.setattr(os, "link", refuse)
    store = ScoreStore(folders=(tmp_path / "v1",), cache=tmp_path / "cache", limit=10**9)
    assert store.take(A, 100, target)
    assert not part_path(target, A).samefile(part_path(tmp_path / "v1", A))
    assert part_path(target, A).read_bytes() == part_path(tmp_path / "v1", A).read_bytes()
    store.keep(A, target)
    assert ScoreStore(cache=tmp_path / "cache").take(A, 100, tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))


def damage(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[:-30])
    elif how == "empty":
        path.write_bytes(b"")
    else:  # one bit of the scores themselves
        middle = len(content) // 3
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])


@pytest.mark.parametrize("how", ["cut", "empty", "one bit"])
def test_a_damaged_part_is_not_used(records, tmp_path, target, how, caplog):
    damage(records.write_part(tmp_path / "v1", A, 1000), how)
    with caplog.at_level(logging.WARNING, "splicecore"):
        assert not ScoreStore(folders=(tmp_path / "v1",)).take(A, 1000, target)
    assert "is damaged" in caplog.text
    assert "not used" in caplog.text
    records.write_part(tmp_path / "v2", A, 1000)
    assert ScoreStore(folders=(tmp_path / "v1", tmp_path / "v2")).take(A, 1000, target), "the next place is asked"


def test_a_part_under_another_name_is_not_used(records, tmp_path):
    records.write_part(tmp_path, A, 100).rename(part_path(tmp_path, B))
    assert not holds_part(part_path(tmp_path, B), B, 100)
    assert not holds_part(part_path(tmp_path, A), A, 100)


def test_the_cache_drops_what_was_not_used_for_longest(records, tmp_path, target):
    cache = tmp_path / "cache"
    store = ScoreStore(cache=cache, limit=10**9)
    for age, key in enumerate(KEYS):
        records.write_part(tmp_path / "run", key, 1000)
        store.keep(key, tmp_path / "run")
        os.utime(part_path(cache / key[:2], key), (age + 1, age + 1))
    shutil.rmtree(tmp_path / "run")
    sizes = [part_path(cache / key[:2], key).stat().st_size for key in KEYS]
    assert store.trim() == 0
    assert store.take(KEYS[0], 1000, target), "used now, though it is the oldest"
    store = ScoreStore(cache=cache, limit=sum(sizes) - 1)
    dropped = store.trim()
    left = [key for key in KEYS if part_path(cache / key[:2], key).exists()]
    assert left == [KEYS[0], *KEYS[3:]], "down to four fifths of the limit"
    assert dropped == sizes[1] + sizes[2]
    assert ScoreStore(cache=cache, limit=0).trim() == sum(sizes) - dropped
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_cache_of_no_size_keeps_nothing(records, tmp_path):
    records.write_part(tmp_path / "run", A, 100)
    ScoreStore(cache=tmp_path / "cache", limit=0).keep(A, tmp_path / "run")
    assert not (tmp_path / "cache").exists()
    assert ScoreStore().trim() == 0


def test_a_cache_that_cannot_be_written_is_no_error(records, tmp_path):
    records.write_part(tmp_path / "run", A, 100)
    (tmp_path / "cache").write_text("a file in the way")
    ScoreStore(cache=tmp_path / "cache", limit=10**9).keep(A, tmp_path / "run")


def test_the_limit_of_the_cache(monkeypatch):
    monkeypatch.delenv("SPLICECORE_CACHE_LIMIT_GB", raising=False)
    assert cache_limit() == 20 * 10**9
    for text, expected in (("0", 0), (" 1.5 ", 1_500_000_000), ("", 20 * 10**9)):
        monkeypatch.setenv("SPLICECORE_CACHE_LIMIT_GB", text)
        assert cache_limit() == expected
    for text in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv("SPLICECORE_CACHE_LIMIT_GB", text)
        with pytest.raises(ConfigError, match="SPLICECORE_CACHE_LIMIT_GB"):
            cache_limit()


def test_verifying_reads_everything(records, tmp_path):
    path = records.write_part(tmp_path, A, 1000, tile=100)
    with PartReader(path) as part:
        part.verify()
        assert np.isfinite(part.read(0, 1000)).all()
