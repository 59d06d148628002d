"""The network in Keras 3: its layers under the names that they have in SpliceAI's files, and weights by those names.

Built in code; no file ever says what to build. A sequence is an image of height one, (n, 1, length, channels), because
TensorFlow's two-dimensional convolutions dilate by themselves, where its one-dimensional ones rearrange the sequence
and are slower. Nothing is padded: a convolution shortens the tile by its reach, and what goes around it is cropped to
match, so every output is what ``same`` padding gives far from the borders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from splicecore_splicenet.architecture import Architecture
from splicecore_splicenet.keras_h5 import layer_names

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["build_network", "weights_by_variable"]

_VARIABLES = {"mean": "moving_mean", "variance": "moving_variance"}
"""Keras's names of what :class:`NetworkWeights` calls otherwise."""


def build_network(keras: Any, architecture: Architecture) -> Any:
    """Build one network of the family.

    Parameters
    ----------
    keras
        The module; passed so that importing this one imports no framework.
    architecture
        Blocks, activation and epsilon.

    Returns
    -------
    ``keras.Model`` of (n, radius + L + radius, 4), one-hot and L > 0, to probabilities (n, L, outputs). Weights are
    zeros: they are put in with each call (``stateless_call``), so that one trace serves every network of an ensemble.
    All layers are named and float32, whatever Keras's global settings say, and no random number is drawn.
    """
    return _Builder(keras, architecture).build()


def weights_by_variable(model: Any, weights: NetworkWeights) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Return what ``stateless_call`` takes: arrays in the order of the model's ``trainable`` and other variables.

    Raises
    ------
    ValueError
        If a variable of the model is not among the weights or has another shape.
    """
    names = layer_names(weights.architecture)
    stored: dict[tuple[str, str], npt.NDArray[np.float32]] = {}
    for name, array in weights.arrays():
        layer, _, part = name.rpartition(".")
        stored[names[layer], _VARIABLES.get(part, part)] = array
    owners = {id(variable): layer.name for layer in model.layers for variable in layer.variables}

    def array_of(variable: Any) -> npt.NDArray[np.float32]:
        key = (owners[id(variable)], variable.name)
        if key not in stored:
            raise ValueError(f"the weights have no {key[1]} of layer {key[0]}")
        array = stored[key]
        shape = tuple(variable.shape)
        if array.ndim == 3:  # a kernel (taps, inputs, outputs) is one of height 1 here
            array = array[None]
        if array.shape != shape:
            raise ValueError(f"{key[1]} of layer {key[0]} is {array.shape}, not {shape}")
        return array

    return {
        "trainable": [array_of(variable) for variable in model.trainable_variables],
        "other": [array_of(variable) for variable in model.non_trainable_variables],
    }


@attrs.frozen
class _Builder:
    """Makes layers under their stored names."""

    keras: Any
    architecture: Architecture

    def build(self) -> Any:
        layers, architecture = self.keras.layers, self.architecture
        bases = self.keras.Input((None, 4), dtype="float32", name="bases")
        x = self.convolution(self.reshape(bases, (1, -1, 4), "image"), "stem")
        margin = architecture.radius
        total = self.convolution(self.crop(x, margin, "skips.0.crop"), "skips.0")
        for index, block in enumerate(architecture.blocks):
            h = self.half_block(x, index, 1)
            h = self.half_block(h, index, 2)
            around = self.crop(x, block.radius, f"blocks.{index}.crop")
            x = layers.Add(dtype="float32", name=f"blocks.{index}.add")([h, around])
            margin -= block.radius
            if architecture.ends_group(index):
                skip = f"skips.{(index + 1) // architecture.group}"
                term = self.convolution(self.crop(x, margin, f"{skip}.crop"), skip)
                total = layers.Add(dtype="float32", name=f"{skip}.add")([total, term])
        scores = self.convolution(total, "output", outputs=architecture.outputs, activation="softmax")
        scores = self.reshape(scores, (-1, architecture.outputs), "sequence")
        return self.keras.Model(bases, scores, name="splicenet")

    def half_block(self, x: Any, index: int, half: int) -> Any:
        """Batch norm, activation, dilated convolution."""
        layers, block = self.keras.layers, self.architecture.blocks[index]
        name = f"blocks.{index}.norm{half}"
        norm = layers.BatchNormalization(
            epsilon=self.architecture.epsilon, dtype="float32", name=self.stored_name(name)
        )
        slope = 0.0 if self.architecture.activation == "relu" else self.architecture.negative_slope
        activation = layers.ReLU(negative_slope=slope, dtype="float32", name=f"blocks.{index}.act{half}")
        return self.convolution(
            activation(norm(x)), f"blocks.{index}.conv{half}", taps=block.kernel, dilation=block.dilation
        )

    def convolution(
        self,
        x: Any,
        name: str,
        *,
        taps: int = 1,
        dilation: int = 1,
        outputs: int | None = None,
        activation: str | None = None,
    ) -> Any:
        layer = self.keras.layers.Conv2D(
            outputs or self.architecture.channels,
            (1, taps),
            dilation_rate=(1, dilation),
            padding="valid",
            data_format="channels_last",
            activation=activation,
            kernel_initializer="zeros",
            dtype="float32",
            name=self.stored_name(name),
        )
        return layer(x)

    def crop(self, x: Any, margin: int, name: str) -> Any:
        if margin == 0:
            return x
        layer = self.keras.layers.Cropping2D(
            ((0, 0), (margin, margin)), data_format="channels_last", dtype="float32", name=name
        )
        return layer(x)

    def reshape(self, x: Any, shape: tuple[int, ...], name: str) -> Any:
        return self.keras.layers.Reshape(shape, dtype="float32", name=name)(x)

    def stored_name(self, layer: str) -> str:
        return layer_names(self.architecture)[layer]
