"""Which windows alleles are scored in, by how many there are in a tile."""

from __future__ import annotations

import pytest
from splicecore.variants import window_choice
from splicecore.variants.vcf import VcfRecord
from splicecore.variants.window_choice import choose_windows
from splicecore.variants.windows import TILE


def records(*places):
    return (VcfRecord(number, contig, position, "A", ("C",), b"") for number, (contig, position) in enumerate(places))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("1", 5)], "allele"),
        ([("1", 5), ("1", 6)], "allele"),
        ([("1", 5), ("1", 6), ("1", 7)], "tile"),
        ([("1", 5)] * 10, "allele"),  # one site, many records
        ([("1", 5), ("2", 6), ("1", TILE)], "allele"),
        ([("1", 5), ("1", 6), ("1", 7), ("1", 8), ("1", 9), ("2", 5)], "tile"),
        ([("1", 5), ("1", 6), ("1", 7), ("1", 8), ("2", 5)], "tile"),
        ([("1", 5), ("1", 6), ("1", 7), ("2", 5)], "allele"),
        ([], "tile"),
    ],
)
def test_more_than_two_sites_in_a_tile_are_enough(places, expected):
    assert choose_windows(records(*places)) == expected


def test_only_the_beginning_of_the_input_is_read(monkeypatch):
    monkeypatch.setattr(window_choice, "_RECORDS", 4)
    source = records(*[("1", index * TILE) for index in range(6)])
    assert choose_windows(source) == "allele"
    assert len(list(source)) == 2
