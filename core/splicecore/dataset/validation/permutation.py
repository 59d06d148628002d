"""What a small model learns from the labels, from labels exchanged at random, and without the base model's scores."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.dataset.schema import CLASSES
from splicecore.dataset.validation.check import DatasetCheck
from splicecore.dataset.validation.leakage import made_of_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.dataset.validation.sampling import GeneRows
    from splicecore.features.contract import FeatureColumn

__all__ = ["auroc", "check_permutation"]

_NAME = "label permutation"
_ROWS_OF_CLASS = 1_500
_TEST_SHARE = 1 / 3
_LEAST = 20
_SIGMAS = 5.0
_NEARLY_PERFECT = 0.98
_SETTINGS = {"max_iter": 25, "max_leaf_nodes": 8, "learning_rate": 0.2, "early_stopping": False, "random_state": 0}


def auroc(truth: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """Area under the ROC curve; equal scores count half. NaN if one of the two kinds is absent."""
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    return float((middle[inverse][truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@attrs.frozen(eq=False)
class _Split:
    """Rows to fit on and rows of other genes to judge by."""

    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def check_permutation(columns: Sequence[FeatureColumn], rows: GeneRows, seed: int) -> DatasetCheck:
    """Fit gradient-boosted trees on some genes and judge them on others, three times.

    With the true labels: what there is to learn. With labels exchanged at random among all rows: must be chance.
    Without the columns of scores and of junctions: nearly perfect means that other columns tell the label together.
    """
    try:
        trees = importlib.import_module("sklearn.ensemble").HistGradientBoostingClassifier
    except ImportError:
        text = "scikit-learn is not installed (pip install scikit-learn)"
        return DatasetCheck(name=_NAME, status="skipped", details=text)
    random = np.random.Generator(np.random.PCG64(seed))
    split = _split(rows, random)
    if split is None:
        text = f"too few genes or rows of each class in the sample of {len(rows):,} rows"
        return DatasetCheck(name=_NAME, status="skipped", details=text)
    drawn = np.concatenate([split.train, split.test])
    exchanged = rows.label.copy()
    exchanged[drawn] = random.permutation(exchanged[drawn])
    others = np.array([not made_of_scores(column) and not _junctions(column) for column in columns], dtype=np.bool_)
    true = _fit(trees, rows.features, rows.label, split)
    chance = _fit(trees, rows.features, exchanged, split)
    blind = _fit(trees, rows.features[:, others], rows.label, split) if others.any() else {}
    bound = 0.5 + _SIGMAS * _deviation(exchanged[split.test])
    return _judged(true, chance, blind, bound, _base(columns, rows, split))


def _judged(
    true: dict[str, float], chance: dict[str, float], blind: dict[str, float], bound: float, base: float
) -> DatasetCheck:
    mean = {name: float(np.mean(list(found.values()))) for name, found in (("true", true), ("exchanged", chance))}
    data = {
        "auroc": _rounded(true),
        "auroc_exchanged": _rounded(chance),
        "auroc_without_scores": _rounded(blind),
        "auroc_base": round(base, 4),
        "bound": round(bound, 4),
    }
    text = f"mean AUROC {mean['true']:.3f} with the labels, {mean['exchanged']:.3f} with labels exchanged at random"
    text += f" (chance: below {bound:.3f}), {base:.3f} by the base scores alone"
    if blind:
        text += f", {np.mean(list(blind.values())):.3f} without scores"
    telling = [name for name, value in blind.items() if value >= _NEARLY_PERFECT]
    if mean["exchanged"] >= bound:
        remedy = "rows of one gene, or copies of a row, are on both sides of a split: look for duplicates"
        return DatasetCheck(name=_NAME, status="failed", details=text, remedy=remedy, data=data)
    if telling:
        text += f"; columns other than scores tell {' and '.join(telling)} nearly perfectly"
        remedy = "find the columns that do, by leaving feature sets out one at a time"
        return DatasetCheck(name=_NAME, status="failed", details=text, remedy=remedy, data=data)
    return DatasetCheck(name=_NAME, status="passed", details=text, data=data)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _junctions(column: FeatureColumn) -> bool:
    return column.feature_set == "tracks" and column.near_label


def _split(rows: GeneRows, random: np.random.Generator) -> _Split | None:
    """Part the genes, and draw rows so that no class is rare; None where one would have too few on either side."""
    genes = random.permutation(np.unique(rows.gene))
    place = np.zeros(int(rows.gene.max(initial=0)) + 1, dtype=np.int64)
    place[genes] = np.arange(len(genes))
    order = random.permutation(len(rows))
    fewest = max(_LEAST, int(np.bincount(np.maximum(rows.label, 0), minlength=len(CLASSES)).min()))
    most = min(_ROWS_OF_CLASS, 3 * fewest)
    chosen = np.concatenate([order[rows.label[order] == code][:most] for code in range(len(CLASSES))])
    test = place[rows.gene[chosen]] < max(1, round(len(genes) * _TEST_SHARE))
    split = _Split(train=np.sort(chosen[~test]), test=np.sort(chosen[test]))
    for part in (split.train, split.test):
        counts = np.bincount(np.maximum(rows.label[part], 0), minlength=len(CLASSES))
        if counts.min() < _LEAST:
            return None
    return split


def _fit(trees: Any, features: Any, labels: npt.NDArray[np.int64], split: _Split) -> dict[str, float]:
    """Area under the ROC curve of each class on the genes that the model has not seen."""
    with importlib.import_module("threadpoolctl").threadpool_limits(1):  # sums in one order, and no waiting for cores
        model = trees(**_SETTINGS).fit(features[split.train], labels[split.train])
        found = model.predict_proba(features[split.test])
    return {
        CLASSES[int(code)]: auroc(labels[split.test] == code, found[:, place])
        for place, code in enumerate(model.classes_)
    }


def _deviation(labels: npt.NDArray[np.int64]) -> float:
    """Largest standard deviation of the area under the ROC curve of a class by chance (Mann and Whitney, 1947)."""
    total = len(labels)
    counts = np.bincount(np.maximum(labels, 0), minlength=len(CLASSES)).astype(np.float64)
    return float(np.max(np.sqrt((total + 1) / (12 * counts * (total - counts)))))


def _base(columns: Sequence[FeatureColumn], rows: GeneRows, split: _Split) -> float:
    """Mean area under the ROC curve of the primary model's own scores; 0.5 where there are none."""
    places = {column.name: place for place, column in enumerate(columns)}
    found = [
        auroc(rows.label[split.test] == code, rows.features[split.test, places[f"{name}_score"]].astype(np.float64))
        for code, name in enumerate(CLASSES)
        if f"{name}_score" in places
    ]
    return float(np.mean(found)) if found else 0.5
