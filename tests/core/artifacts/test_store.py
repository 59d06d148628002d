"""Atomic writing and hashing."""

from __future__ import annotations

import hashlib
import json

import pytest
from splicecore.artifacts.store import (
    atomic_path,
    canonical_json,
    digest,
    file_sha256,
    make_folder,
    read_json,
    write_json,
    write_text,
)
from splicecore.errors import ExitCode, OutputError


def test_atomic_path_replaces_whole_files(tmp_path):
    target = tmp_path / "table.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["table.txt"]


def test_atomic_path_leaves_nothing_of_a_failed_write(tmp_path):
    target = tmp_path / "table.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        write_half()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.txt"]


def test_file_system_errors_name_the_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/sub") as caught:
        make_folder(tmp_path / "file" / "sub")
    assert caught.value.exit_code is ExitCode.RESOURCE
    with pytest.raises(OutputError, match="nowhere"):
        write_text(tmp_path / "nowhere" / "a.txt", "a")


def test_json_round_trip_is_sorted_and_ends_with_a_newline(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    text = (tmp_path / "a.json").read_text()
    assert text.index('"a"') < text.index('"b"')
    assert text.endswith("}\n")
    assert read_json(tmp_path / "a.json") == {"a": [1.5, None], "b": 1}


def test_damaged_json_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "a.json").write_text('{"a": ')
    with pytest.raises(OutputError, match=r"a\.json") as caught:
        read_json(tmp_path / "a.json")
    assert caught.value.hint


def test_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_file_hash_is_remembered_until_the_file_changes(tmp_path):
    path, cache = tmp_path / "genome.fa", tmp_path / "cache"
    path.write_bytes(b">a\nACGT\n")
    first = file_sha256(path, cache)
    assert first == hashlib.sha256(b">a\nACGT\n").hexdigest()
    (entry,) = (cache / "sha256").iterdir()
    stored = json.loads(entry.read_text())
    entry.write_text(json.dumps({**stored, "sha256": "remembered"}))
    assert file_sha256(path, cache) == "remembered"
    path.write_bytes(b">a\nACGTA\n")
    assert file_sha256(path, cache) == hashlib.sha256(b">a\nACGTA\n").hexdigest()
    entry.write_text("damaged")
    assert file_sha256(path, cache) == hashlib.sha256(b">a\nACGTA\n").hexdigest()


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path):
    path, blocked = tmp_path / "genome.fa", tmp_path / "blocked"
    path.write_bytes(b"A")
    blocked.write_text("a file where the cache should be")
    assert file_sha256(path, blocked) == hashlib.sha256(b"A").hexdigest()
