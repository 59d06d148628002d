"""Trained meta-models that a data root holds, and what one folder says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.layout import RELEASE, SUFFIX, subfolders
from splicecore.errors import SplicecoreError
from splicecore.training.model_directory import MANIFEST, TRAINING, ModelDirectory

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["TrainedModel", "describe_trained", "find_trained", "is_trained"]


@attrs.frozen(kw_only=True)
class TrainedModel:
    """A trained meta-model.

    Attributes
    ----------
    path
        Its folder.
    facts
        JSON-able: ``model``, ``base_models``, ``build``, ``flank``, ``columns``, ``near_label``, ``trained_on``,
        ``fingerprint``, ``average_precision`` of the meta-model and of the baseline, and where these are from.
    problem
        Why it cannot be used; None if it can. ``facts`` are empty then.
    """

    path: Path
    facts: dict[str, Any] = attrs.field(factory=dict)
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {"path": str(self.path), "problem": self.problem, **self.facts}


def find_trained(data_root: Path) -> list[TrainedModel]:
    """Describe the meta-models in ``<source>/<build>[/release-<release>]/<base model>_eval/models/<version>``."""
    return [_described(path) for path in _folders(data_root)]


def _described(path: Path) -> TrainedModel:
    try:
        return describe_trained(path)
    except SplicecoreError as error:
        return TrainedModel(path=path, problem=error.message)


def _folders(root: Path) -> Iterator[Path]:
    for source in subfolders(root):
        for build in subfolders(root / source):
            place = root / source / build
            releases = [place / name for name in subfolders(place) if name.startswith(RELEASE)]
            for folder in (place, *releases):
                for name in subfolders(folder):
                    models = folder / name / "models"
                    if name.endswith(SUFFIX):
                        yield from (models / version for version in subfolders(models))


def describe_trained(path: str | os.PathLike[str]) -> TrainedModel:
    """Describe the meta-model in a folder.

    Raises
    ------
    ResourceNotFoundError, ChecksumError
        If the folder holds no whole model.
    """
    directory = ModelDirectory.open(path)
    record, contract = directory.record, directory.contract
    facts: dict[str, Any] = {
        "model": record.choice.name,
        "settings": record.choice.settings,
        "plugin": record.provider,
        "base_models": [attrs.asdict(model) for model in contract.models],
        "build": contract.build,
        "flank": contract.flank,
        "columns": len(record.columns),
        "near_label": sorted(set(contract.near_label) & set(record.columns)),
        "kmer_sizes": list(contract.kmer_sizes),
        "calibration": directory.json("calibration.json")["method"],
        "fingerprint": directory.fingerprint,
    }
    if TRAINING in directory.manifest["files"]:
        training = directory.json(TRAINING)
        facts["trained_on"] = training["model_contigs"]
        facts["genes"] = {side: len(names) for side, names in training["model_genes"].items()}
    if "metrics/aggregate.json" in directory.manifest["files"]:
        metrics = directory.json("metrics/aggregate.json")
        facts["positions"] = metrics["positions"]
        facts["average_precision"] = {
            name: values["figures"]["both"]["average_precision"] for name, values in metrics["models"].items()
        }
    return TrainedModel(path=directory.path, facts=facts)


def is_trained(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like the folder of a trained meta-model."""
    return (Path(path) / MANIFEST).is_file()
