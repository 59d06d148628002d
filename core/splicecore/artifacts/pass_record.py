"""What a folder says about the base-model pass in it: whose, whether it is finished, which files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from splicecore.artifacts.layout import SHARDS, check_relative, subfolders
from splicecore.artifacts.locks import is_locked
from splicecore.artifacts.run_directory import RunDirectory
from splicecore.artifacts.store import digest, read_json
from splicecore.errors import ChecksumError, ConfigError, OutputError
from splicecore.genome.assemblies import ASSEMBLIES

if TYPE_CHECKING:
    import os

    from splicecore.artifacts.artifact_config import ArtifactConfig

__all__ = ["PassRecord", "PassState", "claim_path", "read_pass"]

PassState = Literal["empty", "unfinished", "finished", "damaged", "foreign"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CUSTOM = "custom-"  # begins the name that a genome gets whose chromosomes are those of no known build


def claim_path(folder: Path) -> Path:
    """Return the file that says whose a folder is before its pass has begun."""
    return RunDirectory(folder).work / "claim.json"


@attrs.frozen(kw_only=True, eq=False)
class PassRecord:
    """A base-model pass as its folder describes it.

    Attributes
    ----------
    kind, name
        ``"production"`` and a version, or ``"test"`` and its name.
    folder
        Folder of the pass, where ``manifest.json`` is.
    state
        ``"finished"``; ``"unfinished"`` (running or interrupted, or shards that are not merged); ``"empty"`` (not
        begun); ``"damaged"`` (its manifest cannot be read); ``"foreign"`` (it belongs to another base model, source,
        build or release).
    problem
        Why it is damaged or foreign.
    manifest
        Content of ``manifest.json``; empty unless finished or foreign.
    identity
        What decides the pass's bytes; empty where it has not begun.
    claim
        Digest of the identity of a pass that was given the folder, or None.
    latest
        Whether it is the production version that counts.
    """

    kind: Literal["production", "test"]
    name: str
    folder: Path
    state: PassState
    problem: str | None = None
    manifest: Mapping[str, Any] = attrs.field(factory=dict)
    identity: Mapping[str, Any] = attrs.field(factory=dict)
    claim: str | None = None
    latest: bool = False

    @property
    def finished(self) -> bool:
        """Whether the pass is finished."""
        return self.state == "finished"

    @property
    def shards(self) -> tuple[Path, ...]:
        """Folders of the pass's shards."""
        folder = self.folder / SHARDS
        return tuple(folder / name for name in subfolders(folder) if not name.startswith("."))

    @property
    def running(self) -> bool:
        """Whether a process is writing the pass, or one of its shards, now."""
        return any(is_locked(RunDirectory(folder).work / "lock") for folder in (self.folder, *self.shards))

    @property
    def identity_digest(self) -> str | None:
        """Digest of the identity of the pass that is here, or that the folder was given to."""
        return digest(self.identity) if self.identity else self.claim

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of each file that the manifest lists, by name relative to the folder."""
        files: Mapping[str, str] = self.manifest.get("files", {})
        return files

    @property
    def modified(self) -> float:
        """When the pass was last written, in seconds since 1970: its manifest, plan or folder."""
        run = RunDirectory(self.folder)
        found = [_stat(path) for path in (run.manifest_path, run.work / "run.json", self.folder)]
        return max((status.st_mtime for status in found if status is not None), default=0.0)

    def require_usable(self) -> PassRecord:
        """Return the record itself.

        Raises
        ------
        OutputError
            If the folder holds a pass of another base model, source, build or release.
        ChecksumError
            If its manifest cannot be read.
        """
        if self.state == "foreign":
            raise OutputError(f"{self.folder} {self.problem}", hint="move it to the folder that it belongs to")
        if self.state == "damaged":
            raise ChecksumError(
                f"{self.folder}: {self.problem}", hint="make the pass again with --force, or remove the folder"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Return everything that is known, JSON-able; sizes are in bytes."""
        model = self.identity.get("base_model")
        files = [{"name": name, "bytes": _size(self.folder / name), "sha256": self.files[name]} for name in self.files]
        return {
            "kind": self.kind,
            "name": self.name,
            "latest": self.latest,
            "path": str(self.folder),
            "state": self.state,
            "running": self.state != "finished" and self.running,
            "problem": self.problem,
            "base_model": _model_name(self.identity),
            "fingerprint": model.get("fingerprint") if isinstance(model, dict) else None,
            "build": _build_name(self.identity),
            "schema": self.manifest.get("schema"),
            "rows": self.manifest.get("rows"),
            "genes": self.manifest.get("genes"),
            "failed": self.manifest.get("failed"),
            "promoted_from": self.manifest.get("promoted_from"),
            "identity": dict(self.identity),
            "identity_digest": self.identity_digest,
            "modified": datetime.fromtimestamp(self.modified, tz=UTC).isoformat(timespec="seconds"),
            "bytes": sum(file["bytes"] or 0 for file in files),
            "files": files,
        }


def read_pass(kind: Literal["production", "test"], name: str, folder: Path, config: ArtifactConfig) -> PassRecord:
    """Read what a folder says about its pass; raises nothing for what is wrong with it, see ``state``."""
    run = RunDirectory(folder)
    manifest: dict[str, Any] = {}
    identity: Any = {}
    claim: Any = {}
    problem = None
    try:
        if run.manifest_path.exists():
            manifest = read_json(run.manifest_path)
            problem = _malformed(manifest)
            identity = manifest["identity"] if problem is None else {}
        elif (run.work / "run.json").exists():
            identity = read_json(run.work / "run.json")
            problem = None if isinstance(identity, dict) else "run.json is no object"
        if claim_path(folder).exists():
            claim = read_json(claim_path(folder))
    except OutputError as error:
        problem = error.message
    if problem is not None:
        return PassRecord(kind=kind, name=name, folder=folder, state="damaged", problem=problem)
    problem = _foreign(identity, manifest, config)
    begun = identity or (folder / SHARDS).is_dir()
    state: PassState = "finished" if manifest else "unfinished" if begun else "empty"
    return PassRecord(
        kind=kind,
        name=name,
        folder=folder,
        state=state if problem is None else "foreign",
        problem=problem,
        manifest=manifest,
        identity=identity,
        claim=claim.get("identity_digest") if isinstance(claim, dict) else None,
    )


def _stat(path: Path) -> os.stat_result | None:
    """Status of a path; None if there is nothing, or no longer."""
    try:
        return path.stat()
    except OSError:
        return None


def _size(path: Path) -> int | None:
    status = _stat(path)
    return None if status is None else status.st_size


def _malformed(manifest: Any) -> str | None:
    """Say what is wrong with the form of a manifest."""
    if not isinstance(manifest, dict):
        return "manifest.json is no object"
    if not isinstance(manifest.get("identity"), dict) or not manifest["identity"]:
        return "manifest.json has no identity"
    files = manifest.get("files")
    if not isinstance(files, dict):
        return "manifest.json lists no files"
    for name, sha256 in files.items():
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            return f"manifest.json has no SHA-256 of {name}"
        try:
            check_relative(name)
        except ConfigError as error:
            return f"manifest.json: {error.message}"
    return None


def _foreign(identity: Mapping[str, Any], manifest: Mapping[str, Any], config: ArtifactConfig) -> str | None:
    """Say how a pass belongs to another folder than this configuration's."""
    owner = identity.get("artifacts")
    if isinstance(owner, dict):
        for key, wanted in config.owner.items():
            if key in owner and owner[key] != wanted:
                return f"holds a pass of {key} {owner[key]}, not {wanted}"
    for model in (_model_name(identity), _model_name(manifest)):
        if model is not None and model != config.base_model:
            return f"holds a pass of base_model {model}, not {config.base_model}"
    build = _build_name(identity)
    if build is not None and not _same_build(build, config.build):
        return f"holds a pass of build {build}, not {config.build}"
    return None


def _model_name(values: Mapping[str, Any]) -> str | None:
    model = values.get("base_model")
    name = model.get("name") if isinstance(model, dict) else model
    return name if isinstance(name, str) else None


def _build_name(identity: Mapping[str, Any]) -> str | None:
    inputs = identity.get("inputs")
    name = inputs.get("build") if isinstance(inputs, dict) else None
    name = identity.get("build") if name is None else name
    return name if isinstance(name, str) else None


def _same_build(found: str, wanted: str) -> bool:
    """Whether a recognized build can be the one that a folder is named after; of unknown ones that cannot be told."""
    if found.startswith(_CUSTOM) and wanted.startswith(_CUSTOM):
        return found == wanted
    return _assembly(found) == _assembly(wanted)


def _assembly(name: str) -> str | None:
    lowered = name.lower()
    for assembly in ASSEMBLIES:
        if lowered == assembly.name.lower() or lowered in assembly.synonyms:
            return assembly.name
    return None
