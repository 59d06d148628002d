"""``dataset build``: rows with labels and features, batch by batch, from where an interrupted build left off."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.locks import exclusive
from splicecore.artifacts.store import digest, json_differences, make_folder, sweep_temporary
from splicecore.dataset.assemble import assemble, finished_batch, master_damage
from splicecore.dataset.manifest import DatasetManifest, read_manifest, write_manifest
from splicecore.dataset.plan import make_plan
from splicecore.dataset.schema import CLASSES, PRED_TYPES
from splicecore.errors import ChecksumError, ConfigError, ExitCode, OutputError, ResourceNotFoundError
from splicecore.plugins.specs import load_object
from splicecore.predict.task import peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from splicecore.dataset.config import DatasetConfig
    from splicecore.dataset.plan import BatchPlan, DatasetPlan
    from splicecore.plugins.protocols import Executor
    from splicecore.predict.runner import ProgressListener
    from splicecore.session import Session

__all__ = ["BuildResult", "build_dataset"]

logger = logging.getLogger(__name__)

_TASK = "splicecore.dataset.task:open_task"
_OWN = {".lock", "run.log", "base_model_pass"}
_SHOWN = 6


@attrs.frozen(kw_only=True)
class BuildResult:
    """What a build left behind.

    Attributes
    ----------
    folder
        The dataset's.
    genes, missing
        Genes that have rows, and genes and names that were asked for or chosen and have none.
    rows, columns
        Rows, and columns of features.
    batches, built
        Batches, and those of them that this build made itself.
    classes, pred_types
        Rows by class, and by TP, FP, FN, TN.
    alarms
        Columns that are constant or missing throughout.
    peak_memory
        Largest resident memory of any process, in bytes.
    already_finished
        True if this very dataset was there before and nothing was done.
    """

    folder: Path
    genes: int
    missing: int
    rows: int
    columns: int
    batches: int
    built: int
    classes: dict[str, int]
    pred_types: dict[str, int]
    alarms: tuple[dict[str, Any], ...]
    peak_memory: int
    already_finished: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """What the command line ends with."""
        return ExitCode.PARTIAL if self.missing else ExitCode.OK


def build_dataset(
    session: Session,
    config: DatasetConfig,
    progress: ProgressListener | None = None,
    placed: Callable[[Path], None] | None = None,
) -> BuildResult:
    """Do what ``splicecore dataset build`` does; see :meth:`splicecore.session.Session.build_dataset`."""
    if config.output_dir is None:
        raise ConfigError("no folder for the dataset", hint="--output-dir FOLDER")
    folder = Path(config.output_dir)
    session.resources.check_output(folder)
    _refuse_foreign(folder)
    make_folder(folder)
    if placed is not None:
        placed(folder)
    with _locked(folder):
        check = None if config.overwrite else functools.partial(_refuse_other, folder)
        plan = make_plan(session, config, progress, check)
        manifest = DatasetManifest(
            complete=False,
            identity=plan.identity,
            config=config.typed(),
            contract=plan.contract.to_json(),
            near_label=plan.contract.near_label,
            genes=plan.genes,
        )
        if _begin(folder, manifest, overwrite=config.overwrite):
            logger.info("%s holds this very dataset, finished; nothing to do", folder)
            return _result(plan, read_manifest(folder), folder, already_finished=True)
        todo = [
            batch for batch in plan.batches if not finished_batch(folder, batch, session.cache_dir, config.keep_raw)
        ]
        logger.info("%d batches, %d of them finished before", len(plan.batches), len(plan.batches) - len(todo))
        peak = _build(session, config, plan, todo, progress)
        finished = assemble(folder, plan, manifest, session.cache_dir)
        if config.mask_boundary is not None:
            logger.info("%d rows at sites of boundary transcripts are left out", finished.masked)
        return _result(plan, finished, folder, built=len(todo), peak=peak)


def _refuse_foreign(folder: Path) -> None:
    """Refuse a folder that has files of others."""
    if not folder.exists() or (folder / "dataset.json").exists():
        return
    try:
        others = sorted(path.name for path in folder.iterdir() if path.name not in _OWN)
    except OSError as error:
        raise OutputError(f"{folder} cannot be used: {error.strerror}", hint="choose another folder") from error
    if others and not all(name.startswith(".dataset.json.") for name in others):
        raise OutputError(f"{folder} holds {others[0]}, but no dataset", hint="choose another folder")


def _begin(folder: Path, manifest: DatasetManifest, *, overwrite: bool) -> bool:
    """Claim the folder; returns whether this very dataset is finished and whole.

    Raises
    ------
    OutputError
        If it holds another dataset, finished or not, that may not be overwritten.
    """
    found = _found(folder, overwrite=overwrite)
    if found is not None and digest(found.identity) != digest(manifest.identity):
        if not overwrite:
            _refuse_other(folder, manifest.identity, whole=True)
        _discard(folder)
        found = None
    if found is not None and found.complete:
        damaged = master_damage(folder, found)
        if not damaged:
            return True
        more = f" and {len(damaged) - 1} more problems" if len(damaged) > 1 else ""
        logger.warning("%s%s; going on from the batches", damaged[0], more)
    write_manifest(folder, manifest)
    return False


def _found(folder: Path, *, overwrite: bool) -> DatasetManifest | None:
    """Manifest of the dataset that is in the folder; a damaged one is discarded if that is allowed."""
    try:
        return read_manifest(folder)
    except ResourceNotFoundError:
        return None
    except ChecksumError:
        if not overwrite:
            raise
        _discard(folder)
        return None


def _refuse_other(folder: Path, wanted: Mapping[str, Any], *, whole: bool = False) -> None:
    """Refuse a folder whose dataset differs in a part of its identity, or in anything."""
    found = _found(folder, overwrite=False)
    if found is None:
        return
    pairs = list(json_differences(found.identity if whole else _like(found.identity, wanted), wanted))
    if pairs:
        shown = "; ".join(f"{name} was {was}, is {now}" for name, was, now in pairs[:_SHOWN])
        more = f"; and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
        state = "a dataset" if found.complete else "an unfinished dataset"
        raise OutputError(
            f"{folder} holds {state} with other settings: {shown}{more}",
            hint="choose another --output-dir, or --overwrite to replace it",
        )


def _like(found: Any, wanted: Any) -> Any:
    """Return what of a value the other one has too."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {name: _like(value, wanted[name]) for name, value in found.items() if name in wanted}
    return found


def _discard(folder: Path) -> None:
    """Remove a dataset, not the base-model passes beside it; its manifest last, so that this can be gone on with."""
    try:
        with contextlib.suppress(ChecksumError):
            write_manifest(folder, attrs.evolve(read_manifest(folder), complete=False))
        for name in ("master", "batches"):
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        (folder / "gene_manifest.parquet").unlink(missing_ok=True)
        (folder / "dataset.json").unlink()
    except OSError as error:
        raise OutputError(f"cannot clear {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a dataset's folder; waits for whoever has it."""
    lock = folder / ".lock"
    before = lock.stat() if lock.exists() else None
    with exclusive(lock):
        if before is not None and not (lock.exists() and os.path.samestat(before, lock.stat())):
            raise OutputError(f"{folder} was replaced meanwhile", hint="run the same command again")
        for swept in (folder, folder / "master", *folder.glob("batches/*")):
            sweep_temporary(swept)
        yield


def _build(
    session: Session,
    config: DatasetConfig,
    plan: DatasetPlan,
    todo: Sequence[BatchPlan],
    progress: ProgressListener | None,
) -> int:
    """Build batches; returns the largest memory of any process."""
    if not todo:
        return peak_memory()
    make_folder(Path(plan.task.output) / "batches")
    name = config.executor or ("serial" if config.workers == 1 else "process")
    executor: Executor = load_object(session.host.executor(name).factory)(workers=config.workers)
    bases = {batch.name: batch.bases for batch in plan.batches}
    if progress is not None:
        total = sum(bases.values())
        progress.started(total, total - sum(batch.bases for batch in todo))
    results = executor.map(_TASK, attrs.asdict(plan.task), [{"batches": [batch.to_json()]} for batch in todo])
    peak = 0
    try:
        for shard in results:
            peak = max(peak, int(shard["peak_memory"]))
            for batch in shard["batches"]:
                logger.info("%s: %d rows of %d genes", batch["name"], batch["rows"], batch["genes"])
                if progress is not None:
                    progress.advanced(bases[batch["name"]])
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()
        if progress is not None:
            progress.stopped()
    return max(peak, peak_memory())


def _result(
    plan: DatasetPlan,
    manifest: DatasetManifest,
    folder: Path,
    *,
    built: int = 0,
    peak: int = 0,
    already_finished: bool = False,
) -> BuildResult:
    return BuildResult(
        folder=folder,
        genes=manifest.genes,
        missing=sum(item.status != "pending" for item in plan.chosen),
        rows=manifest.rows,
        columns=len(plan.contract.columns),
        batches=len(manifest.batches),
        built=built,
        classes={name: manifest.classes[name] for name in CLASSES},
        pred_types={name: manifest.pred_types[name] for name in PRED_TYPES},
        alarms=manifest.alarms,
        peak_memory=peak or peak_memory(),
        already_finished=already_finished,
    )
