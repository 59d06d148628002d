from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from splicecore.api import ResourceError, ResourceNotFoundError
from splicecore_splicenet.architecture import spliceai_architecture
from splicecore_splicenet.keras_h5 import layer_names, load_keras_h5

if TYPE_CHECKING:
    from pathlib import Path


def test_names_are_those_of_the_published_files() -> None:
    names = layer_names(spliceai_architecture())

    assert [names[f"skips.{index}"] for index in range(5)] == [f"conv1d_{n}" for n in (2, 11, 20, 29, 38)]
    assert (names["stem"], names["output"]) == ("conv1d_1", "conv1d_39")
    assert (names["blocks.0.conv1"], names["blocks.3.conv2"], names["blocks.4.conv1"]) == (
        "conv1d_3",
        "conv1d_10",
        "conv1d_12",
    )
    assert (names["blocks.0.norm1"], names["blocks.15.norm2"]) == ("batch_normalization_1", "batch_normalization_32")
    assert len(names) == len(set(names.values())) == 39 + 32


@pytest.mark.parametrize(("config", "root"), [(True, "model_weights"), (None, "model_weights"), (None, "")])
def test_every_array_is_read(keras_network: Any, tmp_path: Path, config: Any, root: str) -> None:
    network = keras_network(2)
    path = network.save(tmp_path / "net.h5", config=config, root=root)

    weights = load_keras_h5(path, spliceai_architecture(400))

    names = layer_names(weights.architecture)
    stored = {"mean": "moving_mean", "variance": "moving_variance"}
    for name, array in weights.arrays():
        layer, _, field = name.rpartition(".")
        np.testing.assert_array_equal(array, network.layers[names[layer]][stored.get(field, field)], err_msg=name)
        assert not array.flags.writeable
    assert len(list(weights.arrays())) == sum(len(arrays) for arrays in network.layers.values())


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match=r"nowhere\.h5: no such file"):
        load_keras_h5(tmp_path / "nowhere.h5", spliceai_architecture(80))


@pytest.mark.parametrize("content", [b"", b"<html>404 not found</html>\n" * 100])
def test_not_hdf5(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(content)

    with pytest.raises(ResourceError, match=r"net\.h5: not an HDF5 file"):
        load_keras_h5(path, spliceai_architecture(80))


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.999])
def test_truncated(keras_network: Any, tmp_path: Path, kept: float) -> None:
    path = keras_network().save(tmp_path / "net.h5")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(ResourceError, match=r"net\.h5: .*truncated"):
        load_keras_h5(path, spliceai_architecture(80))


def test_overwritten_inside_never_escapes_as_another_error(keras_network: Any, tmp_path: Path) -> None:
    """Zeroed metadata anywhere gives a ResourceError or, where it hit nothing that matters, a network."""
    path = keras_network(channels=4).save(tmp_path / "net.h5")
    content = path.read_bytes()
    messages = []
    for start in range(0, len(content), len(content) // 60):
        path.write_bytes(content[:start] + bytes(512) + content[start + 512 :])
        try:
            load_keras_h5(path, _narrow())
        except ResourceError as error:
            messages.append(error.message)
    assert len(messages) > 5
    assert all("net.h5: " in message for message in messages)


def test_missing_layer(keras_network: Any, tmp_path: Path) -> None:
    network = keras_network()
    del network.layers["batch_normalization_6"]

    with pytest.raises(ResourceError, match=r"net\.h5: layer batch_normalization_6 has no gamma"):
        load_keras_h5(network.save(tmp_path / "net.h5", config=None), spliceai_architecture(80))


def test_network_of_another_size(keras_network: Any, tmp_path: Path) -> None:
    path = keras_network(1).save(tmp_path / "net.h5", config=None)

    with pytest.raises(ResourceError, match=r"net\.h5: layer batch_normalization_9 has no gamma") as caught:
        load_keras_h5(path, spliceai_architecture(400))
    assert caught.value.hint


def test_wrong_shape(keras_network: Any, tmp_path: Path) -> None:
    network = keras_network()
    network.layers["conv1d_5"]["kernel"] = network.layers["conv1d_5"]["kernel"][:9]

    with pytest.raises(ResourceError, match=r"net\.h5: kernel of layer conv1d_5 is float32 \(9, 32, 32\)"):
        load_keras_h5(network.save(tmp_path / "net.h5"), spliceai_architecture(80))


@pytest.mark.parametrize(
    ("field", "value", "what"), [("kernel", np.nan, "finite"), ("moving_variance", -1, "negative")]
)
def test_values_that_cannot_be_weights(keras_network: Any, tmp_path: Path, field: str, value: float, what: str) -> None:
    network = keras_network()
    layer = "conv1d_3" if field == "kernel" else "batch_normalization_1"
    network.layers[layer][field].flat[3] = value

    with pytest.raises(ResourceError, match=rf"net\.h5: blocks\.0\..*{what}"):
        load_keras_h5(network.save(tmp_path / "net.h5"), spliceai_architecture(80))


@pytest.mark.parametrize(
    ("layer", "setting", "value"),
    [
        ("conv1d_4", "dilation_rate", [2]),
        ("batch_normalization_3", "epsilon", 1e-5),
        ("activation_1", "activation", "elu"),
        ("conv1d_12", "activation", "sigmoid"),
    ],
)
def test_settings_in_the_file_must_agree(
    keras_network: Any, tmp_path: Path, layer: str, setting: str, value: object
) -> None:
    network = keras_network()
    config = network.config()
    next(entry for entry in config["config"]["layers"] if entry["name"] == layer)["config"][setting] = value
    path = network.save(tmp_path / "net.h5", config=json.dumps(config))

    with pytest.raises(ResourceError, match=rf"net\.h5: {setting} of layer {layer} is"):
        load_keras_h5(path, spliceai_architecture(80))


@pytest.mark.parametrize("config", ["{", "[]", "{}", '{"config": {"layers": [1]}}', '{"config": []}', 5])
def test_damaged_config(keras_network: Any, tmp_path: Path, config: Any) -> None:
    path = keras_network().save(tmp_path / "net.h5", config=config)

    with pytest.raises(ResourceError, match=r"net\.h5: the attribute model_config is damaged"):
        load_keras_h5(path, spliceai_architecture(80))


def test_nothing_is_read_from_other_files(keras_network: Any, tmp_path: Path) -> None:
    """Neither a link to another file nor a dataset that is stored in one is followed."""
    network = keras_network()
    elsewhere = network.save(tmp_path / "elsewhere.h5")
    name = "model_weights/conv1d_1/conv1d_1/bias:0"
    path = network.save(tmp_path / "net.h5")
    with h5py.File(path, "a") as file:
        del file[name]
        file[name] = h5py.ExternalLink(elsewhere.name, name)
    with pytest.raises(ResourceError, match=r"layer conv1d_1 has no bias"):
        load_keras_h5(path, spliceai_architecture(80))

    (tmp_path / "raw.bin").write_bytes(bytes(128))
    with h5py.File(path, "a") as file:
        del file[name]
        file.create_dataset(name, (32,), "f4", external=[(str(tmp_path / "raw.bin"), 0, 128)])
    with pytest.raises(ResourceError, match="another file"):
        load_keras_h5(path, spliceai_architecture(80))


def _narrow() -> Any:
    import attrs

    return attrs.evolve(spliceai_architecture(80), channels=4)
