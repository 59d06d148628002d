"""Conformance suites: what every plugin must do, as pytest classes to inherit from and as plain functions.

:class:`BaseModelConformance` and :class:`MetaModelConformance` are imported when they are first asked for, because they
need pytest; the checks themselves (:mod:`splicecore.testing.conformance.checks` and
:mod:`splicecore.testing.conformance.meta_checks`) do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splicecore.testing.conformance.base_model import BaseModelConformance
    from splicecore.testing.conformance.meta_model import MetaModelConformance

__all__ = ["BaseModelConformance", "MetaModelConformance"]


def __getattr__(name: str) -> Any:
    if name == "BaseModelConformance":
        from splicecore.testing.conformance.base_model import BaseModelConformance

        return BaseModelConformance
    if name == "MetaModelConformance":
        from splicecore.testing.conformance.meta_model import MetaModelConformance

        return MetaModelConformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
