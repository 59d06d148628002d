"""bigWig: values, contigs and files that do not fit."""

from __future__ import annotations

import importlib.util
import logging

import numpy as np
import pytest
from splicecore.errors import InputError, MissingDependencyError
from splicecore.tracks.bigwig import BigWigTrack

pybigtools = pytest.importorskip("pybigtools", reason="bigWig tests need the extra splicecore[bigwig]")


@pytest.fixture
def bigwig(tmp_path):
    def make(intervals, lengths=None, name="track.bw"):
        path = tmp_path / name
        pybigtools.open(str(path), "w").write(lengths or {"chr1": 1000, "chr2": 600}, iter(intervals))
        return path

    return make


def test_values_are_those_of_the_intervals_and_gaps_are_missing(bigwig, contigs):
    track = BigWigTrack.open(bigwig([("chr1", 10, 13, 1.5), ("chr1", 20, 22, 0.0)]), contigs)
    nan = np.nan
    found = track.values("chr1", 9, 23)
    np.testing.assert_array_equal(found, np.float32([nan, 1.5, 1.5, 1.5, *[nan] * 7, 0, 0, nan]))
    assert found.dtype == np.float32
    assert np.isnan(track.values("chr3", 0, 50)).all(), "a contig that the file lacks"
    assert len(track.values("chr1", 10, 10)) == 0
    track.close()
    track.close()


def test_contigs_may_have_other_names_and_unknown_ones_are_listed(bigwig, contigs, caplog):
    path = bigwig([("1", 10, 11, 1.0), ("other", 10, 11, 1.0)], {"1": 1000, "other": 77})
    with caplog.at_level(logging.WARNING, logger="splicecore"):
        track = BigWigTrack.open(path, contigs)
    assert track.values("chr1", 10, 11) == 1
    assert "1 contigs that the reference does not have: other" in caplog.text
    track.close()


def test_a_contig_of_another_length_is_another_build(bigwig, contigs):
    path = bigwig([("chr1", 10, 11, 1.0)], {"chr1": 1001})
    with pytest.raises(InputError, match=r"chr1 has 1,001 bases, but chr1 of the reference has 1,000") as caught:
        BigWigTrack.open(path, contigs)
    assert "another build" in str(caught.value.hint)


def test_a_file_of_another_genome_is_refused(bigwig, contigs):
    with pytest.raises(InputError, match="no contig of the reference: it has Q"):
        BigWigTrack.open(bigwig([("Q", 10, 11, 1.0)], {"Q": 50}), contigs)


def test_truncated_and_foreign_files_are_refused(bigwig, contigs, tmp_path):
    rng = np.random.default_rng(1)
    path = bigwig([("chr1", i, i + 1, float(v)) for i, v in enumerate(rng.random(1000))])
    whole = path.read_bytes()
    for size in (20, 64, len(whole) // 2, len(whole) * 3 // 4):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError, match="truncated or damaged"):
            BigWigTrack.open(path, contigs)
    path.write_text("chr1\t0\t1\t1\n" * 20)
    with pytest.raises(InputError, match="is not bigWig"):
        BigWigTrack.open(path, contigs)


def test_damage_in_the_middle_is_found_when_it_is_read(bigwig, contigs):
    rng = np.random.default_rng(1)
    path = bigwig([("chr1", i, i + 1, float(v)) for i, v in enumerate(rng.random(1000))])
    whole = path.read_bytes()
    path.write_bytes(whole[:1000] + b"\xff" * 40 + whole[1040:])
    track = BigWigTrack.open(path, contigs)
    with pytest.raises(InputError, match="truncated or damaged"):
        track.values("chr1", 0, 1000)
    track.close()


def test_an_infinite_value_is_refused(bigwig, contigs):
    track = BigWigTrack.open(bigwig([("chr1", 10, 11, 1.0), ("chr1", 41, 42, float("inf"))]), contigs)
    assert track.values("chr1", 10, 11) == 1
    with pytest.raises(InputError, match=r"infinite value at chr1:42"):
        track.values("chr1", 0, 100)
    track.close()


def test_a_missing_package_is_named_with_the_remedy(bigwig, contigs, monkeypatch):
    path = bigwig([("chr1", 10, 11, 1.0)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="pybigtools") as caught:
        BigWigTrack.open(path, contigs)
    assert "splicecore[bigwig]" in str(caught.value.hint)
