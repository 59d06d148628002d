"""Counts and measures of a gene's calls, and their sums over genes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.evaluate.metrics import Confusion, average_precision, top_k_accuracy
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
        rows.append({"site_type": name, **counts, **ratios(counts, threshold), **_rankings([found], [scores[name]])})
    counts = {name: sum(row[name] for row in rows) for name in COUNTS}
    counts |= {"positions": rows[0]["positions"], "tn": negatives}
    ranking = _rankings(list(labels.values()), [scores[name] for name in labels])
    return [*rows, {"site_type": "both", **counts, **ratios(counts, threshold), **ranking}]


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


def _rankings(labels: Sequence[ClassLabels], scores: Sequence[_Floats]) -> dict[str, float | None]:
    """Rank the exact positions of one or several classes, without the sites of other genes.

    What ranks below the lowest true site changes neither measure. Average precision looks at the thresholds that true
    sites set; the other positions between two of them enter as one, weighted by their number.
    """
    lowest = [track[found.sites].min() for found, track in zip(labels, scores, strict=True) if len(found.sites)]
    if not lowest:
        return {"average_precision": None, "top_k": None}
    truths, ranked = [], []
    for found, track in zip(labels, scores, strict=True):
        kept = track >= min(lowest)
        kept[found.others] = False
        truth = np.zeros(len(track), dtype=np.bool_)
        truth[found.sites] = True
        truths.append(truth[kept])
        ranked.append(track[kept])
    truth, score = np.concatenate(truths), np.concatenate(ranked)
    true, others = score[truth], np.sort(score[~truth])
    levels = np.unique(true)
    between = np.diff(np.searchsorted(others, levels), append=len(others))
    average = average_precision(
        np.arange(len(true) + len(levels)) < len(true),
        np.concatenate([true, levels]),
        np.concatenate([np.ones(len(true)), between]),
    )
    return {"average_precision": average, "top_k": top_k_accuracy(truth, score)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
