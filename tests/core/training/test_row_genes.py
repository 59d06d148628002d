"""Genes of rows, by contig, strand and id."""

from __future__ import annotations

import pyarrow as pa
import pytest
from splicecore.errors import InputError
from splicecore.training.row_genes import GeneLookup

ROWS = [("A", "X", "+", 0, 9), ("A", "Y", "+", 0, 9), ("B", "X", "-", 0, 9), ("A", "X", "-", 0, 9)]


def test_rows_are_found_or_not(make_genes):
    lookup = GeneLookup(make_genes(ROWS))
    table = pa.table(
        {
            "contig": pa.array(["X", "Y", "X", "X", "Y", "Z"]).dictionary_encode(),
            "strand": pa.array(["-", "+", "+", "-", "-", "+"]).dictionary_encode(),
            "gene_id": pa.array(["A", "A", "A", "B", "A", "A"]).dictionary_encode(),
        }
    )
    assert lookup.rows(table).tolist() == [3, 1, 0, 2, -1, -1]
    assert lookup.rows(table.to_batches()[0]).tolist() == [3, 1, 0, 2, -1, -1]
    assert lookup.rows(table.slice(0, 0)).tolist() == []


def test_a_gene_twice_is_refused(make_genes):
    with pytest.raises(InputError, match="gene B occurs twice"):
        GeneLookup(make_genes([*ROWS, ROWS[2]]))
