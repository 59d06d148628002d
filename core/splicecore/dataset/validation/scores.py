"""Checks of the primary model's score columns against each other and against what they decided: TP, FP, FN, TN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from splicecore.dataset.validation.check import DatasetCheck, Tally
from splicecore.dataset.validation.row_batch import FN, FP, TN, TP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["ScoreCheck"]

_SCORES = ("neither_score", "acceptor_score", "donor_score")
_AROUND = ("m2", "m1", "p1", "p2")
_TOLERANCE = 1e-4
_REMEDY = "build the dataset anew; labels and scores are not of the same positions, or of the same base model"

_Floats = npt.NDArray[np.float64]


class ScoreCheck:
    """Whether scores are probabilities, and the labels TP, FP, FN, TN are what they say at the threshold.

    A TP's window is looked at where the set ``context`` has it: windows of two bases or fewer.
    """

    def __init__(self, opened: OpenedDataset) -> None:
        names = set(opened.dataset.contract.names)
        self._threshold = np.float32(opened.setting("threshold", 0.5))
        window = int(opened.setting("consensus_window", 2))
        self._possible = names.issuperset(_SCORES)
        needed = {f"{kind}_diff_{side}" for kind in ("donor", "acceptor") for side in _AROUND}
        self._windows = self._possible and window <= 2 and names >= needed
        self._sides = [side for side in _AROUND if int(side[1]) <= window]
        self._tally = Tally()

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        if not self._possible:
            return
        neither, acceptor, donor = scores = [rows.numbers(name) for name in _SCORES]
        total = neither + acceptor + donor
        outside = np.zeros(len(rows), dtype=np.bool_)
        for score in scores:
            outside |= (score < 0) | (score > 1)
        self._tally.note("a score is not from 0 to 1", outside, rows)
        self._tally.note("the scores do not add up to 1", ~(np.abs(total - 1) <= _TOLERANCE), rows)
        self._against_calls(rows, acceptor, donor)

    def _against_calls(self, rows: RowBatch, acceptor: _Floats, donor: _Floats) -> None:
        kind, note = rows.pred_type, self._tally.note
        called = {1: acceptor.astype(np.float32) >= self._threshold, 2: donor.astype(np.float32) >= self._threshold}
        own = np.select([rows.site_type == 1, rows.site_type == 2], [called[1], called[2]], default=False)
        either = called[1] | called[2]
        at = f"the threshold {self._threshold:g}"
        note(f"pred_type is FP, but the score of its site_type is below {at}", (kind == FP) & ~own, rows)
        note(f"pred_type is FN, but the score of its class reaches {at}", (kind == FN) & own, rows)
        note(f"pred_type is TN, but a score reaches {at}", (kind == TN) & either, rows)
        if self._windows:
            unfound = (kind == TP) & ~own & (self._best(rows, acceptor, donor) < self._threshold - 1e-6)
            note(f"pred_type is TP, but no score of its class reaches {at} in the window", unfound, rows)

    def _best(self, rows: RowBatch, acceptor: _Floats, donor: _Floats) -> _Floats:
        """Highest score of the row's class in the window, from the differences to the neighbors."""
        best: dict[int, _Floats] = {}
        for code, name, score in ((1, "acceptor", acceptor), (2, "donor", donor)):
            around = [score - rows.numbers(f"{name}_diff_{side}") for side in self._sides]
            best[code] = np.max([score, *around], axis=0)
        chosen: _Floats = np.where(rows.site_type == 1, best[1], best[2])
        return chosen

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        if not self._possible:
            text = "there are no columns neither_score, acceptor_score and donor_score"
            yield DatasetCheck(name="scores", status="skipped", details=text)
            return
        window = "" if self._windows else " (but for windows of TP, which are not in the columns)"
        yield self._tally.check("scores", f"probabilities, and as TP, FP, FN and TN say{window}", _REMEDY)
