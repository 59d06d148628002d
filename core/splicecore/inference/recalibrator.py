"""Does a run's second half: finds the threshold where a rate is asked for, and recalibrates gene after gene."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.config import RunConfig
from splicecore.errors import ConfigError, PluginError
from splicecore.execute.plan import plan_shards
from splicecore.inference.plan import InferencePlan
from splicecore.inference.raw_store import RawStore
from splicecore.inference.task import RecalibrationConfig
from splicecore.predict.parts import part_path
from splicecore.predict.runner import PassResult, ProgressListener, kept_folder, shard_results
from splicecore.predict.score_store import cache_limit, holds_part
from splicecore.session import Session
from splicecore.uncertainty.rate_histogram import RateHistogram

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.inference.record import GeneKeys

__all__ = ["RECALIBRATE", "SELECT", "Recalibrator"]

logger = logging.getLogger(__name__)

SELECT, RECALIBRATE = "select", "recalibrate"
"""Names of the stages."""
_TASK = "splicecore.inference.task"


@attrs.define(kw_only=True)
class Recalibrator:
    """Recalibrates the genes whose base scores are all there.

    Attributes
    ----------
    session, plan, config
        Whose plugins, and what is to be done.
    parts
        Folder that has the base models' parts and that the genes' own end in.
    result
        What is done is noted here; genes that fail are no longer processed.
    progress
        Told how it goes on, or None.
    """

    session: Session
    plan: InferencePlan
    config: RunConfig
    parts: Path
    result: PassResult
    progress: ProgressListener | None = None
    _rows: dict[str, int] = attrs.field(init=False)

    @_rows.default
    def _rows_of_keys(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.plan.primary.record.keys)}

    def threshold(self) -> float:
        """Return the least uncertainty that is selected; with a target rate it is found by counting all positions."""
        rate = self.plan.selection.target_rate
        if rate is None:
            if self.plan.threshold is None:
                raise ConfigError(f"uncertainty strategy {self.plan.selection.strategy} has no threshold of its own")
            return self.plan.threshold
        histogram = RateHistogram()
        with self.result.stage(SELECT):
            for shard in self._shards("open_rates", None, [self._unit(key) for key in self._done]):
                histogram.merge(RateHistogram.from_json(shard["histogram"]))
        self.result.note(SELECT, positions=histogram.total)
        found = histogram.threshold(rate)
        reached = histogram.selected(found) / histogram.total
        if not histogram.selected(found):
            logger.warning(
                "no position has an uncertainty above 0: none is recalibrated, though %g was asked for", rate
            )
        logger.info("a threshold of %g selects %.4f of the positions; %g was asked for", found, reached, rate)
        return found

    def run(self, threshold: float, keys: Mapping[str, GeneKeys]) -> None:
        """Recalibrate what is not done yet.

        Raises
        ------
        PluginError
            If the meta-model failed on every gene; not for a shard.
        """
        raw = dict(zip(self.plan.primary.record.keys, self.plan.raw_keys(), strict=True))
        with self.result.stage(RECALIBRATE):
            todo = [
                {**self._unit(key), "meta": keys[key].meta, "raw": raw[key]}
                for key in self._done
                if not self._is_there(key, keys[key].meta)
            ]
            length = {key: self.plan.primary.record.gene(key).length for key in self._done}
            if self.progress is not None:
                total = sum(length.values())
                self.progress.started(total, total - sum(length[unit["key"]] for unit in todo))
            try:
                for shard in self._shards("open_recalibration", threshold, todo):
                    self._take(shard)
            finally:
                if self.progress is not None:
                    self.progress.stopped()
            self._store.trim()
        self.result.note(RECALIBRATE, genes=len(self._done), genes_found=len(self._done) - len(todo))
        if length and not self._done and self.plan.primary.record.shard is None:
            first = next(unit for unit in self.result.units.values() if unit["status"] == "recalibration_failed")
            raise PluginError(f"the meta-model failed on every gene, first with: {first['reason']}")

    @property
    def _done(self) -> list[str]:
        done = self.result.done
        return [key for key in self.plan.primary.record.keys if key in done]

    @property
    def _store(self) -> RawStore:
        if not self.config.reuse:
            return RawStore()
        kept = kept_folder(self.config, "meta")
        return RawStore(
            cache=str(self.session.cache_dir / "meta"),
            limit=cache_limit(),
            kept=None if kept is None else str(kept.absolute()),
        )

    def _is_there(self, key: str, meta: str) -> bool:
        return holds_part(part_path(self.parts, meta), meta, self.plan.primary.record.gene(key).length)

    def _unit(self, key: str) -> dict[str, Any]:
        row = self._rows[key]
        scores = {plan.model.spec.name: str(part_path(self.parts, plan.record.keys[row])) for plan in self.plan.base}
        return {"key": key, "gene": attrs.asdict(self.plan.primary.record.gene(key)), "scores": scores}

    def _shards(self, opener: str, threshold: float | None, units: list[dict[str, Any]]) -> Any:
        """Let the executor do units; yields the shards' results."""
        if not units:
            return
        shards = plan_shards(units, [self.plan.primary.record.gene(str(unit["key"])).length for unit in units])
        host, record = self.session.host, self.plan.primary.record
        config = attrs.asdict(self._task_config(threshold))
        results = shard_results(host, self.config, f"{_TASK}:{opener}", config, shards)
        with contextlib.closing(results):
            for shard in results:
                self.result.peak_memory = max(self.result.peak_memory, int(shard.get("peak_memory", 0)))
                yield shard
                host.notify("splicecore_shard_finished", run=record.facts, shard=dict(shard))

    def _task_config(self, threshold: float | None) -> RecalibrationConfig:
        plan, model = self.plan, self.plan.model
        return RecalibrationConfig(
            plugins=self.session.host.settings,
            resources=str(plan.primary.inputs.resources.folder),
            cache=str(self.session.cache_dir),
            flank=plan.primary.record.flank,
            models=model.base_models,
            meta_model=str(model.directory.path.absolute()),
            fingerprint=model.fingerprint,
            calibrated_base=model.calibrated_base,
            feature_settings=self.config.feature_settings,
            mode=self.config.inference_mode,
            selection=plan.selection,
            threshold=threshold,
            base_calls=model.calls("base_only"),
            calls=model.calls(self.config.inference_mode),
            parts=str(self.parts),
            store=self._store,
        )

    def _take(self, shard: Mapping[str, Any]) -> None:
        for unit in shard["units"]:
            known = self.result.units[unit["key"]]
            known["seconds"] = float(known["seconds"]) + float(unit["seconds"])
            if unit["status"] != "processed":
                known |= {"status": unit["status"], "reason": unit["reason"]}
            self.result.note(RECALIBRATE, positions=unit["scored"] + unit["found"], found=unit["found"])
            if self.progress is not None:
                self.progress.advanced(self.plan.primary.record.gene(unit["key"]).length)
