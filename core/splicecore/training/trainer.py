"""``splicecore train``: fold after fold, from where an interrupted training left off, then the model that is kept."""

from __future__ import annotations

import contextlib
import functools
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

import splicecore
from splicecore.artifacts.locks import exclusive
from splicecore.artifacts.store import digest, file_sha256, make_folder, write_json
from splicecore.dataset.dataset import Dataset
from splicecore.errors import ChecksumError, ConfigError, InputError, SplicecoreError
from splicecore.inference.scorer import open_pipeline
from splicecore.training.ablation import ablate, ablation_groups
from splicecore.training.feature_files import feature_files
from splicecore.training.fold import TRAIN, UNUSED, VALID, Fold
from splicecore.training.fold_training import FoldTrainer
from splicecore.training.leak_report import leak_report
from splicecore.training.model_directory import TRAINING, ModelDirectory, seal
from splicecore.training.model_report import write_reports
from splicecore.training.position_scores import META
from splicecore.training.scored_genes import ScoredGenes
from splicecore.training.splits import Splits, split_genes
from splicecore.training.training_folder import begin, fold_is_done, is_finished, place_model, refuse_foreign
from splicecore.training.training_rows import TrainingRows

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from splicecore.features.pipeline import FeaturePipeline
    from splicecore.session import Session
    from splicecore.training.paralogs import Paralogs
    from splicecore.training.train_config import TrainConfig

__all__ = ["TrainResult", "train"]

logger = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class TrainResult:
    """What a training left behind.

    Attributes
    ----------
    folder
        The model's.
    folds, trained
        Folds, and those of them that were trained now.
    metrics
        ``metrics/aggregate.json``: figures over all folds.
    fingerprint
        Of the model.
    already_finished
        True if this very training was there before and nothing was done.
    """

    folder: Path
    folds: int
    trained: int
    metrics: dict[str, Any]
    fingerprint: str
    already_finished: bool = False


def train(
    session: Session,
    config: TrainConfig,
    told: Callable[[str, str], None] | None = None,
    placed: Callable[[Path], None] | None = None,
) -> TrainResult:
    """Do what ``splicecore train`` does; see :meth:`splicecore.session.Session.train`."""
    folder = Path(config.out_dir)
    dataset = _open_dataset(config)
    config.choice.open(session.host)  # fails early if it cannot be had
    if config.incremental:
        config.choice.streaming(session.host)  # likewise
    refuse_foreign(folder)
    make_folder(folder)
    if placed is not None:
        placed(folder)
    with exclusive(folder / ".lock"), contextlib.ExitStack() as stack:
        work = _Work(session, config, dataset, stack)
        return work.run(folder, told or (lambda _, __: None))


class _Work:
    """One training; holds what its steps share."""

    def __init__(self, session: Session, config: TrainConfig, dataset: Dataset, stack: contextlib.ExitStack) -> None:
        self.session, self.config, self.dataset = session, config, dataset
        self.genes = _genes(dataset, config)
        ablation_groups(dataset.contract, config.ablate)  # refuses what is not there
        self.scored: ScoredGenes | None = None
        self.pipeline: FeaturePipeline | None = None
        self.why_not = self._find_scores(stack)
        self.calibrate_all, self.evaluate_all = (
            self._on_all(name) for name in (config.calibrate_on, config.evaluate_on)
        )
        self.paralogs = self._find_paralogs()
        self.splits: Splits = split_genes(self.genes, config.splits, self.paralogs)

    def run(self, folder: Path, told: Callable[[str, str], None]) -> TrainResult:
        """Train what is not there yet."""
        identity = self.identity
        if is_finished(folder, identity, overwrite=self.config.overwrite):
            return self._result(folder, trained=0, already_finished=True)
        begin(folder, identity)
        names = [fold.name for fold in self.splits.folds]
        trained = 0
        for fold in self.splits.folds:
            new = self._train_fold(fold, folder / "folds" / fold.name, told)
            trained += new
        if self.config.ablate:
            told("ablation", "started")
            ablate(self.trainer, self.splits.folds[0], folder, self.config.ablate, digest(identity))
        source = folder / "folds" / names[0]
        if self.config.final and len(names) > 1:
            source = folder / "final"
            trained += self._train_fold(final_fold(self.splits), source, told, test=False)
        place_model(source, folder)
        told("report", "started")
        write_json(folder / TRAINING, self._record(identity, complete=True))
        write_json(folder / "alarms.json", self._leaks())
        facts = {"name": self.config.choice.name, "key": digest(identity), "folds": names}
        _warn(write_reports(folder, self.session.host, self.splits, seed=self.config.seed))
        shutil.rmtree(folder / "final", ignore_errors=True)
        seal(folder, {**facts, "kind": "model"})
        return self._result(folder, trained=trained)

    @functools.cached_property
    def trainer(self) -> FoldTrainer:
        """Trains the folds."""
        rows = TrainingRows(
            self.dataset,
            self.genes,
            incremental=self.config.incremental,
            max_rows=self.config.max_rows,
            seed=self.config.seed,
        )
        return FoldTrainer(
            self.session.host,
            self.config,
            self.dataset.contract,
            self.genes,
            rows,
            scored=self.scored,
            pipeline=self.pipeline,
            calibrate_all=self.calibrate_all,
            evaluate_all=self.evaluate_all,
        )

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the model's bytes and its figures."""
        config, choice = self.config, self.config.choice
        return {
            "splicecore": splicecore.__version__,
            "dataset": dataset_identity(self.dataset),
            "model": {
                "name": choice.name,
                "settings": {k: v for k, v in choice.resolved(self.session.host).items() if k not in _RESOURCES},
                "plugin": choice.provider(self.session.host),
            },
            "splits": attrs.asdict(config.splits) | {"paralogs_searched": self.paralogs is not None},
            "prune": config.corr_thr if config.prune_features else None,
            "weights": [config.class_weights, config.inclusion_weights],
            "calibration": [config.calibration, "all" if self.calibrate_all else "sampled"],
            "evaluation": ["all" if self.evaluate_all else "sampled", config.labels, self._boundary()],
            "max_rows": config.max_rows,
            "seed": config.seed,
            "final": config.final,
            "ablate": list(config.ablate),
            "alarms": config.alarms,
        }

    def _boundary(self) -> str | None:
        if self.config.mask_boundary is None:
            return None
        try:
            return file_sha256(Path(self.config.mask_boundary), self.session.cache_dir)
        except OSError as error:
            raise InputError(f"cannot read {self.config.mask_boundary}: {error.strerror}") from error

    def _train_fold(self, fold: Fold, folder: Path, told: Callable[[str, str], None], *, test: bool = True) -> bool:
        key = digest([self.identity, fold.name, fold.side.tolist(), test])
        if fold_is_done(folder, key):
            told(fold.name, "found finished from before")
            return False
        told(fold.name, "started")
        self.trainer.train(fold, folder, facts={"key": key}, test=test)
        told(fold.name, "finished")
        return True

    def _find_scores(self, stack: contextlib.ExitStack) -> str | None:
        """Find base scores of all genes and open the feature sets; if that fails and is not insisted on, say why."""
        config = self.config
        asked = {config.calibrate_on, config.evaluate_on}
        if asked == {"sampled"} and config.paralogs == "off":
            return "not asked for"
        try:
            scored = stack.enter_context(ScoredGenes.find(self.session, self.dataset, config))
            if asked != {"sampled"}:
                scored.require(self.genes)
                self.pipeline = stack.enter_context(self._open_pipeline())
        except SplicecoreError as error:
            if "all-positions" in asked or config.paralogs != "off":
                raise
            logger.warning(
                "base scores of all positions are not at hand, so calibration and figures are estimates from the "
                "dataset's rows: %s",
                error.message,
            )
            return error.message
        self.scored = scored
        return None

    def _open_pipeline(self) -> FeaturePipeline:
        settings = {**feature_files(self.dataset), **self.config.feature_settings}
        return open_pipeline(self.dataset.contract, self.session.host, settings, cache=self.session.cache_dir)

    def _on_all(self, source: str) -> bool:
        return self.pipeline is not None and source != "sampled"

    def _find_paralogs(self) -> Paralogs | None:
        if self.config.paralogs == "off" or self.scored is None:
            return None
        from splicecore.training.paralogs import exonic_sequences, find_paralogs

        resources = self.scored.resources
        rows = np.array([gene.index for gene in self.scored.require(self.genes)], dtype=np.int64)
        with resources.reference(self.session.cache_dir) as reference:
            return find_paralogs(exonic_sequences(reference, resources.annotation(), rows))

    def _leaks(self) -> dict[str, Any]:
        return leak_report(self.trainer, self.splits, self.paralogs, full=self.config.alarms)

    def _record(self, identity: dict[str, Any], *, complete: bool) -> dict[str, Any]:
        """Content of ``training.json``."""
        manifest = self.dataset.manifest
        final = final_fold(self.splits) if self.config.final and len(self.splits.folds) > 1 else self.splits.folds[0]
        names: list[Any] = self.genes.column("gene_id").to_pylist()
        contigs: list[Any] = self.genes.column("contig").to_pylist()
        return {
            "complete": complete,
            "identity": identity,
            "config": self.config.typed(),
            "dataset": {
                "rows": manifest.rows,
                "genes": len(self.genes),
                "classes": manifest.classes,
                "near_label": list(manifest.near_label),
                "inputs": manifest.identity.get("inputs", {}),
            },
            "scores": {"all_positions": self.scored is not None, "reason": self.why_not},
            "mask": None if self.scored is None or not self.evaluate_all else self.scored.mask.to_json(),
            "model_genes": {
                side: sorted(names[row] for row in getattr(final, side).tolist()) for side in ("train", "valid")
            },
            "model_contigs": sorted({contigs[row] for row in final.train.tolist()}),
            "splits": self.splits.to_json(),
            "versions": _versions(),
        }

    def _result(self, folder: Path, *, trained: int, already_finished: bool = False) -> TrainResult:
        directory = ModelDirectory.open(folder)
        return TrainResult(
            folder=folder,
            folds=len(self.splits.folds),
            trained=trained,
            metrics=directory.json("metrics/aggregate.json"),
            fingerprint=directory.fingerprint,
            already_finished=already_finished,
        )


_RESOURCES = ("threads", "memory_gib", "page_rows")
"""Settings of meta-models that by contract change no byte of the model."""


def final_fold(splits: Splits) -> Fold:
    """Return the sides of the model that is kept: all folds' genes train, but for those of the first's validation."""
    sides = np.stack([fold.side for fold in splits.folds])
    side = np.where((sides != UNUSED).any(axis=0), TRAIN, UNUSED).astype(np.int8)
    side[splits.folds[0].valid] = VALID
    return Fold("final", side)


def _warn(metrics: dict[str, Any]) -> None:
    """Say if the meta-model ranks positions worse than the better base model does."""
    found = {name: each["figures"]["both"]["average_precision"] for name, each in metrics["models"].items()}
    baseline, meta = found.get(metrics.get("baseline", "")), found.get(META)
    if baseline is not None and meta is not None and meta < baseline:
        logger.warning(
            "the meta-model is no improvement: its average precision on genes that it was not trained on is %.4f, that "
            "of %s is %.4f; try more genes, or other settings",
            meta,
            metrics["baseline"],
            baseline,
        )


def dataset_identity(dataset: Dataset) -> str:
    """Digest (hex) of what a dataset's rows are."""
    manifest = dataset.manifest
    return digest([manifest.identity, [[batch.name, batch.sha256] for batch in manifest.batches]])


def _open_dataset(config: TrainConfig) -> Dataset:
    dataset = Dataset.open(config.dataset)
    classes = dataset.manifest.classes
    if not dataset.manifest.rows:
        raise InputError(f"the dataset in {dataset.path} has no rows")
    missing = [name for name in ("neither", "acceptor", "donor") if not classes.get(name)]
    if {"acceptor", "donor"} <= set(missing):
        raise InputError(f"the dataset in {dataset.path} has no row that is a splice site", hint="take other genes")
    if missing:
        raise InputError(f"the dataset in {dataset.path} has no row that is {missing[0]}", hint="take more genes")
    if problems := dataset.verify():
        raise ChecksumError("; ".join(problems[:3]), hint="run the command that builds the dataset again")
    return dataset


def _genes(dataset: Dataset, config: TrainConfig) -> pa.Table:
    """Genes that have rows, with what they are divided by."""
    from splicecore.genome.arrow import compute as pc

    table = dataset.genes()
    table = table.filter(pc.greater(table.column("rows"), 0))
    if config.group_col not in table.schema.names:
        raise ConfigError(
            f"the genes have no column {config.group_col!r} to group by",
            hint=f"--group-col is one of {', '.join(table.schema.names)}",
        )
    return table


def _versions() -> dict[str, str]:
    import importlib.metadata
    import platform

    known = {"python": platform.python_version(), "splicecore": splicecore.__version__}
    for name in ("numpy", "pyarrow", "xgboost", "xgboost-cpu", "scikit-learn", "lightgbm"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known[name] = importlib.metadata.version(name)
    return known
