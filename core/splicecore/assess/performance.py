"""Counts and measures of a gene's calls, and their sums over genes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.assess.ranking import Ranking, rank_positions
from splicecore.evaluate.metrics import Confusion
from splicecore.genome.arrow import compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.assess.labels import ClassLabels

__all__ = ["COUNTS", "performance_rows", "sum_performance"]

COUNTS = ("positions", "sites", "tp", "fp", "fn", "tn", "overlap_sites", "overlap_calls")
"""Columns that add up over genes."""

_Floats = npt.NDArray[np.float32]


def performance_rows(
    labels: Mapping[str, ClassLabels], scores: Mapping[str, _Floats], *, threshold: float, negatives: int
) -> list[dict[str, Any]]:
    """Make the rows of a gene, less the columns that name it.

    Parameters
    ----------
    labels, scores
        By class: ``"acceptor"``, ``"donor"``.
    threshold
        What called a position.
    negatives
        Number of true negatives of the gene, before sampling.

    Returns
    -------
    list of dict
        One for each class, and ``"both"``: counts added up (``tn``: ``negatives``), rankings over the (position,
        class) pairs of both.
    """
    rows: list[dict[str, Any]] = []
    rankings: list[Ranking] = []
    for name, found in labels.items():
        tp, sites = int(np.count_nonzero(found.found)), len(found.sites)
        counts = {
            "positions": len(scores[name]),
            "sites": sites,
            "tp": tp,
            "fp": len(found.false_positives),
            "fn": sites - tp,
            "tn": found.negatives,
            "overlap_sites": len(found.others),
            "overlap_calls": found.overlap_calls,
        }
        rankings.append(Ranking.of(found, scores[name]))
        rows.append({"site_type": name, **counts, **ratios(counts, threshold), **rank_positions(rankings[-1:])})
    counts = {name: sum(row[name] for row in rows) for name in COUNTS}
    counts |= {"positions": rows[0]["positions"], "tn": negatives}
    return [*rows, {"site_type": "both", **counts, **ratios(counts, threshold), **rank_positions(rankings)}]


def ratios(counts: Mapping[str, int], threshold: float = math.nan) -> dict[str, float | None]:
    """Precision, recall and F1 of counts; None where undefined."""
    calls = Confusion(threshold, counts["tp"], counts["fp"], counts["fn"], counts["tn"])
    return {"precision": _known(calls.precision), "recall": _known(calls.recall), "f1": _known(calls.f1)}


def sum_performance(tables: Sequence[pa.Table] | pa.Table) -> list[dict[str, Any]]:
    """Add up the counts of genes.

    Parameters
    ----------
    tables
        One or several of the schema :data:`~splicecore.assess.schemas.PERFORMANCE`.

    Returns
    -------
    list of dict
        For acceptor, donor and both: site_type, the counts, precision, recall and f1 of the sums. Rankings do not add
        up and are left out.
    """
    table = tables if isinstance(tables, pa.Table) else pa.concat_tables(tables)
    rows = []
    for name in ("acceptor", "donor", "both"):
        chosen = table.filter(pc.equal(table.column("site_type").cast(pa.string()), name))
        counts = {count: pc.sum(chosen.column(count), min_count=0).as_py() for count in COUNTS}
        rows.append({"site_type": name, **counts, **ratios(counts)})
    return rows


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
