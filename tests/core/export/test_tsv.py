"""TSV: the same rows as the table, the same bytes every time."""

from __future__ import annotations

import csv
import gzip

import numpy as np
from splicecore.export.tsv import write_tsv

COLUMNS = ["build", "contig", "strand", "position", "rel_position", "gene_id", "gene_name"]


def read(path):
    with gzip.open(path, "rt", newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_row_reads_back_exactly(opened, tmp_path):
    rng = np.random.default_rng(1)
    acceptor, donor = (rng.random((2, 500)) / 2).astype(np.float32)
    donor[3] = np.float32(1e-30)
    scores = opened(("G", "chr2", "-", 40, acceptor, donor), ("H", "chr10", "+", 0, acceptor, donor))
    assert write_tsv(scores, tmp_path / "a.tsv.gz") == 1000
    rows = read(tmp_path / "a.tsv.gz")
    (table,) = [batch.to_pylist() for batch in scores.batches()]
    assert list(rows[0]) == [*COLUMNS, "neither_score", "acceptor_score", "donor_score"]
    for text, row in zip(rows, table, strict=True):
        assert {name: str(row[name]) for name in COLUMNS} == {name: text[name] for name in COLUMNS}
        for name in ("neither_score", "acceptor_score", "donor_score"):
            assert np.float32(text[name]) == np.float32(row[name])


def test_the_same_bytes_whatever_the_time_and_the_name(opened, tmp_path, monkeypatch):
    scores = opened(("G", "chr2", "+", 0, [0.1, 0.2], [0.3, 0.4]))
    write_tsv(scores, tmp_path / "a.tsv.gz")
    monkeypatch.setattr("time.time", lambda: 1e9)
    write_tsv(scores, tmp_path / "other.gz")
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "other.gz").read_bytes()


def test_names_cannot_break_the_lines(opened, tmp_path):
    scores = opened(('a"b\tc\nd', "chr2", "+", 0, [0.1], [0.3]), ("e,f g'", "chr2", "+", 5, [0.1], [0.3]))
    write_tsv(scores, tmp_path / "a.tsv.gz")
    assert [row["gene_name"] for row in read(tmp_path / "a.tsv.gz")] == ["a_b_c_d", "e,f g'"]
