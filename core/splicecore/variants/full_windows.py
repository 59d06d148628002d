"""Scores of edited sequences by any base model: every allele is scored as a whole window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from splicecore.genome.encoding import Codes, N

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from splicecore.plugins.protocols import BaseModel, Edit, Scores

__all__ = ["FullWindows", "edit_scoring"]


def edit_scoring(model: BaseModel) -> Callable[[Codes, Sequence[Edit], int], list[Scores]]:
    """Return the model's own ``predict_edits``, or that of :class:`FullWindows` where it has none."""
    own = getattr(model, "predict_edits", None)
    return own if callable(own) else FullWindows(model).predict_edits


class FullWindows:
    """Does with ``predict`` what a model's own ``predict_edits`` does without repeating work.

    Parameters
    ----------
    model
        Opened. Where its scores depend on more than a position's context (``position_invariant`` is false), REF and
        ALT are both scored in windows that begin at the same base.
    """

    def __init__(self, model: BaseModel) -> None:
        self._model = model
        self._spec = model.spec

    def predict_edits(self, codes: Codes, edits: Sequence[Edit], radius: int) -> list[Scores]:
        """Score the surroundings of edits.

        Parameters
        ----------
        codes
            uint8, shape (left + L + right,): one sequence in transcript orientation.
        edits
            Each replaces ``codes[start:end]``; an edit that changes nothing gives the scores of ``codes`` itself.
        radius
            Positions on either side of the edit that are scored.

        Returns
        -------
        For each edit float32 of shape (n, outputs): positions [start - radius, start + len(replacement) + radius) of
        the edited codes, as far as they have full context.
        """
        unchanged = [bool(np.array_equal(codes[start:end], new)) for start, end, new in edits]
        shared = self._spec.position_invariant
        reference = self._predict([codes])[0] if shared and any(unchanged) else None
        results: list[Scores | None] = [None] * len(edits)
        apart: list[int] = []
        for index, (edit, same) in enumerate(zip(edits, unchanged, strict=True)):
            if same and reference is not None:
                low, high = self._scored(codes, edit, radius)
                results[index] = reference[low - self._spec.left : high - self._spec.left]
            else:
                apart.append(index)
        for part in self._chunks(apart, edits, radius):
            rows = [self._edited(codes, edits[index], radius) for index in part]
            for index, scores in zip(part, self._predict(rows), strict=True):
                results[index] = scores
        return [scores for scores in results if scores is not None]

    def _scored(self, codes: Codes, edit: Edit, radius: int) -> tuple[int, int]:
        """First and last position, in the edited codes, whose scores are wanted and can be had."""
        start, end, new = edit
        length = len(codes) - (end - start) + len(new)
        low = max(start - radius, self._spec.left)
        return low, max(low, min(start + len(new) + radius, length - self._spec.right))

    def _edited(self, codes: Codes, edit: Edit, radius: int) -> Codes:
        """Edited codes of the wanted positions with their context."""
        start, end, new = edit
        low, high = self._scored(codes, edit, radius)
        first, last = low - self._spec.left, high + self._spec.right
        after = last - start - len(new)
        return np.concatenate([codes[first:start], new[: max(last - start, 0)], codes[end : end + max(after, 0)]])

    def _chunks(self, indices: list[int], edits: Sequence[Edit], radius: int) -> Iterator[list[int]]:
        """Yield edits of about one call's size, so that no more edited sequences exist at a time."""
        part: list[int] = []
        positions = 0
        for index in indices:
            wanted = 2 * radius + len(edits[index][2])
            if part and positions + wanted > self._spec.max_positions:
                yield part
                part, positions = [], 0
            part.append(index)
            positions += wanted
        if part:
            yield part

    def _predict(self, rows: list[Codes]) -> list[Scores]:
        """Score rows of any length, each with its context: in pieces that the model takes, batched by length."""
        context = self._spec.left + self._spec.right
        whole = self._spec.output_length
        size = whole or self._spec.max_positions
        pieces: dict[int, list[tuple[int, int, Codes]]] = {}
        results = [np.empty((max(len(row) - context, 0), self._spec.n_outputs), dtype=np.float32) for row in rows]
        for index, row in enumerate(rows):
            for start in range(0, len(row) - context, size):
                piece = row[start : start + size + context]
                if whole is not None and len(piece) < whole + context:
                    piece = np.concatenate([piece, np.full(whole + context - len(piece), N, dtype=np.uint8)])
                pieces.setdefault(len(piece), []).append((index, start, piece))
        for length, group in pieces.items():
            batch = max(1, self._spec.max_positions // (length - context))
            for first in range(0, len(group), batch):
                chosen = group[first : first + batch]
                scores = self._model.predict(np.stack([piece for _, _, piece in chosen]))
                for (index, start, _), score in zip(chosen, scores, strict=True):
                    results[index][start : start + len(score)] = score[: len(results[index]) - start]
        return results
