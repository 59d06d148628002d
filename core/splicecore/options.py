"""Keywords of the Python interface as the values of configurations: paths become text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from splicecore.config import PassConfig, structure

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["given_config", "given_options", "pass_config", "plain"]

_Config = TypeVar("_Config", bound=PassConfig)
_Any = TypeVar("_Any", bound=attrs.AttrsInstance)


def pass_config(config: _Config | None, cls: type[_Config], options: dict[str, Any]) -> _Config:
    """Return a configuration with options in the place of its own fields, or, without one, of the options alone."""
    if config is None:
        return structure({key: plain(value) for key, value in options.items()}, cls, where="options")
    return attrs.evolve(config, **options)


def given_config(config: _Any | None, cls: type[_Any], options: Mapping[str, Any]) -> _Any:
    """Return a configuration with the options that are given in the place of its own fields, or of these alone.

    Raises
    ------
    ConfigError
        For an unknown option or a value that makes no sense.
    """
    given = given_options(options)
    if config is None:
        return structure(given, cls, where="options")
    own = {field.name: getattr(config, field.name) for field in attrs.fields(cls)}
    return structure({**own, **given}, cls, where="options") if given else config


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are given: those that are not None, paths as text."""
    return {name: plain(value) for name, value in options.items() if value is not None}


def plain(value: Any) -> Any:
    """Return an option as configurations hold it: paths as text, lists as tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return os.fspath(value) if isinstance(value, os.PathLike) else value
