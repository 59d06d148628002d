"""Ask resource finders in turn, and say where was searched if nobody has the resource."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from splicecore.errors import ContractError, ResourceError, ResourceNotFoundError
from splicecore.plugins.specs import ResourceFinderSpec, ResourceLocation, ResourceRequest, load_object

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["search"]

_log = logging.getLogger(__name__)


def search(request: ResourceRequest, finders: Iterable[ResourceFinderSpec]) -> ResourceLocation:
    """Return the first location that a finder of the request's kind answers with.

    A finder that raises an error which is not about the resource is reported, and the next one is asked.

    Raises
    ------
    ResourceNotFoundError
        If none answers; the message lists every place that was searched.
    """
    searched = []
    for finder in finders:
        if request.kind not in finder.kinds:
            continue
        try:
            location = _ask(finder, request)
            place = _describe(finder, request) if location is None else ""
        except ResourceError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one broken finder must not hide the others
            _log.warning("resource finder %r failed: %s: %s", finder.name, type(error).__name__, error)
            location, place = None, f"{finder.name} (failed: {type(error).__name__}: {error})"
        if location is not None:
            return location
        searched.append(place)
    files = f" ({', '.join(request.files).replace('|', ' or ')})" if request.files else ""
    raise ResourceNotFoundError(
        f"{request.kind} of {request.name!r}{files} not found; searched: {'; '.join(searched) or 'nowhere'}",
        hint=_hint(request),
    )


def _ask(finder: ResourceFinderSpec, request: ResourceRequest) -> ResourceLocation | None:
    location = load_object(finder.factory)(request)
    if location is not None and not isinstance(location, ResourceLocation):
        raise ContractError(f"it returned {type(location).__name__}, not ResourceLocation or None")
    return location


def _describe(finder: ResourceFinderSpec, request: ResourceRequest) -> str:
    describe = getattr(load_object(finder.factory), "describe", None)
    return finder.name if describe is None else str(describe(request))


def _hint(request: ResourceRequest) -> str:
    if request.kind == "weights":
        return "name their folder by --models-dir or SPLICECORE_MODELS, or see the plugin's README for how to get them"
    return f"no installed plugin finds resources of kind {request.kind!r}"
