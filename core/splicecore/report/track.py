"""One gene's track as the page draws it: exons, scores worth drawing, uncertain stretches, calls worth a look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.report.gene_annotation import GeneModel

if TYPE_CHECKING:
    from splicecore.report.calls import CallRows

__all__ = ["LOWEST_DRAWN", "Track", "draw_track"]

LOWEST_DRAWN = 0.01
MAX_POINTS = 4000
MAX_STRETCHES = 20_000
DIGITS = 10_000
"""Scores are written as whole numbers of ten-thousandths."""

_Ints = npt.NDArray[np.int64]


@attrs.frozen(kw_only=True, eq=False)
class Track:
    """What is drawn of a gene; genomic, 0-based, half-open.

    Attributes
    ----------
    model
        Its exons.
    points
        int64, shape (n,), rising: positions that are drawn.
    base, final
        float32, shape (n, 2): acceptor and donor scores there; ``final`` is None without a meta-model.
    stretches
        int64, shape (m, 2): runs of uncertain positions.
    gap
        Certain positions that a stretch may hold, because there were too many stretches to draw (0: none).
    lowest
        Positions below this score are not drawn.
    calls
        int64, rising: positions of calls worth a look.
    """

    model: GeneModel
    points: _Ints
    base: npt.NDArray[np.float32]
    final: npt.NDArray[np.float32] | None
    stretches: _Ints
    gap: int
    lowest: float
    calls: _Ints

    def to_json(self, start: int) -> dict[str, Any]:
        """Return the track as the page's script reads it: offsets from ``start``, rising ones as differences."""
        model = self.model
        value: dict[str, Any] = {
            "exons": (model.exons - start).ravel().tolist(),
            "canonical": (model.canonical - start).ravel().tolist(),
            "transcript": model.transcript_id,
            "at": np.diff(self.points, prepend=start).tolist(),
            "base": [_whole(self.base[:, k]) for k in range(2)],
            "final": None if self.final is None else [_whole(self.final[:, k]) for k in range(2)],
            "uncertain": np.diff(self.stretches.ravel(), prepend=start).tolist(),
            "calls": (self.calls - start).tolist(),
            "gap": self.gap,
            "lowest": self.lowest,
        }
        return value


def draw_track(
    model: GeneModel,
    positions: _Ints,
    base: npt.NDArray[np.float32],
    final: npt.NDArray[np.float32] | None,
    *,
    uncertain: npt.NDArray[np.bool_] | None,
    calls: CallRows,
) -> Track:
    """Choose what to draw of a gene's rows.

    Parameters
    ----------
    model
        Its exons.
    positions
        int64, shape (n,), rising.
    base, final
        float32, shape (n, 2): acceptor and donor scores of the base model, and the final ones if there are others.
    uncertain
        bool, shape (n,).
    calls
        The gene's calls worth a look.
    """
    highest = base.max(axis=1) if final is None else np.maximum(base.max(axis=1), final.max(axis=1))
    drawn, lowest = np.flatnonzero(highest >= LOWEST_DRAWN), LOWEST_DRAWN
    if len(drawn) > MAX_POINTS:
        kept = np.argsort(-highest[drawn], kind="stable")[:MAX_POINTS]
        lowest = float(highest[drawn[kept[-1]]])
        drawn = np.sort(drawn[kept])
    stretches, gap = _stretches(positions[uncertain] if uncertain is not None else positions[:0])
    return Track(
        model=model,
        points=positions[drawn],
        base=base[drawn],
        final=None if final is None else final[drawn],
        stretches=stretches,
        gap=gap,
        lowest=round(lowest, 4),
        calls=np.sort(calls.position),
    )


def _stretches(positions: _Ints) -> tuple[_Ints, int]:
    """Join rising positions to runs, shape (m, 2), half-open, and close runs until there are few enough."""
    gap = 0
    while True:
        last = np.flatnonzero(np.diff(positions, append=np.iinfo(np.int64).max) > gap + 1)
        if len(last) <= MAX_STRETCHES:
            break
        gap = 2 * gap + 1
    first = np.concatenate([[0], last[:-1] + 1])[: len(last)].astype(np.int64)
    return np.stack([positions[first], positions[last] + 1], axis=1), gap


def _whole(scores: npt.NDArray[np.float32]) -> list[int]:
    numbers: list[int] = np.rint(scores.astype(np.float64) * DIGITS).astype(np.int64).tolist()
    return numbers
