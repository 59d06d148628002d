"""One fold: prune, fit, calibrate, choose thresholds, test. What it leaves is a model's folder of its own."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.artifacts.store import make_folder, write_json
from splicecore.errors import ConfigError, InputError, OutputError, PluginError, SplicecoreError
from splicecore.inference.scorer import MetaScorer
from splicecore.training.calibration import Calibration, fit_calibration
from splicecore.training.fold import TEST, TRAIN, VALID
from splicecore.training.importance import importance_table
from splicecore.training.model_directory import (
    CALIBRATION,
    CONTRACT,
    MODEL,
    OPERATING_POINTS,
    WEIGHTS,
    ModelRecord,
    seal,
)
from splicecore.training.operating_points import operating_points
from splicecore.training.pool_files import write_pools
from splicecore.training.position_scores import META, PositionScores, fallback, positions_of_genes, positions_of_rows
from splicecore.training.pruning import Pruning, prune_matrices
from splicecore.training.test_figures import pool_figures, pool_genes, row_figures, thresholds_of
from splicecore.training.training_rows import RowBatches
from splicecore.training.weights import WeightConfig, class_weights

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from splicecore.features.contract import FeatureContract
    from splicecore.features.pipeline import FeaturePipeline
    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.protocols import MetaModel
    from splicecore.training.fold import Fold
    from splicecore.training.operating_points import OperatingPoints
    from splicecore.training.scored_genes import ScoredGenes
    from splicecore.training.train_config import TrainConfig
    from splicecore.training.training_rows import TrainingRows
    from splicecore.training.weights import ClassTotals

__all__ = ["HYBRID", "METRICS", "POOLS", "UNSURE", "FoldTrainer"]

METRICS, POOLS, PRUNING, IMPORTANCE = "metrics.json", "test_scores.npz", "pruning.json", "importance.json"
"""Files of a fold beside those of every model."""

HYBRID = "hybrid"
UNSURE = (0.02, 0.80)
"""The hybrid mode's zone of base scores, lower end in, upper end out."""

logger = logging.getLogger(__name__)

_SAMPLE = 4000


class FoldTrainer:
    """Trains folds of one dataset.

    Parameters
    ----------
    host
        Has the plugin of the meta-model.
    config
        What was asked for.
    contract
        The features of the dataset.
    genes
        Table of the genes that are divided.
    rows
        Of the dataset.
    scored
        Genes with base scores at all positions; None if they are not at hand.
    pipeline
        Computes their features; None without them.
    calibrate_all, evaluate_all
        Whether to calibrate and to evaluate on all positions.
    """

    def __init__(
        self,
        host: PluginHost,
        config: TrainConfig,
        contract: FeatureContract,
        genes: pa.Table,
        rows: TrainingRows,
        *,
        scored: ScoredGenes | None = None,
        pipeline: FeaturePipeline | None = None,
        calibrate_all: bool = False,
        evaluate_all: bool = False,
    ) -> None:
        self.host, self.config, self.choice = host, config, config.choice
        self.contract, self.genes, self.rows = contract, genes, rows
        self.scored, self.pipeline = scored, pipeline
        self.calibrate_all, self.evaluate_all = calibrate_all, evaluate_all

    def train(
        self, fold: Fold, folder: Path, *, facts: dict[str, Any], without: Collection[str] = (), test: bool = True
    ) -> None:
        """Train a fold into a folder, which is emptied first; ``manifest.json`` is written last.

        Parameters
        ----------
        fold
            Sides of the genes.
        folder
            Where to.
        facts
            For the manifest.
        without
            Features that are left out.
        test
            Whether to evaluate the tested genes.
        """
        _empty(folder)
        logger.info("%s: %d genes to train on, %d to validate, %d to test", fold.name, *_counts(fold))
        scorer = self._fit(fold, folder, without)
        valid = self._positions(scorer, fold)
        calibration = fit_calibration(self.config.calibration, valid.raw, valid.labels, valid.weights)
        scorer.calibration = calibration
        base = self._base_calibrations(valid)
        scorer.base_calibrations = base
        points = self._operating_points(scorer, valid)
        write_json(folder / CONTRACT, self.contract.to_json())
        on = {"genes": len(fold.valid), "positions": "all" if valid.all_positions else "sampled"}
        of_base = {name: each.to_json() for name, each in base.items()}
        write_json(folder / CALIBRATION, {**calibration.to_json(), "genes": on, "base": of_base})
        write_json(folder / OPERATING_POINTS, operating_points_json(points, on, scorer.base_models[0]))
        write_json(folder / IMPORTANCE, importance_table(scorer, self._sample(fold, scorer)))
        if test:
            self._test(scorer, fold, folder, points)
        seal(folder, {**facts, "kind": "fold", "name": fold.name})

    def _fit(self, fold: Fold, folder: Path, without: Collection[str]) -> MetaScorer:
        """Prune, fit and save; returns the scorer without a calibration."""
        train, valid = fold.side == TRAIN, fold.side == VALID
        totals = self.rows.totals(train)
        _check_classes(totals, fold.name, "train")
        _check_classes(self.rows.totals(valid), fold.name, "validation")
        model = self._unfitted()
        pruning = self._prune(fold, without, model)
        write_json(folder / PRUNING, pruning.to_json())
        weights = WeightConfig(class_weight=self.config.class_weights, inclusion=self.config.inclusion_weights)
        batches = RowBatches(self.rows, train, pruning.kept, totals, weights)
        tell_names(model, pruning.kept)
        logger.info("%s: fitting %s on %d rows, %d features", fold.name, self.choice.name, *_size(totals, pruning))
        try:
            model.fit(batches, RowBatches(self.rows, valid, pruning.kept, totals, weights), self.config.seed)
        except SplicecoreError:
            raise
        except Exception as error:
            raise PluginError(f"{self.choice.name} cannot be fitted: {type(error).__name__}: {error}") from error
        save_model(model, folder)
        own = class_weights(totals, weights) if self.config.class_weights != "none" else np.ones(3)
        record = ModelRecord(
            choice=self.choice,
            provider=self.choice.provider(self.host),
            columns=pruning.kept,
            class_weights=tuple(own.tolist()),
            seed=self.config.seed,
        )
        write_json(folder / MODEL, record.to_json())
        return MetaScorer(model, record, self.contract, self.pipeline)

    def _unfitted(self) -> MetaModel:
        choice = self.choice.streaming(self.host) if self.config.incremental else self.choice
        return choice.open(self.host)

    def _prune(self, fold: Fold, without: Collection[str], model: MetaModel) -> Pruning:
        names = tuple(name for name in self.contract.names if name not in without)
        if not names:
            raise ConfigError("no feature is left", hint="leave fewer groups out")
        if not self.config.prune_features:
            return Pruning(kept=names, dropped=(), corr_thr=1.0, rows=0)
        matrices = (chunk.matrix for chunk in self.rows.select(fold.side == TRAIN, names))
        pruning = prune_matrices(names, matrices, self.config.corr_thr, tell_names(model, names))
        logger.info("%s: %d of %d features are pruned", fold.name, len(pruning.dropped), len(names))
        return pruning

    def _positions(self, scorer: MetaScorer, fold: Fold) -> PositionScores:
        if self.calibrate_all and self.scored is not None:
            genes = self.scored.require(self.genes.take(fold.valid))
            return positions_of_genes(scorer, self.scored, genes, self.config.seed)
        return positions_of_rows(scorer, self.rows, fold.side == VALID)

    def _base_calibrations(self, valid: PositionScores) -> dict[str, Calibration]:
        """Calibrate every base model on the same positions, so that its scores can stand beside the meta-model's."""
        found: dict[str, Calibration] = {}
        for name, scores in valid.base.items():
            try:
                found[name] = fit_calibration(self.config.calibration, scores, valid.labels, valid.weights)
            except InputError as error:
                logger.warning("the scores of %s are left as they are: %s", name, error.message)
                found[name] = Calibration("none")
        return found

    def _operating_points(self, scorer: MetaScorer, valid: PositionScores) -> dict[str, OperatingPoints]:
        calibrated = scorer.calibrate(valid.raw)
        scores = {**valid.base, META: calibrated}
        primary = scorer.base_models[0]
        elsewhere = fallback(valid.base, primary)
        if primary in valid.base and elsewhere is not None:
            base = scorer.calibrate_base(elsewhere, valid.base[elsewhere])
            scores[HYBRID] = np.where(is_unsure(valid.base[primary])[:, None], calibrated, base)
        return {name: operating_points(each, valid.labels, valid.weights) for name, each in scores.items()}

    def _sample(self, fold: Fold, scorer: MetaScorer) -> npt.NDArray[np.float32]:
        """Features of at most some thousand validation rows, half of them sites where there are enough."""
        rng = np.random.Generator(np.random.PCG64(self.config.seed))
        kept = [np.empty((0, 1 + len(scorer.record.columns)), dtype=np.float32)] * 2
        for chunk in self.rows.select(fold.side == VALID, scorer.record.columns):
            lot = rng.random((len(chunk.labels), 1), dtype=np.float32)
            rows = np.concatenate([lot, chunk.matrix], axis=1)
            for k, chosen in enumerate((chunk.labels > 0, chunk.labels == 0)):
                both = np.concatenate([kept[k], rows[chosen]])
                kept[k] = both[np.argsort(both[:, 0], kind="stable")[: _SAMPLE // 2]]
        return np.ascontiguousarray(np.concatenate(kept)[:, 1:])

    def _test(self, scorer: MetaScorer, fold: Fold, folder: Path, points: dict[str, OperatingPoints]) -> None:
        limits = thresholds_of({name: each for name, each in points.items() if name != HYBRID})
        if self.evaluate_all and self.scored is not None:
            genes = self.scored.require(self.genes.take(fold.test))
            pools = pool_genes(scorer, self.scored, genes)
            write_pools(folder / POOLS, pools)
            figures = pool_figures(pools, [(pools, limits)])
        else:
            rows = positions_of_rows(scorer, self.rows, fold.side == TEST)
            figures = row_figures(rows, scorer.calibrate(rows.raw), limits)
        write_json(folder / METRICS, {"fold": fold.name, **figures, "sides": fold.to_json(self.genes)})


def operating_points_json(points: dict[str, OperatingPoints], on: dict[str, Any], primary: str) -> dict[str, Any]:
    """Return operating points by model, and by inference mode.

    ``base_only``: the primary base model's scores as they are; ``meta_only``: the meta-model's everywhere; ``hybrid``:
    the meta-model's where the primary base model's higher site score lies in ``zone``, elsewhere the calibrated scores
    that :func:`~splicecore.training.position_scores.fallback` names.
    """
    models = {name: each.to_json() for name, each in points.items() if name != HYBRID}
    modes: dict[str, Any] = {"meta_only": models[META]}
    if primary in models:
        modes |= {"base_only": models[primary], "hybrid": {**points[HYBRID].to_json(), "zone": list(UNSURE)}}
    return {"chosen_on": on, "models": models, "modes": modes}


def is_unsure(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Whether the higher of acceptor and donor score lies in :data:`UNSURE`: bool, shape (k,)."""
    highest = scores[:, 1:3].max(axis=1)
    low, high = (np.float32(limit) for limit in UNSURE)
    unsure: npt.NDArray[np.bool_] = (highest >= low) & (highest < high)
    return unsure


def tell_names(model: MetaModel, names: Sequence[str]) -> tuple[str, ...]:
    """Tell a meta-model the names of its columns if it asks for them; returns those that it cannot do without."""
    told = getattr(model, "name_features", None)
    return () if told is None else tuple(told(names))


def save_model(model: MetaModel, folder: Path) -> None:
    """Let a meta-model write its files into the folder of a trained model.

    Raises
    ------
    PluginError
        If it writes nothing, or a pickle.
    """
    target = make_folder(folder / WEIGHTS)
    model.save(target)
    files = [path for path in target.rglob("*") if path.is_file()]
    if not files:
        raise PluginError(f"{type(model).__name__} wrote no file")
    for path in files:
        if path.read_bytes()[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise PluginError(f"{type(model).__name__} wrote {path.name} as a pickle", hint="pickles are not loaded")


def _check_classes(totals: ClassTotals, fold: str, side: str) -> None:
    for name, rows in zip(("neither", "acceptor", "donor"), totals.rows.tolist(), strict=True):
        if not rows:
            raise InputError(
                f"{fold}: no row of the {side} genes is {name}",
                hint="every class needs rows on every side: take more genes, fewer folds, or a larger --valid-share",
            )


def _counts(fold: Fold) -> tuple[int, int, int]:
    return len(fold.train), len(fold.valid), len(fold.test)


def _size(totals: ClassTotals, pruning: Pruning) -> tuple[int, int]:
    return int(totals.rows.sum()), len(pruning.kept)


def _empty(folder: Path) -> None:
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"cannot clear {folder}: {error.strerror or error}") from error
    make_folder(folder)
