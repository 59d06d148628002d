"""bigWig tracks: values, strands, overlaps, and what cannot be written."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from splicecore.errors import MissingDependencyError, OutputError
from splicecore.export import bigwig
from splicecore.export.bigwig import TRACKS, write_bigwig

pybigtools = pytest.importorskip("pybigtools", reason="bigWig tests need the extra splicecore[bigwig]")

LENGTHS = {"chr2": 400_000, "chr10": 5_000}


def write(scores, path, track, lengths=None):
    site_type, strand = TRACKS[track]
    return write_bigwig(scores, path, site_type=site_type, strand=strand, lengths=lengths or LENGTHS)


def values(path, contig, start, end):
    file = pybigtools.open(str(path))
    try:
        found = np.full(end - start, np.nan, np.float32)
        for low, high, value in file.records(contig, start, end):
            found[max(low, start) - start : min(high, end) - start] = value
        return found
    finally:
        file.close()


def test_a_track_holds_one_type_and_one_strand(opened, tmp_path):
    scores = opened(
        ("FWD", "chr2", "+", 100, [0, 0.98, 0.5], [0.25, 0, 0.5]),
        ("REV", "chr2", "-", 101, [0.125, 0, 0], [0, 0.75, 0.75]),
    )
    expected = {
        "acceptor.plus": [np.nan, 0, 0.98, 0.5, np.nan],
        "donor.plus": [np.nan, 0.25, 0, 0.5, np.nan],
        "acceptor.minus": [np.nan, np.nan, 0.125, 0, 0],
        "donor.minus": [np.nan, np.nan, 0, 0.75, 0.75],
    }
    for track, wanted in expected.items():
        assert write(scores, tmp_path / f"{track}.bw", track) == 3
        np.testing.assert_array_equal(values(tmp_path / f"{track}.bw", "chr2", 99, 104), np.float32(wanted))


def test_the_larger_score_counts_where_genes_of_a_strand_overlap(opened, tmp_path):
    rng = np.random.default_rng(2)
    first, second = (rng.random((2, 100_000)) / 2).astype(np.float32)
    zeros = np.zeros_like(first)
    scores = opened(("A", "chr2", "+", 10, first, zeros), ("B", "chr2", "+", 30_010, second, zeros))
    path = tmp_path / "a.bw"
    assert write(scores, path, "acceptor.plus") == 130_000
    wanted = np.zeros(130_000, np.float32)
    wanted[:100_000] = first
    wanted[30_000:] = np.maximum(wanted[30_000:], second)
    np.testing.assert_array_equal(values(path, "chr2", 10, 130_010), wanted)


def test_contigs_are_in_the_order_that_the_format_wants(opened, tmp_path):
    scores = opened(("A", "chr2", "+", 10, [0.5], [0]), ("B", "chr10", "+", 20, [0.25], [0]))
    write(scores, tmp_path / "a.bw", "acceptor.plus")
    file = pybigtools.open(str(tmp_path / "a.bw"))
    assert file.chroms() == LENGTHS
    file.close()
    assert b"chr10" in (raw := (tmp_path / "a.bw").read_bytes())
    assert raw.index(b"chr10") < raw.index(b"chr2\0"), "the index of contigs is searched by name"
    assert values(tmp_path / "a.bw", "chr10", 20, 21) == np.float32(0.25)


def test_equal_neighbors_are_joined_and_gaps_are_not(opened, tmp_path):
    scores = opened(("A", "chr2", "+", 10, [0.5] * 4, [0] * 4), ("B", "chr2", "+", 20, [0.5] * 4, [0] * 4))
    write(scores, tmp_path / "a.bw", "acceptor.plus")
    file = pybigtools.open(str(tmp_path / "a.bw"))
    records = list(file.records("chr2"))
    file.close()
    assert records[0] == (10, 14, 0.5)
    assert (records[1][0], records[-1][1]) == (20, 24)
    assert len(records) < 8


def test_the_same_bytes_every_time(opened, tmp_path):
    values_ = np.random.default_rng(3).random(200_000).astype(np.float32)
    scores = opened(("A", "chr2", "+", 10, values_ * 0, values_))
    for name in ("a.bw", "b.bw"):
        write(scores, tmp_path / name, "donor.plus")
    assert (tmp_path / "a.bw").read_bytes() == (tmp_path / "b.bw").read_bytes()


def test_a_track_without_values_is_not_written(opened, tmp_path):
    scores = opened(("A", "chr2", "+", 10, [0.5], [0]))
    assert write(scores, tmp_path / "a.bw", "acceptor.minus") == 0
    assert not (tmp_path / "a.bw").exists()


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ({"chr2": 12}, r"position 12 of chr2, which has 12 bases"),
        ({"chr10": 100}, r"length of contig chr2 is unknown"),
        ({"chr2": 2**32}, r"4,294,967,296 bases; the format ends at"),
    ],
)
def test_a_contig_that_does_not_fit_is_refused_and_nothing_is_left(opened, tmp_path, lengths, message):
    scores = opened(("A", "chr2", "+", 10, [0.5] * 3, [0] * 3))
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(OutputError, match=message) as caught:
        write(scores, folder / "a.bw", "acceptor.plus", lengths)
    assert caught.value.hint
    assert list(folder.iterdir()) == []


def test_a_missing_package_is_named_with_the_remedy(opened, tmp_path, monkeypatch):
    scores = opened(("A", "chr2", "+", 10, [0.5], [0]))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pybigtools" else find(name))
    with pytest.raises(MissingDependencyError, match=r"splicecore\[bigwig\]"):
        write(scores, tmp_path / "a.bw", "acceptor.plus")


def test_a_child_that_dies_is_an_error_and_leaves_nothing(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(bigwig, "_PROGRAM", "import sys; sys.stdin.buffer.readline(); sys.exit('no luck')  # {path}")
    values_ = np.random.default_rng(3).random(200_000).astype(np.float32)
    scores = opened(("A", "chr2", "+", 10, values_, values_ * 0))
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(OutputError, match=r"could not write a\.bw: no luck"):
        write(scores, folder / "a.bw", "acceptor.plus")
    assert list(folder.iterdir()) == []


def test_an_interrupt_ends_the_child_and_leaves_nothing(opened, tmp_path, monkeypatch):
    scores = opened(("A", "chr2", "+", 10, [0.5, 0.25], [0, 0]))
    folder = tmp_path / "out"
    folder.mkdir()
    children = []

    def interrupted(writer):
        children.append(writer._process)
        raise KeyboardInterrupt

    monkeypatch.setattr(bigwig._Writer, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(scores, folder / "a.bw", "acceptor.plus")
    assert children[0].poll() is not None
    assert list(folder.iterdir()) == []
