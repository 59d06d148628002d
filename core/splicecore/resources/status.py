"""What there is of a source and build, kind by kind: found, missing or damaged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from splicecore.artifacts.store import file_sha256
from splicecore.errors import ResourceError, ResourceNotFoundError
from splicecore.resources.keys import ResourceKey
from splicecore.resources.manifest import MANIFEST_NAME, ResourceManifest, read_manifest

if TYPE_CHECKING:
    from splicecore.plugins.specs import ResourceLocation
    from splicecore.resources.manifest import DatasetRecord, InputFile
    from splicecore.resources.registry import Registry

__all__ = ["ResourceStatus", "resource_status"]


@attrs.frozen(kw_only=True)
class ResourceStatus:
    """One kind of resource of a source and build.

    Attributes
    ----------
    kind
        What.
    state
        ``"found"``, ``"missing"`` or ``"damaged"``.
    path, provenance
        Where it is and who found it; None if it is missing, or its place is in doubt.
    rows
        Number of rows of a derived dataset of the data root; None for anything else.
    sha256
        Of the file as the manifest has it, hex; None where the manifest does not know it.
    problem
        What is wrong: how it is damaged, or why a place that the user chose does not have it; None for nothing.
    """

    kind: str
    state: Literal["found", "missing", "damaged"]
    path: str | None = None
    provenance: str | None = None
    rows: int | None = None
    sha256: str | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return attrs.asdict(self)


def resource_status(
    registry: Registry, source: str, build: str, release: str | None = None
) -> tuple[ResourceStatus, ...]:
    """Tell of every kind whether it is there; see :meth:`splicecore.resources.registry.Registry.status`."""
    folder = registry.folder(source, build, release)
    manifest = _manifest(folder)
    rows = []
    for kind in registry.kinds:
        key = ResourceKey(kind=kind, source=source, build=build, release=release)
        try:
            location = registry.find(key)
        except ResourceNotFoundError as error:
            rows.append(ResourceStatus(kind=kind, state="missing", problem=str(error)))
            continue
        except ResourceError as error:
            rows.append(ResourceStatus(kind=kind, state="damaged", problem=str(error)))
            continue
        if location is None:
            rows.append(ResourceStatus(kind=kind, state="missing"))
        else:
            rows.append(_found(kind, location, manifest, folder, registry.cache))
    return tuple(rows)


def _manifest(folder: Path) -> ResourceManifest | None:
    try:
        return read_manifest(folder) if (folder / MANIFEST_NAME).exists() else None
    except ResourceError:
        return None  # the finders say so, of every kind that it concerns


def _found(
    kind: str, location: ResourceLocation, manifest: ResourceManifest | None, folder: Path, cache: Path | None
) -> ResourceStatus:
    status = ResourceStatus(kind=kind, state="found", path=location.path, provenance=location.provenance)
    if manifest is None:
        return status
    if kind in ("fasta", "annotation"):
        file = manifest.fasta if kind == "fasta" else manifest.annotation
        if file.locate(folder) == Path(location.path):
            return _compared(attrs.evolve(status, sha256=file.sha256), _input_problem(file, folder, cache))
    record = manifest.datasets.get(kind)
    if record is None or location.path != str(folder / record.file if record.file else manifest.fasta.locate(folder)):
        return status
    status = attrs.evolve(status, rows=record.rows, sha256=record.sha256)
    return _compared(status, _dataset_problem(record, folder, cache))


def _compared(status: ResourceStatus, problem: str | None) -> ResourceStatus:
    return status if problem is None else attrs.evolve(status, state="damaged", problem=problem)


def _input_problem(file: InputFile, folder: Path, cache: Path | None) -> str | None:
    path = file.locate(folder)
    if file.unchanged(folder) or file_sha256(path, cache) == file.sha256:
        return None
    return f"{path} changed since the datasets were derived from it"


def _dataset_problem(record: DatasetRecord, folder: Path, cache: Path | None) -> str | None:
    for name, sha256 in record.checksums.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if file_sha256(path, cache) != sha256:
            return f"{path} changed since it was derived"
    return None
