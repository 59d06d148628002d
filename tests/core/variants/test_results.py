"""Results of blocks: in the order of the input again, record by record, and counted."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from splicecore.errors import ChecksumError
from splicecore.variants import results as results_module
from splicecore.variants.blocks import Plan
from splicecore.variants.results import AlleleCounts, by_record, in_input_order, in_plan_order
from splicecore.variants.tables import ROWS, SCORES, TableWriter, score_table
from splicecore.variants.task import block_path, read_block


def batch(rows):
    """Rows of (record, allele, model, score or reason)."""
    values = []
    for record, allele, model, score in rows:
        scored = not isinstance(score, str)
        values.append(
            {
                **dict.fromkeys(ROWS.names),
                "record": record, "allele": allele, "base_model": model, "contig": "1", "position": record, "ref": "A",
                "alt": "C", "build": "toy", "order": 0, "unscored": None if scored else score,
                **({"ds_ag": score, "ds_al": 0.0, "ds_dg": 0.0, "ds_dl": 0.0} if scored else {}),
                **({"dp_ag": 1, "dp_al": 2, "dp_dg": 3, "dp_dl": 4} if scored else {}),
            }
        )  # fmt: skip
    return pa.RecordBatch.from_pylist(values, schema=ROWS)


def write_blocks(folder, blocks, key="k"):
    for index, rows in enumerate(blocks):
        schema = ROWS.with_metadata({b"splicecore.key": f"{key}/{index}".encode()})
        table = pa.Table.from_batches([batch(rows)], ROWS).cast(schema)
        pq.write_table(table, block_path(folder, index), write_page_checksum=True)


def plan_of(records, blocks, *, is_sorted):
    return Plan(first=0, records=records, alleles=0, jobs=0, sorted=is_sorted, blocks=(1,) * blocks)


@pytest.mark.parametrize("bucket", [1, 2, 3, 100])
def test_input_order_is_restored(tmp_path, monkeypatch, bucket):
    monkeypatch.setattr(results_module, "_BUCKET_RECORDS", bucket)
    blocks = [
        [(3, 0, "a", 0.5), (3, 1, "a", 0.25), (0, 0, "a", "no_gene")],
        [(4, 0, "a", 1.0), (1, 0, "a", 0.75)],
        [(2, 0, "a", 0.0)],
    ]
    write_blocks(tmp_path, blocks)
    plan = plan_of(5, 3, is_sorted=False)
    found = [
        (record, [row.scores and row.scores[0] for row in rows])
        for record, rows in by_record(in_input_order(plan, tmp_path, "k"))
    ]
    assert found == [(0, [None]), (1, [0.75]), (2, [0.0]), (3, [0.5, 0.25]), (4, [1.0])]
    assert not (tmp_path / "buckets").exists()
    assert [record for record, _ in by_record(in_plan_order(plan, tmp_path, "k"))] == [3, 0, 4, 1, 2]


def test_blocks_that_are_missing_damaged_or_of_another_pass(tmp_path):
    write_blocks(tmp_path, [[(0, 0, "a", 0.5)], [(1, 0, "a", 0.5)]])
    assert read_block(tmp_path, 0, "k").num_rows == 1
    assert read_block(tmp_path, 2, "k") is None
    with pytest.raises(ChecksumError, match="another run"):
        read_block(tmp_path, 0, "other")
    path = block_path(tmp_path, 1)
    content = path.read_bytes()
    path.write_bytes(content[:50])
    with pytest.raises(ChecksumError, match="damaged"):
        read_block(tmp_path, 1, "k")
    with pytest.raises(ChecksumError, match="is gone"):
        list(in_plan_order(plan_of(1, 3, is_sorted=True), tmp_path / "none", "k"))


def test_alleles_are_counted_once():
    counts = AlleleCounts()
    counts.add(
        batch(
            [
                (0, 0, "a", 0.5), (0, 0, "a", "off_contig"), (0, 1, "a", "too_long"), (0, 1, "a", "off_contig"),
                (0, 0, "b", "off_contig"), (0, 1, "b", "too_long"),
                (1, -1, "a", "missing_alt"), (1, -1, "b", "missing_alt"),
            ]
        ),
        ["a", "b"],
    )  # fmt: skip
    counts.add(batch([(2, 0, "a", "off_contig"), (2, 0, "a", 0.0), (2, 0, "b", 1.0)]), ["a", "b"])
    assert counts.scored == Counter(a=2, b=1)
    assert counts.unscored == {
        "a": Counter(too_long=1, missing_alt=1),
        "b": Counter(off_contig=1, too_long=1, missing_alt=1),
    }
    assert counts.rows == 11


@pytest.mark.parametrize("name", ["t.parquet", "t.tsv", "t.tsv.gz"])
def test_tables(tmp_path, name):
    rows = batch([(0, 0, "a", 0.5), (1, -1, "a", "missing_alt")])
    with TableWriter(tmp_path / name, {"x": 1}) as writer:
        writer.add(rows)
        writer.add(rows.slice(0, 0))
    if name.endswith("parquet"):
        table = pq.read_table(tmp_path / name)
        assert table.schema.equals(SCORES)
        assert table.schema.metadata[b"splicecore.variants"] == b'{"x":1}'
        assert table.to_pylist() == pa.Table.from_batches([score_table(rows)]).to_pylist()
    else:
        import gzip

        opened = gzip.open if name.endswith("gz") else open
        with opened(tmp_path / name, "rt") as text:
            header, first, second = (line.rstrip("\n").split("\t") for line in text)
        assert header == SCORES.names
        assert dict(zip(header, first, strict=True))["ds_ag"] == "0.5"
        assert dict(zip(header, second, strict=True))["unscored"] == "missing_alt"
        assert dict(zip(header, second, strict=True))["ds_ag"] == ""
