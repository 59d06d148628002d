"""The tasks that workers run: count how unsure positions are, and recalibrate those that are chosen."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.config import FlankMode, InferenceMode, structure
from splicecore.errors import ChecksumError, PluginError, SplicecoreError
from splicecore.genome.genes import Gene
from splicecore.inference.gene_part import COLUMNS, GeneFacts
from splicecore.inference.raw_store import RawStore
from splicecore.inference.scorer import MetaScorer
from splicecore.inference.served_model import CallThresholds
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.predict.gene_blocks import GeneBlocks
from splicecore.predict.parts import part_path, write_part
from splicecore.predict.task import peak_memory
from splicecore.resources.resource_set import ResourceSet
from splicecore.training.model_directory import ModelDirectory
from splicecore.training.position_scores import with_mean
from splicecore.uncertainty.rate_histogram import RateHistogram
from splicecore.uncertainty.select import SelectionConfig, open_strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.plugins.protocols import Scores
    from splicecore.predict.blocks import Block

__all__ = ["RateTask", "RecalibrationConfig", "RecalibrationTask", "open_rates", "open_recalibration"]

logger = logging.getLogger(__name__)

_TILE = 65_536


@attrs.frozen(kw_only=True)
class RecalibrationConfig:
    """What a worker needs to know; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    resources
        Folder of the derived resources.
    models
        Base models, the primary one first.
    meta_model, fingerprint
        Folder of the meta-model, and the digest that it must have.
    calibrated_base
        Which base scores stand where the meta-model is not asked.
    selection, threshold
        What selects positions; the threshold is None while it is looked for.
    base_calls, calls
        Least probabilities of a call: of the primary base model, and final.
    parts
        Folder that the genes' parts end in.
    store
        Probabilities that are there already.
    """

    plugins: PluginSettings
    resources: str
    cache: str
    flank: FlankMode
    models: tuple[str, ...]
    meta_model: str
    fingerprint: str
    calibrated_base: str
    feature_settings: dict[str, Any]
    mode: InferenceMode
    selection: SelectionConfig
    threshold: float | None
    base_calls: CallThresholds
    calls: CallThresholds
    parts: str
    store: RawStore


def open_rates(config: Mapping[str, Any]) -> RateTask:
    """Open the first task in a worker; the executors' entry."""
    return RateTask(structure(config, RecalibrationConfig, where="worker"))


def open_recalibration(config: Mapping[str, Any]) -> RecalibrationTask:
    """Open the second task in a worker; the executors' entry."""
    return RecalibrationTask(structure(config, RecalibrationConfig, where="worker"))


class RateTask:
    """Counts how many positions have which uncertainty; a shard's result is one histogram."""

    def __init__(self, config: RecalibrationConfig) -> None:
        self.selector = open_strategy(PluginHost.discover(config.plugins), config.selection)
        self.blocks = GeneBlocks(
            ResourceSet.open(Path(config.resources)), config.models, config.flank, halo=0, cache=Path(config.cache)
        )

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Count ``shard["units"]``: {"gene", "scores": {model: path}} each."""
        histogram = RateHistogram()
        for unit in shard["units"]:
            block = self.blocks.block(Gene(**unit["gene"]), _paths(unit))
            histogram.add(self.selector.score(block))
        return {"histogram": histogram.to_json(), "units": [], "peak_memory": peak_memory()}

    def close(self) -> None:
        """Close the genome."""
        self.blocks.close()


class RecalibrationTask:
    """Selects positions of genes and scores them with the meta-model; leaves one part a gene."""

    def __init__(self, config: RecalibrationConfig) -> None:
        self.config = config
        host = PluginHost.discover(config.plugins)
        self.selector = open_strategy(host, config.selection)
        if ModelDirectory.open(config.meta_model).fingerprint != config.fingerprint:
            raise ChecksumError(
                f"the meta-model in {config.meta_model} changed while the run was going on",
                hint="run the command again",
            )
        cache = Path(config.cache)
        self.scorer = MetaScorer.open(config.meta_model, host, feature_settings=config.feature_settings, cache=cache)
        self.blocks = GeneBlocks(
            ResourceSet.open(Path(config.resources)),
            config.models,
            config.flank,
            halo=self.scorer.pipeline.halo,
            requires=self.scorer.pipeline.requires,
            cache=cache,
        )

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do ``shard["units"]``: {"key", "meta", "raw", "gene", "scores": {model: path}} each."""
        return {"units": [self._unit(unit) for unit in shard["units"]], "peak_memory": peak_memory()}

    def close(self) -> None:
        """Close the feature sets and the genome."""
        self.scorer.close()
        self.blocks.close()

    def _unit(self, unit: Mapping[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        gene = Gene(**unit["gene"])
        result: dict[str, Any] = {"key": unit["key"], "status": "processed", "reason": None, "found": 0, "scored": 0}
        try:
            result |= self._recalibrate(gene, unit)
        except PluginError as error:
            result |= _failed(gene, error.message)
        except SplicecoreError:
            raise
        except Exception as error:
            logger.debug("recalibration of %s failed", gene.gene_id, exc_info=True)
            result |= _failed(gene, f"{type(error).__name__}: {error}")
        return result | {"seconds": time.perf_counter() - started}

    def _recalibrate(self, gene: Gene, unit: Mapping[str, Any]) -> dict[str, int]:
        """Write a gene's part; returns how many of its positions were found from before, and scored now."""
        config = self.config
        block = self.blocks.block(gene, _paths(unit))
        uncertainty = self.selector.score(block)
        uncertain = self.selector.select(uncertainty, config.threshold)
        everywhere = config.mode == "meta_only"
        index = np.arange(block.length, dtype=np.int64) if everywhere else uncertain
        raw, scored = self._raw(block, index, str(unit["raw"]))
        base = self._base(block)
        final = base.copy()
        final[index] = self.scorer.calibrate(raw)
        reasons = np.full(len(index), config.mode if everywhere else "", dtype=object)
        reasons[np.searchsorted(index, uncertain)] = self.selector.reason(block, uncertain, config.threshold)
        names, codes, counts = np.unique(reasons.astype(np.str_), return_inverse=True, return_counts=True)
        criteria = self.selector.criteria(block)
        facts = GeneFacts(
            uncertain=len(uncertain),
            recalibrated=len(index),
            changed_calls=self._changed(block, final),
            reasons=dict(zip(names.tolist(), counts.tolist(), strict=True)),
            criteria=tuple(criteria),
        )
        values = np.full((block.length, len(COLUMNS) + len(criteria)), np.nan, dtype=np.float32)
        values[:, 0:3], values[:, 3:6], values[:, 6] = base, final, uncertainty
        values[:, 7:10] = 0
        values[uncertain, 7] = 1
        values[index, 8], values[index, 9], values[index, 10:13] = 1, codes + 1, raw
        for column, each in enumerate(criteria.values(), start=len(COLUMNS)):
            values[index, column] = each[index]
        tiles = (values[start : start + _TILE] for start in range(0, block.length, _TILE))
        path = part_path(Path(config.parts), unit["meta"])
        write_part(path, unit["meta"], (*COLUMNS, *criteria), tiles, facts.metadata())
        return {"found": len(index) - scored, "scored": scored}

    def _raw(self, block: Block, index: npt.NDArray[np.int64], key: str) -> tuple[npt.NDArray[np.float32], int]:
        """Probabilities of positions before calibration, and how many of them had to be computed."""
        if not len(index):
            return np.empty((0, 3), dtype=np.float32), 0
        known = self.config.store.read(key, block.length)
        missing = index[np.isnan(known[index, 0])]
        if len(missing):
            known[missing] = self.scorer.raw(block, missing, self.blocks.given(block.gene))
            self.config.store.write(key, known)
        return known[index], len(missing)

    def _base(self, block: Block) -> Scores:
        scores = with_mean({name: block.scores[name][:, :3] for name in self.config.models})
        name = self.config.calibrated_base
        return self.scorer.calibrate_base(name, scores[name])

    def _changed(self, block: Block, final: Scores) -> int:
        primary = block.scores[self.config.models[0]]
        return int((_called(primary, self.config.base_calls) != _called(final, self.config.calls)).any(axis=1).sum())


def _called(scores: Scores, least: CallThresholds) -> npt.NDArray[np.bool_]:
    """Which of acceptor and donor are called: bool, shape (L, 2)."""
    called: npt.NDArray[np.bool_] = scores[:, 1:3] >= np.array([least.acceptor, least.donor], dtype=np.float32)
    return called


def _paths(unit: Mapping[str, Any]) -> dict[str, Path]:
    return {model: Path(path) for model, path in unit["scores"].items()}


def _failed(gene: Gene, reason: str) -> dict[str, Any]:
    logger.error("gene %s could not be recalibrated: %s", gene.gene_id, reason)
    return {"status": "recalibration_failed", "reason": reason}
