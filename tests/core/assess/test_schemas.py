"""The tables' definitions: every column described once, in the schema, in the file and in the documentation."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from splicecore.assess.schemas import ERRORS, PERFORMANCE, POSITIONS, SEQUENCES, describe

PAGE = Path(__file__).resolve().parents[3] / "docs" / "concepts" / "labels.md"
SECTIONS = {
    "splice_positions_enhanced": POSITIONS,
    "splice_errors": ERRORS,
    "analysis_sequences": SEQUENCES,
    "splice_performance": PERFORMANCE,
}


@pytest.mark.parametrize("name", SECTIONS)
def test_the_documentation_has_every_column_as_the_schema_does(name):
    section = PAGE.read_text(encoding="utf-8").split(f"### `{name}`")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert {row[0].strip("`"): row[2] for row in rows} == describe(SECTIONS[name])
    assert [row[0].strip("`") for row in rows] == SECTIONS[name].names


def test_a_file_keeps_the_descriptions(genes, tmp_path):
    found = genes.assess(genes.block(20))
    pq.write_table(found.positions, tmp_path / "a.parquet", write_page_checksum=True)
    schema = pq.read_schema(tmp_path / "a.parquet")
    assert describe(schema) == describe(POSITIONS)
    assert all(describe(schema).values())
    assert schema.metadata[b"splicecore.schema"] == b"splice_positions/1"
    assert [field.name for field in schema if not field.nullable] == [
        field.name for field in POSITIONS if not field.nullable
    ]
