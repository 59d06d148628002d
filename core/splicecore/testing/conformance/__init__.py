"""Conformance suites: what every plugin must do, as pytest classes to inherit from and as plain functions.

The classes (:class:`BaseModelConformance` and those of the other kinds of plugins) are imported when they are first
asked for, because they need pytest; the checks themselves and :func:`check_plugin`, which is what ``splicecore plugins
check`` calls, do not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splicecore.testing.conformance.base_model import BaseModelConformance
    from splicecore.testing.conformance.executor import ExecutorConformance
    from splicecore.testing.conformance.feature_set import FeatureSetConformance
    from splicecore.testing.conformance.meta_model import MetaModelConformance
    from splicecore.testing.conformance.packaging import PackagingConformance
    from splicecore.testing.conformance.report import ConformanceReport, check_plugin
    from splicecore.testing.conformance.uncertainty import UncertaintyConformance

__all__ = [
    "BaseModelConformance",
    "ConformanceReport",
    "ExecutorConformance",
    "FeatureSetConformance",
    "MetaModelConformance",
    "PackagingConformance",
    "UncertaintyConformance",
    "check_plugin",
]

_MODULES = {
    "BaseModelConformance": "base_model",
    "ConformanceReport": "report",
    "ExecutorConformance": "executor",
    "FeatureSetConformance": "feature_set",
    "MetaModelConformance": "meta_model",
    "PackagingConformance": "packaging",
    "UncertaintyConformance": "uncertainty",
    "check_plugin": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
