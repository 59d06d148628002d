"""One network's scores of an edited sequence, from its activations of the sequence before.

Buffers hold windows of the edited sequence around the edit. A window's middle is computed; what is left and right of it
is as in the reference, to the right ``shift`` rows further on, and is copied from there (:class:`Activations`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from splicecore_splicenet.edit_convolutions import WindowConvolutions
from splicecore_splicenet.edit_rows import EditRows, Rows

if TYPE_CHECKING:
    from splicecore_splicenet.activations import Activations
    from splicecore_splicenet.choices import Convolutions
    from splicecore_splicenet.edit_convolutions import Window
    from splicecore_splicenet.edit_rows import BlockRows
    from splicecore_splicenet.network import Network, ResidualBlock
    from splicecore_splicenet.scratch import Scratch

__all__ = ["IncrementalNetwork", "PlacedEdit"]


@attrs.frozen(eq=False, kw_only=True)
class PlacedEdit:
    """An edit in a tile.

    Attributes
    ----------
    start
        Position of the first new base in the tile, context included.
    shift
        Bases by which everything behind moves to the right.
    bases
        uint8, the new bases, on the network's device.
    wanted
        Positions that are scored.
    rows
        Of all layers.
    """

    start: int
    shift: int
    bases: Tensor
    wanted: Rows
    rows: EditRows

    def fill(self, window: Tensor, rows: Rows, known: Rows, reference: Tensor, first: int) -> None:
        """Copy what is unchanged into a window.

        Parameters
        ----------
        window
            (rows, C), of the rows ``rows``.
        known
            Those that were computed.
        reference, first
            A layer's activations and the position of their first row.
        """
        left, right = known[0] - rows[0], rows[1] - known[1]
        if left > 0:
            at = self.start + rows[0] - first
            window[:left] = reference[at : at + left]
        if right > 0:
            at = self.start - self.shift + known[1] - first
            size = _size(rows)
            window[size - right : size] = reference[at : at + right]


class IncrementalNetwork:
    """Rescores edits with one network. May be used by several threads, each with memory of its own.

    Parameters
    ----------
    network
        The network.
    convolutions
        ``"fast"`` or ``"direct"``.
    device
        Where it is.
    """

    def __init__(self, network: Network, convolutions: Convolutions, device: torch.device) -> None:
        self.network = network
        self.architecture = network.architecture
        self.residuals = network.residuals()
        self._layers = [
            [WindowConvolutions(*layer, block, convolutions, device) for layer in residual.folded]
            for residual, block in zip(self.residuals, self.architecture.blocks, strict=True)
        ]

    def probabilities(self, edit: PlacedEdit, kept: Activations, scratch: Scratch) -> Tensor:
        """Score an edit.

        Parameters
        ----------
        edit
            The edit.
        kept
            This network's activations of the tile.
        scratch
            Memory of the calling thread.

        Returns
        -------
        float32, (outputs, wanted positions)
        """
        return _Rescoring(self, edit, kept, scratch).probabilities()

    def windows(self, rows: EditRows) -> list[tuple[Window, Window]]:
        """Return the convolutions of all blocks for these rows."""
        return [
            (first.window(_size(block.middle)), second.window(_size(block.outputs)))
            for (first, second), block in zip(self._layers, rows.blocks, strict=True)
        ]


class _Rescoring:
    """One edit on its way through one network; ``x`` holds the rows from ``origin`` on."""

    def __init__(self, incremental: IncrementalNetwork, edit: PlacedEdit, kept: Activations, scratch: Scratch) -> None:
        self._network, self._residuals = incremental.network, incremental.residuals
        self._architecture = incremental.architecture
        self._edit, self._kept, self._scratch = edit, kept, scratch
        self._windows = incremental.windows(edit.rows)
        blocks = edit.rows.blocks
        self._origin = min([0, *(rows.inputs[0] for rows in blocks)])
        ends = [rows.outputs[0] + last.rows for rows, (_, last) in zip(blocks, self._windows, strict=True)]
        end = max([len(edit.bases), *(rows.inputs[1] for rows in blocks), *ends])
        self._x = scratch.take("edited", end - self._origin, self._architecture.channels)

    def probabilities(self) -> Tensor:
        bases = self._edit.bases
        self._rows((0, len(bases))).copy_(self._network.stem[bases.to(torch.int64)])
        logits = self._skip(0, 0, self._network.bias)
        reached = 0
        for index, residual in enumerate(self._residuals):
            rows = self._edit.rows.blocks[index]
            if _size(rows.outputs) > 0:
                self._edit.fill(self._rows(rows.inputs), rows.inputs, rows.before, self._kept.inputs[index], reached)
                self._block(index, residual, rows, reached)
            reached += residual.radius
            if self._architecture.ends_group(index):
                logits = self._skip((index + 1) // self._architecture.group, reached, logits)
        return torch.softmax(logits, dim=0)

    def _block(self, index: int, residual: ResidualBlock, rows: BlockRows, reached: int) -> None:
        """Turn the input rows of x into output rows."""
        first, second = self._windows[index]
        inputs, channels, reach = self._rows(rows.inputs), self._x.shape[1], residual.radius
        active = self._scratch.take("active", first.rows + reach, channels)
        residual.activate(torch.addcmul(residual.shift, inputs, residual.scale, out=active[: len(inputs)]))
        active[len(inputs) :].zero_()
        begin = rows.middle[0] - rows.inner[0]
        h = self._scratch.take("edited middle", max(begin + first.rows, second.rows + reach), channels)
        first.convolution.convolve(active, h[begin : begin + first.rows], self._scratch)
        residual.activate(h[begin : begin + _size(rows.middle)])
        self._edit.fill(h, rows.inner, rows.middle, self._kept.middles[index], reached + reach // 2)
        h[_size(rows.inner) :].zero_()
        outputs = self._rows((rows.outputs[0], rows.outputs[0] + second.rows))
        second.convolution.convolve(h[: second.rows + reach], outputs, self._scratch, add=True)

    def _skip(self, skip: int, reached: int, before: Tensor) -> Tensor:
        """Add a skip's share to the logits, (outputs, wanted positions)."""
        known, wanted = self._edit.rows.skips[skip], self._edit.wanted
        x = self._rows(known)
        if known != wanted:
            whole = self._scratch.take("skip", _size(wanted), self._x.shape[1])
            self._edit.fill(whole, wanted, known, self._kept.inputs[skip * self._architecture.group], reached)
            whole[known[0] - wanted[0] : known[1] - wanted[0]] = x
            x = whole
        return torch.addmm(before, self._network.heads[skip], x.t())

    def _rows(self, rows: Rows) -> Tensor:
        return self._x[rows[0] - self._origin : rows[1] - self._origin]


def _size(rows: Rows) -> int:
    return rows[1] - rows[0]
