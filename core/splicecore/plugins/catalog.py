"""What the loaded plugins provide: descriptors by kind and name, and who yielded each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ContractError
from splicecore.plugins.specs import (
    BaseModelSpec,
    ExecutorSpec,
    FeatureSetSpec,
    MetaModelSpec,
    ResourceFinderSpec,
    UncertaintySpec,
)

if TYPE_CHECKING:
    import pluggy

    from splicecore.plugins.records import PluginRecord

__all__ = ["KINDS", "Catalog", "Kind", "call_plugin"]


@attrs.frozen
class Kind:
    """One kind of descriptor: the hook that yields it, its class, and what messages call it."""

    hook: str
    spec: type
    noun: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "base_models": Kind("splicecore_base_models", BaseModelSpec, "base model"),
        "executors": Kind("splicecore_executors", ExecutorSpec, "executor"),
        "feature_sets": Kind("splicecore_feature_sets", FeatureSetSpec, "feature set"),
        "meta_models": Kind("splicecore_meta_models", MetaModelSpec, "meta-model"),
        "resource_finders": Kind("splicecore_resource_finders", ResourceFinderSpec, "resource finder"),
        "uncertainty_strategies": Kind("splicecore_uncertainty_strategies", UncertaintySpec, "uncertainty strategy"),
    }
)
"""Every kind of descriptor."""


def call_plugin(pm: pluggy.PluginManager, hook: str, plugin: object, arguments: Mapping[str, Any]) -> list[Any]:
    """Call one plugin's implementations of a hook that cannot be wrapped; return their results."""
    implementations = [impl for impl in getattr(pm.hook, hook).get_hookimpls() if impl.plugin is plugin]
    return [impl.function(*(arguments[name] for name in impl.argnames)) for impl in implementations]


class Catalog:
    """Descriptors of all loaded plugins.

    A name that two plugins yield belongs to neither: it is left out of :meth:`specs` and shows up in
    :meth:`conflicts`. The names of the first plugin, the core's own, are reserved.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, list[tuple[PluginRecord, Any]]]] = {kind: {} for kind in KINDS}
        self._reserved: dict[str, frozenset[str]] = {}

    def reserve(self) -> None:
        """Reserve the names yielded so far."""
        self._reserved = {kind: frozenset(entries) for kind, entries in self._entries.items()}

    def read(self, pm: pluggy.PluginManager, plugin: object) -> dict[str, tuple[Any, ...]]:
        """Call the descriptor hooks of one registered plugin.

        Returns
        -------
        Descriptors by kind, sorted by name; kinds without any are left out.

        Raises
        ------
        ContractError
            If a hook yields something else, or a name twice or that is reserved. What a hook raises is not caught.
        """
        found = {}
        for name, kind in KINDS.items():
            specs = [spec for result in call_plugin(pm, kind.hook, plugin, {}) for spec in _specs(kind, result)]
            for spec in specs:
                if spec.name in self._reserved.get(name, ()):
                    raise ContractError(f"{kind.noun} {spec.name!r} is the core's own")
            if len({spec.name for spec in specs}) < len(specs):
                raise ContractError(f"{kind.hook} yields a name twice: {', '.join(spec.name for spec in specs)}")
            if specs:
                found[name] = tuple(sorted(specs, key=lambda spec: str(spec.name)))
        return found

    def add(self, record: PluginRecord, found: Mapping[str, Iterable[Any]]) -> None:
        """Take up what :meth:`read` returned."""
        for kind, specs in found.items():
            for spec in specs:
                self._entries[kind].setdefault(spec.name, []).append((record, spec))

    def specs(self, kind: str) -> dict[str, Any]:
        """Return the descriptors of a kind by name, sorted by (priority if they have one, name)."""
        alone = [found[0][1] for found in self._entries[kind].values() if len(found) == 1]
        return {spec.name: spec for spec in sorted(alone, key=lambda spec: (getattr(spec, "priority", 0), spec.name))}

    def providers(self, kind: str, name: str) -> list[PluginRecord]:
        """Return the records of the plugins that yield a descriptor: none, one, or several in conflict."""
        return [record for record, _ in self._entries[kind].get(name, ())]

    def conflicts(self) -> Iterator[str]:
        """Yield one line for each name that more than one plugin yields."""
        for kind, entries in self._entries.items():
            for name, found in sorted(entries.items()):
                if len(found) > 1:
                    who = " and ".join(record.title for record, _ in found)
                    claimed = f"{KINDS[kind].noun} {name!r} is provided by {who}; it cannot be used"
                    yield f"{claimed} (disable one of them with --disable-plugin)"


def _specs(kind: Kind, result: Any) -> Iterator[Any]:
    if result is None:
        return
    if not isinstance(result, Iterable) or isinstance(result, str):
        raise ContractError(f"{kind.hook} must yield {kind.spec.__name__}, but returned {type(result).__name__}")
    for spec in result:
        if not isinstance(spec, kind.spec):
            raise ContractError(f"{kind.hook} must yield {kind.spec.__name__}, but yielded {type(spec).__name__}")
        yield spec
