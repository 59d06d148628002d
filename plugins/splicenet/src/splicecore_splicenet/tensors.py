"""The tensors of a file that torch saved, one by one and by name, for loaders of any naming.

Files are opened with ``weights_only=True``: a pickle that holds anything but tensors and plain containers is refused
before any of it is run. The archive's checksums are compared, which torch itself does not do.
"""

from __future__ import annotations

import pickle
import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from splicecore.api import ResourceError, ResourceNotFoundError

from splicecore_splicenet.weights import BatchNorm, BlockWeights, Convolution, NetworkWeights

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from splicecore_splicenet.architecture import Architecture
    from splicecore_splicenet.weights import FloatArray

__all__ = ["OTHER", "StateDict"]

OTHER = "the file holds a network of another architecture"
"""The hint for tensors that are not those of the network that was expected."""

_NORM_FIELDS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}


class StateDict:
    """Tensors of a file of ``torch.save(network.state_dict())`` by name; remembers which were asked for.

    Parameters
    ----------
    path
        The file, in the ZIP format of torch 1.6 and newer.

    Raises
    ------
    ResourceNotFoundError
        If there is no such file.
    ResourceError
        If it is not a state dict, holds code, is truncated or damaged; the message names the file. The methods raise
        it for tensors that are missing or of another type or number of axes.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = Path(path)
        self._content = _read(self.file)
        self._used: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """Return the names of all tensors, in the order of the file."""
        return tuple(self._content)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of a tensor; None if there is none of this name."""
        tensor: Any = self._content.get(name)
        return tuple(tensor.shape) if isinstance(tensor, torch.Tensor) else None

    def convolution(self, layer: str) -> Convolution:
        """Read a convolution; torch keeps kernels as (outputs, inputs, taps)."""
        kernel = self._array(f"{layer}.weight", ndim=3)
        return Convolution(kernel=kernel.transpose(2, 1, 0), bias=self._array(f"{layer}.bias", ndim=1))

    def norm(self, layer: str) -> BatchNorm:
        """Read a batch norm."""
        self._used.add(f"{layer}.num_batches_tracked")
        return BatchNorm(**{field: self._array(f"{layer}.{name}", ndim=1) for field, name in _NORM_FIELDS.items()})

    def network(
        self,
        architecture: Architecture,
        *,
        stem: str,
        blocks: Iterable[str],
        norm: str,
        skips: Iterable[str],
        output: str | Convolution,
    ) -> NetworkWeights:
        """Read a whole network and refuse tensors that it does not have.

        Parameters
        ----------
        architecture
            What the tensors have to fit.
        stem, skips
            Names of convolutions.
        blocks
            Names of the residual blocks, each with ``.conv1``, ``.conv2`` and a batch norm before either.
        norm
            Name of the batch norms within a block, without their numbers.
        output
            Name of the last convolution, or the convolution if it is made of what was read.
        """
        try:
            weights = NetworkWeights(
                architecture=architecture,
                stem=self.convolution(stem),
                blocks=tuple(self._block(unit, norm) for unit in blocks),
                skips=tuple(self.convolution(layer) for layer in skips),
                output=self.convolution(output) if isinstance(output, str) else output,
            )
        except ValueError as error:
            raise ResourceError(f"{self.file}: {error}", hint=OTHER) from error
        rest = [name for name in self._content if name not in self._used]
        if rest:
            raise ResourceError(f"{self.file}: has tensors that its network does not know: {_some(rest)}", hint=OTHER)
        return weights

    def _block(self, unit: str, norm: str) -> BlockWeights:
        return BlockWeights(
            norm1=self.norm(f"{unit}.{norm}1"),
            conv1=self.convolution(f"{unit}.conv1"),
            norm2=self.norm(f"{unit}.{norm}2"),
            conv2=self.convolution(f"{unit}.conv2"),
        )

    def _array(self, name: str, *, ndim: int) -> FloatArray:
        tensor = self._content.get(name)
        if tensor is None:
            raise ResourceError(f"{self.file}: has no tensor {name} (it has {_some(list(self._content))})", hint=OTHER)
        strided = isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided
        if not strided or not tensor.is_floating_point() or tensor.ndim != ndim:
            found = (
                f"{tensor.dtype} {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            )
            raise ResourceError(f"{self.file}: {name} is {found}, not float with {ndim} axes", hint=OTHER)
        self._used.add(name)
        array: FloatArray = tensor.detach().to(torch.float32).numpy().astype(np.float32, copy=False)
        return array


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
        raise ResourceError(f"{file}: not a torch state dict: {type(error).__name__}", hint=OTHER) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ResourceError(f"{file}: holds {type(content).__name__}, not a state dict", hint=OTHER)
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


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(names[:3]) or "nothing") + more
