"""Open a base model through the hook and check what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from splicecore.errors import ConfigError, ContractError, MissingDependencyError, PluginError, SplicecoreError
from splicecore.plugins.discovery import one_line
from splicecore.plugins.specs import BaseModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from splicecore.plugins.protocols import BaseModel
    from splicecore.plugins.records import PluginRecord
    from splicecore.plugins.specs import OpenRequest

__all__ = ["open_checked"]


def open_checked(
    hook: Callable[..., Any], spec: BaseModelSpec, request: OpenRequest, providers: Sequence[PluginRecord]
) -> BaseModel:
    """Call the first-result hook ``splicecore_open_base_model``; see :meth:`PluginHost.open_base_model`."""
    who = f"base model {spec.name!r}" + (f" of {providers[0].title}" if providers else "")
    if request.engine is not None and request.engine not in spec.engines:
        raise ConfigError(f"{who} has no engine {request.engine!r}", hint=f"choose one of: {', '.join(spec.engines)}")
    try:
        model = hook(spec=spec, request=request)
        _check(model, who)
    except SplicecoreError:
        raise
    except ImportError as error:
        raise MissingDependencyError(
            f"{who} cannot be opened: {one_line(error)}", hint="install what the plugin's README names"
        ) from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"{who} cannot be opened: {one_line(error)}") from error
    return model  # type: ignore[no-any-return]


def _check(model: Any, who: str) -> None:
    if model is None:
        raise ContractError(f"{who} was opened by nobody: its factory, or a plugin in between, returned None")
    wanted = ("spec", "fingerprint", "predict", "close", "__enter__", "__exit__")
    missing = [name for name in wanted if not hasattr(model, name)]
    if missing:
        raise ContractError(f"{who} was opened as {type(model).__name__}, which lacks {', '.join(missing)}")
    if not isinstance(model.spec, BaseModelSpec):
        raise ContractError(f"{who} was opened with a spec that is {type(model.spec).__name__}, not BaseModelSpec")
    if not isinstance(model.fingerprint, str) or not model.fingerprint:
        raise ContractError(f"{who} has the fingerprint {model.fingerprint!r}; it must be a string that is not empty")
    for name in ("predict", "close"):
        if not callable(getattr(model, name)):
            raise ContractError(f"{who} was opened as {type(model).__name__}, whose {name} cannot be called")
