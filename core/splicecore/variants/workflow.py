"""``splicecore variants``: read a VCF, score its alleles block by block, write what was asked for.

Everything that an interrupted attempt had is found again: the plan, and the results of the blocks that were done.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import file_sha256, make_folder
from splicecore.errors import ChecksumError, ConfigError, InputError, OutputError
from splicecore.execute.plan import plan_shards
from splicecore.plugins.specs import load_object
from splicecore.variants.blocks import Plan, are_whole, make_plan
from splicecore.variants.config import output_kind
from splicecore.variants.meta_scores_opening import with_base_models
from splicecore.variants.opening import Opened, check_build_of, open_all
from splicecore.variants.outputs import VariantsResult, finished_before, write_outputs
from splicecore.variants.planned import VariantPass
from splicecore.variants.task import TaskConfig, block_path, read_block
from splicecore.variants.vcf import VcfSource
from splicecore.variants.window_choice import choose_windows
from splicecore.variants.work import WorkFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.plugins.protocols import Executor
    from splicecore.predict.runner import ProgressListener
    from splicecore.session import Session
    from splicecore.variants.config import VariantsConfig

__all__ = ["check_outputs", "run_pass", "score_variants"]

logger = logging.getLogger(__name__)

_TASK = "splicecore.variants.task:open_task"
_GROUPS = 64


def score_variants(
    session: Session, config: VariantsConfig, progress: ProgressListener | None = None
) -> VariantsResult:
    """Score the variants of a VCF.

    Parameters
    ----------
    session
        Whose plugins and folders are used.
    config
        What to do.
    progress
        Told how it goes on; its unit is an allele in a transcript, scored by one model.

    Returns
    -------
    What was written and counted.

    Raises
    ------
    SplicecoreError
        For everything that is wrong with options, input, genome, annotation or models, before any scoring where that
        can be.
    """
    if config.input is None:
        raise ConfigError("no input given", hint="--input FILE, or - for stdin")
    check_outputs(config)
    config = with_base_models(config)
    with _source(config) as source:
        config = _with_windows(config, source)
        opened = open_all(session, config)
        check_build_of(source, opened)
        remembered = session.cache_dir if source.path == Path(str(config.input)) else None
        content = file_sha256(source.path, remembered)
        return run_pass(session, config, opened, source, content=content, progress=progress)


def run_pass(
    session: Session,
    config: VariantsConfig,
    opened: Opened,
    source: VcfSource,
    *,
    content: str,
    progress: ProgressListener | None = None,
) -> VariantsResult:
    """Score the records of an opened source into the outputs, going on from an interrupted attempt.

    Parameters
    ----------
    content
        Digest of the source's content: with all else, what the pass is known by.
    """
    identity = {**opened.identity, "input": content, "shard": config.shard}
    done = finished_before(config, identity)
    if done is not None:
        return done
    for name in config.output:
        if name != "-":
            make_folder(Path(name).parent)
    with WorkFolder.of(config, session).claimed(identity, force=config.force) as work:
        plan = _plan(source, opened, work, config)
        planned = VariantPass(config=config, source=source, opened=opened, work=work, plan=plan)
        session.host.notify("splicecore_run_started", run=work.facts)
        _score(session, planned, progress)
        result = write_outputs(planned)
        session.host.notify("splicecore_run_finished", run=work.facts, summary=result.summary)
        work.drop()
    return result


def check_outputs(config: VariantsConfig) -> None:
    """Refuse outputs that cannot be written, before anything is opened.

    Raises
    ------
    ConfigError
        If there are none, or one has no known suffix, is given twice, is read as well, or is no file for VEP.
    OutputError
        If a folder is in the way of one.
    """
    if not config.output:
        raise ConfigError("no output given", hint="--output FILE, or - for stdout")
    _check_places(config)
    for name in config.output:
        kind = output_kind(name)
        if config.vep_compatible and kind == "vcf" and not name.endswith(".gz"):
            raise ConfigError(f"VEP reads bgzip with an index, not {name}", hint="--output NAME.vcf.gz")
    if config.vep_compatible and len(config.base_model) > 1:
        raise ConfigError("VEP's plugin reads the scores of one model", hint="one --base-model")


def _check_places(config: VariantsConfig) -> None:
    """Refuse files that would be written over each other or over what is read; they may have several names."""
    read = {Path(name).resolve() for name in (config.input, config.fasta, config.annotation) if name is not None}
    written: set[Path] = set()
    for name, option in [*((name, "--output") for name in config.output), (config.summary, "--summary")]:
        if name is None:
            continue
        path = Path("-") if name == "-" else Path(name).resolve()
        if path in read:
            raise ConfigError(f"{name} is input and output", hint=f"choose another {option}")
        if path in written:
            raise ConfigError(f"{name} is given twice as an output", hint=f"choose another {option}")
        if name != "-" and path.is_dir():
            raise OutputError(f"cannot write {name}: it is a folder", hint=f"{option} is a file")
        written.add(path)


def _with_windows(config: VariantsConfig, source: VcfSource) -> VariantsConfig:
    """Choose how alleles are put together, if that is left open."""
    if config.windows != "auto":
        return config
    windows = "tile" if config.cache is not None else choose_windows(source.records())
    return attrs.evolve(config, windows=windows)


@contextlib.contextmanager
def _source(config: VariantsConfig) -> Iterator[VcfSource]:
    """Open the input; what comes from stdin or a pipe is kept on disk while it is needed, as it is read repeatedly."""
    given = Path(str(config.input))
    if config.input != "-" and (given.is_file() or given.is_dir() or not given.exists()):
        yield VcfSource.open(given)
        return
    with tempfile.TemporaryDirectory(prefix="splicecore-") as folder:
        path = Path(folder) / "stdin"
        _keep(config.input, path)
        yield VcfSource.open(path, name="stdin" if config.input == "-" else str(given))


def _keep(name: str | None, path: Path) -> None:
    """Copy stdin (``-``) or a pipe into a file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    try:
        with contextlib.ExitStack() as stack:
            stream = sys.stdin.buffer if name == "-" else stack.enter_context(Path(str(name)).open("rb"))
            shutil.copyfileobj(stream, stack.enter_context(path.open("wb")), 1 << 20)
    except OSError as error:
        raise OutputError(
            f"cannot keep the input in {path.parent}: {error.strerror}", hint="set TMPDIR to a folder with more space"
        ) from error


def _plan(source: VcfSource, opened: Opened, work: WorkFolder, config: VariantsConfig) -> Plan:
    """Make the plan, or take that of an earlier attempt."""
    plan = _earlier_plan(work)
    if plan is None:
        total = None if config.shard is None else sum(1 for _ in source.records())
        plan = make_plan(source.records(), opened.transcripts, work.blocks, shard=config.shard_of, total=total)
        plan.write(work.plan, work.key)
    order = "sorted" if plan.sorted else "not sorted"
    logger.info("%d records, %d alleles, %d blocks, %s", plan.records, plan.alleles, len(plan.blocks), order)
    if not plan.records and config.shard is None:
        raise InputError(f"{source.name} has no records")
    return plan


def _earlier_plan(work: WorkFolder) -> Plan | None:
    """Return the plan of an earlier attempt, if there is one and all of it is whole."""
    if not work.blocks.exists():
        return None
    damaged = work.blocks
    try:
        plan = Plan.read(work.plan, work.key)
    except OutputError:
        damaged = work.plan
    else:
        if plan is None or are_whole(work.blocks, len(plan.blocks)):
            return plan
    logger.warning("%s is damaged; the input is read again", damaged)
    return None


def _score(session: Session, planned: VariantPass, progress: ProgressListener | None) -> None:
    """Score the blocks that are not done."""
    plan, work = planned.plan, planned.work
    todo = [block for block in range(len(plan.blocks)) if not _is_done(work, block)]
    if len(todo) < len(plan.blocks):
        logger.info("%d of %d blocks are there from before", len(plan.blocks) - len(todo), len(plan.blocks))
    models = len(planned.opened.models) + (planned.opened.meta is not None)
    if progress is not None:
        done = plan.jobs - sum(plan.blocks[block] for block in todo)
        progress.started(plan.jobs * models, done * models)
    try:
        if todo:
            _map(session, planned, _groups(plan, todo), progress)
    finally:
        if progress is not None:
            progress.stopped()


def _task_config(session: Session, planned: VariantPass) -> dict[str, Any]:
    config, opened, work = planned.config, planned.opened, planned.work
    task = TaskConfig(
        plugins=session.host.settings,
        models=opened.models,
        meta=opened.meta,
        resources=str(opened.inputs.resources.folder),
        transcripts=config.transcripts,
        rules=config.rules,
        build=opened.inputs.resources.build.name,
        blocks=str(work.blocks),
        parts=str(work.parts),
        key=work.key,
        cache=str(session.cache_dir),
        score_cache=config.cache,
    )
    return attrs.asdict(task)


def _is_done(work: WorkFolder, block: int) -> bool:
    try:
        return read_block(work.parts, block, work.key) is not None
    except ChecksumError as error:
        logger.warning("%s; the block is scored again", error.message)
        block_path(work.parts, block).unlink()
        return False


def _groups(plan: Plan, todo: list[int]) -> list[list[int]]:
    """Put neighboring blocks together, so that there are not too many things to hand over."""
    target = max(1, sum(plan.blocks[block] for block in todo) // _GROUPS)
    return plan_shards(todo, [plan.blocks[block] for block in todo], target)


def _map(session: Session, planned: VariantPass, groups: list[list[int]], progress: ProgressListener | None) -> None:
    host, config, facts = session.host, planned.config, planned.work.facts
    name = config.executor or ("serial" if config.workers == 1 else "process")
    executor: Executor = load_object(host.executor(name).factory)(workers=config.workers)
    results = executor.map(_TASK, _task_config(session, planned), [{"units": group} for group in groups])
    found = 0
    try:
        for shard in results:
            host.notify("splicecore_shard_finished", run=facts, shard=dict(shard))
            found += sum(unit["found"] for unit in shard["units"])
            if progress is not None:
                progress.advanced(sum(unit["jobs"] for unit in shard["units"]))
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()
    if config.cache is not None:
        logger.info("%d scores were found in %s", found, config.cache)
