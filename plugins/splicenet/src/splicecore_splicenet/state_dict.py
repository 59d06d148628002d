"""Loader for networks of the family that torch saved as state dicts (``.pt``, ``.pth``), tensors only.

Which member of the family a file holds is read from its tensors: the kernels of the residual blocks, in order, belong
to one of the published contexts, and that gives the dilations, which no tensor shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import ResourceError

from splicecore_splicenet.architecture import CONTEXTS, Architecture, spliceai_architecture
from splicecore_splicenet.tensors import StateDict

if TYPE_CHECKING:
    import os

    from splicecore_splicenet.weights import NetworkWeights

__all__ = ["load_state_dict", "unit_numbers"]

_EPSILON = 1e-5


def unit_numbers(architecture: Architecture) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the numbers of blocks and of skips (the stem's left out) among the ``residual_units`` of a state dict.

    Both are numbered together in the order of computation: four blocks, their skip, four blocks, their skip, …
    """
    step = architecture.group + 1
    blocks = tuple(index + index // architecture.group for index in range(len(architecture.blocks)))
    return blocks, tuple(range(step - 1, len(blocks) + architecture.n_skips - 1, step))


def load_state_dict(path: str | os.PathLike[str]) -> NetworkWeights:
    """Read the weights of one network of OpenSpliceAI's layout.

    Parameters
    ----------
    path
        A file of ``torch.save(model.state_dict())``.

    Returns
    -------
    The weights; ``architecture`` is that of the tensors, with LeakyReLU 0.1 and torch's epsilon of 1e-5 in batch norms.

    Raises
    ------
    ResourceNotFoundError
        If there is no such file.
    ResourceError
        If it is not a state dict, holds code, is truncated or damaged, or has tensors that no network of the family
        has; the message names the file.
    """
    tensors = StateDict(path)
    architecture = _architecture(tensors)
    blocks, skips = unit_numbers(architecture)
    return tensors.network(
        architecture,
        stem="initial_conv",
        blocks=(f"residual_units.{number}" for number in blocks),
        norm="batchnorm",
        skips=("initial_skip.conv", *(f"residual_units.{number}.conv" for number in skips)),
        output="final_conv",
    )


def _architecture(tensors: StateDict) -> Architecture:
    """Find the member of the family whose blocks have the kernels of the tensors."""
    kernels = _block_kernels(tensors)
    for context in CONTEXTS:
        architecture = spliceai_architecture(context, activation="leaky_relu", epsilon=_EPSILON)
        if kernels == [block.kernel for block in architecture.blocks]:
            return architecture
    found = ", ".join(map(str, kernels)) or "none"
    raise ResourceError(
        f"{tensors.file}: its residual blocks (kernels: {found}) are not those of a network of the SpliceAI family",
        hint=f"the contexts {', '.join(map(str, CONTEXTS))} are known",
    )


def _block_kernels(tensors: StateDict) -> list[int]:
    """Taps of the first convolution of each block, in order."""
    numbers = {name.split(".")[1] for name in tensors.names() if name.startswith("residual_units.")}
    shapes = [
        tensors.shape(f"residual_units.{number}.conv1.weight")
        for number in sorted(int(number) for number in numbers if number.isdecimal())
    ]
    return [shape[2] for shape in shapes if shape is not None and len(shape) == 3]
