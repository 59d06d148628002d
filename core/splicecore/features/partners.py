"""The set ``partners``: where a position stands among the likely splice sites of its neighborhood.

An intron has a donor and an acceptor, and so has an internal exon; sites compete with better ones nearby. A base model
scores every position for itself, and sees at most its own window; here the scores of whole neighborhoods are looked at,
of all base models together. Nothing comes from the annotation but the span of the gene, beyond which there are no
scores.

Of each kind, acceptor and donor, ``x`` is the mean of ln(p / (1 - p)) over the base models, p within [1e-6, 1 - 1e-6],
and ``s`` the probability 1 / (1 + exp(-x)). *Before* and *after* follow the transcript. The position itself is in no
window, nor are the two bases on either side of it where the best is looked for. Sums are of integers (``s`` in units of
2**-32), so that they do not depend on where summing began.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.features.columns import Column, column_batch, column_schema
from splicecore.features.neighbors import ACCEPTOR, DONOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from splicecore.plugins.protocols import Scores
    from splicecore.predict.blocks import Block

__all__ = ["BEST", "GRADES", "REACH", "SUMS", "Partners", "schema"]

BEST = (10, 50, 200, 500)
"""Windows in which the best site is looked for: bases on one side."""
SUMS = (2_000, 10_000, 50_000)
"""Windows over which sites are summed: bases on one side."""
REACH = 100_000
"""Bases on one side within which the nearest site is looked for; nothing beyond plays a part."""
GRADES = {"possible": 0.05, "likely": 0.5}
"""Name of a grade -> least ``s`` of a site of that grade."""

_BESIDE = 2
_CLIP = 1e-6
_LEAST = math.log(_CLIP / (1 - _CLIP))
_TINY = 1e-3
_UNIT = 2.0**32
_KINDS = (("acceptor", ACCEPTOR), ("donor", DONOR))
_F = pa.float32()
_Floats = npt.NDArray[np.float32]
_Ints = npt.NDArray[np.int64]


def _columns() -> Iterator[Column]:
    span = f"{_LEAST:.1f} to {-_LEAST:.1f}"
    for kind, _ in _KINDS:
        yield Column(f"{kind}_mean_logodds", _F, "x at the position", "nats", span)
        for w in BEST:
            for side in ("before", "after"):
                text = f"highest x from {_BESIDE + 1} to {w} bases {side}"
                yield Column(f"{kind}_best_{side}_{w}", _F, text, "nats", span)
        for w in SUMS:
            for side in ("before", "after"):
                text = f"ln(sum of s over the {w:,} bases {side} + {_TINY})"
                yield Column(
                    f"{kind}_sum_{side}_{w}", _F, text, "log count", f"{math.log(_TINY):.1f} to {math.log(w):.1f}"
                )
        for grade, least in GRADES.items():
            for side in ("before", "after"):
                what = f"the nearest {kind} with s >= {least:g} more than {_BESIDE} and at most {REACH:,} bases {side}"
                name, far = f"{grade}_{kind}_{side}", f"{math.log(_BESIDE + 1):.1f} to {math.log(REACH):.1f}"
                yield Column(f"{name}_distance", _F, f"ln(bases to {what})", "log bases", far, nullable=True)
                least_x = f"{math.log(least / (1 - least)):.1f} to {-_LEAST:.1f}"
                yield Column(f"{name}_logodds", _F, f"x of {what}", "nats", least_x, nullable=True)


_SCHEMA = column_schema(_columns())


def schema(config: None) -> pa.Schema:  # noqa: ARG001 - every schema takes its config
    """Return the columns of the set."""
    return _SCHEMA


class Partners:
    """Look for the sites that a position could pair or compete with; one set of columns for all base models."""

    reach = REACH

    def __init__(self, config: None = None) -> None:
        self.config = config

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> pa.RecordBatch:  # noqa: ARG002
        """See :meth:`splicecore.api.FeatureSet.compute`."""
        low = max(int(index.min()) - REACH, 0) if len(index) else 0
        high = min(int(index.max()) + REACH + 1, block.length) if len(index) else 0
        rows = index - low
        columns: dict[str, npt.NDArray[Any]] = {}
        for kind, channel in _KINDS:
            x = mean_logodds((scores[low:high] for scores in block.scores.values()), channel)
            columns[f"{kind}_mean_logodds"] = x[rows]
            columns |= _best(kind, x, rows)
            columns |= _sums(kind, x, rows)
            for grade, least in GRADES.items():
                columns |= _nearest(f"{grade}_{kind}", x, rows, math.log(least / (1 - least)))
        return column_batch(_SCHEMA, columns)


def mean_logodds(models: Iterable[Scores], channel: int) -> _Floats:
    """Mean over base models of ln(p / (1 - p)) of a channel, p clipped: float32, shape (L,).

    Parameters
    ----------
    models
        float32, shape (L, outputs) each.
    channel
        Of the outputs.
    """
    total, count = None, 0
    for scores in models:
        p = np.clip(scores[:, channel].astype(np.float64), _CLIP, 1 - _CLIP)
        x = np.log(p) - np.log1p(-p)
        total = x if total is None else total + x
        count += 1
    if total is None:
        raise ValueError("there are no base models")
    return (total / count).astype(np.float32)


def _best(kind: str, x: _Floats, rows: _Ints) -> dict[str, _Floats]:
    """Highest value in windows on both sides; positions beyond the ends have the least value there is."""
    pad = np.full(max(BEST), _LEAST, dtype=np.float32)
    padded, at = np.concatenate([pad, x, pad]), rows + max(BEST)
    found: dict[str, _Floats] = {}
    runs, length = padded, 1  # runs[i]: highest of the ``length`` values from i on
    for w in BEST:
        size = w - _BESIDE
        while 2 * length <= size:
            runs = np.maximum(runs[: len(runs) - length], runs[length:])
            length *= 2
        for side, first in (("before", at - w), ("after", at + _BESIDE + 1)):
            found[f"{kind}_best_{side}_{w}"] = np.maximum(runs[first], runs[first + size - length])
    return found


def _sums(kind: str, x: _Floats, rows: _Ints) -> dict[str, npt.NDArray[np.float64]]:
    site = 1 / (1 + np.exp(-x.astype(np.float64)))
    total = np.concatenate([[0], np.cumsum(np.rint(site * _UNIT).astype(np.int64))])
    found = {}
    for w in SUMS:
        before = total[rows] - total[np.maximum(rows - w, 0)]
        after = total[np.minimum(rows + w + 1, len(x))] - total[rows + 1]
        for side, units in (("before", before), ("after", after)):
            found[f"{kind}_sum_{side}_{w}"] = np.log(units / _UNIT + _TINY)
    return found


def _nearest(name: str, x: _Floats, rows: _Ints, least: float) -> dict[str, npt.NDArray[Any]]:
    sites = np.flatnonzero(x >= np.float32(least))
    place = {
        "before": np.searchsorted(sites, rows - _BESIDE, side="left") - 1,
        "after": np.searchsorted(sites, rows + _BESIDE, side="right"),
    }
    found: dict[str, npt.NDArray[Any]] = {}
    for side, at in place.items():
        distance, value = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        known = np.flatnonzero((at >= 0) & (at < len(sites)))
        site = sites[at[known]]
        far = np.abs(site - rows[known])
        near = far <= REACH
        distance[known[near]] = np.log(far[near])
        value[known[near]] = x[site[near]]
        found[f"{name}_{side}_distance"], found[f"{name}_{side}_logodds"] = distance, value
    return found
