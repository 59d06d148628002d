"""One network's scores of an edited sequence, from its activations of the sequence before.

Buffers hold windows of the edited sequence around the edit. A window's middle is computed; what is left and right of it
is as in the reference, to the right ``shift`` rows further on, and is copied from there (:class:`Activations`).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs
import torch
from torch import Tensor

from splicecore_splicenet.edit_convolutions import WindowConvolutions
from splicecore_splicenet.edit_rows import EditRows, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self._windows: dict[tuple[int, Rows], list[tuple[Window, Window]]] = {}
        self._lock = threading.Lock()

    def probabilities(self, edits: Sequence[PlacedEdit], kept: Activations, scratch: Scratch) -> Tensor:
        """Score edits together.

        Parameters
        ----------
        edits
            One, or more that have the same ``wanted`` and ``rows``.
        kept
            This network's activations of the tile.
        scratch
            Memory of the calling thread.

        Returns
        -------
        float32, (edits, outputs, wanted positions)
        """
        return _Rescoring(self, edits, kept, scratch).probabilities()

    def windows(self, edit: PlacedEdit) -> Sequence[tuple[Window, Window]]:
        """Return the convolutions of all blocks for the rows of an edit."""
        key = len(edit.bases), edit.wanted  # they decide on the rows
        with self._lock:
            if key not in self._windows:
                if len(self._windows) >= _KEPT:
                    self._windows.clear()
                self._windows[key] = [
                    (first.window(_size(block.middle)), second.window(_size(block.outputs)))
                    for (first, second), block in zip(self._layers, edit.rows.blocks, strict=True)
                ]
            return self._windows[key]


_KEPT = 1024
"""Sizes of edits for which the convolutions are remembered."""


class _Rescoring:
    """Edits on their way through one network; ``x``, (edits, rows, C), holds the rows from ``origin`` on."""

    def __init__(
        self, incremental: IncrementalNetwork, edits: Sequence[PlacedEdit], kept: Activations, scratch: Scratch
    ) -> None:
        self._network, self._residuals = incremental.network, incremental.residuals
        self._architecture = incremental.architecture
        self._edits, self._kept, self._scratch = edits, kept, scratch
        self._wanted, self._layers = edits[0].wanted, edits[0].rows
        self._windows = incremental.windows(edits[0])
        blocks, bases = self._layers.blocks, len(edits[0].bases)
        self._origin = min([0, *(rows.inputs[0] for rows in blocks)])
        ends = [rows.outputs[0] + last.rows for rows, (_, last) in zip(blocks, self._windows, strict=True)]
        end = max([bases, *(rows.inputs[1] for rows in blocks), *ends])
        self._x = self._take("edited", end - self._origin)

    def probabilities(self) -> Tensor:
        bases = torch.stack([edit.bases for edit in self._edits])
        self._rows((0, bases.shape[1])).copy_(self._network.stem[bases.to(torch.int64)])
        logits = self._network.bias + self._skip(0, 0)
        reached = 0
        for index, residual in enumerate(self._residuals):
            rows = self._layers.blocks[index]
            if _size(rows.outputs) > 0:
                self._fill(self._rows(rows.inputs), rows.inputs, rows.before, self._kept.inputs[index], reached)
                self._block(index, residual, rows, reached)
            reached += residual.radius
            if self._architecture.ends_group(index):
                logits += self._skip((index + 1) // self._architecture.group, reached)
        return torch.softmax(logits, dim=1)

    def _block(self, index: int, residual: ResidualBlock, rows: BlockRows, reached: int) -> None:
        """Turn the input rows of x into output rows."""
        first, second = self._windows[index]
        inputs, size, reach = self._rows(rows.inputs), _size(rows.inputs), residual.radius
        active = self._take("active", first.rows + reach)
        residual.activate(torch.addcmul(residual.shift, inputs, residual.scale, out=active[:, :size]))
        active[:, size:].zero_()
        begin = rows.middle[0] - rows.inner[0]
        h = self._take("edited middle", max(begin + first.rows, second.rows + reach))
        first.convolution.convolve(active, h[:, begin : begin + first.rows], self._scratch)
        residual.activate(h[:, begin : begin + _size(rows.middle)])
        self._fill(h, rows.inner, rows.middle, self._kept.middles[index], reached + reach // 2)
        h[:, _size(rows.inner) :].zero_()
        outputs = self._rows((rows.outputs[0], rows.outputs[0] + second.rows))
        second.convolution.convolve(h[:, : second.rows + reach], outputs, self._scratch, add=True)

    def _skip(self, skip: int, reached: int) -> Tensor:
        """Return a skip's share of the logits, (edits, outputs, wanted positions)."""
        known, wanted = self._layers.skips[skip], self._wanted
        x = self._rows(known)
        if known != wanted:
            whole = self._take("skip", _size(wanted))
            self._fill(whole, wanted, known, self._kept.inputs[skip * self._architecture.group], reached)
            whole[:, known[0] - wanted[0] : known[1] - wanted[0]] = x
            x = whole
        return torch.matmul(self._network.heads[skip], x.transpose(1, 2))

    def _fill(self, window: Tensor, rows: Rows, known: Rows, reference: Tensor, first: int) -> None:
        """Copy what is unchanged into a window.

        Parameters
        ----------
        window
            (edits, rows, C), of the rows ``rows``.
        known
            Those that were computed.
        reference, first
            A layer's activations and the position of their first row.
        """
        left, right, size = known[0] - rows[0], rows[1] - known[1], _size(rows)
        if left > 0:
            starts = [edit.start + rows[0] - first for edit in self._edits]
            _copy(reference, starts, window[:, :left])
        if right > 0:
            starts = [edit.start - edit.shift + known[1] - first for edit in self._edits]
            _copy(reference, starts, window[:, size - right : size])

    def _take(self, name: str, rows: int) -> Tensor:
        return self._scratch.take(name, len(self._edits), rows, self._architecture.channels)

    def _rows(self, rows: Rows) -> Tensor:
        return self._x[:, rows[0] - self._origin : rows[1] - self._origin]


def _copy(reference: Tensor, starts: Sequence[int], out: Tensor) -> None:
    """Copy rows of the reference, from one start for each window on."""
    if len(starts) == 1:
        out[0] = reference[starts[0] : starts[0] + out.shape[1]]
    else:
        rows = torch.tensor(starts, device=out.device).unsqueeze(1) + torch.arange(out.shape[1], device=out.device)
        out.copy_(reference[rows])


def _size(rows: Rows) -> int:
    return rows[1] - rows[0]
