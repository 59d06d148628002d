"""Where an installed ``spliceai`` distribution keeps its weights and annotation tables."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from splicecore.api import ResourceLocation, ResourceRequest

__all__ = ["REMEDY", "find_installed"]

REMEDY = (
    'pip install "splicecore-spliceai[weights]", or give the folder of spliceai1.h5 to spliceai5.h5 with --models-dir'
)


_FOLDERS = {
    ("weights", "spliceai"): "spliceai/models",
    ("spliceai_table", "grch37"): "spliceai/annotations",
    ("spliceai_table", "grch38"): "spliceai/annotations",
}


class _InstalledFinder:
    """Finds weights and annotation tables among the files of the distribution ``spliceai``, which is never imported."""

    def __call__(self, request: ResourceRequest) -> ResourceLocation | None:
        """Return the folder of what was asked for, or None if that is something else or is not installed."""
        name = _FOLDERS.get((request.kind, request.name))
        if name is None:
            return None
        try:
            distribution = importlib.metadata.distribution("spliceai")
        except importlib.metadata.PackageNotFoundError:
            return None
        folder = Path(str(distribution.locate_file(name)))
        if not all(any(folder.glob(pattern)) for pattern in request.files):
            return None
        return ResourceLocation(path=str(folder), provenance=f"installed distribution spliceai {distribution.version}")

    def describe(self, request: ResourceRequest) -> str:  # noqa: ARG002  (the interface of finders)
        """Say where the finder looks."""
        return 'the installed distribution spliceai (pip install "splicecore-spliceai[weights]")'


find_installed = _InstalledFinder()
"""Finder of the weights and annotation tables that an installed ``spliceai`` distribution carries."""
