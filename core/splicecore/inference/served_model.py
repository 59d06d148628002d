"""What a run knows of a meta-model's folder beside what scores positions: its base models, genes, thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError, ContractError, InputError
from splicecore.features.contract import FeatureContract
from splicecore.training.model_directory import CALIBRATION, OPERATING_POINTS, TRAINING, ModelDirectory
from splicecore.training.position_scores import fallback

if TYPE_CHECKING:
    import os


__all__ = ["DEFAULT_CALL", "CallThresholds", "ServedModel"]

DEFAULT_CALL = 0.5
"""Least probability that is called where a model has no operating point of its own."""


@attrs.frozen(kw_only=True)
class CallThresholds:
    """Least probabilities that are called a site."""

    acceptor: float = DEFAULT_CALL
    donor: float = DEFAULT_CALL


@attrs.frozen(kw_only=True, eq=False)
class ServedModel:
    """A trained meta-model's folder as a run uses it. Make it by :meth:`open`.

    Attributes
    ----------
    directory
        The folder.
    contract
        Its features, base models, flank mode and build.
    seen
        Ids of the genes that it was trained or calibrated on.
    """

    directory: ModelDirectory
    contract: FeatureContract
    seen: frozenset[str]

    @classmethod
    def open(cls, path: str | os.PathLike[str], training_dataset: str | os.PathLike[str] | None = None) -> ServedModel:
        """Open a model's folder.

        Parameters
        ----------
        path
            The folder that ``splicecore train`` wrote.
        training_dataset
            Folder of the dataset that it was trained on, for a model that has no record of its genes; of one that has
            it is checked to be that dataset.

        Raises
        ------
        ResourceNotFoundError, ChecksumError
            If one of the folders holds no whole model or dataset.
        InputError
            If the model was trained on another dataset.
        """
        directory = ModelDirectory.open(path)
        known = directory.json(TRAINING) if TRAINING in directory.manifest["files"] else {}
        seen = frozenset(name for side in known.get("model_genes", {}).values() for name in side)
        if training_dataset is not None:
            of_dataset = _genes_of(Path(training_dataset), known, directory.path)
            seen = seen or of_dataset
        return cls(directory=directory, contract=directory.contract, seen=seen)

    @property
    def base_models(self) -> tuple[str, ...]:
        """Names of the base models, the primary one first."""
        return tuple(model.name for model in self.contract.models)

    @property
    def calibrated_base(self) -> str:
        """Which base scores stand where the meta-model is not asked: ``mean`` of several, or the primary's name.

        Raises
        ------
        ContractError
            If the model has no calibration of them.
        """
        found = self.directory.json(CALIBRATION).get("base", {})
        name = fallback(found, self.base_models[0])
        if name is None:
            raise ContractError(
                f"the meta-model in {self.directory.path} has no calibration of its base models' scores",
                hint="train it again with this version of splicecore",
            )
        return name

    @property
    def fingerprint(self) -> str:
        """Digest (hex) of what decides its scores."""
        return self.directory.fingerprint

    def check_base_model(self, name: str) -> None:
        """Refuse a base model that is not the meta-model's primary one; an empty name is none.

        Raises
        ------
        ConfigError
            If it is another.
        """
        if name and name != self.base_models[0]:
            raise ConfigError(
                f"base model {name} is asked for, but the meta-model in {self.directory.path} is one of "
                f"{' and '.join(self.base_models)}",
                hint="leave --base-model out: the meta-model says which base models it needs",
            )

    def calls(self, mode: str) -> CallThresholds:
        """Return the operating points of best F1 that were stored for an inference mode."""
        if OPERATING_POINTS not in self.directory.manifest["files"]:
            return CallThresholds()
        points = self.directory.json(OPERATING_POINTS)["modes"].get(mode, {})
        return CallThresholds(**{site: _threshold(points.get(site, {})) for site in ("acceptor", "donor")})

    def about(self) -> dict[str, Any]:
        """Say which model it is, JSON-able, without a path."""
        record = self.directory.record
        return {
            "name": record.choice.name,
            "folder": self.directory.path.name,
            "fingerprint": self.fingerprint,
            "provider": record.provider,
            "columns": len(record.columns),
            "training_genes": len(self.seen),
            "build": self.contract.build,
            "flank": self.contract.flank,
            "feature_sets": [used.name for used in self.contract.sets],
            "kmer_sizes": list(self.contract.kmer_sizes),
        }


def _threshold(point: dict[str, Any]) -> float:
    found = point.get("best_f1", {}).get("threshold")
    return DEFAULT_CALL if found is None else float(found)


def _genes_of(path: Path, known: dict[str, Any], model: Path) -> frozenset[str]:
    """Ids of the genes that have rows in a dataset, which must be the one that the model was trained on."""
    from splicecore.dataset.dataset import Dataset
    from splicecore.genome.arrow import compute as pc
    from splicecore.training.trainer import dataset_identity

    dataset = Dataset.open(path)
    trained_on = known.get("identity", {}).get("dataset")
    if trained_on is not None and trained_on != dataset_identity(dataset):
        raise InputError(
            f"the meta-model in {model} was not trained on the dataset in {path}",
            hint="leave --training-dataset out: the model has its own list of the genes that it was trained on",
        )
    genes = dataset.genes()
    names: list[Any] = genes.filter(pc.greater(genes.column("rows"), 0)).column("gene_id").to_pylist()
    return frozenset(names)
