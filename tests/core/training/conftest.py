"""Tables of genes and batches of rows for the tests of training."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest


def gene_table(rows):
    """Genes from (gene_id, contig, strand, start, end)."""
    columns = list(zip(*rows, strict=True))
    names = ("gene_id", "contig", "strand", "start", "end")
    return pa.table(dict(zip(names, map(list, columns), strict=True)))


@pytest.fixture(scope="session")
def make_genes():
    return gene_table


@pytest.fixture(scope="session")
def many_genes():
    """200 genes on four chromosomes, about every fifth of which overlaps the one before, on either strand."""
    generator = np.random.Generator(np.random.PCG64(5))
    rows = []
    for contig in ("chr1", "chr2", "chr10", "chrX"):
        start = 1000
        for i in range(50):
            length = int(generator.integers(200, 20_000))
            start = max(0, start - 100) if generator.random() < 0.2 else start + int(generator.integers(0, 5000))
            rows.append((f"{contig}-{i}", contig, "+-"[int(generator.integers(2))], start, start + length))
            start += length
    return gene_table(rows).append_column("rows", pa.array(generator.integers(0, 900, len(rows))))
