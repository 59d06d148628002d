from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pytest
from splicecore_splicenet.architecture import spliceai_architecture
from splicecore_splicenet.keras_h5 import load_keras_h5
from splicecore_splicenet.weights import BatchNorm, NetworkWeights

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def weights(keras_network: Any, tmp_path: Path) -> NetworkWeights:
    return load_keras_h5(keras_network().save(tmp_path / "net.h5"), spliceai_architecture(80))


def test_fingerprint_is_the_same_for_the_same_weights(
    weights: NetworkWeights, keras_network: Any, tmp_path: Path
) -> None:
    again = keras_network().save(tmp_path / "again.h5", config=None, root="")

    assert load_keras_h5(again, spliceai_architecture(80)).fingerprint == weights.fingerprint
    assert len(weights.fingerprint) == 64


def test_every_weight_changes_the_fingerprint(keras_network: Any, tmp_path: Path, weights: NetworkWeights) -> None:
    seen = {weights.fingerprint}
    names = [(layer, name) for layer, arrays in keras_network().layers.items() for name in arrays]
    for layer, name in names:
        network = keras_network()
        array = network.layers[layer][name]
        array.flat[-1] = np.nextafter(array.flat[-1], np.float32(9))
        seen.add(load_keras_h5(network.save(tmp_path / "one.h5"), spliceai_architecture(80)).fingerprint)

    assert len(seen) == len(names) + 1


def test_settings_change_the_fingerprint(weights: NetworkWeights) -> None:
    changes = ({"epsilon": 1e-5}, {"activation": "leaky_relu"}, {"activation": "leaky_relu", "negative_slope": 0.2})
    variants = [attrs.evolve(weights, architecture=attrs.evolve(weights.architecture, **change)) for change in changes]

    assert len({weights.fingerprint, *(variant.fingerprint for variant in variants)}) == 4


def test_arrays_are_copies_that_cannot_be_written() -> None:
    mine = np.ones(4, dtype=np.float32)
    norm = BatchNorm(gamma=mine, beta=mine, mean=mine, variance=mine)
    mine[0] = 5

    assert norm.gamma[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        norm.gamma[0] = 2


def test_arrays_must_fit_the_architecture(weights: NetworkWeights) -> None:
    with pytest.raises(ValueError, match="blocks and 2 skips"):
        attrs.evolve(weights, architecture=spliceai_architecture(400))
    with pytest.raises(ValueError, match=r"output\.kernel has shape"):
        attrs.evolve(weights, output=weights.stem)
