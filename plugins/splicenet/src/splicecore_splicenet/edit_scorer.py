"""Scores of edited sequences by an ensemble: one pass over a tile, then only what each edit changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from splicecore_splicenet.activations import Activations
from splicecore_splicenet.edit_rows import TrimmedEdit, plan_rows, trim
from splicecore_splicenet.incremental import IncrementalNetwork, PlacedEdit
from splicecore_splicenet.member_spread import SPREADS, MemberSpread
from splicecore_splicenet.scratch import Scratch
from splicecore_splicenet.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    from splicecore.api import Edit, Scores
    from torch import Tensor

    from splicecore_splicenet.choices import Convolutions
    from splicecore_splicenet.edit_rows import Rows
    from splicecore_splicenet.network import Network

__all__ = ["EditScorer"]

_POSITIONS = 32_768
"""Of a tile, at most; activations of twice as many and their context are kept."""
_REMOVED = 1024
"""Bases by which a tile is longer than its edits' surroundings where the sequence is not at its end."""


_TOGETHER = 32
"""Edits that another device than the CPU does at a time. A CPU gains nothing by more than one."""


class EditScorer:
    """Rescores edits with the networks of an ensemble. One call at a time.

    Parameters
    ----------
    networks
        In the order in which their probabilities are added.
    convolutions, device
        As for the ensemble.
    member_spread
        Whether to give the deviations over the networks, too.
    """

    def __init__(
        self, networks: Sequence[Network], convolutions: Convolutions, device: torch.device, *, member_spread: bool
    ) -> None:
        self._networks = networks
        self._incremental = [IncrementalNetwork(network, convolutions, device) for network in networks]
        self._architecture = networks[0].architecture
        self._device = device
        self._member_spread = member_spread
        self._outputs = self._architecture.outputs + (len(SPREADS) if member_spread else 0)
        self._memory = Scratch(device)
        self._kept = Activations(self._architecture, device)

    def score(
        self,
        codes: npt.NDArray[np.uint8],
        edits: Sequence[Edit],
        radius: int,
        run: Callable[[list[Stage]], None],
        predict: Callable[[npt.NDArray[np.uint8]], Scores],
    ) -> list[Scores]:
        """Score the surroundings of edits.

        Parameters
        ----------
        codes, edits, radius
            As of :meth:`SplicenetEnsemble.predict_edits`.
        run
            Does stages, one after the other.
        predict
            Scores one whole sequence: (context + L + context,) to (L, outputs).
        """
        context = self._architecture.radius
        trimmed = [trim(codes, edit, radius, context) for edit in edits]
        results: list[Scores | None] = [None] * len(edits)
        for index, edit in enumerate(trimmed):
            if edit.low >= edit.high:
                results[index] = np.empty((0, self._outputs), dtype=np.float32)
        wanted = [index for index, scores in enumerate(results) if scores is None]
        for low, high, members in self._tiles(len(codes) - 2 * context, trimmed, wanted, radius):
            inside = [index for index in members if _fits(trimmed[index], low + context, high + context)]
            if inside:
                tile = codes[low : high + 2 * context]
                placed = [(index, trimmed[index]) for index in inside]
                for index, scores in self._score_tile(tile, placed, low, run):
                    results[index] = scores
            for index in members:
                if results[index] is None:  # it takes too much away for a tile
                    results[index] = predict(_edited(codes, trimmed[index], context))
        return [scores for scores in results if scores is not None]

    def _tiles(
        self, length: int, edits: Sequence[TrimmedEdit], wanted: Sequence[int], radius: int
    ) -> Iterator[tuple[int, int, list[int]]]:
        """Cut a sequence of ``length`` positions where edits do not matter; yield those that have any.

        Yields
        ------
        First position and the one after the last, and the edits inside.
        """
        count = max(1, -(-length // _POSITIONS))
        size = max(1, -(-length // count))
        members: dict[int, list[int]] = {}
        for index in wanted:
            tile = min(max(edits[index].start - self._architecture.radius, 0) // size, count - 1)
            members.setdefault(tile, []).append(index)
        margin = radius + _REMOVED
        for tile, chosen in sorted(members.items()):
            yield max(tile * size - margin, 0), min((tile + 1) * size + margin, length), chosen

    def _score_tile(
        self,
        codes: npt.NDArray[np.uint8],
        edits: list[tuple[int, TrimmedEdit]],
        offset: int,
        run: Callable[[list[Stage]], None],
    ) -> Iterator[tuple[int, Scores]]:
        """Score edits of the tile whose codes begin at ``offset``; yields their numbers and scores."""
        outputs, length = self._architecture.outputs, len(codes) - 2 * self._architecture.radius
        with torch.inference_mode():
            row = torch.from_numpy(np.array(codes)).to(self._device)
            reference = _Sums(outputs, length, self._device, spread=self._member_spread)
            changed: list[tuple[PlacedEdit, _Sums]] = []
            results: list[tuple[int, TrimmedEdit, _Sums | None]] = []
            for number, edit in edits:
                low, high = edit.low - edit.start, edit.high - edit.start
                rows = None if edit.unchanged else plan_rows(self._architecture, len(edit.bases), low, high)
                sums = None
                if rows is not None:
                    bases = torch.from_numpy(np.array(edit.bases)).to(self._device)
                    sums = _Sums(outputs, high - low, self._device, spread=self._member_spread)
                    placed = PlacedEdit(
                        start=edit.start - offset, shift=edit.shift, bases=bases, wanted=(low, high), rows=rows
                    )
                    changed.append((placed, sums))
                results.append((number, edit, sums))
            batches = list(_batches(changed, 1 if self._device.type == "cpu" else _TOGETHER))
            stages: list[Stage] = []
            for member, network in enumerate(self._networks):
                stages += network.stages(
                    row,
                    reference.total,
                    self._memory,
                    member=member,
                    spread=reference.spread,
                    kept=self._kept if changed else None,
                )
                if changed:
                    stages.append(self._rescore(member, batches))
        run(stages)
        unchanged = reference.scores(len(self._networks))
        context = self._architecture.radius + offset
        for number, edit, sums in results:
            if sums is not None:
                yield number, sums.scores(len(self._networks))
            else:
                yield number, _spliced(unchanged, edit, context)

    def _rescore(self, member: int, batches: list[list[tuple[PlacedEdit, _Sums]]]) -> Stage:
        network = self._incremental[member]

        def run(portion: int, scratch: Scratch) -> None:
            edits = [edit for edit, _ in batches[portion]]
            for (_, sums), scores in zip(
                batches[portion], network.probabilities(edits, self._kept, scratch), strict=True
            ):
                sums.add(member, scores)

        return Stage(len(batches), run)


class _Sums:
    """Probabilities of positions, added over the networks."""

    def __init__(self, outputs: int, length: int, device: torch.device, *, spread: bool) -> None:
        def zeros(shape: tuple[int, int]) -> Tensor:
            return torch.zeros(shape, device=device)

        self.total = zeros((outputs, length))
        self.spread = MemberSpread.zeros(length, zeros) if spread else None

    def add(self, member: int, probabilities: Tensor) -> None:
        self.total += probabilities
        if self.spread is not None:
            self.spread.add(member, probabilities)

    def scores(self, members: int) -> Scores:
        """Return float32 (positions, outputs)."""
        outputs, length = self.total.shape
        scores = np.empty((length, outputs + (len(SPREADS) if self.spread is not None else 0)), dtype=np.float32)
        scores[:, :outputs] = self.total.t().cpu().numpy()
        scores[:, :outputs] /= np.float32(members)
        if self.spread is not None:
            scores[:, outputs:] = self.spread.deviation(members, lambda sums: sums.cpu().numpy())
        return scores


def _batches(edits: list[tuple[PlacedEdit, _Sums]], size: int) -> Iterator[list[tuple[PlacedEdit, _Sums]]]:
    """Put edits together that change the same rows, ``size`` at most."""
    alike: dict[tuple[int, Rows], list[tuple[PlacedEdit, _Sums]]] = {}
    for edit, sums in edits:
        alike.setdefault((len(edit.bases), edit.wanted), []).append((edit, sums))
    for group in alike.values():
        for first in range(0, len(group), size):
            yield group[first : first + size]


def _fits(edit: TrimmedEdit, low: int, high: int) -> bool:
    """Whether the reference's scored bases [low, high) hold all of the wanted ones."""
    return low <= edit.low and edit.high - edit.shift <= high


def _edited(codes: npt.NDArray[np.uint8], edit: TrimmedEdit, context: int) -> npt.NDArray[np.uint8]:
    """Return the edited codes of the wanted positions with their context."""
    first, last = edit.low - context, edit.high + context
    edited = np.concatenate([codes[first : edit.start], edit.bases, codes[edit.start + edit.removed :]])
    return edited[: last - first]


def _spliced(reference: Scores, edit: TrimmedEdit, first: int) -> Scores:
    """Return the reference's scores, from base ``first`` on, of an edit that changes none of the wanted ones."""
    positions = np.arange(edit.low, max(edit.low, edit.high))
    return reference[positions - np.where(positions < edit.start, 0, edit.shift) - first]
