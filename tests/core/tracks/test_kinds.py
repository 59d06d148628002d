"""A track's kind is told by its content."""

from __future__ import annotations

import pytest
from splicecore.errors import InputError
from splicecore.tracks.kinds import detect_kind

STAR = "chr1\t21\t30\t1\t1\t1\t7\t2\t15\n"
BED12 = "chr1\t14\t36\tJ1\t7\t+\t14\t36\t255,0,0\t2\t6,6\t0,16\n"


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("chr1\t0\t1\t2.5\n", "a.txt", "bedgraph"),
        ("track type=bedGraph\n#x\nchr1 0 1 2.5\n", "a.gz", "bedgraph"),
        (STAR, "a.bw", "junctions"),
        (BED12, "a.bgz", "junctions"),
    ],
)
def test_text_is_told_by_its_columns(write, text, name, kind):
    assert detect_kind(write(text, name)) == kind


def test_bigwig_is_told_by_its_first_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(bytes.fromhex("26fc8f88") + bytes(60))
    assert detect_kind(path) == "bigwig"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes.fromhex("ebf28987") + bytes(60), "is bigBed"),
        (b"fixedStep chrom=chr1 start=1 step=1\n1\n", "wiggle"),
        (b"track type=wiggle_0\nvariableStep chrom=chr1\n1 2\n", "line 2: this is a wiggle"),
        (b"chr1\t1\t2\n", "neither bigWig, bedGraph nor a junction table; line 1"),
        (b"", "is empty"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        detect_kind(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        detect_kind(tmp_path / "none")
    with pytest.raises(InputError, match="is a folder"):
        detect_kind(tmp_path)
