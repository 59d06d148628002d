"""The plugin host: loads plugins in isolation from each other and answers for what they provide.

A plugin that cannot be loaded is recorded with its cause and never stops what does not need it; asking for something
that only it would provide raises the error that says so.
"""

from __future__ import annotations

import sys
import types
from traceback import format_exc
from typing import TYPE_CHECKING, Any

import attrs
import pluggy

from splicecore import __version__
from splicecore.errors import ConfigError, PluginError, PluginLoadError, PluginNotFoundError
from splicecore.plugins import builtin, hookspecs
from splicecore.plugins.catalog import KINDS, Catalog
from splicecore.plugins.discovery import (
    Candidate,
    RemovedHookError,
    check_hooks,
    deprecated_parts,
    extra_candidates,
    installed_candidates,
    nearest,
    one_line,
    remedy,
    unmet,
    upgrade,
)
from splicecore.plugins.observers import Observers
from splicecore.plugins.opening import open_checked
from splicecore.plugins.records import PluginRecord, PluginSettings, PluginState
from splicecore.resources.search import search

if TYPE_CHECKING:
    from splicecore.plugins.protocols import BaseModel
    from splicecore.plugins.specs import (
        BaseModelSpec,
        ExecutorSpec,
        FeatureSetSpec,
        MetaModelSpec,
        OpenRequest,
        ResourceFinderSpec,
        ResourceLocation,
        ResourceRequest,
        UncertaintySpec,
    )

__all__ = ["PluginHost", "PluginRecord", "PluginSettings", "PluginState"]

CORE = "core"
"""Name of the built-in plugin."""

WRAPPABLE = frozenset({"splicecore_open_base_model"})


class PluginHost:
    """Plugins that are loaded, and what they provide.

    ``PluginHost()`` has only the core's own plugin; :meth:`discover` adds the installed ones.

    Attributes
    ----------
    settings
        What the host was made with and the modules registered since; ``PluginHost.discover(host.settings)`` makes the
        same host in another process.
    """

    def __init__(self, settings: PluginSettings | None = None) -> None:
        self.settings = PluginSettings() if settings is None else settings
        self._pm = pluggy.PluginManager(hookspecs.PROJECT)
        self._pm.add_hookspecs(hookspecs)
        self._catalog = Catalog()
        self._records: list[PluginRecord] = []
        self._loaded: dict[str, object] = {}
        self._causes: dict[PluginRecord, BaseException] = {}
        self._observers = Observers(self._pm, self._loaded)
        self._register(builtin, _record_of_core())
        self._catalog.reserve()

    @classmethod
    def discover(cls, settings: PluginSettings | None = None) -> PluginHost:
        """Make a host with the plugins that are installed.

        Parameters
        ----------
        settings
            Which plugins to load; by default what the environment says.

        Raises
        ------
        PluginLoadError
            If ``settings.strict`` and a plugin cannot be loaded; otherwise see :meth:`problems`.
        ConfigError
            If the settings disable the core's own plugin.
        """
        host = cls(PluginSettings.from_environment() if settings is None else settings)
        if CORE in host.settings.disable:
            raise ConfigError(f"the built-in plugin {CORE!r} cannot be disabled")
        for candidate in installed_candidates():
            host._add(host._judged(candidate, allowed=host.settings.load))
        for candidate in extra_candidates(host.settings.extra):
            if not host._pm.is_registered(sys.modules.get(candidate.record.name)):
                host._add(host._judged(candidate, allowed=None))
        faults = host._faults()
        if host.settings.strict and faults:
            raise PluginLoadError("; ".join(faults), hint="plugins are strict: mend, remove or disable them")
        return host

    def register(self, plugin: object, name: str | None = None) -> PluginRecord:
        """Load a plugin that is at hand: a module, or an object whose methods are the hooks.

        A module is added to ``settings.extra`` and so reaches worker processes; an object stays in this process.

        Raises
        ------
        PluginLoadError
            If its name is taken, or a hook or a descriptor of it is faulty; nothing of it is registered then.
        """
        name = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        record = PluginRecord(name=name, entry_point=name, state=PluginState.LOADED)
        if name in self._loaded:
            raise PluginLoadError(f"a plugin {name!r} is loaded already")
        try:
            record = self._register(plugin, record)
        except Exception as error:
            raise PluginLoadError(f"plugin {name!r} cannot be registered: {one_line(error)}") from error
        if isinstance(plugin, types.ModuleType):
            self.settings = attrs.evolve(self.settings, extra=(*self.settings.extra, plugin.__name__))
        return record

    # ---------------------------------------------------------------------------------------------------- what there is

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """Every plugin that was found, the built-in one first."""
        return tuple(self._records)

    def problems(self) -> list[str]:
        """Return one line for each plugin that should be loaded and is not, and each name that two plugins claim.

        Last come the plugins that are loaded but use what a later version of splicecore will not have.
        """
        return self._faults() + [line for record in self._records for line in record.notices()]

    def _faults(self) -> list[str]:
        bad = {PluginState.FAILED, PluginState.INCOMPATIBLE, PluginState.SHADOWED}
        known = {record.name for record in self._records}
        lines = [record.problem() for record in self._records if record.state in bad]
        lines += self._catalog.conflicts()
        for name in sorted({*self.settings.disable, *(self.settings.load or ())} - known):
            guess = nearest(name, known)
            lines.append(f"the settings name plugin {name!r}, which is not installed" + _did_you_mean(guess))
        return lines

    def base_models(self) -> dict[str, BaseModelSpec]:
        """Return the base models by name."""
        return self._catalog.specs("base_models")

    def executors(self) -> dict[str, ExecutorSpec]:
        """Return the executors by name."""
        return self._catalog.specs("executors")

    def feature_sets(self) -> dict[str, FeatureSetSpec]:
        """Return the feature sets by name."""
        return self._catalog.specs("feature_sets")

    def meta_models(self) -> dict[str, MetaModelSpec]:
        """Return the meta-models by name."""
        return self._catalog.specs("meta_models")

    def resource_finders(self) -> dict[str, ResourceFinderSpec]:
        """Return the resource finders by name, in the order in which they are asked: by (priority, name)."""
        return self._catalog.specs("resource_finders")

    def uncertainty_strategies(self) -> dict[str, UncertaintySpec]:
        """Return the uncertainty strategies by name."""
        return self._catalog.specs("uncertainty_strategies")

    # ------------------------------------------------------------------------------------------------- asking for one

    def base_model(self, name: str) -> BaseModelSpec:
        """Return a base model's descriptor; errors as :meth:`provider`."""
        return self._one("base_models", name)  # type: ignore[no-any-return]

    def executor(self, name: str) -> ExecutorSpec:
        """Return an executor's descriptor; errors as :meth:`provider`."""
        return self._one("executors", name)  # type: ignore[no-any-return]

    def feature_set(self, name: str) -> FeatureSetSpec:
        """Return a feature set's descriptor; errors as :meth:`provider`."""
        return self._one("feature_sets", name)  # type: ignore[no-any-return]

    def meta_model(self, name: str) -> MetaModelSpec:
        """Return a meta-model's descriptor; errors as :meth:`provider`."""
        return self._one("meta_models", name)  # type: ignore[no-any-return]

    def uncertainty_strategy(self, name: str) -> UncertaintySpec:
        """Return an uncertainty strategy's descriptor; errors as :meth:`provider`."""
        return self._one("uncertainty_strategies", name)  # type: ignore[no-any-return]

    def provider(self, kind: str, name: str) -> PluginRecord:
        """Return the record of the plugin that provides a descriptor.

        Parameters
        ----------
        kind
            ``"base_models"``, ``"executors"``, ``"feature_sets"``, ``"meta_models"``, ``"resource_finders"`` or
            ``"uncertainty_strategies"``.
        name
            The descriptor's name.

        Raises
        ------
        PluginNotFoundError
            If no plugin provides it; lists the names that there are.
        PluginLoadError
            If the plugin of that name was found but not loaded; says why, with the original exception as its cause.
        PluginError
            If more than one plugin provides it.
        """
        self._one(kind, name)
        return self._catalog.providers(kind, name)[0]

    def _one(self, kind: str, name: str) -> Any:
        specs, noun = self._catalog.specs(kind), KINDS[kind].noun
        if name in specs:
            return specs[name]
        providers = self._catalog.providers(kind, name)
        if providers:
            who = " and ".join(record.title for record in providers)
            raise PluginError(f"{noun} {name!r} is provided by {who}", hint="disable one of them with --disable-plugin")
        missing = [record for record in self._records if record.state is not PluginState.LOADED]
        for record in missing:
            if record.may_provide(name):
                more = f"splicecore plugins show {record.name}{' --traceback' if record.traceback else ''}"
                error = PluginLoadError(
                    f"{noun} {name!r} is not available: {record.title} is {record.state}: {record.error}",
                    hint=record.remedy or more,
                )
                raise error from self._causes.get(record)
        installed = f"installed: {', '.join(specs)}" if specs else f"no {noun} is installed"
        left_out = f"; not loaded: {', '.join(record.name for record in missing)}" if missing else ""
        guess = nearest(name, specs)
        raise PluginNotFoundError(
            f"there is no {noun} {name!r}; {installed}{left_out}",
            hint=f"did you mean {guess}?" if guess else "splicecore plugins list shows the installed plugins",
        )

    # ------------------------------------------------------------------------------------------------------ at work

    def find_resource(self, request: ResourceRequest) -> ResourceLocation:
        """Find a resource: ask the finders of its kind by rising priority until one has it.

        Raises
        ------
        ResourceNotFoundError
            If nobody has it; lists every place that was searched. Also if a place that the user chose lacks files.
        """
        return search(request, self.resource_finders().values())

    def open_base_model(self, spec: BaseModelSpec, request: OpenRequest) -> BaseModel:
        """Open a base model through the hook, so that plugins may replace or wrap it.

        Raises
        ------
        ConfigError
            If the model has no such engine.
        MissingDependencyError
            If a package that the model needs is not installed; the import error is its cause.
        ContractError
            If what was opened is not a base model.
        PluginError
            If the model's factory raises anything else than an error of splicecore; that is its cause.
        """
        if request.interpreter is not None:
            return self.open_named(spec.name, request)
        providers = self._catalog.providers("base_models", spec.name)
        return open_checked(self._pm.hook.splicecore_open_base_model, spec, request, providers)

    def open_named(self, name: str, request: OpenRequest) -> BaseModel:
        """Open a base model by its name; one with ``request.interpreter`` need not be installed here.

        Its hooks are called there, and none of the plugins that are loaded here. Errors as :meth:`open_base_model`.
        """
        if request.interpreter is None:
            return self.open_base_model(self.base_model(name), request)
        from splicecore.isolation.client import open_isolated

        return open_isolated(name, request, self.settings)

    def notify(self, hook: str, **facts: Any) -> int:
        """Tell the observers of a hook something, one plugin at a time; each gets its own copy of the facts.

        Returns
        -------
        Number of plugins that failed this time. A failure is never raised; the first of each plugin is logged.
        """
        return self._observers.notify(hook, facts)

    @property
    def observer_failures(self) -> dict[str, int]:
        """How often the observers of each plugin failed; plugins without a failure are left out."""
        return dict(self._observers.failures)

    # ------------------------------------------------------------------------------------------------------ loading

    def _judged(self, candidate: Candidate, allowed: tuple[str, ...] | None) -> Candidate:
        """Return a candidate with the state and error that speak against importing it, if any do."""
        record = candidate.record
        shadow = next((other for other in self._records if other.name == record.name), None)
        state, what_to_do = PluginState.DISABLED, None
        if record.name in self.settings.disable:
            cause: str | None = "disabled by --disable-plugin, SPLICECORE_DISABLE_PLUGINS or the configuration"
        elif allowed is not None and record.name not in allowed:
            cause = "not among the only plugins to load (SPLICECORE_LOAD_PLUGINS or --no-plugins)"
        elif shadow is not None:
            state, cause = PluginState.SHADOWED, f"{shadow.title} has the same name and comes first"
            what_to_do = f"pip uninstall {record.distribution}, or the other" if record.distribution else None
        elif record.state is not PluginState.LOADED:
            return candidate
        else:
            state, cause = PluginState.INCOMPATIBLE, unmet(record)
            what_to_do = None if cause is None else remedy(record)
        if cause is None:
            return candidate
        return attrs.evolve(candidate, record=attrs.evolve(record, state=state, error=cause, remedy=what_to_do))

    def _add(self, candidate: Candidate) -> None:
        record = candidate.record
        if record.state is not PluginState.LOADED:
            self._records.append(record)
            return
        try:
            self._register(candidate.load(), record)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken plugin must not stop the others
            what_to_do = upgrade(record.distribution) if isinstance(error, RemovedHookError) else None
            record = attrs.evolve(record, state=PluginState.FAILED, error=one_line(error), traceback=format_exc())
            record = attrs.evolve(record, remedy=what_to_do)
            self._causes[record] = error
            self._records.append(record)

    def _register(self, plugin: object, record: PluginRecord) -> PluginRecord:
        """Check a plugin, register it and take up its descriptors: all of it or nothing."""
        if self._pm.is_registered(plugin):
            raise PluginError(f"it is loaded already, as plugin {self._pm.get_name(plugin)!r}")
        hooks = check_hooks(self._pm, plugin, WRAPPABLE)
        try:
            self._pm.register(plugin, name=record.name)
            found = self._catalog.read(self._pm, plugin)
        except BaseException:
            if self._pm.is_registered(plugin):
                self._pm.unregister(plugin)
            raise
        names = {kind: tuple(spec.name for spec in specs) for kind, specs in found.items()}
        record = attrs.evolve(record, provides={"hooks": hooks, **names}, deprecated=deprecated_parts(self._pm, plugin))
        self._catalog.add(record, found)
        self._records.append(record)
        self._loaded[record.name] = plugin
        return record


def _record_of_core() -> PluginRecord:
    return PluginRecord(
        name=CORE,
        distribution="splicecore",
        version=__version__,
        entry_point=builtin.__name__,
        state=PluginState.LOADED,
    )


def _did_you_mean(guess: str | None) -> str:
    return "" if guess is None else f"; did you mean {guess!r}?"
