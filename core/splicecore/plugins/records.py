"""Facts about plugins: which ones may be loaded, and what became of each one found. All of it is JSON-able."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PluginRecord", "PluginSettings", "PluginState"]

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


class PluginState(StrEnum):
    """What became of a plugin."""

    LOADED = "LOADED"
    """Its hooks are registered."""
    DISABLED = "DISABLED"
    """Not imported, because the user said so."""
    INCOMPATIBLE = "INCOMPATIBLE"
    """Not imported, because its distribution requires another version of splicecore."""
    FAILED = "FAILED"
    """Its import, one of its hooks or one of its descriptors is faulty; nothing of it is registered."""
    SHADOWED = "SHADOWED"
    """Not imported, because a plugin of the same name came first."""


def _names(value: str | None) -> tuple[str, ...]:
    return tuple(name for part in (value or "").split(",") if (name := part.strip()))


def _tuple(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _tuple_or_none(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


@attrs.frozen(kw_only=True)
class PluginSettings:
    """Which plugins the host loads. Names are those of entry points.

    Attributes
    ----------
    disable
        Plugins that are not loaded.
    load
        The only installed plugins that may be loaded; the empty tuple loads none, None any.
    extra
        Modules that are loaded as plugins without an entry point, under their own name, whatever ``load`` says. They
        come after the installed ones: for embedding tools, tests and worker processes.
    strict
        Whether a plugin that cannot be loaded is an error even where nothing needs it.
    """

    disable: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    load: tuple[str, ...] | None = attrs.field(default=None, converter=_tuple_or_none)
    extra: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    strict: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> PluginSettings:
        """Read ``SPLICECORE_DISABLE_PLUGINS``, ``SPLICECORE_LOAD_PLUGINS`` and ``SPLICECORE_STRICT_PLUGINS``.

        Parameters
        ----------
        environ
            The variables; those of the process by default. Names are separated by commas. ``SPLICECORE_LOAD_PLUGINS``
            that is set but empty loads no installed plugin.

        Raises
        ------
        ConfigError
            If ``SPLICECORE_STRICT_PLUGINS`` is neither true nor false.
        """
        environ = os.environ if environ is None else environ
        strict = environ.get("SPLICECORE_STRICT_PLUGINS", "").strip().lower()
        if strict not in _TRUE | _FALSE:
            raise ConfigError(f"SPLICECORE_STRICT_PLUGINS is {strict!r}", hint="set it to 1 or 0")
        load = environ.get("SPLICECORE_LOAD_PLUGINS")
        return cls(
            disable=_names(environ.get("SPLICECORE_DISABLE_PLUGINS")),
            load=None if load is None else _names(load),
            strict=strict in _TRUE,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON-able values; ``PluginSettings(**values)`` reads them back."""
        return {
            "disable": list(self.disable),
            "load": None if self.load is None else list(self.load),
            "extra": list(self.extra),
            "strict": self.strict,
        }


@attrs.frozen(kw_only=True)
class PluginRecord:
    """One plugin that was found.

    Attributes
    ----------
    name
        Name of its entry point, or of its module where it has none.
    distribution, version
        Where it is installed from; None for a plugin without a distribution.
    entry_point
        What the entry point names, ``"module"`` or ``"module:object"``.
    requires
        What its distribution requires of splicecore, as in ``"splicecore<2,>=1.2"``.
    state
        What became of it.
    provides
        Names of its descriptors by kind (``base_models``, ``executors``, ...), and under ``hooks`` the hooks that it
        implements. Empty unless it is loaded.
    error
        Why it is not loaded, in one line; None if it is.
    traceback
        Of the exception behind ``error``, if there was one.
    remedy
        What to do about ``error``, where that is known.
    deprecated
        What it uses that a later version of splicecore will not have, a line each.
    """

    name: str
    entry_point: str
    state: PluginState
    distribution: str | None = None
    version: str | None = None
    requires: tuple[str, ...] = ()
    provides: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict, hash=False)
    error: str | None = None
    traceback: str | None = None
    remedy: str | None = None
    deprecated: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name, distribution and version, as messages write them."""
        origin = " ".join(part for part in (self.distribution, self.version) if part)
        return f"plugin {self.name!r} ({origin or self.entry_point})"

    def may_provide(self, name: str) -> bool:
        """Whether the plugin, not loaded, likely provides ``name``: its own name, or one that begins with it."""
        plugin, wanted = self.name.lower().replace("_", "-"), name.lower().replace("_", "-")
        return plugin == wanted or wanted.startswith((f"{plugin}-", f"{plugin}."))

    def problem(self) -> str:
        """Say in one line why the plugin was not loaded and what to do."""
        remedy = self.remedy or (f"splicecore plugins show {self.name} --traceback" if self.traceback else None)
        return f"{self.title} not loaded: {self.error}" + (f" ({remedy})" if remedy else "")

    def notices(self) -> list[str]:
        """Say in one line each what the plugin uses that will go away, and what to do."""
        update = f" (pip install --upgrade {self.distribution})" if self.distribution else ""
        return [f"{self.title} will stop working: {line}{update}" for line in self.deprecated]

    def to_json(self, *, traceback: bool = False) -> dict[str, Any]:
        """Return the record as JSON-able values, with the traceback only where asked for."""
        values = {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "entry_point": self.entry_point,
            "requires": list(self.requires),
            "state": self.state.value,
            "provides": {kind: list(names) for kind, names in self.provides.items()},
            "error": self.error,
            "remedy": self.remedy,
            "deprecated": list(self.deprecated),
        }
        return {**values, "traceback": self.traceback} if traceback else values
