"""OpenSpliceAI's published weights against what `openspliceai predict` 0.0.7 (torch 2.13, CPU) prints for them.

The expected values are means of the five networks on GRCh38 chromosome 22 with real sequence around the genes, to six
decimals; ``benchmarks/parity_openspliceai.py`` repeats this on whole genes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pysam
import pytest
from splicecore.api import OpenRequest, encode, reverse_complement
from splicecore_openspliceai.model import open_model
from splicecore_openspliceai.plugin import SPEC

if TYPE_CHECKING:
    from pathlib import Path

ACCEPTOR, DONOR = 1, 2
EXPECTED = {
    ("UPK3A", "+", 80): {(45286095, DONOR): 0.974804},
    ("UPK3A", "+", 400): {(45285940, ACCEPTOR): 0.880791, (45286095, DONOR): 0.995479, (45287450, DONOR): 0.954884},
    ("UPK3A", "+", 2000): {(45285940, ACCEPTOR): 0.979705, (45287171, ACCEPTOR): 0.669743, (45287450, DONOR): 0.887571},
    ("UPK3A", "+", 10_000): {
        (45285940, ACCEPTOR): 0.928106,
        (45286095, DONOR): 0.994730,
        (45287171, ACCEPTOR): 0.678534,
        (45287450, DONOR): 0.969715,
    },
    ("CIMAP1B", "-", 80): {(50530936, DONOR): 0.898063},
    ("CIMAP1B", "-", 400): {
        (50530851, ACCEPTOR): 0.797360,
        (50530936, DONOR): 0.965002,
        (50531057, ACCEPTOR): 0.848239,
    },
    ("CIMAP1B", "-", 2000): {(50531294, ACCEPTOR): 0.742774, (50531190, DONOR): 0.896291},
    ("CIMAP1B", "-", 10_000): {
        (50530711, DONOR): 0.284969,
        (50530851, ACCEPTOR): 0.719054,
        (50531569, DONOR): 0.463676,
        (50531772, ACCEPTOR): 0.812022,
    },
}
"""Gene, strand, context -> probabilities by genomic position (0-based, of the exon's base) and channel."""


@pytest.mark.realdata
@pytest.mark.parametrize(("gene", "strand", "context"), EXPECTED)
def test_real_genes(real_data: Path, published_weights: Path, gene: str, strand: str, context: int) -> None:
    expected = EXPECTED[gene, strand, context]
    start, stop = min(expected)[0], max(expected)[0] + 1
    with pysam.FastaFile(str(real_data / "genome" / "GRCh38.fa.gz")) as fasta:
        row = encode(fasta.fetch("chr22", start - context // 2, stop + context // 2))
    request = OpenRequest(weights=str(published_weights), threads=2, config={"context": context})

    with open_model(SPEC, request) as model:
        scores = model.predict((row if strand == "+" else reverse_complement(row))[np.newaxis])[0]

    for (position, channel), value in expected.items():
        offset = position - start if strand == "+" else stop - 1 - position
        assert scores[offset, channel] == pytest.approx(value, abs=1e-5), (position, channel)


@pytest.mark.realdata
def test_published_bed_files(real_data: Path, published_weights: Path) -> None:
    """Sites of IGLL1 that the project published: one network (seed 14), N beyond the gene.

    The same command on a CPU prints 0.945052 and 0.904481 for the two donors.
    """
    start, stop = 23_573_124, 23_580_290
    with pysam.FastaFile(str(real_data / "genome" / "GRCh38.fa.gz")) as fasta:
        gene = reverse_complement(encode(fasta.fetch("chr22", start, stop)))
    unknown = np.full(5000, 4, dtype=np.uint8)
    request = OpenRequest(weights=str(published_weights), config={"members": [14]})

    with open_model(SPEC, request) as model:
        scores = model.predict(np.concatenate([unknown, gene, unknown])[np.newaxis])[0]

    published = {(23_573_584, ACCEPTOR): 0.997403, (23_579_984, DONOR): 0.945070, (23_574_966, DONOR): 0.904902}
    for (position, channel), value in published.items():
        assert scores[stop - 1 - position, channel] == pytest.approx(value, abs=1e-3)
    on_cpu = {(23_579_984, DONOR): 0.945052, (23_574_966, DONOR): 0.904481}
    for (position, channel), value in on_cpu.items():
        assert scores[stop - 1 - position, channel] == pytest.approx(value, abs=1e-5)
    assert np.count_nonzero(scores[:, 1:] > 0.9) == len(published)
