"""Observers: plugins that are told how runs go on, isolated from the run and from each other."""

from __future__ import annotations

import copy
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from splicecore.plugins.catalog import call_plugin
from splicecore.plugins.discovery import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pluggy

__all__ = ["OBSERVERS", "Observers"]

OBSERVERS = frozenset({"splicecore_run_started", "splicecore_shard_finished", "splicecore_run_finished"})
"""The hooks that observe."""

_log = logging.getLogger(__name__)


class Observers:
    """The observers among the plugins of a host.

    Parameters
    ----------
    pm
        Whose hooks the plugins implement.
    plugins
        Loaded plugins by name, in the order in which they are told; it may grow.
    """

    def __init__(self, pm: pluggy.PluginManager, plugins: Mapping[str, object]) -> None:
        self._pm = pm
        self._plugins = plugins
        self.failures: Counter[str] = Counter()

    def notify(self, hook: str, facts: Mapping[str, Any]) -> int:
        """Tell the observers of a hook something; see :meth:`splicecore.plugins.host.PluginHost.notify`."""
        caller = getattr(self._pm.hook, hook)
        if hook not in OBSERVERS or set(facts) != set(caller.spec.argnames):
            raise TypeError(f"{hook}({', '.join(facts)}) is not an observer hook with its arguments")
        implementers = [implementation.plugin for implementation in caller.get_hookimpls()]
        failed = 0
        for name, plugin in self._plugins.items():
            if not any(plugin is implementer for implementer in implementers):
                continue
            try:
                call_plugin(self._pm, hook, plugin, copy.deepcopy(facts))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an observer must not stop a run
                failed += 1
                self.failures[name] += 1
                if self.failures[name] == 1:
                    _log.warning("plugin %r failed in %s: %s", name, hook, one_line(error))
                _log.debug("plugin %r failed in %s", name, hook, exc_info=True)
        return failed
