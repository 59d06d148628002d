"""Where an installed ``spliceai`` distribution keeps its weights."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from splicecore.api import ResourceLocation, ResourceRequest

__all__ = ["REMEDY", "find_installed"]

REMEDY = (
    'pip install "splicecore-spliceai[weights]", or give the folder of spliceai1.h5 to spliceai5.h5 with --models-dir'
)


class _InstalledFinder:
    """Finds the weights among the files of the distribution ``spliceai``, which is never imported."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the folder of the weights, or None if this is not what was asked for or it is not installed."""
        if request.kind != "weights" or request.name != "spliceai":
            return None
        try:
            distribution = importlib.metadata.distribution("spliceai")
        except importlib.metadata.PackageNotFoundError:
            return None
        folder = Path(str(distribution.locate_file("spliceai/models")))
        if not all(any(folder.glob(pattern)) for pattern in request.files):
            return None
        return ResourceLocation(path=str(folder), provenance=f"installed distribution spliceai {distribution.version}")

    def describe(self, request: ResourceRequest) -> str:  # noqa: ARG002  (the interface of finders)
        """Say where the finder looks."""
        return 'the installed distribution spliceai (pip install "splicecore-spliceai[weights]")'


find_installed = _InstalledFinder()
"""Finder of the weights that an installed ``spliceai`` distribution carries."""
