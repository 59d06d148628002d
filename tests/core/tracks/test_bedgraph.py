"""bedGraph: values of spans, order of the file, the index, and what is refused."""

from __future__ import annotations

import itertools
import logging

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splicecore.errors import ChecksumError, ContigError, InputError
from splicecore.genome.contigs import Contigs
from splicecore.tracks import bedgraph_index, text
from splicecore.tracks.bedgraph import BedGraphTrack
from splicecore.tracks.bedgraph_index import ensure_bedgraph_index

TEXT = "track type=bedGraph\nchr1\t10\t13\t1.5\nchr1\t13\t14\t-2\n# half\nchr1\t20\t22\t0\nchr2\t0\t600\t3\n"


def values(path, contigs, cache, contig, start, end):
    track = BedGraphTrack.open(path, contigs, cache)
    try:
        return track.values(contig, start, end)
    finally:
        track.close()


@pytest.mark.parametrize("name", ["a.bedgraph", "a.bedgraph.gz", "a.bedgraph.bgz"])
def test_values_are_those_of_the_intervals_and_gaps_are_missing(write, contigs, cache, name):
    found = values(write(TEXT, name), contigs, cache, "chr1", 9, 23)
    nan = np.nan
    np.testing.assert_array_equal(found, np.float32([nan, 1.5, 1.5, 1.5, -2, *[nan] * 6, 0, 0, nan]))
    assert found.dtype == np.float32


def test_a_contig_that_the_file_lacks_has_no_values(write, contigs, cache):
    assert np.isnan(values(write(TEXT), contigs, cache, "chr3", 0, 50)).all()


def test_blanks_and_windows_line_ends_are_read(write, contigs, cache):
    path = write("browser position chr1\r\nchr1 10   12 1.5\r\n\r\nchr1 12 13 2\r\n")
    np.testing.assert_array_equal(values(path, contigs, cache, "chr1", 10, 14), np.float32([1.5, 1.5, 2, np.nan]))


def test_intervals_without_a_number_are_missing(write, contigs, cache):
    path = write("chr1\t0\t2\tNaN\nchr1\t2\t3\t1\n")
    np.testing.assert_array_equal(values(path, contigs, cache, "chr1", 0, 3), np.float32([np.nan, np.nan, 1]))


@st.composite
def interval_lists(draw):
    """Disjoint intervals of three contigs with values, in any order, with gaps or without."""
    rows = []
    for contig, length in (("chr1", 1000), ("chr2", 600), ("chr3", 50)):
        edges = sorted(draw(st.sets(st.integers(0, length), max_size=40)))
        for start, end in itertools.pairwise(edges):
            if draw(st.booleans()):
                rows.append((contig, start, end, draw(st.floats(-1e6, 1e6, width=32))))
    return draw(st.permutations(rows))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=interval_lists(), data=st.data())
def test_any_order_and_block_size_gives_what_a_slow_version_gives(write, contigs, cache, monkeypatch, rows, data):
    if not rows:
        return
    monkeypatch.setattr(text, "_BLOCK", data.draw(st.sampled_from([30, 200, 8 << 20])))
    monkeypatch.setattr(bedgraph_index, "_BIN_BITS", data.draw(st.sampled_from([3, 7, 21])))
    monkeypatch.setattr(bedgraph_index, "_ROW_GROUP", data.draw(st.sampled_from([1, 3, 32_768])))
    for index in cache.glob("tracks/*"):
        index.unlink()
    path = write("".join(f"{c}\t{s}\t{e}\t{v!r}\n" for c, s, e, v in rows))
    wanted = {contig: np.full(contigs.length(contig), np.nan, np.float32) for contig in contigs.names}
    for contig, start, end, value in rows:
        wanted[contig][start:end] = value
    track = BedGraphTrack.open(path, contigs, cache)
    for contig, whole in wanted.items():
        low, high = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
        np.testing.assert_array_equal(track.values(contig, low, high), whole[low:high])
        np.testing.assert_array_equal(track.values(contig, 0, len(whole)), whole)
    track.close()


def test_only_the_row_groups_of_a_span_are_read(write, contigs, cache, monkeypatch):
    monkeypatch.setattr(bedgraph_index, "_ROW_GROUP", 10)
    path = write("".join(f"chr1\t{start}\t{start + 1}\t{start}\n" for start in range(1000)))
    track = BedGraphTrack.open(path, contigs, cache)
    read = []
    reader = track._file.read_row_group
    monkeypatch.setattr(track._file, "read_row_group", lambda group, **options: read.append(group) or reader(group))
    np.testing.assert_array_equal(track.values("chr1", 495, 515), np.arange(495, 515, dtype=np.float32))
    assert read == [49, 50, 51]
    track.values("chr1", 500, 510)
    assert read == [49, 50, 51], "row groups at hand are not read again"
    track.values("chr1", 0, 1000)
    assert len(track._kept) == 16


def test_the_index_is_made_once_for_a_content_wherever_it_lies(write, cache, monkeypatch):
    first = ensure_bedgraph_index(write(TEXT, "a.bedgraph"), cache)
    content = first.read_bytes()
    monkeypatch.setattr(bedgraph_index, "_write", None)
    assert ensure_bedgraph_index(write(TEXT, "b.bedgraph"), cache) == first
    monkeypatch.undo()
    first.unlink()
    assert ensure_bedgraph_index(write(TEXT, "a.bedgraph"), cache).read_bytes() == content
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    assert pq.read_table(first).num_rows == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t30\t31", r"line 4: 3 columns instead of 4"),
        ("chr1\t30\t31\t1\t2", r"line 4: 5 columns instead of 4"),
        ("chr1\t3x\t31\t1", r"line 4: start '3x' is not a whole number"),
        ("chr1\t30\t31\tmany", r"line 4: value 'many' is not a number"),
        ("chr1\t30\t31\t", r"line 4: value '' is not a number"),
        ("chr1\t-1\t31\t1", r"line 4: start -1 is negative"),
        ("chr1\t30\t30\t1", r"line 4: end 30 does not lie after start 30"),
        ("chr1\t31\t30\t1", r"line 4: end 30 does not lie after start 31"),
        ("chr1\t30\t31\t1e39", r"line 4: the value is infinite or too large"),
        ("chr1\t30\t31\tinf", r"line 4: the value is infinite or too large"),
        ("chr1\t11\t12\t1", r"line 4: chr1:11-12 overlaps the interval of line 3"),
    ],
)
def test_a_bad_line_is_named(write, cache, line, message):
    path = write(f"# comment\n\nchr1\t10\t13\t1.5\n{line}\n")
    with pytest.raises(InputError, match=message):
        ensure_bedgraph_index(path, cache)
    assert list((cache / "tracks").iterdir()) == [], "nothing is left of an index that failed"


def test_lines_that_are_not_text_are_named(tmp_path, cache):
    path = tmp_path / "a.bedgraph"
    path.write_bytes(b"chr1\t10\t13\t1.5\nchr\xff\t10\t13\t1.5\n")
    with pytest.raises(InputError, match=r"line 2 is not text"):
        ensure_bedgraph_index(path, cache)


def test_truncated_files_are_refused(write, cache):
    text_ = "".join(f"chr1\t{start}\t{start + 1}\t{start % 7}.{start % 13}\n" for start in range(1000))
    for name in ("a.gz", "a.bgz"):
        path = write(text_, name)
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(InputError, match="truncated"):
            ensure_bedgraph_index(path, cache)


@pytest.mark.parametrize("text_", ["", "# nothing\n", "chr1\t0\t1\tnan\n"])
def test_a_file_without_values_is_refused(write, cache, text_):
    with pytest.raises(InputError, match=r"is empty|no data line|has no value"):
        ensure_bedgraph_index(write(text_), cache)


def test_an_interval_beyond_its_contig_is_refused_with_its_line(write, contigs, cache):
    path = write("chr1\t900\t1001\t1\nchr1\t0\t1\t1\n")
    with pytest.raises(InputError, match=r"line 1: the interval ends at 1,001, but chr1 .* 1,000 bases") as caught:
        BedGraphTrack.open(path, contigs, cache)
    assert "another build" in str(caught.value.hint)


def test_contigs_may_have_other_names_and_unknown_ones_are_listed(write, contigs, cache, caplog):
    path = write("1\t10\t11\t1\nscaffold_7\t0\t1\t1\nscaffold_8\t0\t1\t1\n")
    with caplog.at_level(logging.WARNING, logger="splicecore"):
        assert values(path, contigs, cache, "chr1", 10, 11) == 1
    (record,) = caplog.records
    assert "2 contigs that the reference does not have: scaffold_7, scaffold_8" in record.message


@pytest.mark.parametrize(
    ("text_", "error", "message"),
    [
        ("Chr_A\t0\t1\t1\n", InputError, r"no contig of the reference: it has Chr_A; the reference has chr1, chr2"),
        ("chr1\t0\t1\t1\n1\t5\t6\t1\n", ContigError, r"contigs chr1 and 1, which are both the reference's chr1"),
        ("NC_000001.10\t0\t1\t1\n", ContigError, r"NC_000001.10 is chr1 of GRCh37"),
    ],
)
def test_contigs_that_do_not_fit_are_errors(write, contigs, cache, text_, error, message):
    with pytest.raises(error, match=message):
        BedGraphTrack.open(write(text_), contigs, cache)


def test_a_damaged_index_is_named(write, cache):
    reference = Contigs.from_mapping({"chr1": 100_000})
    path = write("".join(f"chr1\t{s}\t{s + 1}\t{(s * 7919) % 1009}\n" for s in range(20_000)))
    index = ensure_bedgraph_index(path, cache)
    whole = index.read_bytes()
    index.write_bytes(whole[:2000] + b"\0" * 50 + whole[2050:])
    with pytest.raises(ChecksumError, match="damaged") as caught:
        values(path, reference, cache, "chr1", 0, 20_000)
    assert "remove it" in str(caught.value.hint)
    index.write_bytes(whole[:-100])
    with pytest.raises(ChecksumError, match="damaged"):
        values(path, reference, cache, "chr1", 0, 1)
