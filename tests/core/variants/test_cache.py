"""The cache of scores: what is kept comes back, from several processes at a time, and damage is noticed."""

from __future__ import annotations

import multiprocessing
import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from splicecore.errors import ChecksumError, OutputError
from splicecore.variants.alleles import Variant
from splicecore.variants.cache import CachedScores, ScoreCache, allele_key, base_key

FLOATS = st.floats(width=32, allow_nan=False)
SCORES = st.builds(
    CachedScores,
    st.tuples(*[FLOATS] * 4),
    st.tuples(*[st.integers(-(10**6), 10**6)] * 4),
    st.tuples(*[FLOATS] * 8),
    st.sampled_from([(), ("normalised",), ("normalised", "extended_window")]),
)


def some(number):
    return CachedScores((float(number), 0.0, 0.5, 1.0), (1, -2, 3, number), (0.25,) * 8, ())


@given(SCORES)
def test_packing_loses_nothing(scores):
    assert CachedScores.unpack(scores.pack()) == scores


@given(SCORES, st.data())
def test_a_changed_byte_is_noticed(scores, data):
    packed = bytearray(scores.pack())
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    assert CachedScores.unpack(bytes(packed)) is None
    assert CachedScores.unpack(scores.pack()[:10]) is None


def test_keys_differ_by_allele_and_by_what_decides():
    bases = [base_key({"model": model, "start": start}) for model in ("a", "b") for start in (1, 2)]
    variants = [
        Variant("1", 5, "A", "C"),
        Variant("1", 6, "A", "C"),
        Variant("1", 5, "AC", "C"),
        Variant("1", 5, "A", "CC"),
    ]
    keys = {allele_key(base, variant) for base in bases for variant in variants}
    assert len(keys) == 16
    assert allele_key(bases[0], Variant("chr1", 5, "A", "C")) in keys, "names of contigs are no part of it"


def test_what_is_kept_is_found(tmp_path):
    keys = [bytes([index % 256, index // 256]) * 8 for index in range(1200)]
    with ScoreCache(tmp_path / "new" / "folder") as cache:
        assert cache.find(keys) == {}
        cache.keep({key: some(index) for index, key in enumerate(keys[:1100])})
        cache.keep({})
        assert cache.find([]) == {}
    with ScoreCache(tmp_path / "new" / "folder") as cache:
        assert cache.find(keys) == {key: some(index) for index, key in enumerate(keys[:1100])}
        cache.keep({keys[0]: some(77)})
        assert cache.find(keys[:1]) == {keys[0]: some(77)}


def test_damaged_rows_are_scored_again(tmp_path):
    with ScoreCache(tmp_path) as cache:
        cache.keep({b"k" * 16: some(1), b"l" * 16: some(2)})
    database = sqlite3.connect(tmp_path / "variant_scores.sqlite")
    database.execute("UPDATE scores SET value = x'00ff' WHERE key = ?", (b"k" * 16,))
    database.commit()
    database.close()
    with ScoreCache(tmp_path) as cache:
        assert cache.find([b"k" * 16, b"l" * 16]) == {b"l" * 16: some(2)}


def test_a_damaged_file_is_an_error(tmp_path):
    (tmp_path / "variant_scores.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(ChecksumError, match="damaged"):
        ScoreCache(tmp_path)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        ScoreCache(tmp_path / "file")
    (tmp_path / "variant_scores.sqlite").mkdir()
    with pytest.raises(OutputError, match="cannot be used"):
        ScoreCache(tmp_path)


def test_a_busy_cache_costs_time_only(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("splicecore.variants.cache._WAIT", 0.05)
    with ScoreCache(tmp_path) as cache:
        other = sqlite3.connect(cache.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        cache.keep({b"k": some(1)})
        assert cache.find([b"k"]) == {}
        other.execute("ROLLBACK")
        other.close()
        assert "is not used for some variants" in caplog.text
        cache.keep({b"k": some(1)})
        assert cache.find([b"k"]) == {b"k": some(1)}


def fill(folder, first):
    for start in range(first, first + 50, 5):
        with ScoreCache(folder) as cache:
            cache.keep({np.int64(index).tobytes(): some(index) for index in range(start, start + 5)})


def test_processes_share_it(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=fill, args=(tmp_path, 50 * index)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert [worker.exitcode for worker in workers] == [0] * 4
    with ScoreCache(tmp_path) as cache:
        assert len(cache.find([np.int64(index).tobytes() for index in range(200)])) == 200
