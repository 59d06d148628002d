"""Find genomic resources: at the path that the user gave, by ``SPLICECORE_<KIND>_PATH``, or in the data root.

The finders serve every genomic kind, those that plugins add included. As with weights, a place that the user chose is
never passed over in silence: a path or variable that names nothing ends the search with an error.

In the data root a source, build and release have one folder. Its ``resources.json`` says where everything is; before it
is written, the genome and its annotation are recognized by their names (and a SpliceAI table by its first line).
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from splicecore.errors import ChecksumError, ConfigError, ResourceError, ResourceNotFoundError
from splicecore.plugins.specs import ResourceLocation, ResourceRequest
from splicecore.resources.commands import variable_name
from splicecore.resources.finders import default_data_root
from splicecore.resources.keys import DERIVED_KINDS, ResourceKey
from splicecore.resources.manifest import MANIFEST_NAME, ResourceManifest, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "GenomicDataRootFinder",
    "GenomicEnvironmentFinder",
    "GenomicExplicitFinder",
    "find_data_root",
    "find_environment",
    "find_explicit",
    "has_primary_name",
    "primary_files",
]

_FASTA = re.compile(r"[^.].*\.(fa|fasta|fna)(\.b?gz)?", re.IGNORECASE)
_ANNOTATION = re.compile(r"[^.].*\.(gtf|gff3?)(\.b?gz)?", re.IGNORECASE)
_TABLE = re.compile(r"[^.].*\.txt(\.b?gz)?", re.IGNORECASE)
_TABLE_HEADER = re.compile(rb"#*NAME\tCHROM\t")


def has_primary_name(kind: str, path: Path) -> bool:
    """Whether a file would be recognized in the data root as a genome (``"fasta"``) or an ``"annotation"``.

    A genome's name ends in ``.fa``, ``.fasta`` or ``.fna``, an annotation's in ``.gtf``, ``.gff3``, ``.gff`` or, if it
    is a SpliceAI table, ``.txt``; each may be followed by ``.gz`` or ``.bgz``.
    """
    if kind == "fasta":
        return _FASTA.fullmatch(path.name) is not None
    if _ANNOTATION.fullmatch(path.name):
        return True
    return _TABLE.fullmatch(path.name) is not None and _is_spliceai_table(path)


def primary_files(kind: str, folder: Path) -> list[Path]:
    """Files of a folder that are a genome (``"fasta"``) or an ``"annotation"``, by name."""
    return sorted(path for path in _files(folder) if has_primary_name(kind, path))


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from (path for path in folder.iterdir() if path.is_file() or path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ResourceError(f"{folder} cannot be read: {error.strerror}", hint="check its permissions") from error


def _is_spliceai_table(path: Path) -> bool:
    opener: Callable[..., object] = gzip.open if path.suffix.lower() in {".gz", ".bgz"} else open
    try:
        with opener(path, "rb") as handle:  # type: ignore[attr-defined]
            return _TABLE_HEADER.match(handle.read(64)) is not None
    except (OSError, EOFError, zlib.error):
        return False


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - keeps links, which Path.resolve() follows


def _index_beside(fasta: Path) -> Path:
    return fasta.with_name(f"{fasta.name}.fai")


@attrs.frozen
class GenomicExplicitFinder:
    """The path that the user gave."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the location, or None if the user gave no path; ``ResourceNotFoundError`` if it does not exist."""
        if request.explicit is None:
            return None
        path = _absolute(request.explicit)
        if not path.exists():
            raise ResourceNotFoundError(
                f"{path} (given explicitly), the {request.kind} of {request.name}, is not there"
            )
        return ResourceLocation(path=str(path), provenance="given explicitly")

    def describe(self, request: ResourceRequest) -> str:  # noqa: ARG002 - the interface of finders
        """Say where it looked."""
        return "explicit path (none given)"


@attrs.frozen
class GenomicEnvironmentFinder:
    """The path that ``SPLICECORE_<KIND>_PATH`` names; the index of a genome so named is looked for beside it."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the location, or None if the variable is not set.

        Raises ``ResourceNotFoundError``, which names the variable, if its path does not exist.
        """
        variable = variable_name(request.kind)
        chosen = os.environ.get(variable)
        if chosen:
            return _existing(_absolute(chosen), variable, f"correct or unset {variable}")
        genome = os.environ.get(variable_name("fasta"))
        if request.kind == "fasta_index" and genome:
            # An index from any other place would be that of another file.
            index = _index_beside(_absolute(genome))
            return _existing(index, variable_name("fasta"), f"samtools faidx {genome}, or set {variable}")
        return None

    def describe(self, request: ResourceRequest) -> str:
        """Say where it looked."""
        return f"{variable_name(request.kind)} (not set)"


def _existing(path: Path, variable: str, remedy: str) -> ResourceLocation:
    if not path.exists():
        raise ResourceNotFoundError(f"{variable}: {path} does not exist", hint=remedy)
    return ResourceLocation(path=str(path), provenance=variable)


@attrs.frozen
class GenomicDataRootFinder:
    """The folder of a source, build and release in the data root."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the location, or None if the folder does not have it.

        Raises ``ResourceError`` if several files could be meant, ``ChecksumError`` if ``resources.json`` is damaged or
        names a file that is not there.
        """
        path = _path_in(_folder(request), request.kind)
        return None if path is None else ResourceLocation(path=str(path), provenance="data root")

    def describe(self, request: ResourceRequest) -> str:
        """Say where it looked."""
        folder = _folder(request)
        if not folder.is_dir():
            return f"data root ({folder}: no such folder)"
        lacking = f"not in its {MANIFEST_NAME}" if (folder / MANIFEST_NAME).exists() else f"no {MANIFEST_NAME}"
        return f"data root ({folder}: {lacking if request.kind in DERIVED_KINDS else 'no such file'})"


def _folder(request: ResourceRequest) -> Path:
    if request.source is None or request.build is None:
        raise ConfigError(f"{request.kind} is a genomic resource; its request needs a source and a build")
    root = default_data_root() if request.data_root is None else _absolute(request.data_root)
    key = ResourceKey(kind=request.kind, source=request.source, build=request.build, release=request.release)
    return key.folder(root)


def _path_in(folder: Path, kind: str) -> Path | None:
    if kind == "fasta_index":
        fasta = _path_in(folder, "fasta")
        index = None if fasta is None else _index_beside(fasta)
        return index if index is not None and index.exists() else None
    manifest = read_manifest(folder) if (folder / MANIFEST_NAME).exists() else None
    if kind in DERIVED_KINDS:
        return None if manifest is None else _dataset(folder, manifest, kind)
    if kind in ("fasta", "annotation"):
        return _only(primary_files(kind, folder), kind, folder) if manifest is None else _input(folder, manifest, kind)
    named = re.compile(rf"{re.escape(kind)}(\..+)?")
    return _only(sorted(path for path in _entries(folder) if named.fullmatch(path.name)), kind, folder)


def _dataset(folder: Path, manifest: ResourceManifest, kind: str) -> Path | None:
    record = manifest.datasets.get(kind)
    if record is None:
        return None
    path = manifest.fasta.locate(folder) if record.file is None else folder / record.file
    return _promised(path, kind, folder)


def _input(folder: Path, manifest: ResourceManifest, kind: str) -> Path:
    file = manifest.fasta if kind == "fasta" else manifest.annotation
    return _promised(file.locate(folder), kind, folder)


def _promised(path: Path, kind: str, folder: Path) -> Path:
    if not path.exists():
        raise ChecksumError(
            f"{folder / MANIFEST_NAME} names {path} as its {kind}, which does not exist",
            hint="put it back, or derive the resources anew: splicecore resources derive",
        )
    return path


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _only(paths: list[Path], kind: str, folder: Path) -> Path | None:
    if len(paths) > 1:
        raise ResourceError(
            f"{folder} has {len(paths)} files that may be its {kind}: {', '.join(path.name for path in paths)}",
            hint=f"leave one of them there, or set {variable_name(kind)}",
        )
    if paths and not paths[0].exists():
        raise ResourceError(
            f"{paths[0]} is a link to {paths[0].readlink()}, which does not exist", hint="mend the link"
        )
    return paths[0] if paths else None


find_explicit = GenomicExplicitFinder()
find_environment = GenomicEnvironmentFinder()
find_data_root = GenomicDataRootFinder()
