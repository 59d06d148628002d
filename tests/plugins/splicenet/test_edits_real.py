"""Edits of a real sequence with published weights: SpliceAI's and OpenSpliceAI's."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from splicecore.api import OpenRequest, encode
from splicecore_openspliceai import model as openspliceai
from splicecore_openspliceai.plugin import SPEC as OPENSPLICEAI
from splicecore_spliceai import model as spliceai
from splicecore_spliceai.plugin import SPEC as SPLICEAI

if TYPE_CHECKING:
    from pathlib import Path

REGION = ("chr22", 43_500_000, 43_530_000)
RADIUS = 60


def spliceai_weights() -> str:
    try:
        return str(importlib.metadata.distribution("spliceai").locate_file("spliceai/models"))
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package spliceai, which brings the weights, is not installed")


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["spliceai", "openspliceai"])
def test_edits_around_a_site(name: str, real_data: Path) -> None:
    pysam = pytest.importorskip("pysam")
    with pysam.FastaFile(str(real_data / "genome" / "GRCh38.fa.gz")) as fasta:
        region = encode(fasta.fetch(*REGION))
    weights = spliceai_weights() if name == "spliceai" else str(real_data / "weights")
    opener, spec = (spliceai, SPLICEAI) if name == "spliceai" else (openspliceai, OPENSPLICEAI)
    config: dict[str, Any] = {} if name == "spliceai" else {"context": 400}

    with opener.open_model(spec, OpenRequest(weights=weights, threads=2, config=config)) as model:
        left, right = model.spec.left, model.spec.right
        site = left + int(model.predict(region[None])[0, :, 2].argmax())
        site = min(max(site, left + 400), len(region) - right - 400)
        codes = region[site - left - 300 : site + right + 300]
        at = left + 300
        edits = [
            (at + 1, at + 2, np.array([(codes[at + 1] + 1) % 4], dtype=np.uint8)),
            (at, at + 1, codes[at : at + 1]),
            (at, at + 1, np.concatenate([codes[at : at + 1], np.array([2, 3], dtype=np.uint8)])),
            (at - 3, at + 5, codes[at - 3 : at - 2]),
            (at - 200, at - 150, np.array([0, 4], dtype=np.uint8)),
        ]
        found = model.predict_edits(codes, edits, RADIUS)
        for (start, end, new), scores in zip(edits, found, strict=True):
            edited = np.concatenate([codes[:start], new, codes[end:]])
            window = edited[start - RADIUS - left : start + len(new) + RADIUS + right]
            np.testing.assert_allclose(scores, model.predict(window[None])[0], rtol=0, atol=1e-6)

    assert found[1][RADIUS, 2] > 0.5  # a donor
    assert found[0][RADIUS, 2] < 0.2  # whose GT is gone
