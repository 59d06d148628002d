"""What a meta-model looks at: shares of each feature and group of features in its scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.errors import ContractError, PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.features.contract import FeatureContract
    from splicecore.inference.scorer import MetaScorer

__all__ = ["contributions_of", "feature_groups", "importance_table"]

_CLASSES = ("neither", "acceptor", "donor")
_TOLERANCE = 1e-3


def feature_groups(contract: FeatureContract, columns: Sequence[str]) -> dict[str, str]:
    """Group of each column: its feature set, with the base model for those of a model that is not the primary one."""
    primary = contract.models[0].name
    known = {
        column.name: column.feature_set + (f" ({column.model})" if column.model not in ("", primary) else "")
        for column in contract.columns
    }
    return {name: known[name] for name in columns}


def contributions_of(scorer: MetaScorer, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Share of each feature in each class's score, and the bias; the sums are checked against the probabilities.

    Parameters
    ----------
    matrix
        float32, shape (k, columns): of the model's columns.

    Returns
    -------
    float32, shape (k, 3, columns + 1)

    Raises
    ------
    PluginError
        If the model cannot say.
    ContractError
        If the shares do not add up to what the model predicts.
    """
    name = scorer.record.choice.name
    explain = getattr(scorer.model, "contributions", None)
    if explain is None:
        raise PluginError(f"meta-model {name!r} cannot tell the shares of its features")
    try:
        shares = np.asarray(explain(matrix), dtype=np.float32)
    except NotImplementedError as error:
        raise PluginError(f"meta-model {name!r} cannot tell the shares of its features: {error}") from error
    if shares.shape != (len(matrix), 3, matrix.shape[1] + 1):
        raise ContractError(f"meta-model {name!r} returned shares of shape {shares.shape}")
    margin = shares.sum(axis=2, dtype=np.float64)
    odds = np.exp(margin - margin.max(axis=1, keepdims=True))
    expected = np.asarray(scorer.model.predict_proba(matrix), dtype=np.float64)
    off = float(np.abs(odds / odds.sum(axis=1, keepdims=True) - expected).max()) if len(matrix) else 0.0
    if off > _TOLERANCE:
        raise ContractError(f"the shares of the features do not add up to what {name!r} predicts: off by {off:.3g}")
    return shares


def importance_table(scorer: MetaScorer, matrix: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Mean absolute share of every feature and of every group, over rows of the model's columns; JSON-able.

    A group's share in a row is the sum of its features' shares, so that what they say against each other cancels.
    Models that cannot tell shares give ``{"method": "none", "reason": ...}``.
    """
    columns = scorer.record.columns
    try:
        shares = contributions_of(scorer, matrix)[:, :, :-1]
    except PluginError as error:
        if isinstance(error, ContractError):
            raise
        return {"method": "none", "reason": error.message, "features": [], "groups": []}
    groups = feature_groups(scorer.contract, columns)
    each = np.abs(shares, dtype=np.float64).mean(axis=0)
    features = [
        {"feature": name, "group": groups[name], **_classes(each[:, number])} for number, name in enumerate(columns)
    ]
    together = []
    for group in dict.fromkeys(groups.values()):
        members = [number for number, name in enumerate(columns) if groups[name] == group]
        total = np.abs(shares[:, :, members].sum(axis=2, dtype=np.float64)).mean(axis=0)
        together.append({"group": group, "features": len(members), **_classes(total)})
    return {
        "method": "mean absolute contribution to the margin (log-odds scale)",
        "rows": len(matrix),
        "features": sorted(features, key=lambda row: (-row["mean"], row["feature"])),
        "groups": sorted(together, key=lambda row: (-row["mean"], row["group"])),
    }


def _classes(values: npt.NDArray[np.float64]) -> dict[str, float]:
    named = {name: round(float(value), 6) for name, value in zip(_CLASSES, values, strict=True)}
    return {**named, "mean": round(float(values.mean()), 6)}
