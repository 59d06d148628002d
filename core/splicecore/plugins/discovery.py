"""Find plugins and check them, without letting one of them do harm: nothing here registers anything."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Callable
from importlib import metadata
from traceback import format_exc
from typing import TYPE_CHECKING, Any

import attrs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from splicecore import __version__
from splicecore.errors import ContractError
from splicecore.plugins.hookspecs import API_VERSION, ENTRY_POINT_GROUP, PROJECT, REMOVED_HOOKS
from splicecore.plugins.records import PluginRecord, PluginState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pluggy

__all__ = [
    "Candidate",
    "RemovedHookError",
    "check_hooks",
    "deprecated_parts",
    "extra_candidates",
    "installed_candidates",
    "nearest",
    "one_line",
    "remedy",
    "unmet",
    "upgrade",
]

_GROUPS = ENTRY_POINT_GROUP.rstrip("0123456789")
_NAME_OF_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")
_LONGEST_LINE = 300


class RemovedHookError(ContractError):
    """A plugin implements a hook that splicecore no longer has."""


@attrs.frozen(kw_only=True)
class Candidate:
    """A plugin that was found but not imported: its record so far, and how to import it.

    The record's state is LOADED if nothing speaks against that yet.
    """

    record: PluginRecord
    load: Callable[[], object]


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its class and its message, shortened."""
    text = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        text = f"tried to end the process (exit status {error.code!r})"
    elif isinstance(error, ContractError):
        return text
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def nearest(wanted: str, names: Iterable[str]) -> str | None:
    """Return the name that ``wanted`` is most likely a misspelling of, or None."""
    close = difflib.get_close_matches(wanted, sorted(names), n=1, cutoff=0.6)
    return close[0] if close else None


def _record(entry: metadata.EntryPoint, distribution: metadata.Distribution) -> PluginRecord:
    record = PluginRecord(
        name=entry.name,
        entry_point=entry.value,
        state=PluginState.LOADED,
        distribution=distribution.name,
        version=distribution.version,
        requires=_core_requirements(distribution.requires or ()),
    )
    if entry.group == ENTRY_POINT_GROUP:
        return record
    interface = entry.group.removeprefix(_GROUPS)
    return attrs.evolve(
        record,
        state=PluginState.INCOMPATIBLE,
        error=f"made for plugin interface {interface}, splicecore {__version__} has {API_VERSION[0]}",
        remedy=upgrade(PROJECT if int(interface) > API_VERSION[0] else distribution.name),
    )


def upgrade(distribution: str | None) -> str:
    """Say how a distribution is upgraded."""
    return f"pip install --upgrade {distribution}" if distribution else "install a newer version of it"


def _core_requirements(lines: Iterable[str]) -> tuple[str, ...]:
    found = []
    for line in lines:
        name = _NAME_OF_REQUIREMENT.match(line)
        if name is not None and canonicalize_name(name.group(1)) == PROJECT:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                found.append(f"{PROJECT}{requirement.specifier}")
    return tuple(found)


def _plugins_of(distribution: metadata.Distribution) -> list[Candidate]:
    if _GROUPS not in (distribution.read_text("entry_points.txt") or ""):
        return []
    entries = [entry for entry in distribution.entry_points if entry.group == ENTRY_POINT_GROUP]
    if not entries:
        entries = [
            entry
            for entry in distribution.entry_points
            if entry.group.startswith(_GROUPS) and entry.group.removeprefix(_GROUPS).isdecimal()
        ]
    return [Candidate(record=_record(entry, distribution), load=entry.load) for entry in entries]


def _unreadable(distribution: metadata.Distribution, error: Exception) -> Candidate:
    try:
        name = str(distribution.name)
    except Exception:  # noqa: BLE001 - its metadata may be what cannot be read
        name = "unknown"
    cause = f"the metadata of its distribution cannot be read: {one_line(error)}"
    record = PluginRecord(
        name=name, entry_point="", distribution=name, state=PluginState.FAILED, error=cause, traceback=format_exc()
    )
    return Candidate(record=record, load=lambda: None)


def installed_candidates() -> list[Candidate]:
    """Find every plugin that an installed distribution declares, sorted by (name, distribution).

    Distributions are read one at a time, so that one with unreadable metadata costs only its own plugins. Of a
    distribution that is found twice, the first on ``sys.path`` counts, as it does for imports. Plugins of another
    plugin interface come last, as INCOMPATIBLE; those that a distribution has beside ones of this are passed over.
    """
    found: dict[str, list[Candidate]] = {}
    for distribution in metadata.distributions():
        try:
            plugins = _plugins_of(distribution)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is one distribution
            plugins = [_unreadable(distribution, error)]
        if plugins:
            found.setdefault(canonicalize_name(str(plugins[0].record.distribution)), plugins)
    candidates = [candidate for plugins in found.values() for candidate in plugins]
    return sorted(candidates, key=_order)


def _order(candidate: Candidate) -> tuple[bool, str, str]:
    record = candidate.record
    return record.state is PluginState.INCOMPATIBLE, record.name, record.distribution or ""


def extra_candidates(modules: Sequence[str]) -> list[Candidate]:
    """Make candidates of modules that are plugins without an entry point."""

    def candidate(module: str) -> Candidate:
        record = PluginRecord(name=module, entry_point=module, state=PluginState.LOADED)
        return Candidate(record=record, load=lambda: importlib.import_module(module))

    return [candidate(module) for module in dict.fromkeys(modules)]


def unmet(record: PluginRecord, version: str = __version__) -> str | None:
    """Say what a plugin requires of splicecore that ``version`` is not, or None if it requires nothing else."""
    for line in record.requires:
        if not Requirement(line).specifier.contains(version, prereleases=True):
            return f"needs {line}, have {version}"
    return None


def remedy(record: PluginRecord, version: str = __version__) -> str:
    """Say what to do about a plugin with requirements that ``version`` does not meet: upgrade it, or splicecore."""
    bounds = [each for line in record.requires for each in Requirement(line).specifier]
    lower = [each.version.removesuffix(".*") for each in bounds if each.operator in {">=", ">", "~=", "=="}]
    newer = any(Version(bound) >= Version(version) for bound in lower)
    return upgrade(PROJECT if newer else record.distribution)


def deprecated_parts(pm: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """Say in one line each which hooks and arguments a registered plugin implements that will go away."""
    found = []
    for caller in pm.get_hookcallers(plugin) or ():
        if caller.spec is None:
            continue
        found += [caller.spec.warn_on_impl] if caller.spec.warn_on_impl else []
        names = {name for each in caller.get_hookimpls() if each.plugin is plugin for name in each.argnames}
        arguments = caller.spec.warn_on_impl_args or {}
        found += [arguments[name] for name in sorted(names & set(arguments))]
    return tuple(" ".join(str(warning).split()) for warning in found)


def check_hooks(pm: pluggy.PluginManager, plugin: object, wrappable: Collection[str]) -> tuple[str, ...]:
    """Check what a plugin implements; return the names of its hooks.

    Parameters
    ----------
    pm
        Manager that holds the hook specifications.
    plugin
        The imported module or object, not registered yet.
    wrappable
        Hooks that may be wrapped.

    Raises
    ------
    ContractError
        If the plugin implements no hook, one that does not exist, one with arguments that it does not have, or forgot
        to mark one; the message suggests the nearest name.
    """
    if inspect.isclass(plugin):
        raise ContractError(f"{plugin.__qualname__} is a class; the entry point has to name a module or an instance")
    callers = {name: caller for name, caller in vars(pm.hook).items() if not name.startswith("_")}
    hooks, unmarked = set(), []
    for attribute in dir(plugin):
        options = pm.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            hook = options.get("specname") or attribute
            if hook in callers and callers[hook].spec is not None:
                _check_wrapper(plugin, attribute, options, hook if hook not in wrappable else None)
                _check_arguments(hook, getattr(plugin, attribute), callers[hook].spec.argnames)
                hooks.add(hook)
            elif hook in REMOVED_HOOKS and not options.get("optionalhook"):
                raise RemovedHookError(REMOVED_HOOKS[hook].removal)
            elif not options.get("optionalhook"):
                guess = nearest(hook, callers)
                raise ContractError(f"there is no hook {hook}" + (f"; did you mean {guess}?" if guess else ""))
        elif attribute in callers and inspect.isroutine(getattr(plugin, attribute)):
            unmarked.append(attribute)
    if unmarked:
        raise ContractError(f"{', '.join(unmarked)} lacks the mark @hookimpl")
    if not hooks:
        raise ContractError("implements no hook")
    return tuple(sorted(hooks))


def _check_wrapper(plugin: object, attribute: str, options: Mapping[str, Any], forbidden: str | None) -> None:
    if options.get("wrapper") or options.get("hookwrapper"):
        if forbidden is not None:
            raise ContractError(f"{forbidden} cannot be wrapped")
        if not inspect.isgeneratorfunction(getattr(plugin, attribute)):
            raise ContractError(f"{attribute} is marked as a wrapper but does not yield")


def _check_arguments(hook: str, function: Callable[..., Any], allowed: Sequence[str]) -> None:
    for parameter in inspect.signature(function).parameters.values():
        name, has_default = parameter.name, parameter.default is not parameter.empty
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if name not in allowed and not has_default:
            takes = f"takes ({', '.join(allowed)})" if allowed else "takes no argument"
            raise ContractError(f"{hook} has an argument {name!r}, but the hook {takes}")
        if name in allowed and (has_default or parameter.kind is parameter.KEYWORD_ONLY):
            raise ContractError(f"{hook} never gets its argument {name!r}: make it positional, without a default")
