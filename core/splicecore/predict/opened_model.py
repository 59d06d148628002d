"""What opening a base model tells (its descriptor as opened, its fingerprint), remembered so that it can stay closed.

Opening five networks takes seconds, most of them the import of a framework; a run whose scores are all there needs only
what is remembered. A worker that does open the model checks that it still is what was planned.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest, replace_quietly
from splicecore.plugins.records import PluginState
from splicecore.plugins.specs import BaseModelSpec

if TYPE_CHECKING:
    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.specs import OpenRequest
    from splicecore.session import Session

__all__ = ["OpenedModel", "describe_opened", "implementation", "loaded_plugins"]

_REQUIREMENT = re.compile(r"\s*(splicecore[\w-]*)")


@attrs.frozen(kw_only=True)
class OpenedModel:
    """A base model as it is when it is opened.

    Attributes
    ----------
    spec
        Descriptor as opened.
    fingerprint
        Of weights and settings.
    implementation
        Version of each distribution of this project's family that computes it; part of what scores are known by.
    opened
        Whether it had to be opened to know.
    environment
        Versions in the interpreter that it runs in, where that is another than this one.
    """

    spec: BaseModelSpec
    fingerprint: str
    implementation: dict[str, str]
    opened: bool
    environment: dict[str, Any] | None = None


def describe_opened(session: Session, spec: BaseModelSpec, request: OpenRequest) -> OpenedModel:
    """Return what opening a model tells; open it only if that is not remembered for these weights, settings, plugins.

    Raises
    ------
    SplicecoreError
        What :meth:`~splicecore.plugins.host.PluginHost.open_base_model` raises.
    """
    there = None if request.interpreter is None else session.describe_isolated(spec.name, request.interpreter)
    versions = implementation(session.host, spec.name) if there is None else there.implementation
    identity = _identity(loaded_plugins(session.host) if there is None else there.plugins, spec, request)
    told: dict[str, Any] = {"implementation": versions, "environment": None if there is None else there.environment}
    remembered = None if identity is None else session.cache_dir / "models" / f"{digest(identity)}.json"
    if remembered is not None:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            entry = json.loads(remembered.read_text(encoding="utf-8"))
            changed: dict[str, Any] = {k: tuple(x) if isinstance(x, list) else x for k, x in entry["spec"].items()}
            fingerprint = str(entry["fingerprint"])
            return OpenedModel(spec=attrs.evolve(spec, **changed), fingerprint=fingerprint, opened=False, **told)
    with session.host.open_base_model(spec, request) as model:
        opened, fingerprint = model.spec, model.fingerprint
    if remembered is not None:
        _remember(remembered, spec, opened, fingerprint)
    return OpenedModel(spec=opened, fingerprint=fingerprint, opened=True, **told)


def implementation(host: PluginHost, base_model: str) -> dict[str, str]:
    """Versions of the distribution that provides a base model and of those of its requirements named ``splicecore-*``.

    A plugin that is at hand without a distribution has none.
    """
    record = host.provider("base_models", base_model)
    if record.distribution is None:
        return {}
    versions = {record.distribution: record.version or "unknown"}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for requirement in importlib.metadata.requires(record.distribution) or ():
            match = _REQUIREMENT.match(requirement)
            if match is not None and match[1] != "splicecore":
                with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                    versions[match[1]] = importlib.metadata.version(match[1])
    return dict(sorted(versions.items()))


def loaded_plugins(host: PluginHost) -> list[list[str]] | None:
    """Return [distribution, version, name] of each loaded plugin, sorted; None if the version of one is unknown."""
    loaded = [record for record in host.records if record.state is PluginState.LOADED]
    if any(record.version is None for record in loaded):
        return None
    return sorted([str(record.distribution), str(record.version), record.name] for record in loaded)


def _identity(plugins: list[list[str]] | None, spec: BaseModelSpec, request: OpenRequest) -> list[Any] | None:
    """Collect what decides how a model is when it is opened; None where that cannot be known without opening it."""
    if request.weights is None or plugins is None:
        return None
    yielded = {key: repr(value) for key, value in attrs.asdict(spec, recurse=False).items()}
    files = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in _weight_files(spec, request)]
    return [plugins, yielded, attrs.asdict(attrs.evolve(request, threads=1, timeout=None)), files]


def _weight_files(spec: BaseModelSpec, request: OpenRequest) -> list[Path]:
    path = Path(str(request.weights)).resolve()
    if path.is_file():
        return [path]
    patterns = [alternative for pattern in spec.weights for alternative in pattern.split("|")] or ["**/*"]
    return sorted({file for pattern in patterns for file in path.glob(pattern) if file.is_file()})


def _remember(path: Path, yielded: BaseModelSpec, opened: BaseModelSpec, fingerprint: str) -> None:
    """Keep what differs from the descriptor that the hook yielded; nothing if that is not JSON."""
    before, after = (attrs.asdict(spec, recurse=False) for spec in (yielded, opened))
    changed = {name: value for name, value in after.items() if value != before[name]}
    with contextlib.suppress(OSError, TypeError, ValueError):
        text = json.dumps({"spec": changed, "fingerprint": fingerprint}, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_quietly(path, text)
