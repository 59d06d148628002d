"""Find a model's weights: by the path that the user gave, by ``SPLICECORE_MODELS``, or below the data root.

A finder is called with a request and answers with a location, or with None where it has nothing; its ``describe`` says
where it looked. A place that the user chose is never passed over in silence: if it lacks files, the search ends there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from splicecore.errors import ResourceNotFoundError
from splicecore.plugins.specs import ResourceLocation, ResourceRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DataRootFinder",
    "EnvironmentFinder",
    "ExplicitFinder",
    "default_data_root",
    "find_data_root",
    "find_environment",
    "find_explicit",
]

_MODELS = "SPLICECORE_MODELS"
_DATA_ROOT = "SPLICECORE_DATA_ROOT"


def default_data_root() -> Path:
    """Return the root of the user's data: ``SPLICECORE_DATA_ROOT``, or the platform's folder for data of splicecore."""
    chosen = os.environ.get(_DATA_ROOT)
    if chosen:
        return _absolute(chosen)
    import platformdirs

    return platformdirs.user_data_path("splicecore", appauthor=False)


def _absolute(path: str | Path) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - keeps links, which Path.resolve() follows


def _missing(folder: Path, request: ResourceRequest) -> list[str]:
    """Patterns of the request that no file in the folder matches."""
    try:
        return [pattern for pattern in request.files if not _matches(folder, pattern)]
    except OSError as error:
        raise ResourceNotFoundError(
            f"{folder} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def _matches(folder: Path, pattern: str) -> bool:
    """Whether a file in the folder matches the pattern, or one of its alternatives, which ``|`` separates."""
    return any(path.is_file() for part in pattern.split("|") for path in folder.glob(part))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise ResourceNotFoundError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error


def _lacks(request: ResourceRequest, folder: Path, missing: list[str], origin: str) -> ResourceNotFoundError:
    return ResourceNotFoundError(
        f"{request.kind} of {request.name!r} are not complete in {folder} ({origin}): no file {_listed(missing)}",
        hint=f"it needs {_listed(request.files)}",
    )


def _listed(patterns: Sequence[str]) -> str:
    return ", ".join(pattern.replace("|", " or ") for pattern in patterns)


def _absent(request: ResourceRequest, path: Path, origin: str) -> ResourceNotFoundError:
    return ResourceNotFoundError(f"{path} ({origin}), for the {request.kind} of {request.name!r}, does not exist")


@attrs.frozen
class ExplicitFinder:
    """Weights at the path that the user gave.

    It is a folder that holds the files itself or in a sub-folder of the model's name, or, where one pattern names all
    files, a single file.
    """

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the location, or None if the user gave no path; raises ``ResourceNotFoundError`` if it lacks files."""
        if request.explicit is None:
            return None
        path, origin = _absolute(request.explicit), "given explicitly"
        if _is_folder(path):
            return _in_folder(request, path, origin)
        if not path.exists():
            raise _absent(request, path, origin)
        if len(request.files) > 1:
            raise ResourceNotFoundError(
                f"{path} ({origin}) is one file, but {request.name!r} needs {_listed(request.files)}",
                hint="name the folder that holds them",
            )
        return ResourceLocation(path=str(path), provenance=f"{origin}: {path}")

    def describe(self, request: ResourceRequest) -> str:  # noqa: ARG002 - the interface of finders
        """Say where it looked."""
        return "explicit path (none given)"


def _in_folder(request: ResourceRequest, path: Path, origin: str) -> ResourceLocation:
    below = path / request.name
    missing = _missing(path, request)
    if missing and _is_folder(below):
        path, missing = below, _missing(below, request)
    if missing:
        raise _lacks(request, path, missing, origin)
    return ResourceLocation(path=str(path), provenance=f"{origin}: {path}")


@attrs.frozen
class EnvironmentFinder:
    """Weights below ``SPLICECORE_MODELS``: a folder with one sub-folder a model, or itself the folder of a model."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the location, or None if the variable is not set or its folder has no such model.

        Raises ``ResourceNotFoundError`` if the variable's folder does not exist or has only a part of the files.
        """
        chosen = os.environ.get(_MODELS)
        if not chosen:
            return None
        root = _absolute(chosen)
        if not _is_folder(root):
            raise _absent(request, root, f"{_MODELS}, a folder")
        below = root / request.name
        folder = below if _is_folder(below) else root
        missing = _missing(folder, request)
        if not missing and (request.files or folder is below):
            return ResourceLocation(path=str(folder), provenance=f"{_MODELS}: {folder}")
        if folder is below or 0 < len(missing) < len(request.files):
            raise _lacks(request, folder, missing, _MODELS)
        return None

    def describe(self, request: ResourceRequest) -> str:
        """Say where it looked."""
        chosen = os.environ.get(_MODELS)
        return f"{_MODELS} ({_absolute(chosen)} has no {request.name})" if chosen else f"{_MODELS} (not set)"


@attrs.frozen
class DataRootFinder:
    """Weights in ``models/<name>/`` below the data root."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the location, or None if the folder does not exist or does not hold every file."""
        folder = self._folder(request)
        if not _is_folder(folder) or _missing(folder, request):
            return None
        return ResourceLocation(path=str(folder), provenance=f"data root: {folder}")

    def describe(self, request: ResourceRequest) -> str:
        """Say where it looked."""
        folder = self._folder(request)
        lacking = f"no file {_listed(_missing(folder, request))}" if _is_folder(folder) else "no such folder"
        return f"data root ({folder}: {lacking})"

    def _folder(self, request: ResourceRequest) -> Path:
        root = default_data_root() if request.data_root is None else _absolute(request.data_root)
        return root / "models" / request.name


find_explicit = ExplicitFinder()
find_environment = EnvironmentFinder()
find_data_root = DataRootFinder()
