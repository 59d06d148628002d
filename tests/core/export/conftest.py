"""Score tables on disk, made from plain numbers."""

from __future__ import annotations

import numpy as np
import pytest
from splicecore.export.score_file import ScoreFile
from splicecore.genome.genes import Gene
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.table import ScoreTable

OUTPUTS = ("neither", "acceptor", "donor")


@pytest.fixture
def table(tmp_path):
    """Write a score table; takes (name, contig, strand, start, acceptor, donor) of genes, scores in genomic order."""

    def make(*genes, contigs=("chr2", "chr10"), **options):
        records, keys = [], []
        for index, (name, contig, strand, start, acceptor, donor) in enumerate(genes):
            scores = np.zeros((len(acceptor), 3), np.float32)
            scores[:, 1], scores[:, 2] = acceptor, donor
            scores[:, 0] = 1 - scores[:, 1] - scores[:, 2]
            record = Gene(f"ID{index}", name, contig, strand, start, start + len(acceptor), index)
            key = f"{index:064x}"
            write_part(part_path(tmp_path, key), key, OUTPUTS, iter([scores if strand == "+" else scores[::-1]]))
            records.append(record)
            keys.append(key)
        order = sorted(range(len(records)), key=lambda i: (contigs.index(records[i].contig), records[i].start))
        score_table = ScoreTable(
            genes=[records[i] for i in order],
            keys=[keys[i] for i in order],
            parts=tmp_path,
            build="toy",
            contigs=contigs,
            outputs=OUTPUTS,
            **options,
        )
        path = tmp_path / "table.parquet"
        score_table.write(path)
        return path

    return make


@pytest.fixture
def opened(table):
    """As ``table``, but opened."""
    files = []

    def make(*genes, **options):
        files.append(ScoreFile(table(*genes, **options)))
        return files[-1]

    yield make
    for file in files:
        file.close()
