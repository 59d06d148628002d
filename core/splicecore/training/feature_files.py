"""Where the feature sets of a dataset had their files from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splicecore.dataset.dataset import Dataset

__all__ = ["feature_files"]


def feature_files(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return the settings of the dataset's feature sets that read files, as they were when it was built.

    Returns
    -------
    Feature set -> settings, with paths. Their files may be elsewhere or others by now: the contract has their hashes.
    """
    built = dataset.manifest.config.get("feature_settings", {})
    names = (used.name for used in dataset.contract.sets)
    return {name: built[name] for name in names if name in built and _names_files(built[name])}


def _names_files(settings: Mapping[str, Any]) -> bool:
    """Whether settings hold a path, however deep."""
    for key, value in settings.items():
        if str(key).startswith("path"):
            return True
        items = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(item, Mapping) and _names_files(item) for item in items):
            return True
    return False
