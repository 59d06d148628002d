"""Hooks that find what a user did not point at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.plugins.hooks.interface import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from splicecore.plugins.specs import ResourceFinderSpec

__all__ = ["splicecore_resource_finders"]


@hookspec
def splicecore_resource_finders() -> Iterable[ResourceFinderSpec]:
    """Yield ways to find a resource (weights, or a genomic resource) that a user did not point at.

    A finder is called with a :class:`~splicecore.api.ResourceRequest` and returns a
    :class:`~splicecore.api.ResourceLocation`, or None where it has nothing; finders are asked by rising priority. A
    finder that raises ``ResourceNotFoundError`` ends the search. One that has a method ``describe(request) -> str``
    is quoted with it when nobody finds the resource.

    The genomic kinds are ``fasta``, ``fasta_index``, ``annotation`` and the datasets derived of them
    (``splice_sites``, ``gene_features``, ...); their requests have ``source``, ``build`` and ``release``. A finder
    with a new kind among its ``kinds`` adds that kind to the registry, where users find it too by the variable
    ``SPLICECORE_<KIND>_PATH`` and as ``<kind>`` or ``<kind>.*`` in the folder of the data root. The path of a location
    must exist; a finder may not write into the data root.

    Examples
    --------
    .. code-block:: python

        # lab_share.py
        import os
        from pathlib import Path

        from splicecore.api import ResourceFinderSpec, ResourceLocation, hookimpl


        @hookimpl
        def splicecore_resource_finders():
            yield ResourceFinderSpec(name="lab-share", factory="lab_share:find", kinds=("weights",))


        def find(request):
            share = os.environ.get("LAB_SHARE")
            if not share:
                return None
            folder = Path(share) / request.name
            if not all(any(folder.glob(pattern)) for pattern in request.files):
                return None
            return ResourceLocation(path=str(folder), provenance=f"LAB_SHARE={share}")
    """
    return ()
