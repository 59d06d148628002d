"""Loader for one of Pangolin's networks: the names of its tensors, and one of its heads.

A state dict has ``conv1`` (the stem), ``skip`` (from the stem), ``resblocks.0`` to ``resblocks.15``, each with ``bn1``,
``conv1``, ``bn2``, ``conv2``; ``convs.0`` to ``convs.3`` (the skip after every fourth block) and ``conv_last1`` to
``conv_last8``. Odd ones of these have two channels, whose softmax is (1 - P(splice), P(splice)) in a tissue; even ones
have one, whose sigmoid is the usage in the same tissue. Activation is ReLU, the epsilon of batch norms torch's 1e-5.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import numpy as np
from splicecore.api import ResourceError
from splicecore_splicenet.architecture import spliceai_architecture
from splicecore_splicenet.tensors import OTHER, StateDict
from splicecore_splicenet.weights import Convolution

from splicecore_pangolin.config import TISSUES

if TYPE_CHECKING:
    import os

    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["ARCHITECTURE", "load_head"]

ARCHITECTURE = attrs.evolve(spliceai_architecture(10_000, epsilon=1e-5), outputs=2)
"""One network with one head: probabilities of not and of being what the head says."""


def load_head(path: str | os.PathLike[str], head: int) -> NetworkWeights:
    """Read a network with one of its heads.

    Parameters
    ----------
    path
        A file of ``torch.save(network.state_dict())``.
    head
        0 to 7: P(splice) and usage in heart, then in liver, brain and testis.

    Returns
    -------
    Weights whose softmax has two channels, the second of them the head's probability. The sigmoid of a usage head is
    the softmax of (0, its logit).

    Raises
    ------
    ResourceNotFoundError
        If there is no such file.
    ResourceError
        If it is damaged, holds code, or its tensors are not exactly those of a Pangolin network; the message names the
        file and the tensor.
    """
    tensors = StateDict(Path(path))
    heads = [tensors.convolution(f"conv_last{number + 1}") for number in range(2 * len(TISSUES))]
    for number, layer in enumerate(heads):
        expected = (1, ARCHITECTURE.channels, 1 if number % 2 else 2)
        if layer.kernel.shape != expected or layer.bias.shape != expected[2:]:
            raise ResourceError(
                f"{tensors.file}: conv_last{number + 1} has {layer.kernel.shape[2]} channels of "
                f"{layer.kernel.shape[1]}, not {expected[2]} of {expected[1]}",
                hint=OTHER,
            )
    return tensors.network(
        ARCHITECTURE,
        stem="conv1",
        blocks=(f"resblocks.{index}" for index in range(len(ARCHITECTURE.blocks))),
        norm="bn",
        skips=("skip", *(f"convs.{index}" for index in range(ARCHITECTURE.n_skips - 1))),
        output=_two_channels(heads[head]),
    )


def _two_channels(layer: Convolution) -> Convolution:
    """Put a channel of zeros before the one of a sigmoid."""
    if layer.kernel.shape[2] == 2:
        return layer
    kernel, bias = np.zeros_like(layer.kernel), np.zeros_like(layer.bias)
    return Convolution(kernel=np.concatenate([kernel, layer.kernel], axis=2), bias=np.concatenate([bias, layer.bias]))
