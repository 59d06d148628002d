"""``predict``: the base-model pass that datasets are built from; scores, labeled positions, errors and sequences."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow.parquet as pq

import splicecore
from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest, make_folder, write_json
from splicecore.assess.config import AssessConfig
from splicecore.errors import ConfigError, ExitCode
from splicecore.predict.assessor import AssessPlan, assessment_path
from splicecore.predict.manifest import gene_manifest, run_manifest
from splicecore.predict.parts import part_path
from splicecore.predict.pass_tables import FILES, GENE_MANIFEST, write_gene_manifest, write_tables
from splicecore.predict.plan import ScorePlan, make_plan
from splicecore.predict.report import how_done, write_reports
from splicecore.predict.runner import PassResult, ProgressListener
from splicecore.predict.shard_folder import SCORES, finish_shard, move_file, take_back
from splicecore.predict.workflow import score_and_compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from splicecore.config import PredictConfig
    from splicecore.evaluate.calls import CallSummary
    from splicecore.predict.record import PlanRecord
    from splicecore.session import Session

__all__ = ["PredictResult", "finish_pass", "pass_result", "predict_pass", "shard_assessment"]

logger = logging.getLogger(__name__)

ASSESSED = "assessed"
"""Folder of the assessments in a shard's folder."""


@attrs.frozen(kw_only=True)
class PredictResult:
    """What a base-model pass left behind.

    Attributes
    ----------
    folder
        Where its files are.
    genes, failed
        Genes that were assessed, and requested genes that could not be.
    rows
        Rows by table: positions, errors, sequences, performance.
    totals
        Counts and measures of acceptor, donor and both over all genes, as in the file of performance.
    already_finished
        True if this very pass was there before and nothing was done.
    exit_code
        ``OK``, or ``PARTIAL`` if a requested gene is missing from the results.
    """

    folder: Path
    genes: int
    failed: int
    rows: Mapping[str, int]
    totals: tuple[dict[str, Any], ...]
    already_finished: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """What the command line ends with."""
        return ExitCode.PARTIAL if self.failed else ExitCode.OK


def predict_pass(
    session: Session,
    config: PredictConfig,
    progress: ProgressListener | None = None,
    placed: Callable[[Path], None] | None = None,
) -> PredictResult:
    """Do what ``splicecore predict`` does; see :meth:`splicecore.session.Session.predict_pass`."""
    config = _resolved(config)
    settings = _settings(config)
    result = PassResult()
    with result.stage("plan"):
        plan, manager = _plan(session, config, settings)
    record = plan.record
    folder, force = _place(session, config, record, manager)
    if placed is not None:
        placed(folder)
    with RunDirectory(folder).locked() as directory:
        if directory.begin(record.own_identity, force=force):
            logger.info("%s holds this very pass, finished; nothing to do", folder)
            return pass_result(directory, already_finished=True, tsv=config.tsv)
        take_back(directory)
        plan = _with_assessment(plan, directory.products, settings)
        session.host.notify("splicecore_run_started", run=record.facts)
        calls = score_and_compare(session, plan, directory, config, result=result, progress=progress)
        if record.shard is None:
            finished = finish_pass(
                directory, record, result, calls, how_done(config), assessments=_assessments(plan, result)
            )
        else:
            finished = _finish_shard(directory, plan, result, calls, how_done(config))
        session.host.notify("splicecore_run_finished", run=record.facts, summary=finished)
        done = pass_result(directory, tsv=config.tsv)
    if manager is not None and manager.config.mode == "production":
        manager.update_latest()
    return done


def finish_pass(
    directory: RunDirectory,
    record: PlanRecord,
    result: PassResult,
    calls: Mapping[str, CallSummary],
    how: Mapping[str, Any],
    *,
    assessments: list[Path],
) -> dict[str, Any]:
    """Assemble a pass's files, whoever made its parts and assessments, and record it as finished.

    Returns
    -------
    The manifest, less the files' hashes.
    """
    folder = directory.path
    metadata = {
        "splicecore.base_model": str(record.base_model["name"]),
        "splicecore.fingerprint": str(record.base_model["fingerprint"]),
        "splicecore.flank": record.flank,
        "splicecore.build_digest": str(record.identity["inputs"]["build_digest"]),
        "splicecore.version": splicecore.__version__,
    }
    with result.stage("write tables"):
        rows = write_tables(folder, assessments, metadata)
        write_gene_manifest(folder, record, result)
    write_json(folder / "gene_manifest.json", gene_manifest(record, result))
    write_reports(folder, record, result, calls, how, rows=rows["positions"])
    make_folder(folder / SCORES)
    for key in record.keys:
        if key in result.done:
            move_file(part_path(directory.parts, key), part_path(folder / SCORES, key))
    finished = {**run_manifest(record, result, rows=rows["positions"]), "tables": rows}
    files = [*(folder / name for name in FILES.values()), folder / GENE_MANIFEST, folder / "gene_manifest.json"]
    directory.finish(finished, [*files, *sorted((folder / SCORES).glob("*.parquet"))], keep_work=False)
    return finished


def pass_result(directory: RunDirectory, *, already_finished: bool = False, tsv: bool = False) -> PredictResult:
    """Write the TSV files of a finished pass if they are asked for and missing, and read what it says of itself."""
    from splicecore.assess.performance import sum_performance

    if tsv:
        from splicecore.predict.pass_tsv import add_tsv

        add_tsv(directory)
    folder = directory.path
    manifest = directory.manifest()
    performance = folder / FILES["performance"]
    return PredictResult(
        folder=folder,
        genes=int(manifest["genes"]),
        failed=int(manifest["failed"]),
        rows=manifest.get("tables", {}),
        totals=tuple(sum_performance(pq.read_table(performance))) if performance.exists() else (),
        already_finished=already_finished,
    )


def _finish_shard(
    directory: RunDirectory,
    plan: ScorePlan,
    result: PassResult,
    calls: Mapping[str, CallSummary],
    how: Mapping[str, Any],
) -> dict[str, Any]:
    """Leave the assessments beside the scores, under the genes' keys."""
    if plan.assess is not None:
        make_folder(directory.path / ASSESSED)
        for key in plan.record.keys:
            if key in result.done:
                move_file(assessment_path(plan.assess.config, key), shard_assessment(directory.path, key))
    return finish_shard(directory, plan.record, result, calls, how, command="predict", folders=(ASSESSED,))


def shard_assessment(folder: Path, key: str) -> Path:
    """Where a shard's folder has the assessment of the gene whose scores have this key."""
    return folder / ASSESSED / f"{key}.assessment"


def _resolved(config: PredictConfig) -> PredictConfig:
    """Let coverage and the choice of genes agree, and shards have no TSV."""
    if config.tsv and config.shard is not None:
        raise ConfigError("a shard has no TSV files", hint="ask `splicecore merge` for them")
    chosen = bool(config.genes or config.genes_file or config.region)
    if config.coverage == "full_genome":
        if chosen or config.chromosomes:
            raise ConfigError("coverage is full_genome, but genes are chosen", hint="leave one of the two out")
        return attrs.evolve(config, all_genes=True)
    if config.coverage == "chromosome" and (chosen or not config.chromosomes):
        raise ConfigError("coverage is chromosome, but no chromosomes are given", hint="--chromosomes 20,22")
    return config


def _settings(config: PredictConfig) -> AssessConfig:
    names = [field.name for field in attrs.fields(AssessConfig)]
    return AssessConfig(**{name: getattr(config, name) for name in names})


def _plan(session: Session, config: PredictConfig, settings: AssessConfig) -> tuple[ScorePlan, ArtifactManager | None]:
    own: dict[str, Any] = {"pass": "base_model", "assess": attrs.asdict(settings)}
    if config.output_dir is not None:
        return make_plan(session, config, own), None
    if config.source is None:
        raise ConfigError(
            "no place for the artifacts",
            hint="--source NAME, whose artifacts they are in the data root; or --output-dir FOLDER",
        )
    unnamed = config.mode == "test" and config.coverage != "full_genome" and config.test_name is None
    if config.shard is not None and unnamed:
        raise ConfigError("the shards of a test need its name", hint="give all of them the same --test-name NAME")
    plan = make_plan(session, config, own)
    manager = ArtifactManager(
        ArtifactConfig(
            mode=config.mode,
            coverage=config.coverage,
            source=config.source,
            build=config.build or plan.record.build,
            release=config.release,
            base_model=config.base_model,
            test_name=config.test_name,
            data_root=str(session.data_root),
        )
    )
    identity = {**plan.record.identity, "artifacts": manager.config.owner}
    return attrs.evolve(plan, record=attrs.evolve(plan.record, identity=identity)), manager


def _place(
    session: Session, config: PredictConfig, record: PlanRecord, manager: ArtifactManager | None
) -> tuple[Path, bool]:
    """Choose the folder of a pass or shard, and whether what is there is discarded."""
    if manager is None:
        session.resources.check_output(str(config.output_dir))
        return Path(str(config.output_dir)), config.force
    if record.shard is None:
        placement = manager.place(digest(record.identity), force=config.force, new_version=config.new_version)
        return placement.folder, placement.force
    placement = manager.place(digest(record.identity), new_version=config.new_version)
    return placement.folder / "shards" / "{}-of-{}".format(*record.shard), config.force


def _with_assessment(plan: ScorePlan, folder: Path, settings: AssessConfig) -> ScorePlan:
    name = str(plan.record.base_model["name"])
    assess = AssessPlan.of(plan.inputs.resources, make_folder(folder), name, plan.record.flank, settings)
    return attrs.evolve(plan, assess=assess)


def _assessments(plan: ScorePlan, result: PassResult) -> list[Path]:
    if plan.assess is None:
        return []
    return [assessment_path(plan.assess.config, key) for key in plan.record.keys if key in result.done]
