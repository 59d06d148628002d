"""The one way from a gene's base scores to a meta-model's: features, model, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.errors import ConfigError, ContractError, PluginError, SplicecoreError
from splicecore.features.configs import FeatureConfig
from splicecore.features.matrix import to_matrix
from splicecore.features.pipeline import FeaturePipeline
from splicecore.training.calibration import read_calibration
from splicecore.training.model_directory import CALIBRATION, ModelDirectory
from splicecore.training.weights import remove_class_weights

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from splicecore.config import FlankMode
    from splicecore.features.contract import Aspect, FeatureContract
    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.protocols import MetaModel
    from splicecore.predict.blocks import Block
    from splicecore.training.calibration import Calibration
    from splicecore.training.model_directory import ModelRecord

__all__ = ["MetaScorer", "MetaScores", "check_probabilities", "open_pipeline"]

_NONE: Mapping[str, Any] = {}


@attrs.frozen(eq=False)
class MetaScores:
    """Scores of positions.

    Attributes
    ----------
    raw
        float32, shape (k, 3): the model's probabilities of neither, acceptor, donor.
    calibrated
        float32, shape (k, 3): the same, calibrated on genes that the model was not fitted on.
    """

    raw: npt.NDArray[np.float32]
    calibrated: npt.NDArray[np.float32]


class MetaScorer:
    """A meta-model with everything that it needs to score genes; a context manager. Make it by :meth:`open`.

    Parameters
    ----------
    model
        Fitted.
    record
        Which columns it takes.
    contract
        The features.
    pipeline
        Computes them; None for a scorer that is given matrices only.
    calibration
        Of its probabilities; None to leave them as they are.

    Attributes
    ----------
    base_calibrations
        Base model, or ``"mean"`` of several, -> calibration of its own scores on the same validation positions.
    """

    def __init__(
        self,
        model: MetaModel,
        record: ModelRecord,
        contract: FeatureContract,
        pipeline: FeaturePipeline | None,
        calibration: Calibration | None = None,
    ) -> None:
        place = {name: number for number, name in enumerate(contract.names)}
        unknown = [name for name in record.columns if name not in place]
        if unknown:
            raise ContractError(f"the model takes columns that its contract lacks: {', '.join(unknown[:8])}")
        self.model, self.record, self.contract = model, record, contract
        self._pipeline, self.calibration = pipeline, calibration
        self.base_calibrations: dict[str, Calibration] = {}
        self._columns = np.array([place[name] for name in record.columns], dtype=np.int64)
        self._weights = np.array(record.class_weights, dtype=np.float64)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        host: PluginHost,
        *,
        feature_settings: Mapping[str, Mapping[str, Any]] = _NONE,
        cache: Path | None = None,
    ) -> MetaScorer:
        """Open a trained meta-model.

        Parameters
        ----------
        path
            The folder that ``splicecore train`` wrote.
        host
            Has the plugins of the model and of the feature sets.
        feature_settings
            Set's name -> settings in place of the contract's, for sets that read files, whose contract has no paths.
        cache
            Folder that remembers hashes of files.

        Raises
        ------
        ResourceNotFoundError, ChecksumError
            If the folder holds no whole model.
        PluginError
            If the plugin of the model or of a feature set is missing, or the model cannot be loaded.
        ContractError
            If the feature sets that are installed make other columns than the model was trained on; names them.
        """
        directory = ModelDirectory.open(path)
        record, contract = directory.record, directory.contract
        pipeline = open_pipeline(contract, host, feature_settings, cache=cache)
        try:
            model = _load(directory, record, host)
        except BaseException:
            pipeline.close()
            raise
        values, where = directory.json(CALIBRATION), str(directory.path / CALIBRATION)
        scorer = cls(model, record, contract, pipeline, read_calibration(values, where=where))
        scorer.base_calibrations = {
            name: read_calibration(each, where=where) for name, each in values.get("base", {}).items()
        }
        return scorer

    @property
    def pipeline(self) -> FeaturePipeline:
        """Computes the features."""
        if self._pipeline is None:
            raise ContractError("the scorer was made without feature sets; it takes matrices only")
        return self._pipeline

    @property
    def base_models(self) -> tuple[str, ...]:
        """Names of the base models whose scores it needs, the primary one first."""
        return tuple(model.name for model in self.contract.models)

    def check(
        self,
        *,
        fingerprints: Mapping[str, str],
        flank: FlankMode,
        build: str,
        ignore: Collection[Aspect] = (),
    ) -> None:
        """Hold what the scores were made with to what the model was trained on.

        Parameters
        ----------
        fingerprints
            Base model's name -> fingerprint, the primary one first.
        flank, build
            Of the blocks.
        ignore
            What may differ, such as ``"build"`` for a model without coordinates among its features.

        Raises
        ------
        ContractError
            Naming everything that differs.
        """
        from splicecore.features.contract import FeatureModel

        models = tuple(FeatureModel(name=name, fingerprint=text) for name, text in fingerprints.items())
        found = attrs.evolve(self.contract, models=models, flank=flank, build=build)
        lines = self.contract.differences(found, ignore=ignore)
        if lines:
            raise ContractError(
                f"the meta-model was trained on other inputs: {'; '.join(lines)}",
                hint="use the base models, weights, flank mode and build that it was trained on, or train another",
            )

    def score(
        self, block: Block, index: npt.NDArray[np.int64] | None = None, given: Mapping[str, Any] = _NONE
    ) -> MetaScores:
        """Score positions of a gene.

        Parameters
        ----------
        block
            The gene with the scores of every base model of :attr:`base_models`, and a halo of the pipeline's.
        index
            int64, shape (k,): offsets in transcript orientation, 0-based, in any order; None for all positions.
        given
            What the pipeline's ``requires`` names.

        Raises
        ------
        ContractError
            If the block is of another flank mode than the model was trained on, or the model returns no probabilities.
        """
        raw = self.raw(block, index, given)
        return MetaScores(raw, self.calibrate(raw))

    def raw(
        self, block: Block, index: npt.NDArray[np.int64] | None = None, given: Mapping[str, Any] = _NONE
    ) -> npt.NDArray[np.float32]:
        """Probabilities before calibration; parameters and errors of :meth:`score`: float32, shape (k, 3)."""
        if block.flank != self.contract.flank:
            raise ContractError(f"the scores have flank mode {block.flank}; the model needs {self.contract.flank}")
        rows = np.arange(block.length, dtype=np.int64) if index is None else index
        raw = np.empty((len(rows), 3), dtype=np.float32)
        first = 0
        for matrix in self.matrices(block, rows, given):
            raw[first : first + len(matrix)] = self.predict(matrix)
            first += len(matrix)
        return raw

    def matrices(
        self, block: Block, index: npt.NDArray[np.int64], given: Mapping[str, Any] = _NONE
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Yield the model's features of positions, some at a time: float32, shape (rows, columns); missing is NaN."""
        for batch in self.pipeline.batches(block, index, given):
            yield to_matrix(batch.select(list(self.record.columns)))

    def predict(self, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities before calibration, of a matrix of the model's columns: float32, shape (k, 3)."""
        raw = check_probabilities(self.model.predict_proba(matrix), len(matrix), self.record.choice.name)
        return raw if (self._weights == 1).all() else remove_class_weights(raw, self._weights)

    def calibrate(self, raw: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Calibrate probabilities: float32, shape (k, 3)."""
        return raw if self.calibration is None else self.calibration.apply(raw)

    def calibrate_base(self, name: str, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Calibrate scores of a base model, or of ``mean``, as on the validation genes: float32, shape (k, 3).

        Raises
        ------
        ContractError
            If the model has no calibration of it.
        """
        if name not in self.base_calibrations:
            raise ContractError(f"the meta-model has no calibration of base model {name}")
        return self.base_calibrations[name].apply(scores)

    def close(self) -> None:
        """Close the feature sets."""
        if self._pipeline is not None:
            self._pipeline.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_pipeline(
    contract: FeatureContract,
    host: PluginHost,
    feature_settings: Mapping[str, Mapping[str, Any]] = _NONE,
    *,
    cache: Path | None = None,
) -> FeaturePipeline:
    """Open the feature sets of a contract, and check that they make its columns.

    Raises
    ------
    PluginError
        If a set is not installed.
    ConfigError
        If settings are given for a set that the contract lacks, or a set reads files and none are given.
    ContractError
        If the columns, their types or order, or the sets' settings are others; names them.
    """
    names = [used.name for used in contract.sets]
    for name in feature_settings:
        if name not in names:
            raise ConfigError(
                f"settings for the feature set {name!r}, which the model does not use",
                hint=f"its feature sets are {', '.join(names)}",
            )
    settings = {used.name: dict(feature_settings.get(used.name, used.settings)) for used in contract.sets}
    try:
        pipeline = FeaturePipeline.open(
            FeatureConfig(sets=tuple(names), settings={name: value for name, value in settings.items() if value}),
            host,
            [model.name for model in contract.models],
        )
    except ConfigError as error:
        raise ConfigError(
            f"the features of the model cannot be opened: {error.message}",
            hint="name the files that its feature sets read in the [features.SET] tables of a --config file",
        ) from error
    found = pipeline.contract(
        fingerprints={model.name: model.fingerprint for model in contract.models},
        flank=contract.flank,
        build=contract.build,
        cache=cache,
    )
    try:
        contract.check(found)
    except ContractError:
        pipeline.close()
        raise
    return pipeline


def check_probabilities(values: Any, rows: int, name: str) -> npt.NDArray[np.float32]:
    """Check what a meta-model returned: float32, shape (rows, 3), finite, in [0, 1], rows summing to one.

    Raises
    ------
    ContractError
        If it is anything else.
    """
    who = f"meta-model {name!r}"
    if not isinstance(values, np.ndarray) or values.shape != (rows, 3):
        raise ContractError(f"{who} returned {getattr(values, 'shape', type(values).__name__)}, not {(rows, 3)}")
    probabilities = values.astype(np.float32, copy=False)
    if rows and not (np.isfinite(probabilities).all() and probabilities.min() >= 0 and probabilities.max() <= 1.0001):
        raise ContractError(f"{who} returned probabilities that are not between 0 and 1")
    if rows and np.abs(probabilities.sum(axis=1, dtype=np.float64) - 1).max() > 1e-3:
        raise ContractError(f"{who} returned probabilities that do not sum to one")
    return probabilities


def _load(directory: ModelDirectory, record: ModelRecord, host: PluginHost) -> MetaModel:
    model = record.choice.open(host)
    try:
        model.load(directory.weights)
    except SplicecoreError:
        raise
    except Exception as error:
        raise PluginError(
            f"the meta-model in {directory.path} cannot be loaded by {record.choice.name}: "
            f"{type(error).__name__}: {error}",
            hint=f"it was trained with {record.provider}",
        ) from error
    return model
