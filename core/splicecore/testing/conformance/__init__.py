"""Conformance suites: what every plugin must do, as pytest classes to inherit from and as plain functions.

:class:`BaseModelConformance`, :class:`MetaModelConformance` and :class:`UncertaintyConformance` are imported when they
are first asked for, because they need pytest; the checks themselves (:mod:`splicecore.testing.conformance.checks`,
:mod:`splicecore.testing.conformance.meta_checks` and :mod:`splicecore.testing.conformance.uncertainty_checks`) do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splicecore.testing.conformance.base_model import BaseModelConformance
    from splicecore.testing.conformance.meta_model import MetaModelConformance
    from splicecore.testing.conformance.uncertainty import UncertaintyConformance

__all__ = ["BaseModelConformance", "MetaModelConformance", "UncertaintyConformance"]


def __getattr__(name: str) -> Any:
    if name == "BaseModelConformance":
        from splicecore.testing.conformance.base_model import BaseModelConformance

        return BaseModelConformance
    if name == "MetaModelConformance":
        from splicecore.testing.conformance.meta_model import MetaModelConformance

        return MetaModelConformance
    if name == "UncertaintyConformance":
        from splicecore.testing.conformance.uncertainty import UncertaintyConformance

        return UncertaintyConformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
