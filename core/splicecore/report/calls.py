"""Calls worth a look: those that the meta-model changed, or, without one, those that the annotation contradicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.report.run_folder import Thresholds

__all__ = ["CALL_NAMES", "CallRows", "calls_at"]

CALL_NAMES = ("none", "acceptor", "donor", "both")
"""What is called at a position: bit 0 for an acceptor, bit 1 for a donor."""

_Ints = npt.NDArray[np.int64]
_Scores = npt.NDArray[np.float32]


def calls_at(scores: _Scores, thresholds: Thresholds) -> _Ints:
    """Call sites: int64, shape (n,), indices of :data:`CALL_NAMES`.

    Parameters
    ----------
    scores
        float32, shape (n, 2): acceptor, donor.
    thresholds
        Lowest score of each that is called, compared in double precision.
    """
    return coded(scores >= np.array(thresholds, dtype=np.float64))


def coded(mask: npt.NDArray[np.bool_]) -> _Ints:
    """Two columns of truth values, acceptor and donor, as indices of :data:`CALL_NAMES`."""
    return mask[:, 0] + 2 * mask[:, 1].astype(np.int64)


@attrs.frozen(kw_only=True, eq=False)
class CallRows:
    """Positions whose call changed, or is not what the annotation has; arrays of equal length.

    Attributes
    ----------
    gene
        int64: number of the gene.
    position
        int64: genomic, 0-based.
    before, after
        int64: the base model's call and the final one, indices of :data:`CALL_NAMES`; without a meta-model ``after`` is
        what is annotated.
    annotated
        int64: what is annotated.
    base, final
        float32, shape (n, 2): acceptor and donor scores, raw of the base model, and final.
    uncertainty
        float32; NaN without a meta-model.
    reason
        int64: code of the reason of selection.
    """

    gene: _Ints
    position: _Ints
    before: _Ints
    after: _Ints
    annotated: _Ints
    base: _Scores
    final: _Scores
    uncertainty: npt.NDArray[np.float32]
    reason: _Ints

    def __len__(self) -> int:
        return len(self.position)

    @property
    def size(self) -> npt.NDArray[np.float64]:
        """By how much the scores changed (the larger of acceptor and donor); without a meta-model how high they are."""
        moved = np.abs(self.final.astype(np.float64) - self.base)
        size: npt.NDArray[np.float64] = np.where((moved > 0).any(axis=1), moved.max(axis=1), self.base.max(axis=1))
        return size

    @classmethod
    def join(cls, parts: Sequence[CallRows]) -> CallRows:
        """Put rows one below the other."""
        names = attrs.fields_dict(cls)
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    @classmethod
    def empty(cls) -> CallRows:
        """Return no rows."""
        none, scores = np.empty(0, dtype=np.int64), np.empty((0, 2), dtype=np.float32)
        return cls(
            gene=none,
            position=none,
            before=none,
            after=none,
            annotated=none,
            base=scores,
            final=scores,
            uncertainty=scores[:, 0],
            reason=none,
        )
