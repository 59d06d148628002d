"""Reading score tables in batches."""

from __future__ import annotations

import pytest
from splicecore.errors import ChecksumError
from splicecore.export.score_file import ScoreFile


def test_contigs_and_their_rows(opened):
    scores = opened(
        ("A", "chr2", "+", 10, [0.5] * 200_000, [0] * 200_000), ("B", "chr10", "-", 3, [0.5] * 70_000, [0] * 70_000)
    )
    assert scores.contigs == ("chr10", "chr2")
    for contig, count in (("chr2", 200_000), ("chr10", 70_000), ("chrX", 0)):
        batches = list(scores.on_contig(contig, ["position"]))
        assert sum(batch.num_rows for batch in batches) == count
        assert all(batch.num_rows <= 65_536 for batch in batches)
        assert all(batch.schema.names == ["position"] for batch in batches)


def test_a_damaged_table_is_an_error(table):
    path = table(("A", "chr2", "+", 10, [0.5, 0.3, 0.2] * 30_000, [0] * 90_000))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(ChecksumError, match=r"table\.parquet"), ScoreFile(path) as scores:
        list(scores.batches())
    path.write_bytes(b"PAR1")
    with pytest.raises(ChecksumError):
        ScoreFile(path)
