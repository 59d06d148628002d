"""The hooks of splicecore-pangolin. Light: torch is imported when the model is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.api import BaseModelSpec, hookimpl

from splicecore_pangolin.config import PangolinConfig, output_names

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SPEC", "splicecore_base_models"]

SPEC = BaseModelSpec(
    name="pangolin",
    summary="Pangolin: P(splice) and usage in heart, liver, brain, testis; 10,000 nt; donor and acceptor told by motif",
    factory="splicecore_pangolin.model:open_model",
    left=5000,
    right=5000,
    outputs=output_names(PangolinConfig()),
    builds=("GRCh38",),
    engines=("torch",),
    max_positions=120_000,
    weights=("final.*.*.3|final.*.*.3.v2",),
    tolerance=1e-5,
    licence="GPL-3.0",
    licence_url="https://www.gnu.org/licenses/gpl-3.0.html",
    commercial_use=None,
    citation="Zeng & Li, Genome Biology 23 (2022) 103, doi:10.1186/s13059-022-02664-4",
    config_cls=PangolinConfig,
)


@hookimpl
def splicecore_base_models() -> Iterator[BaseModelSpec]:
    """Yield Pangolin."""
    yield SPEC
