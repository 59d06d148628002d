"""The network as a list of stages over long tiles, in the layout that CPUs are fastest with.

Activations are (rows, channels), one row a base. Nothing is padded: each convolution shortens the tile by its reach,
and residuals and skips are cropped to match, so every output is what ``same`` padding gives far from the borders. Two
buffers of the tile's length hold everything: ``x``, to which blocks add in place, and ``h``, what is between the two
convolutions of a block. A stage is a number of portions that depend on the stage before and not on each other; one
portion's intermediate results fit into a core's cache. Portions are the same whoever computes them, and so are scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (the name that everybody uses)
from torch import Tensor, nn

from splicecore_splicenet.choices import Convolutions, Direct, choose
from splicecore_splicenet.dft import DFTConvolution
from splicecore_splicenet.stage import Stage, portion_rows, portions

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore_splicenet.activations import Activations
    from splicecore_splicenet.architecture import Architecture
    from splicecore_splicenet.member_spread import MemberSpread
    from splicecore_splicenet.scratch import Scratch
    from splicecore_splicenet.weights import BlockWeights, NetworkWeights

__all__ = ["DirectConvolution", "Network"]


class Network(nn.Module):
    """One network of the family, for inference.

    Parameters
    ----------
    weights
        What to compute. The arrays are copied.
    convolutions
        ``"fast"`` or ``"direct"``; see :mod:`splicecore_splicenet.choices`.
    device
        Kind of the device that it will run on: ``"cpu"``, ``"cuda"``, ``"mps"``.
    """

    stem: Tensor
    heads: Tensor
    bias: Tensor

    def __init__(self, weights: NetworkWeights, convolutions: Convolutions = "fast", device: str = "cpu") -> None:
        super().__init__()
        self.architecture = weights.architecture
        kernel, bias = weights.stem.kernel[0], weights.stem.bias
        self.register_buffer("stem", _tensor(np.vstack([kernel + bias, bias])))
        # A skip convolution and the last one, with nothing but a sum between them, are one matrix.
        last = weights.output.kernel[0].astype(np.float64)
        skips = [(skip.kernel[0].astype(np.float64), skip.bias.astype(np.float64)) for skip in weights.skips]
        self.register_buffer("heads", _tensor(np.stack([(skip @ last).T for skip, _ in skips])))
        self.register_buffer("bias", _tensor(sum(bias @ last for _, bias in skips) + weights.output.bias).unsqueeze(1))
        self.blocks = nn.ModuleList(
            ResidualBlock(block, weights.architecture, index, convolutions, device)
            for index, block in enumerate(weights.blocks)
        )

    def stages(
        self,
        codes: Tensor,
        total: Tensor,
        memory: Scratch,
        *,
        member: int = 0,
        spread: MemberSpread | None = None,
        kept: Activations | None = None,
    ) -> list[Stage]:
        """Say what scoring a tile takes; nothing is computed yet.

        Parameters
        ----------
        codes
            uint8, (radius + L + radius,), L > 0: A, C, G, T, N = 0..4. An N gives the stem nothing but its bias.
        total
            float32, (outputs, L): the last stage adds the probabilities to it.
        memory
            For ``x``, ``h`` and the sum of the skips; shared by all threads, one tile at a time.
        member, spread
            Number of the network in its ensemble, and what the last stage adds the probabilities to as well.
        kept
            Gets the activations.
        """
        length, channels = len(codes), self.architecture.channels
        spill = self.spill
        if kept is not None:
            kept.resize(length, spill)
        x = memory.take("x", length + spill, channels)
        h = memory.take("h", length + spill, channels)
        logits = memory.take("logits", *total.shape)  # (outputs, L): a softmax over long rows is the fastest
        stages = [self._embed(codes, x), self._skip(0, x, self.architecture.radius, logits)]
        start = 0
        for index, block in enumerate(self.residuals()):
            if kept is not None:
                stages.append(kept.keep(index, x[start : start + length]))
                h = kept.middles[index]
            stages += block.stages(x, h, start, length)
            start, length = start + block.radius, length - 2 * block.radius
            if self.architecture.ends_group(index):
                margin = start + (length - total.shape[1]) // 2
                stages.append(self._skip((index + 1) // self.architecture.group, x, margin, logits))
        if kept is not None:
            stages.append(kept.keep(len(self.blocks), x[start : start + length]))
        stages.append(_softmax(logits, total, member, spread))
        return stages

    @property
    def spill(self) -> int:
        """Rows beyond their last one that a tile's activations need."""
        return max((block.unit for block in self.residuals()), default=0)

    def residuals(self) -> list[ResidualBlock]:
        """Return the blocks in order."""
        return list(self.blocks)  # type: ignore[arg-type]

    def _embed(self, codes: Tensor, x: Tensor) -> Stage:
        def run(portion: int, _: Scratch) -> None:
            rows = portion_rows(portion, len(codes))
            torch.index_select(self.stem, 0, codes[rows].to(torch.int32), out=x[rows])

        return Stage(portions(len(codes)), run)

    def _skip(self, index: int, x: Tensor, start: int, logits: Tensor) -> Stage:
        """Add the contribution of x, from row ``start`` on, to the logits."""
        length = logits.shape[1]
        inputs = x[start : start + length].t()

        def run(portion: int, _: Scratch) -> None:
            rows = portion_rows(portion, length)
            before = logits[:, rows] if index else self.bias
            torch.addmm(before, self.heads[index], inputs[:, rows], out=logits[:, rows])

        return Stage(portions(length), run)


class ResidualBlock(nn.Module):
    """x + conv2(act(norm2(conv1(act(norm1(x)))))), valid; norm2 is folded into conv1."""

    scale: Tensor
    shift: Tensor

    def __init__(
        self, weights: BlockWeights, architecture: Architecture, index: int, convolutions: Convolutions, device: str
    ) -> None:
        super().__init__()
        block = architecture.blocks[index]
        self.radius = block.radius
        self._slope = 0.0 if architecture.activation == "relu" else architecture.negative_slope
        scale, shift = weights.norm1.affine(architecture.epsilon)
        self.register_buffer("scale", _tensor(scale))
        self.register_buffer("shift", _tensor(shift))
        scale, shift = weights.norm2.affine(architecture.epsilon)
        choice = choose(block, convolutions, device)

        def convolution(
            kernel: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]
        ) -> DirectConvolution | DFTConvolution:
            if isinstance(choice, Direct):
                return DirectConvolution(kernel, bias, block.dilation, unit=choice.unit, units=choice.units)
            return DFTConvolution(kernel, bias, block.dilation, rows=choice.rows, blocks=choice.blocks)

        self.folded = (
            (weights.conv1.kernel * scale, weights.conv1.bias * scale + shift),
            (weights.conv2.kernel.astype(np.float64), weights.conv2.bias.astype(np.float64)),
        )
        self.conv1, self.conv2 = (convolution(*layer) for layer in self.folded)

    @property
    def unit(self) -> int:
        """Rows by which a convolution may write beyond its last one."""
        return self.conv1.unit

    def stages(self, x: Tensor, h: Tensor, start: int, length: int) -> list[Stage]:
        """Turn the ``length`` rows of x from ``start`` on into ``length - 2 * radius`` from ``start + radius`` on."""
        first, second = length - self.radius, length - 2 * self.radius
        # Rows of x beyond its last valid one are never read again; those of h are the second convolution's padding.
        inputs, middle, output = x[start : start + length], h[: first + self.unit], x[start + self.radius :]

        def run1(portion: int, scratch: Scratch) -> None:
            rows = _units(self.conv1, portion, first)
            taken = inputs[rows.start : rows.stop + self.radius]
            active = scratch.take("active", rows.stop - rows.start + self.radius, x.shape[1])
            self.activate(torch.addcmul(self.shift, taken, self.scale, out=active[: len(taken)]))
            active[len(taken) :].zero_()
            self.conv1.convolve(active, middle[rows], scratch)
            self.activate(middle[rows])
            if rows.stop >= first:
                middle[first:].zero_()

        def run2(portion: int, scratch: Scratch) -> None:
            rows = _units(self.conv2, portion, second)
            self.conv2.convolve(middle[rows.start : rows.stop + self.radius], output[rows], scratch, add=True)

        return [
            Stage(-(-first // (self.conv1.unit * self.conv1.units)), run1),
            Stage(-(-second // (self.conv2.unit * self.conv2.units)), run2),
        ]

    def activate(self, x: Tensor) -> Tensor:
        """Apply the activation in place."""
        return F.leaky_relu_(x, self._slope) if self._slope else F.relu_(x)


class DirectConvolution(nn.Module):
    """A valid dilated convolution of (rows, channels), direct.

    Two-dimensional with kernels (1, taps) in channels_last, which is the same memory: twice as fast in torch on a CPU
    as its one-dimensional convolution. ``unit``, ``units`` and ``reach`` are as in :class:`DFTConvolution`.
    """

    kernel: Tensor
    bias: Tensor

    def __init__(
        self,
        kernel: npt.NDArray[np.floating],
        bias: npt.NDArray[np.floating],
        dilation: int,
        *,
        unit: int,
        units: int,
    ) -> None:
        super().__init__()
        weight = _tensor(kernel.transpose(2, 1, 0)).unsqueeze(2)
        self.register_buffer("kernel", weight.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", _tensor(bias))
        self._dilation = dilation
        self.unit, self.units, self.reach = unit, units, (len(kernel) - 1) * dilation

    def convolve(self, x: Tensor, out: Tensor, _: Scratch, *, add: bool = False) -> None:
        """Convolve (rows, channels) into (rows - reach, channels): written, or with ``add`` added to."""
        image = x.t().unsqueeze(0).unsqueeze(2)
        result = F.conv2d(image, self.kernel, self.bias, dilation=(1, self._dilation))[0, :, 0].t()
        if add:
            out.add_(result)
        else:
            out.copy_(result)


def _softmax(logits: Tensor, total: Tensor, member: int, spread: MemberSpread | None) -> Stage:
    length = logits.shape[1]

    def run(portion: int, _: Scratch) -> None:
        rows = portion_rows(portion, length)
        probabilities = torch.softmax(logits[:, rows], dim=0)
        total[:, rows] += probabilities
        if spread is not None:
            spread.add(member, probabilities, rows)

    return Stage(portions(length), run)


def _units(convolution: DirectConvolution | DFTConvolution, portion: int, rows: int) -> slice:
    """Output rows of a portion: whole units, the last of which may end beyond ``rows``."""
    start = portion * convolution.unit * convolution.units
    units = min(convolution.units, -(-(rows - start) // convolution.unit))
    return slice(start, start + units * convolution.unit)


def _tensor(array: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
