"""The core's own plugin: it provides its executors and finders, and opens models, through the hooks that others use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.plugins.hookspecs import hookimpl
from splicecore.plugins.specs import ExecutorSpec, ResourceFinderSpec, load_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.plugins.protocols import BaseModel
    from splicecore.plugins.specs import BaseModelSpec, OpenRequest

__all__ = ["splicecore_executors", "splicecore_open_base_model", "splicecore_resource_finders"]


@hookimpl
def splicecore_executors() -> Iterator[ExecutorSpec]:
    """Yield ``serial`` and ``process``."""
    yield ExecutorSpec(
        name="serial",
        factory="splicecore.execute.executors:SerialExecutor",
        summary="one shard after another in this process",
    )
    yield ExecutorSpec(
        name="process",
        factory="splicecore.execute.executors:ProcessExecutor",
        summary="worker processes on this machine",
    )


@hookimpl
def splicecore_resource_finders() -> Iterator[ResourceFinderSpec]:
    """Yield the three places where resources may lie: given by option, by environment, or below the data root."""
    places = (("explicit", "find_explicit", 0), ("environment", "find_environment", 10))
    for name, function, priority in (*places, ("data-root", "find_data_root", 20)):
        weights = f"splicecore.resources.finders:{function}"
        genomic = f"splicecore.resources.genomic_finders:{function}"
        yield ResourceFinderSpec(name=name, factory=weights, kinds=("weights",), priority=priority)
        yield ResourceFinderSpec(name=f"genomic-{name}", factory=genomic, kinds=("genomic",), priority=priority)


@hookimpl(trylast=True)
def splicecore_open_base_model(spec: BaseModelSpec, request: OpenRequest) -> BaseModel:
    """Call the spec's factory."""
    return load_object(spec.factory)(spec, request)  # type: ignore[no-any-return]
