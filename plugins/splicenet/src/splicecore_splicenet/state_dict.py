"""Loader for networks of the family that torch saved as state dicts (``.pt``, ``.pth``), tensors only.

Files are opened with ``weights_only=True``: a pickle that holds anything but tensors and plain containers is refused
before any of it is run. Which member of the family a file holds is read from its tensors: the kernels of the residual
blocks, in order, belong to one of the published contexts, and that gives the dilations, which no tensor shows.
"""

from __future__ import annotations

import pickle
import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from splicecore.api import ResourceError, ResourceNotFoundError

from splicecore_splicenet.architecture import CONTEXTS, Architecture, spliceai_architecture
from splicecore_splicenet.weights import BatchNorm, BlockWeights, Convolution, NetworkWeights

if TYPE_CHECKING:
    import os

    from splicecore_splicenet.weights import FloatArray

__all__ = ["load_state_dict", "unit_numbers"]

_OTHER = "the file holds a network of another architecture"
_NORM_FIELDS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
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
    file = Path(path)
    tensors = _Tensors(file, _read(file))
    architecture = _architecture(tensors)
    blocks, skips = unit_numbers(architecture)
    try:
        weights = NetworkWeights(
            architecture=architecture,
            stem=tensors.convolution("initial_conv"),
            blocks=tuple(_block(tensors, f"residual_units.{number}") for number in blocks),
            skips=(
                tensors.convolution("initial_skip.conv"),
                *(tensors.convolution(f"residual_units.{number}.conv") for number in skips),
            ),
            output=tensors.convolution("final_conv"),
        )
    except ValueError as error:
        raise ResourceError(f"{file}: {error}", hint=_OTHER) from error
    tensors.check_all_used()
    return weights


def _block(tensors: _Tensors, unit: str) -> BlockWeights:
    return BlockWeights(
        norm1=tensors.norm(f"{unit}.batchnorm1"),
        conv1=tensors.convolution(f"{unit}.conv1"),
        norm2=tensors.norm(f"{unit}.batchnorm2"),
        conv2=tensors.convolution(f"{unit}.conv2"),
    )


def _architecture(tensors: _Tensors) -> Architecture:
    """Find the member of the family whose blocks have the kernels of the tensors."""
    kernels = tensors.block_kernels()
    for context in CONTEXTS:
        architecture = spliceai_architecture(context, activation="leaky_relu", epsilon=_EPSILON)
        if kernels == [block.kernel for block in architecture.blocks]:
            return architecture
    found = ", ".join(map(str, kernels)) or "none"
    raise ResourceError(
        f"{tensors.file}: its residual blocks (kernels: {found}) are not those of a network of the SpliceAI family",
        hint=f"the contexts {', '.join(map(str, CONTEXTS))} are known",
    )


def _read(file: Path) -> dict[str, torch.Tensor]:
    if not file.is_file():
        raise ResourceNotFoundError(f"{file}: no such file", hint="check the path of the weights")
    _check_archive(file)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]*\w)", str(error))
        what = f" ({named[1]})" if named else ""
        raise ResourceError(
            f"{file}: holds more than tensors{what}; nothing in it was run",
            hint="a file of torch.save(model.state_dict()) is needed; do not trust this one",
        ) from error
    except Exception as error:  # torch raises about anything for what it cannot read
        raise ResourceError(f"{file}: not a torch state dict: {type(error).__name__}", hint=_OTHER) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ResourceError(f"{file}: holds {type(content).__name__}, not a state dict", hint=_OTHER)
    return content


def _check_archive(file: Path) -> None:
    """Check the ZIP archive that torch writes, with its checksums, which torch itself does not look at."""
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ResourceError(
            f"{file}: not a torch state dict, or truncated or damaged: {error}", hint="download it again"
        ) from error
    if damaged is not None:
        raise ResourceError(f"{file}: damaged, the checksum of {damaged} is wrong", hint="download it again")


class _Tensors:
    """Tensors of a file by name; remembers which were asked for."""

    def __init__(self, file: Path, content: dict[str, torch.Tensor]) -> None:
        self.file = file
        self._content = content
        self._used: set[str] = set()

    def block_kernels(self) -> list[int]:
        """Taps of the first convolution of each block, in order."""
        kernels: list[int] = []
        numbers = {name.split(".")[1] for name in self._content if name.startswith("residual_units.")}
        for number in sorted(int(number) for number in numbers if number.isdecimal()):
            kernel = self._content.get(f"residual_units.{number}.conv1.weight")
            if isinstance(kernel, torch.Tensor) and kernel.ndim == 3:
                kernels.append(kernel.shape[2])
        return kernels

    def convolution(self, layer: str) -> Convolution:
        """Read a convolution; torch keeps kernels as (outputs, inputs, taps)."""
        kernel = self._array(f"{layer}.weight", ndim=3)
        return Convolution(kernel=kernel.transpose(2, 1, 0), bias=self._array(f"{layer}.bias", ndim=1))

    def norm(self, layer: str) -> BatchNorm:
        """Read a batch norm."""
        self._used.add(f"{layer}.num_batches_tracked")
        return BatchNorm(**{field: self._array(f"{layer}.{name}", ndim=1) for field, name in _NORM_FIELDS.items()})

    def check_all_used(self) -> None:
        """Refuse tensors that the network does not have."""
        rest = [name for name in self._content if name not in self._used]
        if rest:
            raise ResourceError(f"{self.file}: has tensors that its network does not know: {_some(rest)}", hint=_OTHER)

    def _array(self, name: str, *, ndim: int) -> FloatArray:
        tensor = self._content.get(name)
        if tensor is None:
            raise ResourceError(f"{self.file}: has no tensor {name} (it has {_some(list(self._content))})", hint=_OTHER)
        strided = isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided
        if not strided or not tensor.is_floating_point() or tensor.ndim != ndim:
            found = (
                f"{tensor.dtype} {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            )
            raise ResourceError(f"{self.file}: {name} is {found}, not float with {ndim} axes", hint=_OTHER)
        self._used.add(name)
        array: FloatArray = tensor.detach().to(torch.float32).numpy().astype(np.float32, copy=False)
        return array


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(names[:3]) or "nothing") + more
