"""The output folder of a shard: the scores of its genes as parts, and what it takes to merge it with the others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest, file_sha256, make_folder, read_json, write_json
from splicecore.errors import ChecksumError, InputError
from splicecore.evaluate.calls import CallSummary
from splicecore.predict.manifest import gene_manifest, run_manifest
from splicecore.predict.parts import part_path
from splicecore.predict.record import PlanRecord
from splicecore.predict.report import write_reports
from splicecore.predict.runner import PassResult
from splicecore.predict.score_store import link_or_copy
from splicecore.report.gene_annotation import kept_gene_annotation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.artifacts.run_directory import RunDirectory

__all__ = ["SCORES", "ShardFolder", "finish_shard", "move_file", "take_back"]

SCORES = "scores"
"""Folder of the score parts in a shard's folder and in a pass's artifacts."""

_NONE: Mapping[str, Mapping[str, Any]] = {}
_FILE = "shard.json"
_SCHEMA = "splicecore-shard/1"
_AGAIN = "run the shard's command again"


def finish_shard(
    directory: RunDirectory,
    record: PlanRecord,
    result: PassResult,
    calls: Mapping[str, CallSummary],
    how: Mapping[str, Any],
    *,
    command: str,
    folders: tuple[str, ...] = (),
    more_keys: Sequence[str] = (),
    inference: Mapping[str, Any] | None = None,
    genes: Mapping[str, Mapping[str, Any]] = _NONE,
    summary: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Leave a shard's parts and its record behind, and record it as finished.

    Parameters
    ----------
    command
        What the shard is one of: ``"run"`` or ``"predict"``.
    folders
        Further folders that hold files of the shard, below its folder.
    more_keys
        Keys of parts beside those of the scores.
    inference
        What merging needs to know of a meta-model's part in the run.
    genes, summary
        What that part adds to the manifest of genes, by key, and to the reports.

    Returns
    -------
    The manifest, less the files' hashes.
    """
    make_folder(directory.path / SCORES)
    done = result.done
    for key in (*(key for key in record.keys if key in done), *more_keys):
        move_file(part_path(directory.parts, key), part_path(directory.path / SCORES, key))
    shard = {
        "schema": _SCHEMA,
        "command": command,
        "record": record.to_json(),
        "result": attrs.asdict(result),
        "calls": {key: summary.to_json() for key, summary in calls.items()},
        "how": dict(how),
        **({} if inference is None else {"inference": dict(inference)}),
    }
    rows = sum(record.gene(key).length for key in result.done)
    shard_path, manifest_path = directory.path / _FILE, directory.path / "gene_manifest.json"
    write_json(shard_path, shard)
    write_json(manifest_path, gene_manifest(record, result, genes))
    write_reports(directory.path, record, result, calls, how, rows=rows, inference=summary)
    finished = run_manifest(record, result, rows=rows)
    if summary is not None:
        finished["inference"] = {"positions": summary["positions"]}
    files = [file for name in (SCORES, *folders) for file in sorted((directory.path / name).glob("[!.]*"))]
    files += kept_gene_annotation(directory.path)
    directory.finish(finished, [shard_path, manifest_path, *files], keep_work=False)
    return finished


def move_file(source: Path, target: Path) -> None:
    """Move a file within one file system; one that was moved before an interruption is left where it is."""
    if source.exists():
        source.replace(target)
    elif not target.exists():
        raise ChecksumError(f"{source} is gone", hint="run the same command again")


def take_back(directory: RunDirectory) -> None:
    """Put parts that an interrupted attempt had moved to their place already back to where it goes on from."""
    for moved in sorted((directory.path / SCORES).glob("[!.]*.parquet")):
        part = directory.parts / moved.name
        if not part.exists():
            moved.replace(part)


def _listed(path: Path, manifest: Any) -> set[str]:
    """Names of the files in a shard's manifest, which all are as it says."""
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict):
        raise ChecksumError(f"{path / 'manifest.json'} is no manifest of a run", hint=_AGAIN)
    if _FILE not in files:
        raise InputError(f"{path} is a whole run, not a shard", hint="only runs with --shard i/n can be merged")
    for name, expected in files.items():
        if not (path / name).is_file():
            raise ChecksumError(f"{path / name} is missing", hint=_AGAIN)
        if file_sha256(path / name) != expected:
            raise ChecksumError(f"{path / name} changed since it was written", hint=_AGAIN)
    return set(files)


@attrs.frozen(kw_only=True, eq=False)
class ShardFolder:
    """A finished shard.

    Attributes
    ----------
    path
        Its folder.
    command
        ``"run"`` or ``"predict"``.
    record, result, calls, how, inference
        What it did; see :func:`finish_shard`.
    """

    path: Path
    command: str
    record: PlanRecord
    result: PassResult
    calls: dict[str, CallSummary]
    how: dict[str, Any]
    inference: dict[str, Any] | None = None

    @classmethod
    def read(cls, path: Path) -> ShardFolder:
        """Read a shard's folder and check that it is whole.

        Raises
        ------
        InputError
            If it is no folder of a shard, or the shard is not finished.
        ChecksumError
            If a file is missing or changed since.
        """
        if not path.is_dir():
            raise InputError(f"{path} {'is not a folder' if path.exists() else 'does not exist'}")
        if not (path / "manifest.json").exists():
            unfinished = (path / ".splicecore" / "run.json").exists()
            raise InputError(
                f"{path} is an unfinished run" if unfinished else f"{path} holds no run",
                hint="run its command again to finish it" if unfinished else "name the output folders of shards",
            )
        manifest = read_json(path / "manifest.json")
        files = _listed(path, manifest)
        value = read_json(path / _FILE)
        schema = value.get("schema") if isinstance(value, dict) else None
        if schema != _SCHEMA:
            raise InputError(f"{path / _FILE} is of schema {schema!r}, not {_SCHEMA!r}")
        try:
            shard = cls(
                path=path,
                command=value["command"],
                record=PlanRecord.from_json(value["record"]),
                result=PassResult(**value["result"]),
                calls={key: CallSummary.from_json(summary) for key, summary in value["calls"].items()},
                how=value["how"],
                inference=value.get("inference"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ChecksumError(f"{path / _FILE} is damaged: {error!r}", hint=_AGAIN) from error
        unlisted = {str(part_path(Path(SCORES), key)) for key in shard.result.done} - files
        if digest(shard.record.own_identity) != digest(manifest.get("identity")) or unlisted:
            raise ChecksumError(f"{path}: manifest.json and {_FILE} contradict each other", hint=_AGAIN)
        return shard

    def copy_parts(self, target: Path) -> None:
        """Put the shard's score parts into a folder, as hard links where that can be."""
        for source in sorted((self.path / SCORES).glob("[!.]*.parquet")):
            part = target / source.name
            if not part.exists():
                link_or_copy(source, part)
