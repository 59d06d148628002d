"""Conformance suites: what every plugin must do, as pytest classes to inherit from and as plain functions.

:class:`BaseModelConformance` is imported when it is first asked for, because it needs pytest; the checks themselves
(:mod:`splicecore.testing.conformance.checks`) do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splicecore.testing.conformance.base_model import BaseModelConformance

__all__ = ["BaseModelConformance"]


def __getattr__(name: str) -> Any:
    if name == "BaseModelConformance":
        from splicecore.testing.conformance.base_model import BaseModelConformance

        return BaseModelConformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
