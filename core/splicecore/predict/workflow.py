"""The base-model pass as ``run`` and ``Session.predict`` share it: plan, score what is missing, assemble, report."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import pyarrow as pa

from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import make_folder, write_json
from splicecore.errors import ChecksumError, ConfigError, ExitCode, PluginError
from splicecore.execute.plan import plan_shards
from splicecore.export.exports import add_exports, wanted_exports
from splicecore.plugins.specs import load_object
from splicecore.predict.manifest import gene_manifest, run_manifest
from splicecore.predict.parts import PartReader, part_path
from splicecore.predict.plan import ScorePlan, make_plan
from splicecore.predict.report import write_reports
from splicecore.predict.task import peak_memory
from splicecore.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from splicecore.config import RunConfig
    from splicecore.plugins.protocols import Executor

__all__ = ["PassResult", "ProgressListener", "RunResult", "predict_table", "run"]

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
    peak_memory
        Largest resident memory of any process, in bytes.
    """

    units: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    stages: dict[str, float] = attrs.field(factory=dict)
    peak_memory: int = 0

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        logger.info("%s", name)
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - started

    @property
    def done(self) -> set[str]:
        """Keys of the genes that have scores."""
        return {key for key, unit in self.units.items() if unit["status"] == "processed"}

    def total(self, counter: str) -> int:
        """Sum of a counter over the genes that this pass scored itself."""
        return sum(int(unit.get(counter, 0)) for unit in self.units.values())


@attrs.frozen(kw_only=True)
class RunResult:
    """What a run left behind.

    Attributes
    ----------
    output_dir
        Folder of the results.
    predictions, report
        The table and the report for people.
    rows, genes, failed
        Rows written, genes scored, and requested genes that could not be.
    already_finished
        True if this very run was there before and nothing was done.
    exports
        Files of the exports that the configuration asks for.
    exit_code
        ``OK``, or ``PARTIAL`` if a requested gene is missing from the results.
    """

    output_dir: Path
    predictions: Path
    report: Path
    rows: int
    genes: int
    failed: int
    already_finished: bool = False
    exports: tuple[Path, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the command line ends with."""
        return ExitCode.PARTIAL if self.failed else ExitCode.OK


def predict_table(session: Session, config: RunConfig, folder: Path) -> pa.Table:
    """Score genes and return the table; ``folder`` holds the parts meanwhile."""
    plan = make_plan(session, config)
    result = PassResult()
    _Pass(session, plan, make_folder(folder / "parts"), result).run(config)
    table = plan.table(folder / "parts", result.done)
    return pa.Table.from_batches(table.batches(), schema=table.schema)


def run(session: Session, config: RunConfig, progress: ProgressListener | None = None) -> RunResult:
    """Score genes into ``config.output_dir``; see :meth:`splicecore.session.Session.run`."""
    if config.output_dir is None:
        raise ConfigError("no output_dir given", hint="--output-dir FOLDER")
    result = PassResult()
    wanted = wanted_exports(config)
    with result.stage("plan"):
        plan = make_plan(session, config)
    with RunDirectory(Path(config.output_dir)).locked() as directory:
        if directory.begin(plan.identity, force=config.force):
            logger.info("%s holds this very run, finished; nothing to do", directory.path)
            return _result(directory, plan, wanted, None)
        session.host.notify("splicecore_run_started", run=dict(plan.identity))
        with result.stage("score"):
            _Pass(session, plan, directory.parts, result, progress).run(config)
        predictions = make_folder(directory.path / "predictions") / "base_model_predictions.parquet"
        table = plan.table(directory.parts, result.done)
        with result.stage("write predictions"):
            rows = table.write(predictions)
        manifest_path = directory.path / "gene_manifest.json"
        write_json(manifest_path, gene_manifest(plan, result))
        write_reports(directory.path, plan, result, config, table, rows=rows)
        finished = run_manifest(session, plan, rows, failed=_failed(plan, result))
        directory.finish(finished, [predictions, manifest_path], keep_work=False)
        session.host.notify("splicecore_run_finished", run=dict(plan.identity), summary=finished)
        return _result(directory, plan, wanted, result, rows)


def _result(
    directory: RunDirectory,
    plan: ScorePlan,
    wanted: Mapping[str, Mapping[str, Any]],
    result: PassResult | None,
    rows: int | None = None,
) -> RunResult:
    """Export what is still missing of a finished run and say what it left behind."""
    if result is None:
        manifest = directory.manifest()
        rows, failed = int(manifest["rows"]), int(manifest["failed"])
    else:
        failed = _failed(plan, result)
    predictions = directory.path / "predictions" / "base_model_predictions.parquet"
    lengths = dict(zip(plan.contigs.names, plan.contigs.lengths, strict=True))
    exports = add_exports(directory, predictions, wanted, lengths)
    return RunResult(
        output_dir=directory.path,
        predictions=predictions,
        report=directory.path / "performance_report.txt",
        rows=rows or 0,
        genes=len(plan.genes),
        failed=failed,
        already_finished=result is None,
        exports=tuple(exports),
    )


def _failed(plan: ScorePlan, result: PassResult) -> int:
    """Entries that count against a run: named genes without scores, and genes whose scoring failed."""
    keys = dict(zip(plan.genes, plan.keys, strict=True))
    failed = 0
    for entry in plan.entries:
        scored = entry.gene is not None and entry.gene in keys and keys[entry.gene] in result.done
        if not scored and (entry.requested is not None or entry.status == "pending"):
            failed += 1
    return failed


@attrs.define
class _Pass:
    """Scores every gene of a plan that has no part yet."""

    session: Session
    plan: ScorePlan
    parts: Path
    result: PassResult
    progress: ProgressListener | None = None

    def run(self, config: RunConfig) -> None:
        plan, result = self.plan, self.result
        todo = []
        for gene, key in zip(plan.genes, plan.keys, strict=True):
            if _finished(part_path(self.parts, key), key, gene.length):
                result.units[key] = {"key": key, "status": "processed", "reason": None, "reused": True, "seconds": 0.0}
            else:
                todo.append({"key": key, "gene": attrs.asdict(gene)})
        shards = plan_shards(todo, [plan.gene(str(unit["key"])).length for unit in todo])
        if self.progress is not None:
            self.progress.started(plan.positions, sum(plan.gene(key).length for key in result.units))
        try:
            if shards:
                self._map(config, shards)
        finally:
            if self.progress is not None:
                self.progress.stopped()
        result.peak_memory = max(result.peak_memory, peak_memory())
        if plan.keys and not result.done:
            first = next(unit for unit in result.units.values() if unit["status"] != "processed")
            raise PluginError(f"base model {plan.spec.name} failed on every gene, first with {first['reason']}")

    def _map(self, config: RunConfig, shards: list[list[dict[str, Any]]]) -> None:
        host = self.session.host
        name = config.executor or ("serial" if config.workers == 1 else "process")
        executor: Executor = load_object(host.executor(name).factory)(workers=config.workers)
        task_config = self.plan.task_config(self.session, self.parts)
        results = executor.map(_TASK, task_config, [{"units": units} for units in shards])
        try:
            for shard in results:
                self._take(shard)
                host.notify("splicecore_shard_finished", run=dict(self.plan.identity), shard=dict(shard))
        finally:
            close = getattr(results, "close", None)
            if close is not None:
                close()

    def _take(self, shard: Mapping[str, Any]) -> None:
        self.result.peak_memory = max(self.result.peak_memory, int(shard.get("peak_memory", 0)))
        for unit in shard["units"]:
            self.result.units[unit["key"]] = dict(unit)
            gene = self.plan.gene(unit["key"])
            if unit["status"] != "processed":
                logger.error("gene %s could not be scored: %s", gene.gene_id, unit["reason"])
            if self.progress is not None:
                self.progress.advanced(gene.length)


def _finished(path: Path, key: str, length: int) -> bool:
    if not path.exists():
        return False
    try:
        with PartReader(path) as part:
            return part.key == key and part.length == length
    except ChecksumError as error:
        logger.warning("%s; scoring that gene again", error.message)
        return False
