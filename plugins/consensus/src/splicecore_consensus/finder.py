"""Where the parameters are that come with this package."""

from __future__ import annotations

from pathlib import Path

from splicecore.api import ResourceLocation, ResourceRequest

__all__ = ["PACKAGED", "find_packaged"]

PACKAGED = Path(__file__).with_name("data") / "consensus.json"
"""Parameters learned from human genes (RefSeq, GRCh38) outside chromosomes 1, 5 and 9."""


def find_packaged(request: ResourceRequest) -> ResourceLocation | None:
    """Return the folder of the packaged parameters, or None if something else was asked for."""
    if request.kind != "weights" or request.name != "consensus" or not PACKAGED.is_file():
        return None
    return ResourceLocation(path=str(PACKAGED.parent), provenance="parameters in the package splicecore-consensus")
