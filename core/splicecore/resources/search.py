"""Ask resource finders in turn, and say where was searched if nobody has the resource."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from splicecore.errors import ContractError, ResourceError, ResourceNotFoundError
from splicecore.plugins.specs import ResourceFinderSpec, ResourceLocation, ResourceRequest, load_object
from splicecore.resources.commands import derive_command, import_command, variable_name
from splicecore.resources.finders import default_data_root
from splicecore.resources.keys import DERIVED_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ask_finders", "search"]

_log = logging.getLogger(__name__)


def search(request: ResourceRequest, finders: Iterable[ResourceFinderSpec]) -> ResourceLocation:
    """Return the first location that a finder of the request's kind answers with.

    A finder that raises an error which is not about the resource is reported, and the next one is asked.

    Raises
    ------
    ResourceNotFoundError
        If none answers; the message lists every place that was searched.
    """
    location, searched = ask_finders(request, finders)
    if location is not None:
        return location
    files = f" ({', '.join(request.files).replace('|', ' or ')})" if request.files else ""
    whose = repr(request.name) if request.source is None else request.name
    raise ResourceNotFoundError(
        f"{request.kind} of {whose}{files} not found; searched: {'; '.join(searched) or 'nowhere'}",
        hint=_hint(request),
    )


def ask_finders(
    request: ResourceRequest, finders: Iterable[ResourceFinderSpec]
) -> tuple[ResourceLocation | None, list[str]]:
    """Ask the finders of the request's kind in turn.

    Returns
    -------
    The first location that one answers with, or None; and the places that were searched before, in words.

    Raises
    ------
    ResourceError
        If a place that the user chose does not have it, or a finder says that it is damaged or ambiguous.
    """
    searched: list[str] = []
    for finder in finders:
        if not finder.serves(request):
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
            return location, searched
        searched.append(place)
    return None, searched


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
    if request.source is None or request.build is None:
        return f"no installed plugin finds resources of kind {request.kind!r}"
    elsewhere = request.data_root if request.data_root != str(default_data_root()) else None
    key = request.source, request.build, request.release, elsewhere
    if request.kind in DERIVED_KINDS:
        return derive_command(*key)
    if request.kind in ("fasta", "annotation"):
        return f"{import_command(*key)}, or set {variable_name(request.kind)}"
    if request.kind == "fasta_index":
        return "samtools faidx FASTA makes it, and so does opening the FASTA in a folder that can be written"
    return f"set {variable_name(request.kind)}, or see the README of the plugin that adds this kind"
