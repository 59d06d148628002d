"""Dilated convolutions as a blockwise discrete Fourier transform, written as matrix products.

A valid convolution with ``taps`` taps, ``dilation`` rows apart, of rows of C channels is an undilated one of the view
(rows / dilation, dilation * C): every row of the view holds one base of each of ``dilation`` interleaved sequences. The
view is cut into blocks of N rows that overlap by taps - 1; a block gives N - taps + 1 rows of output. On a block,

1.  **forward**: a real matrix takes the N rows to their DFT. Even and odd frequencies are the transforms of the sum and
    of the difference of the block's two halves (a radix-2 step), so it is two products with (N/2, N/2) matrices;
2.  **products**: at each frequency, a real (2 C, 2 C) matrix maps real and imaginary parts of the C inputs to those of
    the C outputs. Frequencies 0 and N/2 are real and share one place;
3.  **inverse**: real (N/2, N/2) matrices take even and odd frequencies back; the sum of the two is the block's first
    half, their difference the second. Only the N - taps + 1 rows that did not wrap around are computed.

For 41 taps and N = 96 that is a fifth of the multiplications of the direct sum. All matrices are computed in float64.
"""

from __future__ import annotations

import functools
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

    Everything is by parity: first for the even frequencies (0, 2, …, N/2 - 2), then for the odd ones (1, 3, …,
    N/2 - 1). In the place of frequency 0's imaginary part, which is zero, stands frequency N/2, which is real.

    Attributes
    ----------
    forward
        (2, N/2, N/2): from sums (even) and differences (odd) of the block's halves to (frequency, part).
    products
        (2, 2, N/4, 2 C, C'): by output part and frequency, from (input part, input) to output. The inverse transform's
        factors 1/N and 2/N are in here.
    inverse
        (2, M, N/2): from (part, frequency) to the two terms whose sum and difference are the halves of the output. M is
        N/2, or fewer if the output is shorter.
    valid
        N - taps + 1, the rows of output.
    """

    forward: Float64
    products: Float64
    inverse: Float64
    valid: int


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
    valid, half = rows - taps + 1, rows // 2
    forward, inverse = _transforms(rows, min(half, valid))
    responses = np.conj(np.fft.rfft(kernel.astype(np.float64), rows, axis=0)) / rows
    products = np.empty((2, 2, rows // 4, 2 * inputs, outputs))
    for parity in (0, 1):
        response = 2 * responses[parity:half:2]
        products[parity, 0] = np.concatenate([response.real, -response.imag], axis=1)
        products[parity, 1] = np.concatenate([response.imag, response.real], axis=1)
    products[0, :, 0] = 0
    products[0, 0, 0, :inputs] = responses[0].real
    products[0, 1, 0, inputs:] = responses[half].real
    return DFTPlan(forward=forward, products=products, inverse=inverse, valid=valid)


@functools.lru_cache(maxsize=16)
def _transforms(rows: int, terms: int) -> tuple[Float64, Float64]:
    """Return ``forward`` and ``inverse`` of a plan, which do not depend on the kernel."""
    half, quarter = rows // 2, rows // 4
    forward, inverse = np.empty((2, half, half)), np.empty((2, terms, 2, quarter))
    for parity in (0, 1):
        angles = 2 * np.pi / rows * np.arange(parity, half, 2)
        into, back = np.outer(angles, np.arange(half)), np.outer(np.arange(terms), angles)
        forward[parity, 0::2], forward[parity, 1::2] = np.cos(into), -np.sin(into)
        inverse[parity, :, 0], inverse[parity, :, 1] = np.cos(back), -np.sin(back)
    sign = 1.0 - 2.0 * (np.arange(half) % 2)  # of frequency N/2
    forward[0, 1], inverse[0, :, 1, 0] = sign, sign[:terms]
    forward.setflags(write=False)
    inverse.setflags(write=False)
    return forward, inverse.reshape(2, terms, half)


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
    rows
        N.
    unit
        Output rows of one block: (N - taps + 1) * dilation.
    units
        Blocks at a time.
    reach
        Rows that the output is shorter than the input: (taps - 1) * dilation.
    """

    to_frequencies: Tensor
    products: Tensor
    to_rows: Tensor
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
        self.register_buffer("to_frequencies", _tensor(plan.forward))
        self.register_buffer("products", _tensor(plan.products))
        self.register_buffer("to_rows", _tensor(plan.inverse))
        self.register_buffer("bias", _tensor(bias))
        self.rows, self._valid, self._dilation = rows, plan.valid, dilation
        self.unit, self.units = plan.valid * dilation, blocks
        self.reach = (len(kernel) - 1) * dilation

    def convolve(self, x: Tensor, out: Tensor, scratch: Scratch, *, add: bool = False) -> None:
        """Convolve ``blocks`` blocks or fewer.

        Parameters
        ----------
        x
            (blocks * unit + reach, C), contiguous. Every row is used: rows beyond a sequence's end must be zero. Or
            (n, blocks * unit + reach, C), each of the n contiguous.
        out
            (blocks * unit, C'), contiguous, or (n, blocks * unit, C'): written, or with ``add`` added to.
        scratch
            Memory for intermediate results.
        """
        # Views are made in one step each: with several threads, every call of torch may have to wait for the others.
        n, between = (1, (0, 0)) if x.dim() == 2 else (len(x), (x.stride(0), out.stride(0)))
        channels, outputs, half, dilation = x.shape[-1], out.shape[-1], self.rows // 2, self._dilation
        blocks = out.shape[-2] // self.unit
        # Only that of full portions is kept: the others are of too many sizes.
        known = n == 1 and blocks == self.units
        workspace = scratch.prepared(self, self._prepare) if known else self._prepare(scratch, n, blocks)
        shape = (n, blocks, dilation, half, channels)
        strides = (between[0], self.unit * channels, channels, dilation * channels, 1)
        first = x.as_strided(shape, strides)
        second = x.as_strided(shape, strides, x.storage_offset() + half * dilation * channels)
        torch.add(first, second, out=workspace.halves)
        workspace.even.transform()
        torch.sub(first, second, out=workspace.halves)
        workspace.odd.transform()
        even, odd = workspace.even.term, workspace.odd.term
        even_rest, odd_rest = workspace.even.rest, workspace.odd.rest
        strides = (dilation * outputs, between[1], self.unit * outputs, outputs, 1)
        low = out.as_strided(even.shape, strides)
        high = out.as_strided(even_rest.shape, strides, out.storage_offset() + len(even) * dilation * outputs)
        if add:
            high.add_(even_rest).sub_(odd_rest)
            low.add_(even.add_(odd))
        else:
            torch.add(even, odd, out=low)
            torch.sub(even_rest, odd_rest, out=high)

    def _prepare(self, scratch: Scratch, n: int = 1, blocks: int | None = None) -> _Workspace:
        blocks = self.units if blocks is None else blocks
        half, quarter = self.rows // 2, self.rows // 4
        channels, outputs = self.products.shape[3] // 2, len(self.bias)
        sequences = n * blocks * self._dilation
        halves = scratch.take("halves", n, blocks, self._dilation, half, channels)
        spectrum = scratch.take("spectrum", sequences, half, channels)
        product = scratch.take("product", 2, quarter, sequences, outputs)
        terms = scratch.take("terms", 2, self.to_rows.shape[1], n, blocks, self._dilation, outputs)

        def parity(index: int, bias: Tensor | None) -> _Parity:
            return _Parity(
                to_frequencies=self.to_frequencies[index].expand(sequences, half, half),
                rows=halves.view(sequences, half, channels),
                spectrum=spectrum,
                by_frequency=spectrum.view(sequences, quarter, 2 * channels).transpose(0, 1),
                matrices=self.products[index].unbind(),
                parts=product.unbind(),
                bias=bias,
                constant=product[0, 0],
                to_rows=self.to_rows[index],
                product=product.view(half, -1),
                term=terms[index],
                rest=terms[index, : self._valid - terms.shape[1]],
                flat_term=terms[index].flatten(1),
            )

        return _Workspace(halves=halves, even=parity(0, self.bias), odd=parity(1, None))


@attrs.frozen(eq=False, kw_only=True)
class _Parity:
    """Views of matrices and scratch memory for one parity; making them takes longer than some steps do.

    Shapes: ``rows`` and ``spectrum`` (sequences, N/2, C), ``by_frequency`` (N/4, sequences, 2 C), each of ``parts``
    (N/4, sequences, C'), ``product`` (N/2, sequences * C'), ``term`` (M, n, blocks, dilation, C'); ``rest`` is the
    first N - taps + 1 - M rows of that.
    """

    to_frequencies: Tensor
    rows: Tensor
    spectrum: Tensor
    by_frequency: Tensor
    matrices: tuple[Tensor, ...]
    parts: tuple[Tensor, ...]
    bias: Tensor | None
    constant: Tensor
    to_rows: Tensor
    product: Tensor
    term: Tensor
    rest: Tensor
    flat_term: Tensor

    def transform(self) -> None:
        """From a combination of halves, in ``rows``, to a term of the output, in ``term``."""
        torch.bmm(self.to_frequencies, self.rows, out=self.spectrum)
        for matrix, part in zip(self.matrices, self.parts, strict=True):
            torch.bmm(self.by_frequency, matrix, out=part)
        if self.bias is not None:
            self.constant.add_(self.bias)  # to frequency 0, and so to every row
        torch.mm(self.to_rows, self.product, out=self.flat_term)


@attrs.frozen(eq=False, kw_only=True)
class _Workspace:
    """What one thread computes a number of blocks in; ``halves`` is (n, blocks, dilation, N/2, C)."""

    halves: Tensor
    even: _Parity
    odd: _Parity


def _tensor(array: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
