"""``run``: plan, score what is missing, assemble, report; and the same without a folder for ``Session.predict``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs
import pyarrow as pa

from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import make_folder, write_json
from splicecore.errors import ConfigError, ExitCode
from splicecore.evaluate.calls import CallSummary, count_calls
from splicecore.export.exports import add_exports, wanted_exports
from splicecore.inference.options import check_inference
from splicecore.predict.manifest import gene_manifest, run_manifest
from splicecore.predict.parts import PartReader, part_path
from splicecore.predict.plan import ScorePlan, make_plan
from splicecore.predict.report import how_done, write_reports
from splicecore.predict.runner import PassResult, ProgressListener, Runner, score_store
from splicecore.predict.shard_folder import finish_shard, take_back
from splicecore.report.gene_annotation import keep_gene_annotation, kept_gene_annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from splicecore.config import PassConfig, RunConfig
    from splicecore.predict.record import PlanRecord
    from splicecore.session import Session

__all__ = ["FINAL_PREDICTIONS", "PREDICTIONS", "RunResult", "compare_calls", "finish_run", "predict_table", "run",
           "run_in_folder", "run_result", "score_and_compare"]  # fmt: skip

logger = logging.getLogger(__name__)

PREDICTIONS = "predictions/base_model_predictions.parquet"
"""Where a run's table is in its folder."""
FINAL_PREDICTIONS = "predictions/complete_coverage_predictions.parquet"
"""Where the table of a run with a meta-model is."""


class _HasRecord(Protocol):
    @property
    def record(self) -> PlanRecord: ...


_Plan = TypeVar("_Plan", bound=_HasRecord)


@attrs.frozen(kw_only=True)
class RunResult:
    """What a run left behind.

    Attributes
    ----------
    output_dir
        Folder of the results.
    predictions, report
        The table and the report for people; a shard has no table of its own, but a folder of scores.
    rows, genes, failed
        Rows written, genes scored, and requested genes that could not be.
    already_finished
        True if this very run was there before and nothing was done.
    recalibrated
        Positions that a meta-model scored; None of a run without one.
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
    recalibrated: int | None = None
    exports: tuple[Path, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the command line ends with."""
        return ExitCode.PARTIAL if self.failed else ExitCode.OK


def predict_table(session: Session, config: RunConfig, folder: Path) -> pa.Table:
    """Score genes and return the table; ``folder`` holds the parts meanwhile."""
    if _has_meta_model(config):
        from splicecore.inference.workflow import inference_table

        return inference_table(session, config, folder)
    plan = make_plan(session, config, _own(config))
    result = PassResult()
    runner = Runner(
        session=session,
        plan=plan,
        parts=make_folder(folder / "parts"),
        store=score_store(session, plan, config),
        result=result,
    )
    runner.run(config)
    table = plan.record.table(runner.parts, result.done)
    return pa.Table.from_batches(table.batches(), schema=table.schema)


def run(session: Session, config: RunConfig, progress: ProgressListener | None = None) -> RunResult:
    """Score genes into ``config.output_dir``; see :meth:`splicecore.session.Session.run`."""
    if _has_meta_model(config):
        from splicecore.inference.workflow import run_inference

        return run_inference(session, config, progress)

    def work(plan: ScorePlan, directory: RunDirectory, result: PassResult) -> dict[str, Any]:
        record = plan.record
        calls = score_and_compare(session, plan, directory, config, result=result, progress=progress)
        keep_gene_annotation(directory.path, plan.inputs.resources, record.scored(result.done))
        if record.shard is None:
            return finish_run(directory, record, result, calls, how_done(config))
        return finish_shard(directory, record, result, calls, how_done(config), command="run")

    return run_in_folder(session, config, lambda: make_plan(session, config, _own(config)), work)


def run_in_folder(
    session: Session,
    config: RunConfig,
    make: Callable[[], _Plan],
    work: Callable[[_Plan, RunDirectory, PassResult], dict[str, Any]],
) -> RunResult:
    """Do a run into ``config.output_dir``, unless that very run is there already.

    Parameters
    ----------
    make
        Makes the plan; what is wrong with the configuration ends the run here, before the folder is touched.
    work
        Does it, going on from what the folder has, and records it as finished; returns the manifest less hashes.
    """
    if config.output_dir is None:
        raise ConfigError("no output_dir given", hint="--output-dir FOLDER")
    result = PassResult()
    wanted = wanted_exports(config)
    if wanted and config.shard is not None:
        raise ConfigError("a shard has no exports", hint="ask `splicecore merge` for them")
    with result.stage("plan"):
        plan = make()
    record = plan.record
    session.resources.check_output(config.output_dir)
    with RunDirectory(Path(config.output_dir)).locked() as directory:
        if directory.begin(record.own_identity, force=config.force):
            logger.info("%s holds this very run, finished; nothing to do", directory.path)
            return run_result(directory, record, wanted, already_finished=True)
        take_back(directory)
        session.host.notify("splicecore_run_started", run=record.facts)
        finished = work(plan, directory, result)
        session.host.notify("splicecore_run_finished", run=record.facts, summary=finished)
        return run_result(directory, record, wanted)


def finish_run(
    directory: RunDirectory,
    record: PlanRecord,
    result: PassResult,
    calls: Mapping[str, CallSummary],
    how: Mapping[str, Any],
) -> dict[str, Any]:
    """Assemble a run's files from the parts in its folder, whoever scored them, and record it as finished.

    Returns
    -------
    The manifest, less the files' hashes.
    """
    predictions = directory.path / PREDICTIONS
    make_folder(predictions.parent)
    with result.stage("write predictions"):
        rows = record.table(directory.parts, result.done).write(predictions)
    manifest_path = directory.path / "gene_manifest.json"
    write_json(manifest_path, gene_manifest(record, result))
    write_reports(directory.path, record, result, calls, how, rows=rows)
    finished = run_manifest(record, result, rows=rows)
    files = [predictions, manifest_path, *kept_gene_annotation(directory.path)]
    directory.finish(finished, files, keep_work=False)
    return finished


def score_and_compare(
    session: Session,
    plan: ScorePlan,
    directory: RunDirectory,
    config: PassConfig,
    *,
    result: PassResult,
    progress: ProgressListener | None,
) -> dict[str, CallSummary]:
    """Score into a run's folder what is missing there, and compare all of it with the annotation."""
    with result.stage("score"):
        store = score_store(session, plan, config)
        Runner(session=session, plan=plan, parts=directory.parts, store=store, result=result, progress=progress).run(
            config
        )
    with result.stage("compare with annotation"):
        return compare_calls(plan, directory.parts, result.done)


def compare_calls(plan: ScorePlan, parts: Path, done: set[str]) -> dict[str, CallSummary]:
    """Compare the scores of every gene that has some with the annotated sites; by key."""
    sites = plan.inputs.resources.sites()
    calls = {}
    for gene, key in zip(plan.record.genes, plan.record.keys, strict=True):
        if key in done:
            with PartReader(part_path(parts, key)) as part:
                calls[key] = count_calls(gene, part, *sites.site_masks(gene, scope="strand"))
    return calls


def run_result(
    directory: RunDirectory,
    record: PlanRecord,
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    already_finished: bool = False,
) -> RunResult:
    """Export what is still missing of a finished run and say what it left behind."""
    manifest = directory.manifest()
    inference = manifest.get("inference")
    table = PREDICTIONS if inference is None else FINAL_PREDICTIONS
    predictions = directory.path / (table if record.shard is None else "scores")
    exports = add_exports(directory, predictions, wanted, dict(record.contigs), final=inference is not None)
    return RunResult(
        output_dir=directory.path,
        predictions=predictions,
        report=directory.path / "performance_report.txt",
        rows=int(manifest["rows"]),
        genes=int(manifest["genes"]),
        failed=int(manifest["failed"]),
        already_finished=already_finished,
        recalibrated=None if inference is None else int(inference["positions"]["recalibrated"]),
        exports=tuple(exports),
    )


def _has_meta_model(config: RunConfig) -> bool:
    """Whether a meta-model has a part in a run; options that contradict each other are refused."""
    check_inference(config)
    return config.inference_mode != "base_only"


def _own(config: RunConfig) -> dict[str, Any]:
    """Say what decides a run's bytes beside scores and genes."""
    sparse = {} if config.min_score is None else {"min_score": config.min_score}
    return {"inference_mode": config.inference_mode, **sparse}
