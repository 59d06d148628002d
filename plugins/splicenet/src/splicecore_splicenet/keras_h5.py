"""Loader for networks of the family that Keras saved as ``.h5``, through h5py alone.

Only arrays and the JSON text of the ``model_config`` attribute are read: no layer is built from the file, nothing in it
is unpickled or run, and links to other files are not followed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from splicecore.api import ResourceError, ResourceNotFoundError

from splicecore_splicenet.weights import BatchNorm, BlockWeights, Convolution, NetworkWeights

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from splicecore_splicenet.architecture import Architecture

__all__ = ["layer_names", "load_keras_h5"]

_NORM_FIELDS = {"gamma": "gamma", "beta": "beta", "mean": "moving_mean", "variance": "moving_variance"}


def layer_names(architecture: Architecture) -> dict[str, str]:
    """Map each layer of the network (``stem``, ``blocks.0.norm1``, ``skips.1``, …) to its name in a Keras file.

    Keras numbers convolutions and batch norms from 1 in the order in which the original code made them: the stem, its
    skip, then block by block, with a skip convolution after each group, and the output last.
    """
    convolutions, norms = ["stem", "skips.0"], []
    for index in range(len(architecture.blocks)):
        convolutions += [f"blocks.{index}.conv1", f"blocks.{index}.conv2"]
        norms += [f"blocks.{index}.norm1", f"blocks.{index}.norm2"]
        if architecture.ends_group(index):
            convolutions.append(f"skips.{(index + 1) // architecture.group}")
    convolutions.append("output")
    names = {layer: f"conv1d_{number}" for number, layer in enumerate(convolutions, 1)}
    return names | {layer: f"batch_normalization_{number}" for number, layer in enumerate(norms, 1)}


def load_keras_h5(path: str | os.PathLike[str], architecture: Architecture) -> NetworkWeights:
    """Read the weights of one network.

    Parameters
    ----------
    path
        A file of ``Model.save`` (HDF5) or ``Model.save_weights``.
    architecture
        What the file must contain. Where the file has a ``model_config``, its dilation rates, activations and epsilons
        are checked too.

    Raises
    ------
    ResourceNotFoundError
        If there is no such file.
    ResourceError
        If it is not HDF5, is truncated or damaged, lacks a layer, or has a layer of another shape or setting; the
        message names the file and the layer.
    """
    file = Path(path)
    if not file.is_file():
        raise ResourceNotFoundError(f"{file}: no such file", hint="check the path of the weights")
    try:
        with h5py.File(file, "r") as handle:
            _check_config(file, handle.attrs.get("model_config"), architecture)
            return _read(file, handle, architecture)
    except (OSError, RuntimeError) as error:
        raise ResourceError(
            f"{file}: not an HDF5 file, or truncated or damaged: {error}", hint="download it again"
        ) from error


def _read(file: Path, handle: h5py.File, architecture: Architecture) -> NetworkWeights:
    reader = _Reader(file, handle)
    names = layer_names(architecture)
    width = architecture.channels

    def convolution(layer: str, taps: int = 1, inputs: int = width, outputs: int = width) -> Convolution:
        shapes = {"kernel": (taps, inputs, outputs), "bias": (outputs,)}
        return Convolution(**reader.arrays(names[layer], shapes))

    def norm(layer: str) -> BatchNorm:
        arrays = reader.arrays(names[layer], dict.fromkeys(_NORM_FIELDS.values(), (width,)))
        return BatchNorm(**{field: arrays[stored] for field, stored in _NORM_FIELDS.items()})

    try:
        return NetworkWeights(
            architecture=architecture,
            stem=convolution("stem", inputs=4),
            blocks=tuple(
                BlockWeights(
                    norm1=norm(f"blocks.{index}.norm1"),
                    conv1=convolution(f"blocks.{index}.conv1", taps=block.kernel),
                    norm2=norm(f"blocks.{index}.norm2"),
                    conv2=convolution(f"blocks.{index}.conv2", taps=block.kernel),
                )
                for index, block in enumerate(architecture.blocks)
            ),
            skips=tuple(convolution(f"skips.{index}") for index in range(architecture.n_skips)),
            output=convolution("output", outputs=architecture.outputs),
        )
    except ValueError as error:
        raise ResourceError(f"{file}: {error}", hint="the file is damaged; download it again") from error


class _Reader:
    """Datasets of an open file by layer and weight name."""

    def __init__(self, file: Path, handle: h5py.File) -> None:
        self._file = file
        self._datasets: dict[tuple[str, str], h5py.Dataset] = {}
        root = handle.get("model_weights", handle)
        for layer, path, dataset in _datasets(root):
            self._datasets[layer, path.rpartition("/")[2].partition(":")[0]] = dataset

    def arrays(self, layer: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
        """Read the named weights of a layer, each of the shape that it must have."""
        return {weight: self._array(layer, weight, shape) for weight, shape in shapes.items()}

    def _array(self, layer: str, weight: str, shape: tuple[int, ...]) -> Any:
        dataset = self._datasets.get((layer, weight))
        if dataset is None:
            raise ResourceError(
                f"{self._file}: layer {layer} has no {weight}",
                hint="the file is damaged or holds a network of another architecture",
            )
        if dataset.shape != shape or dataset.dtype.kind != "f":
            raise ResourceError(
                f"{self._file}: {weight} of layer {layer} is {dataset.dtype} {dataset.shape}, not float {shape}",
                hint="the file holds a network of another architecture",
            )
        if dataset.is_virtual or dataset.external:
            raise ResourceError(f"{self._file}: {weight} of layer {layer} is stored in another file")
        return np.asarray(dataset[()], dtype=np.float32)


def _datasets(root: h5py.Group) -> list[tuple[str, str, h5py.Dataset]]:
    found: list[tuple[str, str, h5py.Dataset]] = []

    def visit(path: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found.append((path.partition("/")[0], path, item))

    root.visititems(visit)  # hard links only
    return found


def _check_config(file: Path, config: Any, architecture: Architecture) -> None:
    """Compare what the file says about its layers with the architecture; silent where it says nothing."""
    if config is None:
        return
    try:
        layers = {layer["config"]["name"]: layer for layer in json.loads(config)["config"]["layers"]}
    except (ValueError, TypeError, KeyError) as error:
        raise ResourceError(f"{file}: the attribute model_config is damaged: {error}") from error
    names = layer_names(architecture)
    for index, block in enumerate(architecture.blocks):
        for part in ("conv1", "conv2"):
            _check_setting(file, layers, names[f"blocks.{index}.{part}"], "dilation_rate", block.dilation)
        for part in ("norm1", "norm2"):
            _check_setting(file, layers, names[f"blocks.{index}.{part}"], "epsilon", architecture.epsilon)
    _check_setting(file, layers, names["output"], "activation", "softmax")
    for name, layer in layers.items():
        if layer.get("class_name") == "Activation":
            _check_setting(file, layers, name, "activation", architecture.activation)


def _check_setting(file: Path, layers: Mapping[str, Any], layer: str, setting: str, expected: object) -> None:
    found = layers.get(layer, {}).get("config", {}).get(setting)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    same = (
        abs(found - expected) < 1e-9 if isinstance(found, float) and isinstance(expected, float) else found == expected
    )
    if found is not None and not same:
        raise ResourceError(
            f"{file}: {setting} of layer {layer} is {found}, not {expected}",
            hint="the file holds a network of another architecture",
        )
