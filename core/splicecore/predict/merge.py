"""Merging shards: the same files as one pass would have written, from the folders of its shards alone."""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest, json_differences
from splicecore.config import RunConfig, structure
from splicecore.errors import ConfigError, InputError, OutputError
from splicecore.export.exports import wanted_exports
from splicecore.predict.base_model_pass import PredictResult, finish_pass, pass_result, shard_assessment
from splicecore.predict.record import PlanRecord, entries_digest
from splicecore.predict.runner import PassResult, require_scores
from splicecore.predict.shard_folder import ShardFolder
from splicecore.predict.workflow import RunResult, finish_run, run_result
from splicecore.report.gene_annotation import GENE_ANNOTATION, join_gene_annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.evaluate.calls import CallSummary

__all__ = ["merge_shards"]

logger = logging.getLogger(__name__)


def merge_shards(
    folders: Sequence[str | Path], output_dir: str | Path | None = None, *, force: bool = False, **exports: Any
) -> RunResult | PredictResult:
    """Merge the shards of one run or base-model pass.

    The result has the bytes that the same command would have written without ``--shard``, but for the times in its
    report.

    Parameters
    ----------
    folders
        Output folders of all shards, in any order.
    output_dir
        Folder of the results; None for the folder of artifacts whose ``shards`` the folders lie in.
    force
        Replace what another run left there.
    **exports
        Of a run: ``bed``, ``bed_threshold``, ``bigwig``, ``tsv`` as in :class:`~splicecore.config.RunConfig`.

    Raises
    ------
    InputError
        If shards are missing, given twice, overlap, or are not of one pass; or a folder is no finished shard.
    ChecksumError
        If a file of a shard is missing or changed.
    ConfigError
        If there is no place for the results.
    OutputError
        If that place is the folder of a shard, or holds another run.
    PluginError
        If the base model failed on every gene of every shard.
    """
    shards = sorted((ShardFolder.read(Path(folder)) for folder in folders), key=_index)
    _check_alike(shards)
    _check_complete(shards)
    record = _whole(shards)
    target = _common_place(shards) if output_dir is None else Path(output_dir)
    _check_target(target, shards)
    if shards[0].command == "predict":
        tsv = bool(exports.pop("tsv", False))
        if any(exports.values()):
            raise ConfigError(
                "a base-model pass has no exports but TSV", hint="leave out " + ", ".join(sorted(exports))
            )
        return _merge_pass(shards, record, target, force=force, tsv=tsv)
    sparse = {} if record.min_score is None else {"min_score": record.min_score}
    wanted = wanted_exports(structure({**exports, **sparse}, RunConfig, where="options"))
    with RunDirectory(target).locked() as directory:
        if directory.begin(record.identity, force=force):
            return run_result(directory, record, wanted, already_finished=True)
        result, calls = _collect(shards, record, directory)
        annotations = [shard.path / GENE_ANNOTATION for shard in shards]
        join_gene_annotations(annotations, target / GENE_ANNOTATION, record.genes)
        if shards[0].inference is None:
            finish_run(directory, record, result, calls, _how(shards))
        else:
            from splicecore.inference.finish import finish_inference
            from splicecore.inference.shard import merge_inference

            finish_inference(directory, merge_inference(shards, record, result, calls, _how(shards)))
        return run_result(directory, record, wanted)


def _merge_pass(
    shards: Sequence[ShardFolder], record: PlanRecord, target: Path, *, force: bool, tsv: bool
) -> PredictResult:
    with RunDirectory(target).locked() as directory:
        if directory.begin(record.identity, force=force):
            return pass_result(directory, already_finished=True, tsv=tsv)
        result, calls = _collect(shards, record, directory)
        owner = {key: shard.path for shard in shards for key in shard.record.keys}
        assessments = [shard_assessment(owner[key], key) for key in record.keys if key in result.done]
        how = _how(shards)
        finish_pass(directory, record, result, calls, how, assessments=assessments)
        done = pass_result(directory, tsv=tsv)
    _update_latest(target, record)
    return done


def _update_latest(target: Path, record: PlanRecord) -> None:
    """Let ``latest`` stand for a production version that was merged in its place."""
    owner = record.identity.get("artifacts")
    if owner is None:
        return
    for root in target.absolute().parents:
        config = ArtifactConfig(mode="production", data_root=str(root), **owner)
        manager = ArtifactManager(config)
        if target.absolute().parent == manager.layout.production:
            manager.update_latest()


def _collect(
    shards: Sequence[ShardFolder], record: PlanRecord, directory: RunDirectory
) -> tuple[PassResult, dict[str, CallSummary]]:
    """Put the parts of all shards into one folder and add up what they did."""
    result, calls = _sum(shards, record)
    require_scores(record, result)
    with result.stage("merge"):
        for shard in shards:
            shard.copy_parts(directory.parts)
    return result, calls


def _common_place(shards: Sequence[ShardFolder]) -> Path:
    """Folder of artifacts whose ``shards`` these are."""
    places = {shard.path.absolute().parent for shard in shards}
    place = places.pop()
    if places or place.name != "shards":
        raise ConfigError("no output folder given", hint="--output-dir FOLDER")
    return place.parent


def _check_target(target: Path, shards: Sequence[ShardFolder]) -> None:
    """Refuse to merge into a shard, which ``force`` would discard."""
    for shard in shards:
        if target.resolve() == shard.path.resolve():
            raise OutputError(f"output folder {target} is that of a shard", hint="choose a folder of its own")


def _index(shard: ShardFolder) -> int:
    return 0 if shard.record.shard is None else shard.record.shard[0]


def _check_alike(shards: Sequence[ShardFolder]) -> None:
    """Refuse shards of different passes, or that were computed by different versions."""
    if not shards:
        raise InputError("no shards given", hint="name the output folders of all shards")
    first = shards[0]
    for shard in shards[1:]:
        for what, ours, theirs in (
            ("settings", dict(first.record.identity), dict(shard.record.identity)),
            ("versions", dict(first.record.environment), dict(shard.record.environment)),
            ("number of shards", (first.record.shard or (0, 0))[1], (shard.record.shard or (0, 0))[1]),
            ("command", first.command, shard.command),
        ):
            differences = [f"{where} {a} and {b}".strip() for where, a, b in json_differences(ours, theirs)]
            if differences:
                raise InputError(
                    f"{first.path} and {shard.path} are not shards of one pass, their {what} differ: "
                    + "; ".join(differences[:4]),
                    hint="make all shards with the same command, but for --shard and --output-dir",
                )


def _check_complete(shards: Sequence[ShardFolder]) -> None:
    of = (shards[0].record.shard or (0, 0))[1]
    places: dict[int, list[Path]] = defaultdict(list)
    for shard in shards:
        places[_index(shard)].append(shard.path)
    for index, paths in places.items():
        if len(paths) > 1:
            raise InputError(f"shard {index}/{of} is given twice: {paths[0]} and {paths[1]}")
    missing = [f"{index}/{of}" for index in range(1, of + 1) if index not in places]
    if missing:
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        raise InputError(
            f"shards are missing: {', '.join(missing[:8])}{more}", hint="run them, or name their folders too"
        )


def _whole(shards: Sequence[ShardFolder]) -> PlanRecord:
    """Record of the whole pass; what was asked for must be exactly what the shards were asked for together."""
    first = shards[0].record
    rows = [pair for shard in shards for pair in zip(shard.record.genes, shard.record.keys, strict=True)]
    order = {name: index for index, (name, _) in enumerate(first.contigs)}
    rows.sort(key=lambda row: (order[row[0].contig], row[0].start, row[0].end, row[0].strand, row[0].gene_id))
    if len({key for _, key in rows}) != len(rows):
        raise InputError(f"genes are in more than one of {', '.join(str(shard.path) for shard in shards)}")
    named = [entry for shard in shards for entry in shard.record.entries if entry.gene is not None]
    named.sort(key=lambda entry: (entry.gene.index if entry.gene is not None else -1, entry.requested or ""))
    unresolved = [entry for shard in shards for entry in shard.record.entries if entry.gene is None]
    record = attrs.evolve(
        first,
        entries=(*named, *unresolved),
        genes=tuple(gene for gene, _ in rows),
        keys=tuple(key for _, key in rows),
        shard=None,
    )
    if entries_digest(record.entries) != record.identity["genes"]["digest"]:
        raise InputError(f"the shards below {shards[0].path.parent} do not add up to what was asked for")
    return record


def _sum(shards: Sequence[ShardFolder], record: PlanRecord) -> tuple[PassResult, dict[str, CallSummary]]:
    result = PassResult()
    calls: dict[str, CallSummary] = {}
    for shard in shards:
        result.add(shard.result)
        calls |= shard.calls
    return result, {key: calls[key] for key in record.keys if key in calls}


def _how(shards: Sequence[ShardFolder]) -> dict[str, Any]:
    """Say how the shards were done, as far as they agree, and how many they were."""
    first = shards[0].how
    alike = {
        name: value
        for name, value in first.items()
        if all(digest(shard.how[name]) == digest(value) for shard in shards)
    }
    mixed = {name: "mixed" for name in first if name not in alike and name != "configuration"}
    configuration = {
        name: value
        for name, value in first["configuration"].items()
        if all(shard.how["configuration"].get(name) == value for shard in shards)
    }
    return {**alike, **mixed, "configuration": configuration, "merged_shards": len(shards)}
