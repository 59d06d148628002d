"""SpliceAI's published weights against what Keras makes of them.

The expected values are means of the five networks under Keras 3.15 with TensorFlow 2.21 on a CPU, run as SpliceAI runs
them (windows of 5,000 positions with 10 kb of context); ``benchmarks/parity_keras.py`` repeats this on whole genes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pysam
import pytest
from splicecore.api import OpenRequest, encode, reverse_complement
from splicecore_spliceai.model import SpliceAI, open_model
from splicecore_spliceai.plugin import SPEC

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 1e-5

DESIGNED = {
    "+": {
        437: (0.0042478, 0.9957466, 0.0000056),
        579: (0.0008620, 0.0000005, 0.9991375),
        785: (0.3821093, 0.6177213, 0.0001695),
        867: (0.8233691, 0.1766018, 0.0000291),
        1015: (0.8935828, 0.0001028, 0.1063144),
    },
    "-": {
        193: (0.8414823, 0.0000035, 0.1585141),
        355: (0.8259400, 0.0000036, 0.1740565),
        548: (0.0027828, 0.9972168, 0.0000004),
        690: (0.0283210, 0.0000087, 0.9716703),
        943: (0.9351344, 0.0648551, 0.0000104),
    },
}
"""Scores of :func:`designed_codes` and its reverse complement, by offset in transcript orientation."""

SAMD11_START = 861_117
NOC2L_END = 894_670
REAL = {
    "SAMD11 +": {184: (0.6136186, 0.3851835, 0.0011979), 275: (0.3102961, 0.0000177, 0.6896862)},
    "NOC2L -": {2191: (0.0045763, 0.0000122, 0.9954115), 2247: (0.5512327, 0.4487397, 0.0000275)},
}
"""Scores of GRCh37 chr1, by offset from the transcript's 5' end."""


@pytest.fixture(scope="module")
def model(published_weights: Path) -> SpliceAI:
    return open_model(SPEC, OpenRequest(weights=str(published_weights), threads=2))


@pytest.mark.parametrize("strand", ["+", "-"])
def test_designed_sequence(model: SpliceAI, codes: np.ndarray, strand: str) -> None:
    row = codes if strand == "+" else reverse_complement(codes)

    scores = model.predict(row[np.newaxis])[0]

    offsets = list(DESIGNED[strand])
    np.testing.assert_allclose(scores[offsets], list(DESIGNED[strand].values()), rtol=0, atol=TOLERANCE)
    for channel in (1, 2):
        assert np.argmax(scores[:, channel]) in offsets


@pytest.mark.realdata
@pytest.mark.parametrize("gene", REAL)
def test_real_genes(model: SpliceAI, real_data: Path, gene: str) -> None:
    expected = REAL[gene]
    first, last = min(expected), max(expected)
    with pysam.FastaFile(str(real_data / "genome" / "GRCh37.fa.gz")) as fasta:
        if gene.endswith("+"):
            start, stop = SAMD11_START + first, SAMD11_START + last + 1
        else:
            start, stop = NOC2L_END - 1 - last, NOC2L_END - first
        row = encode(fasta.fetch("chr1", start - SPEC.left, stop + SPEC.right))

    scores = model.predict((row if gene.endswith("+") else reverse_complement(row))[np.newaxis])[0]

    offsets = [offset - first for offset in expected]
    np.testing.assert_allclose(scores[offsets], list(expected.values()), rtol=0, atol=TOLERANCE)
