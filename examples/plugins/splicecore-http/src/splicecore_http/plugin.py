"""The hooks of splicecore-http. Light: the server is asked when the model is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import BaseModelSpec, hookimpl

from splicecore_http.config import HttpConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPEC", "splicecore_base_models"]

SPEC = BaseModelSpec(
    name="http",
    summary="A base model on another machine, over HTTP (context and outputs are those of the server's model)",
    factory="splicecore_http.model:open_model",
    left=0,
    right=0,
    engines=("http",),
    licence="that of the server's model",
    commercial_use=None,
    citation="that of the server's model",
    config_cls=HttpConfig,
)


@hookimpl
def splicecore_base_models() -> Iterator[BaseModelSpec]:
    """Yield the model behind a server."""
    yield SPEC
