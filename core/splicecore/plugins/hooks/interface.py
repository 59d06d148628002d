"""The interface that all hooks belong to: its name, its version and the marks of its functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from splicecore.deprecation import Deprecation

__all__ = ["API_VERSION", "ENTRY_POINT_GROUP", "PROJECT", "REMOVED_HOOKS", "hookimpl", "hookspec"]

PROJECT = "splicecore"
"""Name of the hook project; every hook's name begins with it."""

ENTRY_POINT_GROUP = "splicecore.plugins.v1"
"""Entry-point group that plugins are found in; its number is the major version of the hook interface."""

API_VERSION: tuple[int, int] = (1, 0)
"""Version of the hook interface: a minor version only adds hooks, optional arguments and descriptor fields."""

REMOVED_HOOKS: dict[str, Deprecation] = {}
"""Hooks that are gone, by name; for two minor releases before, ``@hookspec(warn_on_impl=...)`` held the warning."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as the implementation of the hook of that name."""
