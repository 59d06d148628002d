"""Five networks of SpliceAI's size with random weights, and SpliceAI's own where they are installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def _keras_network() -> Any:
    path = Path(__file__).parents[1] / "splicenet" / "conftest.py"
    spec = importlib.util.spec_from_file_location("splicenet_keras_files", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.KerasNetwork


@pytest.fixture(scope="session")
def keras_network() -> Any:
    """The class of small random networks."""
    return _keras_network()


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory, keras_network: Any) -> Path:
    """Folder of spliceai1.h5 to spliceai5.h5 with random weights."""
    folder = tmp_path_factory.mktemp("random-weights")
    for member in range(1, 6):
        keras_network(4, seed=member).save(folder / f"spliceai{member}.h5")
    return folder


@pytest.fixture(scope="session")
def published_weights() -> Path:
    """Folder of SpliceAI's own weights; skips where the distribution that carries them is not installed."""
    try:
        distribution = importlib.metadata.distribution("spliceai")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip('no SpliceAI weights: pip install "splicecore-spliceai[weights]"')
    return Path(str(distribution.locate_file("spliceai/models")))


def designed_codes() -> np.ndarray:
    """12,000 made-up bases with an exon on either strand: 2,000 scored positions and their context.

    The bases come from a linear congruential generator, so that they are the same with any version of NumPy.
    """
    state, letters = 20190124, []
    for _ in range(12_000):
        state = (1103515245 * state + 12345) % 2**31
        letters.append("ACGT"[state >> 29])
    exon = "".join(letters[100:240])
    unit = "TGCTAACTTCTTTTCTTTTCCTTCCTCTTTTTTGCAG" + exon.replace("GT", "GA") + "CAGGTAAGTATC"
    opposite = unit[::-1].translate(str.maketrans("ACGT", "TGCA"))
    for start, text in ((5_400, unit), (6_300, opposite)):
        letters[start : start + len(text)] = text
    return np.frombuffer("".join(letters).translate(str.maketrans("ACGT", "\0\1\2\3")).encode(), dtype=np.uint8)


@pytest.fixture(scope="session")
def codes() -> np.ndarray:
    """(12000,) the designed sequence; 5000 + 2000 + 5000."""
    return designed_codes()
