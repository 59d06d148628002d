"""Records of passes, and score parts, made without a genome or a model."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from splicecore.artifacts.store import digest
from splicecore.genome.genes import Gene
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.record import PlanRecord, entries_digest
from splicecore.predict.selection import GeneEntry

OUTPUTS = ("neither", "acceptor", "donor")


def scores_of(key, length):
    """Scores that a key decides: float32, shape (length, 3)."""
    return np.random.default_rng(int(key[:8], 16)).dirichlet((1, 1, 1), length).astype(np.float32)


class Records:
    """Makes records whose genes lie one after another on two contigs, on alternating strands."""

    def make(self, lengths=(300, 100, 200, 150), *, missing=(), **identity):
        genes = []
        for index, length in enumerate(lengths):
            start = sum(lengths[:index]) + 10
            contig, strand = ("chr1", "chr2")[2 * index >= len(lengths)], "+-"[index % 2]
            genes.append(Gene(f"G{index}", f"name{index}", contig, strand, start, start + length, index))
        named = [GeneEntry(None, gene) for gene in genes]
        unresolved = [GeneEntry(name, None, "not_in_annotation", "no such gene") for name in missing]
        entries = (*named, *unresolved)
        return PlanRecord(
            identity={
                "inputs": {"build_digest": "b"},
                "genes": {"count": len(genes), "digest": entries_digest(entries)},
                "splicecore": "1",
                **identity,
            },
            base_model={
                "name": "m", "engine": "e", "fingerprint": "f", "outputs": list(OUTPUTS), "summary": "s",
                "licence": "l", "commercial_use": True, "citation": "c",
            },
            build="sim",
            flank="real",
            contigs=(("chr1", 10**6), ("chr2", 10**6)),
            inputs={"fasta": "a.fa", "annotation": "a.gtf"},
            environment={"versions": {"python": "3"}},
            entries=entries,
            genes=tuple(genes),
            keys=tuple(digest([attrs.astuple(gene)]) for gene in genes),
        )  # fmt: skip

    def write_part(self, folder, key, length, tile=64):
        """Write the part of a key; returns its path."""
        folder.mkdir(parents=True, exist_ok=True)
        scores = scores_of(key, length)
        tiles = (scores[start : start + tile] for start in range(0, length, tile))
        write_part(part_path(folder, key), key, OUTPUTS, tiles)
        return part_path(folder, key)


@pytest.fixture
def records():
    """Make records and parts."""
    return Records()
