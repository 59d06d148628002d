"""One check of a dataset and what it found; and the tally of rows that a check objects to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from splicecore.dataset.validation.row_batch import RowBatch

__all__ = ["CheckStatus", "DatasetCheck", "Tally"]

CheckStatus = Literal["passed", "warned", "skipped", "failed", "damaged"]


@attrs.frozen(kw_only=True)
class DatasetCheck:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What.
    status
        ``"passed"``; ``"warned"``: not wrong, but worth knowing; ``"skipped"``: not checked, ``details`` say why;
        ``"failed"``: the dataset cannot be used as it is; ``"damaged"``: files that are not what was built.
    details
        What was found, in a sentence.
    remedy
        What to do about it.
    data
        The figures behind it, JSON-able.
    """

    name: str
    status: CheckStatus
    details: str
    remedy: str | None = None
    data: dict[str, Any] = attrs.field(factory=dict)


@attrs.define
class Tally:
    """Rows that a check objects to: their number by complaint, and the place of the first one of each.

    Attributes
    ----------
    rows
        Rows that were looked at.
    counts, first
        By complaint.
    """

    rows: int = 0
    counts: dict[str, int] = attrs.field(factory=dict)
    first: dict[str, str] = attrs.field(factory=dict)

    def note(self, complaint: str, wrong: npt.NDArray[np.bool_], rows: RowBatch) -> None:
        """Count the rows of a batch where ``wrong`` is true."""
        found = int(np.count_nonzero(wrong))
        if found:
            self.counts[complaint] = self.counts.get(complaint, 0) + found
            self.first.setdefault(complaint, rows.place(int(np.argmax(wrong))))

    def note_row(self, complaint: str, row: int, rows: RowBatch) -> None:
        """Count one row of a batch."""
        self.counts[complaint] = self.counts.get(complaint, 0) + 1
        if complaint not in self.first:
            self.first[complaint] = rows.place(row)

    def check(self, name: str, passed: str, remedy: str) -> DatasetCheck:
        """Make the check of it: failed if there is any complaint."""
        if not self.counts:
            return DatasetCheck(name=name, status="passed", details=passed)
        texts = [
            f"{count:,} row{'s' if count > 1 else ''}: {text} (first: {self.first[text]})"
            for text, count in self.counts.items()
        ]
        return DatasetCheck(
            name=name, status="failed", details="; ".join(texts), remedy=remedy, data={"rows": dict(self.counts)}
        )
