"""What is known of a base model without opening it: descriptor, plugin, weights found, their files and metadata."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ResourceError
from splicecore.plugins.specs import BaseModelSpec, ResourceLocation

if TYPE_CHECKING:
    from splicecore.workplace import Workplace

__all__ = ["METADATA_FILES", "ModelDescription", "ModelFile", "describe_model", "has_context_setting"]

METADATA_FILES: tuple[str, ...] = ("metadata/model_info.json", "model_info.json")
"""Where a weights folder may describe itself, as a JSON object; the first that exists is read."""

_CONTEXT = re.compile(r"(?:^|[-_./])(\d+)(nt|k)(?=$|[-_./])", re.IGNORECASE)


@attrs.frozen(kw_only=True)
class ModelFile:
    """One file of a model's weights.

    Attributes
    ----------
    name
        Path relative to the weights' folder, with ``/``.
    size
        In bytes.
    sha256
        Of the content, hex; None if it was not asked for.
    context
        Bases of context, both sides together, that the name tells (``400nt``, ``10k``); None if it tells none.
    """

    name: str
    size: int
    sha256: str | None = None
    context: int | None = None


@attrs.frozen(kw_only=True)
class ModelDescription:
    """A base model as it is installed.

    Attributes
    ----------
    spec
        The descriptor that its plugin yields.
    plugin
        Distribution and version of the plugin, or its name.
    location
        Where the weights are and how they were found; None if they were not, or none are needed.
    problem, hint
        Why the weights were not found and what to do; None if they were, or none are needed.
    files
        The files that match the descriptor's patterns, by name.
    metadata
        Content of the folder's metadata file; None if there is none or it cannot be read.
    metadata_problem
        Why the metadata file cannot be read, or None.
    """

    spec: BaseModelSpec
    plugin: str
    location: ResourceLocation | None = None
    problem: str | None = None
    hint: str | None = None
    files: tuple[ModelFile, ...] = ()
    metadata: dict[str, Any] | None = None
    metadata_problem: str | None = None

    @property
    def folder(self) -> Path | None:
        """Folder of the weights, or None."""
        if self.location is None:
            return None
        path = Path(self.location.path)
        return path.parent if path.is_file() else path

    @property
    def contexts(self) -> tuple[int, ...]:
        """Bases of context, both sides together: what the files' names tell, else what the descriptor says."""
        named = sorted({file.context for file in self.files if file.context is not None})
        return tuple(named) if named and has_context_setting(self.spec) else (self.spec.left + self.spec.right,)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        spec = attrs.asdict(self.spec, filter=lambda field, _: field.name != "config_cls")
        return {
            "spec": {name: list(value) if isinstance(value, tuple) else value for name, value in spec.items()},
            "settings": _settings(self.spec),
            "plugin": self.plugin,
            "contexts": list(self.contexts),
            "weights": {
                "found": self.location is not None,
                "needed": bool(self.spec.weights),
                "path": self.location.path if self.location is not None else None,
                "provenance": self.location.provenance if self.location is not None else None,
                "problem": self.problem,
                "files": [attrs.asdict(file) for file in self.files],
            },
            "metadata": self.metadata,
            "metadata_problem": self.metadata_problem,
        }


def has_context_setting(spec: BaseModelSpec) -> bool:
    """Whether the model's own settings choose its context."""
    return spec.config_cls is not None and "context" in {field.name for field in attrs.fields(spec.config_cls)}


def describe_model(
    session: Workplace, name: str, *, models_dir: str | None = None, hashes: bool = True
) -> ModelDescription:
    """Describe a base model without opening it.

    Parameters
    ----------
    session
        Plugins and folders.
    name
        Of the base model.
    models_dir
        Folder or file of its weights; None to search the usual places.
    hashes
        Whether to hash the files; hashes are remembered by path, size and time of change.

    Raises
    ------
    PluginNotFoundError, PluginLoadError
        If no loaded plugin has the model.
    """
    from splicecore.config import RunConfig

    spec = session.host.base_model(name)
    record = session.host.provider("base_models", name)
    description = ModelDescription(
        spec=spec, plugin=" ".join(text for text in (record.distribution or record.name, record.version) if text)
    )
    try:
        _, _, location = session.open_request(RunConfig(base_model=name, models_dir=models_dir))
    except ResourceError as error:
        return attrs.evolve(description, problem=error.message, hint=error.hint)
    if location is None:
        return description
    metadata, problem = _metadata(Path(location.path))
    return attrs.evolve(
        description,
        location=location,
        files=_files(spec, Path(location.path), session.cache_dir if hashes else None),
        metadata=metadata,
        metadata_problem=problem,
    )


def _files(spec: BaseModelSpec, path: Path, cache: Path | None) -> tuple[ModelFile, ...]:
    """Files below a folder that match the patterns (alternatives of one separated by ``|``), or the one file named."""
    if path.is_file():
        return (_file(path, path.parent, cache),)
    patterns = [part for pattern in spec.weights for part in pattern.split("|")]
    found = {file for pattern in patterns for file in path.glob(pattern) if file.is_file()}
    ordered = sorted(found, key=lambda file: _natural(file.relative_to(path).as_posix()))
    return tuple(_file(file, path, cache) for file in ordered)


def _file(file: Path, folder: Path, cache: Path | None) -> ModelFile:
    from splicecore.artifacts.store import file_sha256

    name = file.relative_to(folder).as_posix()
    told = _CONTEXT.findall(f"{folder.name}/{name}")
    context = int(told[-1][0]) * (1000 if told[-1][1].lower() == "k" else 1) if told else None
    digest = file_sha256(file, cache) if cache is not None else None
    return ModelFile(name=name, size=file.stat().st_size, sha256=digest, context=context)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _metadata(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    folder = path.parent if path.is_file() else path
    for name in METADATA_FILES:
        file = folder / name
        if not file.is_file():
            continue
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            return None, f"{file} cannot be read: {error}"
        return (values, None) if isinstance(values, dict) else (None, f"{file} is not a JSON object")
    return None, None


def _settings(spec: BaseModelSpec) -> dict[str, Any]:
    """Names and defaults of the model's own settings; a default that JSON does not know is given as text."""
    if spec.config_cls is None:
        return {}
    plain = (bool, int, float, str, type(None))
    defaults = {field.name: field.default for field in attrs.fields(spec.config_cls)}
    return {
        name: list(value) if isinstance(value, tuple) else value if isinstance(value, plain) else str(value)
        for name, value in defaults.items()
    }
