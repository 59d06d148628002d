"""Which rows an edit changes and which convolution a window gets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore_splicenet.architecture import Architecture, Block, spliceai_architecture
from splicecore_splicenet.edit_convolutions import split_window
from splicecore_splicenet.edit_rows import plan_rows, trim


def of(text: str) -> np.ndarray:
    return np.array(["ACGTN".index(base) for base in text], dtype=np.uint8)


@pytest.mark.parametrize(
    ("codes", "start", "end", "new", "expected"),
    [
        ("AACGTT", 2, 3, "G", (2, 1, "G")),
        ("AACGTT", 2, 3, "C", (3, 0, "")),
        ("AACGTT", 2, 4, "CA", (3, 1, "A")),
        ("AACGTT", 2, 4, "AG", (2, 1, "A")),
        ("AACGTT", 2, 3, "CTT", (3, 0, "TT")),
        ("AACGTT", 2, 6, "C", (3, 3, "")),
        ("AAAAAA", 1, 3, "AAA", (3, 0, "A")),
        ("AAAAAA", 1, 4, "AA", (3, 1, "")),
        ("AACGTT", 6, 6, "A", (6, 0, "A")),
        ("AACGTT", 0, 6, "", (0, 6, "")),
    ],
)
def test_trimming_takes_off_what_stays_the_same(
    codes: str, start: int, end: int, new: str, expected: tuple[int, int, str]
) -> None:
    edit = trim(of(codes), (start, end, of(new)), 1, 0)

    assert (edit.start, edit.removed, "".join("ACGTN"[base] for base in edit.bases)) == expected
    assert (edit.low, edit.high) == (max(start - 1, 0), min(start + len(new) + 1, 6 - (end - start) + len(new)))
    assert edit.shift == len(new) - (end - start)
    assert edit.unchanged == (codes[start:end] == new)


def test_rows_of_a_substitution() -> None:
    """A distance of 50 in the published network: 35,372 rows of 32 convolutions instead of 258,392."""
    rows = plan_rows(spliceai_architecture(), 1, -50, 51)
    assert rows is not None

    assert rows.blocks[0].middle == (-5, 6)
    assert rows.blocks[0].inputs == (-10, 11)
    assert rows.blocks[13].middle == (-2500, 2501)
    assert rows.blocks[13].outputs == (-2050, 2051)
    assert rows.blocks[15].outputs == (-50, 51)
    assert rows.skips[0] == (0, 1)
    assert rows.skips[-1] == (-50, 51)
    sizes = [stop - start for block in rows.blocks for start, stop in (block.middle, block.outputs)]
    assert sum(sizes) == 35_372


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.builds(Block, st.sampled_from([1, 3, 7]), st.integers(1, 4)), min_size=1, max_size=5),
    st.integers(0, 6),
    st.integers(-60, 60),
    st.integers(0, 40),
)
def test_rows_are_those_that_can_change_and_matter(blocks: list[Block], bases: int, low: int, size: int) -> None:
    """A row can change if it sees a new base, or both sides of a deletion; it matters if a wanted position sees it."""
    architecture = Architecture(blocks=blocks, group=1)
    radius = architecture.radius

    def changed(row: int, reached: int) -> bool:
        first, last = row - reached, row + reached
        return first < bases and last >= 0 if bases else first < 0 <= last

    def matters(row: int, reached: int) -> bool:
        left = radius - reached
        return any(low <= wanted < low + size for wanted in range(row - left, row + left + 1))

    rows = plan_rows(architecture, bases, low, low + size)

    assert (rows is None) == (not any(changed(row, radius) for row in range(low, low + size)))
    if rows is None:
        return
    reached = 0
    for block, found in zip(blocks, rows.blocks, strict=True):
        half = block.radius // 2
        for start, stop in (found.middle, found.outputs):
            reached += half
            wanted = [row for row in range(-300, 300) if changed(row, reached) and matters(row, reached)]
            assert list(range(start, stop)) == wanted
        assert found.inputs == (found.middle[0] - half, found.middle[1] + half)
        assert found.inner == (found.outputs[0] - half, found.outputs[1] + half)


@pytest.mark.parametrize(
    "block", [Block(41, 25), Block(21, 10), Block(11, 4), Block(11, 1), Block(1, 1), Block(201, 2)]
)
def test_windows_are_covered(block: Block) -> None:
    splits = {rows: split_window(block, rows) for rows in (1, 30, 101, 401, 2001, 5001, 40_000)}

    for rows, split in splits.items():
        if split is not None:
            assert split.blocks * (split.rows - block.kernel + 1) * block.dilation >= rows
    assert splits[1] is None
    assert (splits[5001] is not None) == (1 < block.kernel < 128)
    assert split_window(block, 5001, "direct") is None
