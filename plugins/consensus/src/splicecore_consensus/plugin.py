"""The hooks of splicecore-consensus. Light: nothing is imported that opening a model needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import BaseModelSpec, ResourceFinderSpec, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPEC", "splicecore_base_models", "splicecore_resource_finders"]

SPEC = BaseModelSpec(
    name="consensus",
    summary="Splice-site consensus: weight arrays of donor and acceptor, calibrated (classical, NumPy only)",
    factory="splicecore_consensus.model:open_model",
    left=20,
    right=6,
    builds=("GRCh38",),
    engines=("numpy",),
    max_positions=262_144,
    memory=100_000_000,
    weights=("consensus.json",),
    tolerance=1e-6,
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    commercial_use=True,
    citation="splicecore-consensus; the method: Zhang & Marr, CABIOS 9 (1993) 499-509",
)


@hookimpl
def splicecore_base_models() -> Iterator[BaseModelSpec]:
    """Yield the consensus model."""
    yield SPEC


@hookimpl
def splicecore_resource_finders() -> Iterator[ResourceFinderSpec]:
    """Yield the finder of the parameters that come with this package."""
    yield ResourceFinderSpec(
        name="consensus-package",
        factory="splicecore_consensus.finder:find_packaged",
        kinds=("weights",),
        priority=100,
    )
