"""The set ``probability``: a base model's scores at a position and seven ways to compare them.

Computed in float64 and rounded once to float32. ``d``, ``a`` and ``n`` are the scores donor, acceptor and neither;
``eps`` is 1e-10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.features.columns import Column, column_batch, column_schema
from splicecore.features.neighbors import ACCEPTOR, DONOR, NEITHER, scores_around

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.predict.blocks import Block

__all__ = ["EPS", "Probability", "schema"]

EPS = 1e-10

_F = pa.float32()
_COLUMNS = (
    Column("donor_score", _F, "d", "probability", "0 to 1"),
    Column("acceptor_score", _F, "a", "probability", "0 to 1"),
    Column("neither_score", _F, "n", "probability", "0 to 1"),
    Column("relative_donor_probability", _F, "d / (d + a + eps)", "ratio", "0 to 1"),
    Column("splice_probability", _F, "(d + a) / (d + a + n + eps)", "ratio", "0 to 1"),
    Column("donor_acceptor_diff", _F, "(d - a) / (max(d, a) + eps)", "ratio", "-1 to 1"),
    Column("splice_neither_diff", _F, "(max(d, a) - n) / (max(d, a, n) + eps)", "ratio", "-1 to 1"),
    Column("donor_acceptor_logodds", _F, "ln(d + eps) - ln(a + eps)", "nats", "-23.1 to 23.1"),
    Column("splice_neither_logodds", _F, "ln(d + a + eps) - ln(n + eps)", "nats", "-23.1 to 23.1"),
    Column("probability_entropy", _F, "-sum of p ln(p + eps) over d, a, n", "nats", "0 to 1.0986"),
)
_SCHEMA = column_schema(_COLUMNS)


def schema(config: None) -> pa.Schema:  # noqa: ARG001 - every schema takes its config
    """Return the columns of the set."""
    return _SCHEMA


class Probability:
    """Compare the three scores of a position; one set of columns for each base model."""

    reach = 0

    def __init__(self, config: None = None) -> None:
        self.config = config

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:  # noqa: ARG002
        """See :meth:`splicecore.api.FeatureSet.compute`."""
        d, a, n = scores_around(block, index, (DONOR, ACCEPTOR, NEITHER), (0,))[:, 0]
        site, either = np.maximum(d, a), d + a
        log_d, log_a, log_n = np.log(d + EPS), np.log(a + EPS), np.log(n + EPS)
        columns = {
            "donor_score": d,
            "acceptor_score": a,
            "neither_score": n,
            "relative_donor_probability": d / (either + EPS),
            "splice_probability": either / (either + n + EPS),
            "donor_acceptor_diff": (d - a) / (site + EPS),
            "splice_neither_diff": (site - n) / (np.maximum(site, n) + EPS),
            "donor_acceptor_logodds": log_d - log_a,
            "splice_neither_logodds": np.log(either + EPS) - log_n,
            "probability_entropy": -(d * log_d + a * log_a + n * log_n),
        }
        return column_batch(_SCHEMA, columns)
