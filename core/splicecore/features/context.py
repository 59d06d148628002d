"""The set ``context``: a base model's scores at the two positions before and the two after.

The shared columns look at max(donor, acceptor), those of a type at its own scores. Scores beyond the gene's ends are 0.
Computed in float64 and rounded once to float32. ``c``, ``d`` and ``a`` are the scores max(donor, acceptor), donor and
acceptor; ``m2, m1, p1, p2`` those at the offsets -2, -1, +1, +2 in transcript orientation, of the same kind as the
score that they stand beside; ``mean4`` and ``max4`` their mean and their maximum; ``eps`` is 1e-10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.features.columns import Column, column_batch, column_schema
from splicecore.features.neighbors import ACCEPTOR, DONOR, scores_around
from splicecore.features.probability import EPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.predict.blocks import Block

__all__ = ["PEAK_THRESHOLD", "Context", "schema"]

PEAK_THRESHOLD = 1e-3
"""A local peak scores more than this."""

_OFFSETS = (-2, -1, 0, 1, 2)
_F = pa.float32()


def _type_columns(kind: str) -> Iterator[Column]:
    s = kind[0]
    for neighbor in ("m1", "m2", "p1", "p2"):
        yield Column(f"{kind}_diff_{neighbor}", _F, f"{s} - {neighbor}", "probability", "-1 to 1")
    peak = f"{s} > m1 and {s} > p1 and {s} > 0.001"
    weighted = f"0.1 m2 + 0.2 m1 + 0.4 {s} + 0.2 p1 + 0.1 p2"
    yield Column(f"{kind}_surge_ratio", _F, f"{s} / (m1 + p1 + eps)", "ratio", "0 to 1e10")
    yield Column(f"{kind}_is_local_peak", pa.int8(), peak, "flag", "0 or 1")
    yield Column(f"{kind}_weighted_context", _F, weighted, "probability", "0 to 1")
    yield Column(f"{kind}_peak_height_ratio", _F, f"{s} / (mean4 + eps)", "ratio", "0 to 1e10")
    yield Column(f"{kind}_second_derivative", _F, f"2 {s} - m1 - p1", "probability", "-2 to 2")
    yield Column(f"{kind}_signal_strength", _F, f"{s} - mean4", "probability", "-1 to 1")
    yield Column(f"{kind}_context_diff_ratio", _F, f"{s} / (max4 + eps)", "ratio", "0 to 1e10")


_COLUMNS = (
    Column("context_score_m2", _F, "c at -2", "probability", "0 to 1"),
    Column("context_score_m1", _F, "c at -1", "probability", "0 to 1"),
    Column("context_score_p1", _F, "c at +1", "probability", "0 to 1"),
    Column("context_score_p2", _F, "c at +2", "probability", "0 to 1"),
    Column("context_neighbor_mean", _F, "mean4 of c", "probability", "0 to 1"),
    Column("context_asymmetry", _F, "(m1 + m2) - (p1 + p2) of c", "probability", "-2 to 2"),
    Column("context_max", _F, "max4 of c", "probability", "0 to 1"),
    *_type_columns("donor"),
    *_type_columns("acceptor"),
    Column(
        "donor_acceptor_peak_ratio",
        _F,
        "donor_peak_height_ratio / (acceptor_peak_height_ratio + eps)",
        "ratio",
        "0 to 1e20",
    ),
    Column("type_signal_difference", _F, "donor_signal_strength - acceptor_signal_strength", "probability", "-2 to 2"),
    Column("score_difference_ratio", _F, "(d - a) / (d + a + eps)", "ratio", "-1 to 1"),
    Column(
        "signal_strength_ratio",
        _F,
        "donor_signal_strength / x, where x is acceptor_signal_strength moved away from zero by eps",
        "ratio",
        "-1e10 to 1e10",
    ),
)
_SCHEMA = column_schema(_COLUMNS)


def schema(config: None) -> pa.Schema:  # noqa: ARG001 - every schema takes its config
    """Return the columns of the set."""
    return _SCHEMA


class Context:
    """Compare a position's scores with those beside it; one set of columns for each base model."""

    reach = 2

    def __init__(self, config: None = None) -> None:
        self.config = config

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:  # noqa: ARG002
        """See :meth:`splicecore.api.FeatureSet.compute`."""
        donor, acceptor = scores_around(block, index, (DONOR, ACCEPTOR), _OFFSETS)
        columns = _shared(np.maximum(donor, acceptor)) | _of_type("donor", donor) | _of_type("acceptor", acceptor)
        return column_batch(_SCHEMA, columns | _across(columns, donor[2], acceptor[2]))


_Columns = dict[str, npt.NDArray[Any]]
_Floats = npt.NDArray[np.float64]


def _shared(around: _Floats) -> _Columns:
    m2, m1, _, p1, p2 = around
    return {
        "context_score_m2": m2,
        "context_score_m1": m1,
        "context_score_p1": p1,
        "context_score_p2": p2,
        "context_neighbor_mean": (m2 + m1 + p1 + p2) / 4,
        "context_asymmetry": (m1 + m2) - (p1 + p2),
        "context_max": np.maximum(np.maximum(m2, m1), np.maximum(p1, p2)),
    }


def _of_type(kind: str, around: _Floats) -> _Columns:
    m2, m1, s, p1, p2 = around
    beside, mean4 = m1 + p1, (m2 + m1 + p1 + p2) / 4
    max4 = np.maximum(np.maximum(m2, m1), np.maximum(p1, p2))
    return {
        f"{kind}_diff_m1": s - m1,
        f"{kind}_diff_m2": s - m2,
        f"{kind}_diff_p1": s - p1,
        f"{kind}_diff_p2": s - p2,
        f"{kind}_surge_ratio": s / (beside + EPS),
        f"{kind}_is_local_peak": (s > m1) & (s > p1) & (s > PEAK_THRESHOLD),
        f"{kind}_weighted_context": 0.1 * (m2 + p2) + 0.2 * beside + 0.4 * s,
        f"{kind}_peak_height_ratio": s / (mean4 + EPS),
        f"{kind}_second_derivative": 2 * s - beside,
        f"{kind}_signal_strength": s - mean4,
        f"{kind}_context_diff_ratio": s / (max4 + EPS),
    }


def _across(columns: _Columns, d: _Floats, a: _Floats) -> _Columns:
    """Columns that compare the two types."""
    strength, against = columns["donor_signal_strength"], columns["acceptor_signal_strength"]
    return {
        "donor_acceptor_peak_ratio": columns["donor_peak_height_ratio"] / (columns["acceptor_peak_height_ratio"] + EPS),
        "type_signal_difference": strength - against,
        "score_difference_ratio": (d - a) / (d + a + EPS),
        "signal_strength_ratio": strength / (against + np.where(against < 0, -EPS, EPS)),
    }
