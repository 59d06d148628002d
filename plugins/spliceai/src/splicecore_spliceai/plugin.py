"""The hooks of splicecore-spliceai. Light: h5py and torch or TensorFlow are imported when the model is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import BaseModelSpec, ResourceFinderSpec, hookimpl

from splicecore_spliceai.config import MEMBERS, SpliceAIConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPEC", "splicecore_base_models", "splicecore_resource_finders"]

SPEC = BaseModelSpec(
    name="spliceai",
    summary="SpliceAI: mean of five dilated residual networks with 10 kb of context (human, GENCODE v24)",
    factory="splicecore_spliceai.model:open_model",
    left=5000,
    right=5000,
    builds=("GRCh37",),
    engines=("torch", "tensorflow"),
    max_positions=300_000,  # measured, see the README; part of every score's key, so a change is a new version
    weights=tuple(f"spliceai{member}.h5" for member in MEMBERS),
    tolerance=1e-5,
    licence="CC-BY-NC-4.0",
    licence_url="https://creativecommons.org/licenses/by-nc/4.0/",
    commercial_use=False,
    citation="Jaganathan et al., Cell 176 (2019) 535-548, doi:10.1016/j.cell.2018.12.015",
    config_cls=SpliceAIConfig,
)


@hookimpl
def splicecore_base_models() -> Iterator[BaseModelSpec]:
    """Yield SpliceAI."""
    yield SPEC


@hookimpl
def splicecore_resource_finders() -> Iterator[ResourceFinderSpec]:
    """Yield the finder of the weights and annotation tables that an installed ``spliceai`` distribution carries."""
    yield ResourceFinderSpec(
        name="spliceai-distribution",
        factory="splicecore_spliceai.weights:find_installed",
        kinds=("weights", "spliceai_table"),
        priority=100,
    )
