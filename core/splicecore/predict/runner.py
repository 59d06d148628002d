"""The runner that every command which scores genes shares: find what is there, do what is missing, keep what is new."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from splicecore.errors import PluginError
from splicecore.execute.plan import plan_shards
from splicecore.plugins.specs import load_object
from splicecore.predict.parts import part_path
from splicecore.predict.plan import ScorePlan
from splicecore.predict.score_store import ScoreStore, cache_limit, holds_part
from splicecore.predict.task import peak_memory
from splicecore.session import Session

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from splicecore.config import PassConfig
    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.protocols import Executor
    from splicecore.predict.record import PlanRecord

__all__ = ["PassResult", "ProgressListener", "Runner", "kept_folder", "require_scores", "score_store",
           "shard_results"]  # fmt: skip

logger = logging.getLogger(__name__)

_TASK = "splicecore.predict.task:open_task"


class ProgressListener(Protocol):
    """Told how a pass goes on; positions are bases of genes."""

    def started(self, total: int, done: int) -> None:
        """Begin with ``done`` of ``total`` positions, found from before."""

    def advanced(self, positions: int) -> None:
        """Go on by a gene of so many positions."""

    def stopped(self) -> None:
        """End, whether finished or not."""


@attrs.define
class PassResult:
    """What a pass did.

    Attributes
    ----------
    units
        Key of each gene's scores -> the worker's result; a gene found from before has ``"reused": True``.
    stages
        Seconds by stage, in order.
    counters
        What else was counted, such as ``datasets_derived`` and ``base_models_opened``.
    peak_memory
        Largest resident memory of any process, in bytes.
    work
        Stage -> what it worked on, such as ``positions``, and ``found`` of them from before.
    """

    units: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    stages: dict[str, float] = attrs.field(factory=dict)
    counters: dict[str, int] = attrs.field(factory=dict)
    peak_memory: int = 0
    work: dict[str, dict[str, int]] = attrs.field(factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        logger.info("%s", name)
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - started

    def count(self, name: str, number: int) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + number

    def note(self, stage: str, **work: int) -> None:
        """Add to what a stage worked on."""
        noted = self.work.setdefault(stage, {})
        for name, number in work.items():
            noted[name] = noted.get(name, 0) + number

    @property
    def done(self) -> set[str]:
        """Keys of the genes that have scores."""
        return {key for key, unit in self.units.items() if unit["status"] == "processed"}

    def total(self, counter: str) -> int:
        """Sum of a counter over the genes that this pass scored itself."""
        return sum(int(unit.get(counter, 0)) for unit in self.units.values())

    def add(self, other: PassResult) -> None:
        """Add what another shard of the same pass did: its genes, seconds and counts."""
        self.units |= other.units
        for name, seconds in other.stages.items():
            self.stages[name] = self.stages.get(name, 0.0) + seconds
        for name, number in other.counters.items():
            self.count(name, number)
        for stage, work in other.work.items():
            self.note(stage, **work)
        self.peak_memory = max(self.peak_memory, other.peak_memory)


def require_scores(record: PlanRecord, result: PassResult) -> None:
    """Refuse to go on from a pass without any scores.

    Raises
    ------
    PluginError
        If the base model failed on every gene.
    """
    if record.keys and not result.done:
        first = next(unit for unit in result.units.values() if unit["status"] != "processed")
        name = record.base_model["name"]
        raise PluginError(f"base model {name} failed on every gene, first with {first['reason']}")


def score_store(session: Session, plan: ScorePlan, config: PassConfig) -> ScoreStore:
    """Where a pass finds scores and leaves them: the data root's artifacts of its base model, and the cache."""
    if not config.reuse:
        return ScoreStore()
    kept = kept_folder(config, "scores")
    folders = _artifact_folders(session, plan, config)
    return ScoreStore(folders=folders, cache=session.cache_dir / "scores", limit=cache_limit(), kept=kept)


def kept_folder(config: PassConfig, kind: str) -> Path | None:
    """Folder of the parts of a kind that ``--keep-artifacts-dir`` asks to keep; None without it."""
    kept = getattr(config, "keep_artifacts_dir", None)
    return None if kept is None else Path(kept) / kind


def _artifact_folders(session: Session, plan: ScorePlan, config: PassConfig) -> tuple[Path, ...]:
    """Folders of score parts that passes of the same base model left in the data root."""
    if config.source is None:
        return ()
    from splicecore.artifacts.artifact_config import ArtifactConfig
    from splicecore.artifacts.manager import ArtifactManager

    artifacts = ArtifactConfig(
        source=config.source,
        build=config.build or plan.record.build,
        release=config.release,
        base_model=plan.model.spec.name,
        data_root=str(session.data_root),
    )
    return tuple(ArtifactManager(artifacts).score_folders())


def shard_results(
    host: PluginHost, config: PassConfig, task: str, task_config: Mapping[str, Any], shards: Sequence[list[Any]]
) -> Generator[Mapping[str, Any], None, None]:
    """Let the executor that a configuration asks for do a task; close the generator to stop it.

    Parameters
    ----------
    task, task_config
        As :class:`~splicecore.plugins.protocols.Executor` takes them.
    shards
        The units of each.

    Yields
    ------
    What the task returned for each shard, as it finishes.
    """
    name = config.executor or ("serial" if config.workers == 1 else "process")
    executor: Executor = load_object(host.executor(name).factory)(workers=config.workers)
    results = executor.map(task, task_config, [{"units": units} for units in shards])
    try:
        yield from results
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()


@attrs.define(kw_only=True)
class Runner:
    """Does every gene of a plan that is not done yet.

    Attributes
    ----------
    session, plan
        Whose plugins, and what is to be done.
    parts
        Folder that the score parts of all genes end in.
    store
        Scores of earlier passes.
    result
        What is done is noted here as it happens.
    progress
        Told how it goes on, or None.
    """

    session: Session
    plan: ScorePlan
    parts: Path
    store: ScoreStore
    result: PassResult
    progress: ProgressListener | None = None

    def run(self, config: PassConfig) -> None:
        """Find, score and keep.

        Raises
        ------
        PluginError
            If the base model failed on every gene; not for a shard, whose genes may be those few that it fails on.
        """
        record, result = self.plan.record, self.result
        result.count("datasets_derived", len(self.plan.inputs.derived))
        result.count("base_models_opened", int(self.plan.model.opened))
        todo = [unit for unit in map(self._prepare, record.keys) if unit is not None]
        shards = plan_shards(todo, [record.gene(str(unit["key"])).length for unit in todo])
        if self.progress is not None:
            self.progress.started(record.positions, sum(record.gene(key).length for key in result.units))
        try:
            if shards:
                self._map(config, shards)
                self.store.trim()
        finally:
            if self.progress is not None:
                self.progress.stopped()
        result.peak_memory = max(result.peak_memory, peak_memory())
        if record.shard is None:
            require_scores(record, result)

    def _prepare(self, key: str) -> dict[str, Any] | None:
        """Look for a gene's results; returns the unit of work that is left, or None if all is there."""
        gene = self.plan.record.gene(key)
        scored = holds_part(part_path(self.parts, key), key, gene.length) or self.store.take(
            key, gene.length, self.parts
        )
        if scored and (self.plan.assess is None or self.plan.assess.finished(key)):
            self.result.units[key] = {"key": key, "status": "processed", "reason": None, "reused": True, "seconds": 0.0}
            return None
        return {"key": key, "gene": attrs.asdict(gene), "scored": scored}

    def _map(self, config: PassConfig, shards: list[list[dict[str, Any]]]) -> None:
        host = self.session.host
        task_config = self.plan.task_config(self.session, self.parts)
        with contextlib.closing(shard_results(host, config, _TASK, task_config, shards)) as results:
            for shard in results:
                self._take(shard)
                host.notify("splicecore_shard_finished", run=self.plan.record.facts, shard=dict(shard))

    def _take(self, shard: Mapping[str, Any]) -> None:
        self.result.peak_memory = max(self.result.peak_memory, int(shard.get("peak_memory", 0)))
        self.result.count("base_models_opened", int(shard.get("base_models_opened", 0)))
        for unit in shard["units"]:
            key = unit["key"]
            self.result.units[key] = dict(unit)
            gene = self.plan.record.gene(key)
            if unit["status"] != "processed":
                logger.error("gene %s could not be scored: %s", gene.gene_id, unit["reason"])
            elif not unit["reused"]:
                self.store.keep(key, self.parts)
            if self.progress is not None:
                self.progress.advanced(gene.length)
