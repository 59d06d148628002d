"""Dilated convolutions as a blockwise discrete Fourier transform, written as matrix products.

A valid convolution with ``taps`` taps, ``dilation`` rows apart, of rows of C channels is an undilated one of the view
(rows / dilation, dilation * C): every row of the view holds one base of each of ``dilation`` interleaved sequences. The
view is cut into blocks of N rows that overlap by taps - 1; a block gives N - taps + 1 rows of output. On a block,

1.  **forward**: a real matrix takes the N rows to their DFT. Even and odd frequencies are the transforms of the sum and
    of the difference of the block's two halves (a radix-2 step), so it is two products with (N/2, N/2) matrices;
2.  **products**: at each frequency, a real (2 C, 2 C) matrix maps real and imaginary parts of the C inputs to those of
    the C outputs. Frequencies 0 and N/2 are real and share one place;
3.  **inverse**: a real (N - taps + 1, N) matrix takes the result back, to the rows that did not wrap around and to
    nothing else.

For 41 taps and N = 96 that is a quarter of the multiplications of the direct sum. All matrices are computed in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from splicecore_splicenet.scratch import Scratch

__all__ = ["DFTConvolution", "DFTPlan", "plan_dft"]

Float64 = npt.NDArray[np.float64]


@attrs.frozen(eq=False, kw_only=True)
class DFTPlan:
    """The matrices of one convolution, float64.

    A transformed block has N rows of C channels: for the even frequencies (0, 2, …, N/2 - 2), then for the odd ones
    (1, 3, …, N/2 - 1), real and imaginary parts. In the place of frequency 0's imaginary part, which is zero, stands
    frequency N/2, which is real.

    Attributes
    ----------
    forward
        (2, N/2, N/2): sums of the block's halves to even, differences to odd frequencies; rows (frequency, part).
    products
        (2, 2, N/4, 2 C, C'): by parity, output part and frequency, from (input part, input) to output. The inverse
        transform's factors 1/N and 2/N are in here.
    inverse
        (N - taps + 1, N): columns (parity, part, frequency).
    """

    forward: Float64
    products: Float64
    inverse: Float64


def plan_dft(kernel: npt.NDArray[np.floating], rows: int) -> DFTPlan:
    """Compute the matrices for a kernel and a length of blocks.

    Parameters
    ----------
    kernel
        (taps, C, C').
    rows
        N, the rows of a block: a multiple of 4, at least ``taps``.

    Raises
    ------
    ValueError
        If ``rows`` is neither.
    """
    taps, inputs, outputs = kernel.shape
    if rows % 4 or rows < taps or rows < 4:
        raise ValueError(f"blocks of {rows} rows: it must be a multiple of 4 and at least the {taps} taps")
    half, quarter, valid = rows // 2, rows // 4, rows - taps + 1
    forward = np.empty((2, half, half))
    products = np.empty((2, 2, quarter, 2 * inputs, outputs))
    inverse = np.empty((valid, 2, 2, quarter))
    responses = np.conj(np.fft.rfft(kernel.astype(np.float64), rows, axis=0)) / rows
    for parity in (0, 1):
        frequencies = np.arange(parity, half, 2)
        angles = 2 * np.pi / rows * frequencies
        into = np.outer(angles, np.arange(half))
        forward[parity, 0::2], forward[parity, 1::2] = np.cos(into), -np.sin(into)
        response = 2 * responses[frequencies]
        products[parity, 0] = np.concatenate([response.real, -response.imag], axis=1)
        products[parity, 1] = np.concatenate([response.imag, response.real], axis=1)
        back = np.outer(np.arange(valid), angles)
        inverse[:, parity, 0], inverse[:, parity, 1] = np.cos(back), -np.sin(back)
    sign = 1.0 - 2.0 * (np.arange(rows) % 2)
    forward[0, 1] = sign[:half]
    products[0, :, 0] = 0
    products[0, 0, 0, :inputs] = responses[0].real
    products[0, 1, 0, inputs:] = responses[half].real
    inverse[:, 0, 1, 0] = sign[:valid]
    return DFTPlan(forward=forward, products=products, inverse=inverse.reshape(valid, rows))


class DFTConvolution(nn.Module):
    """A valid dilated convolution of (rows, C), float32, in whole blocks.

    Parameters
    ----------
    kernel, bias
        (taps, C, C') and (C',).
    dilation
        Rows between two taps.
    rows, blocks
        N, and how many blocks are computed at a time.

    Attributes
    ----------
    unit
        Output rows of one block: (N - taps + 1) * dilation.
    units
        Blocks at a time.
    reach
        Rows that the output is shorter than the input: (taps - 1) * dilation.
    """

    forward_even: Tensor
    forward_odd: Tensor
    products: Tensor
    inverse: Tensor
    bias: Tensor

    def __init__(
        self,
        kernel: npt.NDArray[np.floating],
        bias: npt.NDArray[np.floating],
        dilation: int,
        *,
        rows: int,
        blocks: int,
    ) -> None:
        super().__init__()
        plan = plan_dft(kernel, rows)
        self.register_buffer("forward_even", _tensor(plan.forward[0]))
        self.register_buffer("forward_odd", _tensor(plan.forward[1]))
        self.register_buffer("products", _tensor(plan.products))
        self.register_buffer("inverse", _tensor(plan.inverse))
        self.register_buffer("bias", _tensor(bias))
        self._rows, self._dilation = rows, dilation
        self._valid = rows - len(kernel) + 1
        self.unit, self.units = self._valid * dilation, blocks
        self.reach = (len(kernel) - 1) * dilation

    def forward(self, x: Tensor, scratch: Scratch) -> Tensor:
        """Convolve ``blocks`` blocks or fewer.

        Parameters
        ----------
        x
            (blocks * unit + reach, C), contiguous. Every row is used: rows beyond a sequence's end must be zero.
        scratch
            Memory for intermediate results and for what is returned.

        Returns
        -------
        (blocks, unit / dilation, dilation, C')
            Not contiguous: a view of scratch memory. In order of its first three axes, these are the output's rows.
        """
        dilation, half, quarter = self._dilation, self._rows // 2, self._rows // 4
        inputs, outputs = x.shape[1], len(self.bias)
        blocks = (len(x) - self.reach) // self.unit
        sequences = blocks * dilation
        strides = (self.unit * inputs, inputs, dilation * inputs, 1)
        view = x.as_strided((blocks, dilation, self._rows, inputs), strides)
        spectrum = scratch.take("spectrum", sequences, half, inputs)
        halves = scratch.take("halves", blocks, dilation, half, inputs)
        product = scratch.take("product", 2, 2, quarter, sequences, outputs)
        for parity, combine in enumerate((torch.add, torch.sub)):
            combine(view[:, :, :half], view[:, :, half:], out=halves)
            matrix = self.forward_odd if parity else self.forward_even
            torch.bmm(matrix.expand(sequences, half, half), halves.view(sequences, half, inputs), out=spectrum)
            by_frequency = spectrum.view(sequences, quarter, 2 * inputs).transpose(0, 1)
            for part in (0, 1):
                torch.bmm(by_frequency, self.products[parity, part], out=product[parity, part])
        product[0, 0, 0] += self.bias
        result = scratch.take("result", self._valid, blocks, dilation, outputs)
        torch.mm(self.inverse, product.view(self._rows, -1), out=result.view(self._valid, -1))
        return result.transpose(0, 1)


def _tensor(array: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
