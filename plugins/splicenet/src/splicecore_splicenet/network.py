"""The network as a torch module: valid convolutions over long tiles, in the layout that CPUs are fastest with.

A tensor of activations is (n, length, channels) in memory. Convolutions see it as (n, channels, 1, length) in
channels_last, which is the same memory, and use two-dimensional kernels (1, taps): twice as fast in torch as its
one-dimensional convolution. Nothing is padded: each convolution shortens the tile by its reach, and residuals and skips
are cropped to match, so every output is what ``same`` padding gives far from the borders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (the name that everybody uses)
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore_splicenet.architecture import Architecture
    from splicecore_splicenet.weights import BlockWeights, Convolution, NetworkWeights

__all__ = ["Network"]


class Network(nn.Module):
    """One network of the family, for inference.

    Parameters
    ----------
    weights
        What to compute. The arrays are copied.
    """

    stem: Tensor

    def __init__(self, weights: NetworkWeights) -> None:
        super().__init__()
        self.architecture = weights.architecture
        kernel, bias = weights.stem.kernel[0], weights.stem.bias
        self.register_buffer("stem", _tensor(np.vstack([kernel + bias, bias])))
        self.blocks = nn.ModuleList(
            _ResidualBlock(block, weights.architecture, index) for index, block in enumerate(weights.blocks)
        )
        self.skips = nn.ModuleList(_Pointwise(skip) for skip in weights.skips)
        self.output = _Pointwise(weights.output)

    def forward(self, codes: Tensor) -> Tensor:
        """Score positions.

        Parameters
        ----------
        codes
            uint8, (n, radius + L + radius), L > 0: A, C, G, T, N = 0..4. An N gives the stem nothing but its bias.

        Returns
        -------
        float32, (n, L, outputs)
            Probabilities.
        """
        margin = self.architecture.radius
        x = F.embedding(codes.to(torch.int32), self.stem)
        total: Tensor = self.skips[0](_crop(x, margin))
        for index, block in enumerate(self.blocks):
            x = block(x)
            margin -= self.architecture.blocks[index].radius
            if self.architecture.ends_group(index):
                total += self.skips[(index + 1) // self.architecture.group](_crop(x, margin))
        return torch.softmax(self.output(total), dim=-1)


class _ResidualBlock(nn.Module):
    """x + conv2(act(norm2(conv1(act(norm1(x)))))), valid; norm2 is folded into conv1."""

    scale: Tensor
    shift: Tensor
    zeros: Tensor
    ones: Tensor

    def __init__(self, weights: BlockWeights, architecture: Architecture, index: int) -> None:
        super().__init__()
        block = architecture.blocks[index]
        self._radius = block.radius
        self._slope = 0.0 if architecture.activation == "relu" else architecture.negative_slope
        scale, shift = weights.norm1.affine(architecture.epsilon)
        self.register_buffer("scale", _tensor(scale))
        self.register_buffer("shift", _tensor(shift))
        self.register_buffer("zeros", torch.zeros_like(self.scale))
        self.register_buffer("ones", torch.ones_like(self.scale))
        scale, shift = weights.norm2.affine(architecture.epsilon)
        self.conv1 = _Dilated(weights.conv1.kernel * scale, weights.conv1.bias * scale + shift, block.dilation)
        self.conv2 = _Dilated(weights.conv2.kernel, weights.conv2.bias, block.dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, length - 2 * radius, channels) for (n, length, channels)."""
        # A batch norm of mean 0 and variance 1 is the fastest way to scale and shift channels in one pass.
        h = F.batch_norm(_image(x), self.zeros, self.ones, self.scale, self.shift, training=False, eps=0.0)
        h = self.conv2(self._activate(self.conv1(self._activate(h))))
        return _sequence(h).add_(_crop(x, self._radius))

    def _activate(self, x: Tensor) -> Tensor:
        return F.leaky_relu_(x, self._slope) if self._slope else F.relu_(x)


class _Dilated(nn.Module):
    """A valid dilated convolution of (n, channels, 1, length) in channels_last."""

    kernel: Tensor
    bias: Tensor

    def __init__(self, kernel: npt.NDArray[np.floating], bias: npt.NDArray[np.floating], dilation: int) -> None:
        super().__init__()
        weight = _tensor(kernel.transpose(2, 1, 0)).unsqueeze(2)
        self.register_buffer("kernel", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", _tensor(bias))
        self._dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel, self.bias, dilation=(1, self._dilation))


class _Pointwise(nn.Module):
    """A 1x1 convolution of (n, length, channels): a product with one matrix."""

    kernel: Tensor
    bias: Tensor

    def __init__(self, weights: Convolution) -> None:
        super().__init__()
        self.register_buffer("kernel", _tensor(weights.kernel[0].T))
        self.register_buffer("bias", _tensor(weights.bias))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.kernel, self.bias)


def _tensor(array: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))


def _crop(x: Tensor, margin: int) -> Tensor:
    return x[:, margin : x.shape[1] - margin]


def _image(x: Tensor) -> Tensor:
    """View (n, length, channels) as (n, channels, 1, length) in channels_last."""
    return x.permute(0, 2, 1).unsqueeze(2)


def _sequence(x: Tensor) -> Tensor:
    """Undo :func:`_image`."""
    return x.squeeze(2).permute(0, 2, 1)
