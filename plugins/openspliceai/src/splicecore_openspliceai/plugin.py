"""The hooks of splicecore-openspliceai. Light: torch is imported when the model is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import BaseModelSpec, hookimpl

from splicecore_openspliceai.checkpoints import PATTERN
from splicecore_openspliceai.config import DEFAULT_CONTEXT, OpenSpliceAIConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPEC", "splicecore_base_models"]

SPEC = BaseModelSpec(
    name="openspliceai",
    summary="OpenSpliceAI: dilated residual networks of any species, 80 to 10,000 nt of context (as the weights say)",
    factory="splicecore_openspliceai.model:open_model",
    left=DEFAULT_CONTEXT // 2,
    right=DEFAULT_CONTEXT // 2,
    builds=("GRCh38",),
    engines=("torch",),
    max_positions=300_000,  # as for spliceai; part of every score's key, so a change is a new version
    weights=(PATTERN,),
    tolerance=1e-5,
    licence="GPL-3.0",
    licence_url="https://www.gnu.org/licenses/gpl-3.0.html",
    commercial_use=None,
    citation="Chao et al., eLife 14 (2025) RP107454, doi:10.7554/eLife.107454",
    config_cls=OpenSpliceAIConfig,
)


@hookimpl
def splicecore_base_models() -> Iterator[BaseModelSpec]:
    """Yield OpenSpliceAI."""
    yield SPEC
