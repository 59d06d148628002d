"""Blocks: every record once, sorted, cut where no tile is shared; shards; plans that are found again."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splicecore.variants import blocks as blocks_module
from splicecore.variants.blocks import BlockFile, Plan, make_plan, shard_span
from splicecore.variants.transcripts import Transcript
from splicecore.variants.vcf import VcfRecord
from splicecore.variants.windows import TILE, tile_of


class Genes:
    """Genes of 20 kb, one after another without a gap, on alternating strands; nothing below 1,000."""

    def at(self, contig, position):
        if position < 1000 or contig == "none":
            return []
        number = (position - 1000) // 20_000
        start = 1000 + number * 20_000
        strand = "+-"[number % 2]
        return [
            Transcript(f"G{number}", "g", "t", contig, strand, start, start + 20_000, (start,), (start + 100,), number)
        ]


def records_at(places, alts=("C",)):
    return [
        VcfRecord(number, contig, position, "A", tuple(alts), b"") for number, (contig, position) in enumerate(places)
    ]


def planned(folder, records, **options):
    plan = make_plan(iter(records), Genes(), folder / "blocks.arrow", **options)
    with BlockFile(folder / "blocks.arrow") as file:
        rows = [file.rows(block) for block in range(len(file))]
    assert len(rows) == len(plan.blocks)
    return plan, rows


def tiles(row):
    return {(one.contig, one.order, tile_of(one, row[2])) for one in Genes().at(row[1], row[2])}


def test_sorted_records_are_cut_where_no_tile_is_shared(tmp_path):
    places = [("1", position) for position in range(0, 200_000, 100)]
    plan, blocks = planned(tmp_path, records_at(places))
    assert plan.sorted
    assert (plan.records, plan.alleles, plan.jobs) == (2000, 2000, 1990)
    assert sum(plan.blocks) == 1990
    assert [row[0] for block in blocks for row in block] == list(range(2000))
    assert 10 < len(blocks) < 64
    for one, following in itertools.pairwise(blocks):
        assert tiles(one[-1]).isdisjoint(tiles(following[0]))
    assert plan.end == 199_901
    assert not list(tmp_path.glob("*.spool"))


def test_a_tile_with_very_many_alleles_is_cut_all_the_same(tmp_path):
    places = [("1", 2000 + index // 10) for index in range(5000)]
    plan, blocks = planned(tmp_path, records_at(places))
    assert max(plan.blocks) <= blocks_module._MAX_JOBS
    assert len({tile for block in blocks for row in block for tile in tiles(row)}) == 1
    assert sum(map(len, blocks)) == 5000


def test_records_without_genes_need_no_block_of_their_own(tmp_path):
    plan, blocks = planned(tmp_path, records_at([("none", index) for index in range(9000)]))
    assert [len(block) for block in blocks] == [8192, 808]
    assert plan.jobs == 0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("12X"), st.integers(0, 60_000)), max_size=60), st.randoms())
def test_any_order_gives_sorted_blocks(tmp_path_factory, places, chance):
    folder = tmp_path_factory.mktemp("plan")
    plan, blocks = planned(folder, records_at(places))
    rows = [row for block in blocks for row in block]
    first = {contig: index for index, contig in reversed(list(enumerate(contig for contig, _ in places)))}
    expected = sorted(enumerate(places), key=lambda item: (first[item[1][0]], item[1][1], item[0]))
    assert [(row[0], (row[1], row[2])) for row in rows] == [(n, place) for n, place in expected]
    assert plan.sorted == ([n for n, _ in expected] == list(range(len(places))))
    assert not list(folder.glob("*.index"))


def test_alleles_come_out_as_they_went_in(tmp_path):
    places = [("2", 5000), ("1", 3000), ("2", 4000)]
    records = records_at(places)
    records[0].alts, records[1].alts = ("C", "<DEL>", "*"), ()
    plan, ((*rows,),) = planned(tmp_path, records)
    assert not plan.sorted
    assert rows == [(2, "2", 4000, "A", ["C"]), (0, "2", 5000, "A", ["C", "<DEL>", "*"]), (1, "1", 3000, "A", [])]
    assert (plan.alleles, plan.jobs) == (5, 4)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 20])
def test_shards_are_the_whole(tmp_path, of):
    records = records_at([("1", 1000 * index) for index in range(11)])
    seen = []
    for index in range(1, of + 1):
        plan, blocks = planned(tmp_path, records, shard=(index, of), total=11)
        own = [row[0] for block in blocks for row in block]
        assert own == list(range(plan.first, plan.first + plan.records))
        assert shard_span((index, of), 11) == (plan.first, plan.first + plan.records)
        seen += own
    assert seen == list(range(11))


def test_block_geometry_is_decided_by_the_records_alone(tmp_path):
    places = [("1", random.Random(3).randrange(100_000)) for _ in range(300)]
    first, _ = planned(tmp_path, records_at(places))
    content = (tmp_path / "blocks.arrow").read_bytes()
    second, _ = planned(tmp_path, records_at(places))
    assert first == second
    assert (tmp_path / "blocks.arrow").read_bytes() == content
    assert TILE == 16_000


def test_a_plan_is_found_again_for_the_same_pass_only(tmp_path):
    plan, _ = planned(tmp_path, records_at([("1", 5)]))
    path = tmp_path / "plan.json"
    assert Plan.read(path, "a") is None
    plan.write(path, "a")
    assert Plan.read(path, "a") == plan
    assert Plan.read(path, "b") is None
