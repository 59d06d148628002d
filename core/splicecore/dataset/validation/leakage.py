"""Checks for features that tell the label: alone, by their missing values, or together through a small model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.dataset.schema import CLASSES, PRED_TYPES
from splicecore.dataset.validation.check import DatasetCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.dataset.validation.sampling import GeneRows
    from splicecore.features.contract import FeatureColumn

__all__ = ["Separation", "check_leakage", "check_missingness", "made_of_scores", "separations"]

_NEARLY_PERFECT, _PERFECT, _HIGH = 0.98, 0.999, 0.95
_BEATS = 0.005
_MISSING_TELLS = 0.9
_LEAST = 10
_SCORES = ("neither_score", "acceptor_score", "donor_score")
_SHOWN = 5
_REMEDY = "find out how the column is computed: nothing in it may depend on the label or on how the row was found"

_OF_ALL_MODELS = ("partners",)
"""Feature sets made of the scores of all base models together, whose columns name none."""

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


@attrs.frozen
class Separation:
    """How well one feature alone tells one class from all other rows.

    Attributes
    ----------
    column, target
        Name of the feature, and of the class or pred_type.
    auroc
        Area under the ROC curve, of the direction that is better: 0.5 to 1.
    average_precision
        Of the same direction.
    prevalence
        Share of the class: the average precision of chance.
    """

    column: str
    target: str
    auroc: float
    average_precision: float
    prevalence: float


def separations(names: Sequence[str], rows: GeneRows) -> dict[str, list[Separation]]:
    """Measure every feature alone against every class and pred_type that has at least ten rows and leaves ten.

    Missing values rank together, below all others. Equal values count half, as usual for the area under the ROC curve
    (Hanley and McNeil, Radiology 1982).

    Returns
    -------
    Target -> separations, best first.
    """
    targets = dict(_targets(rows))
    found: dict[str, list[Separation]] = {name: [] for name in targets}
    for column, name in enumerate(names):
        values = np.nan_to_num(rows.features[:, column].astype(np.float64), nan=-np.inf)
        order = np.argsort(values, kind="stable")
        ranked = values[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        for target, truth in targets.items():
            found[target].append(_separation(name, target, truth[order], ends))
    return {target: sorted(each, key=lambda one: (-one.auroc, one.column)) for target, each in found.items()}


def _targets(rows: GeneRows) -> Iterator[tuple[str, _Bools]]:
    for names, codes in ((CLASSES, rows.label), (PRED_TYPES, rows.pred_type)):
        for code, name in enumerate(names):
            truth = codes == code
            if _LEAST <= np.count_nonzero(truth) <= len(truth) - _LEAST:
                yield name, truth


def _separation(column: str, target: str, truth: _Bools, ends: npt.NDArray[np.int64]) -> Separation:
    """Measure one column; ``truth`` in rising order of its values, ``ends`` the last row of each distinct value."""
    true = np.cumsum(truth)[ends].astype(np.float64)
    rows = (ends + 1).astype(np.float64)
    total, positives = rows[-1], true[-1]
    here, false = np.diff(true, prepend=0.0), np.diff(rows - true, prepend=0.0)
    below = np.cumsum(false) - false
    auroc = float(np.sum(here * (below + false / 2)) / (positives * (total - positives)))
    if auroc >= 0.5:
        here, rows, true = (
            here[::-1],
            total - np.append(0.0, rows[:-1])[::-1],
            positives - np.append(0.0, true[:-1])[::-1],
        )
    precision = float(np.sum(here / positives * (true / rows)))
    return Separation(column, target, max(auroc, 1 - auroc), precision, float(positives / total))


def check_leakage(columns: Sequence[FeatureColumn], rows: GeneRows) -> DatasetCheck:
    """Alarm at features that separate a class nearly perfectly, and better than the base model's own scores do.

    Of columns computed from scores only the classes are looked at: TP, FP, FN and TN are made of scores.
    """
    name = "leakage"
    found = separations([column.name for column in columns], rows)
    if not found:
        return DatasetCheck(name=name, status="skipped", details=f"too few rows of each class in {len(rows):,}")
    by_name = {column.name: column for column in columns}
    alarms: list[tuple[Separation, float]] = []
    noted: list[tuple[Separation, float]] = []
    for ranked in found.values():
        base = max((one.auroc for one in ranked if one.column in _SCORES and by_name[one.column].model), default=0.5)
        for one in ranked:
            verdict = _verdict(by_name[one.column], one, base)
            if verdict:
                (alarms if verdict == "failed" else noted).append((one, base))
    data = {target: [attrs.asdict(one) for one in ranked[:_SHOWN]] for target, ranked in found.items()}
    text = _best(found)
    if alarms or noted:
        text = f"{_tell(alarms or noted)}; best alone: {text}"
        status: Any = "failed" if alarms else "warned"
        return DatasetCheck(name=name, status=status, details=text, remedy=_REMEDY, data=data)
    details = f"no feature of {len(rows):,} sampled rows tells a class by itself; best alone: {text}"
    return DatasetCheck(name=name, status="passed", details=details, data=data)


def made_of_scores(column: FeatureColumn) -> bool:
    """Tell whether a column is computed from base scores, which may tell classes well."""
    return bool(column.model) or column.feature_set in _OF_ALL_MODELS


def _verdict(column: FeatureColumn, one: Separation, base: float) -> str | None:
    """Tell whether a separation is an alarm, worth a warning, or nothing."""
    if made_of_scores(column):
        if one.target in PRED_TYPES or one.column in _SCORES:
            return None
        return "failed" if one.auroc >= _PERFECT and one.auroc > base + _BEATS else None
    evidence = column.feature_set == "tracks" and column.near_label
    if one.auroc >= _NEARLY_PERFECT:
        return "warned" if evidence else "failed"
    return "warned" if one.auroc >= _HIGH and one.auroc > base else None


def _tell(alarms: Sequence[tuple[Separation, float]]) -> str:
    seen: dict[str, tuple[Separation, float]] = {}
    for one, base in alarms:
        if one.column not in seen or seen[one.column][0].auroc < one.auroc:
            seen[one.column] = one, base
    texts = [
        f"{name} alone tells {one.target} from the rest (AUROC {one.auroc:.3f}, AP {one.average_precision:.3f}; "
        f"base score {base:.3f})"
        for name, (one, base) in list(seen.items())[:_SHOWN]
    ]
    return "; ".join(texts) + (f"; ... ({len(seen)} columns)" if len(seen) > _SHOWN else "")


def _best(found: dict[str, list[Separation]]) -> str:
    return ", ".join(
        f"{target} {found[target][0].column} {found[target][0].auroc:.3f}" for target in CLASSES if target in found
    )


def check_missingness(columns: Sequence[FeatureColumn], rows: GeneRows) -> DatasetCheck:
    """Alarm at features whose being missing, or not, tells a class or a pred_type."""
    name = "missingness"
    missing = np.isnan(rows.features)
    some = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
    if not len(some):
        text = f"no feature is missing in only some of {len(rows):,} sampled rows"
        return DatasetCheck(name=name, status="passed", details=text)
    worst: list[tuple[float, str, str, bool]] = []
    for target, truth in _targets(rows):
        share = missing[truth][:, some].mean(axis=0)
        others = missing[~truth][:, some].mean(axis=0)
        balanced = (1 + np.abs(share - others)) / 2
        for place, value in enumerate(balanced.tolist()):
            column = columns[int(some[place])]
            worst.append((value, column.name, target, column.feature_set == "tracks" and column.near_label))
    worst.sort(key=lambda one: (-one[0], one[1], one[2]))
    telling = [one for one in worst if one[0] >= _MISSING_TELLS]
    data = {"worst": [[round(value, 4), column, target] for value, column, target, _ in worst[:_SHOWN]]}
    if telling:
        text = "; ".join(
            f"whether {column} is missing tells {target} from the rest (balanced accuracy {value:.3f})"
            for value, column, target, _ in telling[:_SHOWN]
        )
        status: Any = "failed" if any(not evidence for *_, evidence in telling) else "warned"
        return DatasetCheck(name=name, status=status, details=text, remedy=_REMEDY, data=data)
    text = f"missing values of {len(some)} features tell no class"
    return DatasetCheck(name=name, status="passed", details=text, data=data)
