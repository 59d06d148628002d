"""The core's own plugin: it yields its feature sets, executors and finders through the hooks that others use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splicecore.plugins.hookspecs import hookimpl
from splicecore.plugins.specs import (
    ExecutorSpec,
    FeatureSetSpec,
    ResourceFinderSpec,
    UncertaintySpec,
    load_object,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.plugins.protocols import BaseModel
    from splicecore.plugins.specs import BaseModelSpec, OpenRequest

__all__ = [
    "splicecore_executors",
    "splicecore_feature_sets",
    "splicecore_open_base_model",
    "splicecore_resource_finders",
    "splicecore_uncertainty_strategies",
]


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
def splicecore_feature_sets() -> Iterator[FeatureSetSpec]:
    """Yield ``probability``, ``context``, ``partners``, ``sequence``, ``structural`` and ``tracks``."""
    from splicecore.features.configs import SequenceConfig, StructuralConfig
    from splicecore.tracks.config import TracksConfig

    yield FeatureSetSpec(
        name="probability",
        factory="splicecore.features.probability:Probability",
        schema="splicecore.features.probability:schema",
        per_model=True,
        summary="the base model's scores and seven comparisons of them",
    )
    yield FeatureSetSpec(
        name="context",
        factory="splicecore.features.context:Context",
        schema="splicecore.features.context:schema",
        per_model=True,
        summary="the base model's scores at the two positions before and after",
    )
    yield FeatureSetSpec(
        name="partners",
        factory="splicecore.features.partners:Partners",
        schema="splicecore.features.partners:schema",
        summary="likely sites in the neighborhood that a position could pair or compete with",
    )
    yield FeatureSetSpec(
        name="sequence",
        factory="splicecore.features.sequence:Sequence",
        schema="splicecore.features.sequence:schema",
        halo=SequenceConfig().window // 2,
        config_cls=SequenceConfig,
        summary="k-mers and composition of a window",
    )
    yield FeatureSetSpec(
        name="structural",
        factory="splicecore.features.structural:Structural",
        schema="splicecore.features.structural:schema",
        requires=("gene_features",),
        near_label=True,
        config_cls=StructuralConfig,
        summary="aggregates of the gene, from the annotation",
    )
    yield FeatureSetSpec(
        name="tracks",
        factory="splicecore.features.tracks:TrackFeatures",
        schema="splicecore.features.tracks:schema",
        requires=("contigs", "cache"),
        config_cls=TracksConfig,
        summary="signals and splice junctions from files of the user",
    )


@hookimpl
def splicecore_uncertainty_strategies() -> Iterator[UncertaintySpec]:
    """Yield ``confidence_only``, ``entropy_only``, ``hybrid_entropy`` and ``ensemble_disagreement``."""
    from splicecore.uncertainty.configs import ConfidenceConfig, DisagreementConfig, EntropyConfig, HybridConfig

    yield UncertaintySpec(
        name="confidence_only",
        factory="splicecore.uncertainty.strategies:ConfidenceOnly",
        config_cls=ConfidenceConfig,
        summary="low <= max(donor, acceptor) < high",
    )
    yield UncertaintySpec(
        name="entropy_only",
        factory="splicecore.uncertainty.strategies:EntropyOnly",
        config_cls=EntropyConfig,
        summary="normalized entropy of the three probabilities",
    )
    yield UncertaintySpec(
        name="hybrid_entropy",
        factory="splicecore.uncertainty.strategies:HybridEntropy",
        config_cls=HybridConfig,
        summary="confidence, entropy, spread of the two largest, or variance",
    )
    yield UncertaintySpec(
        name="ensemble_disagreement",
        factory="splicecore.uncertainty.disagreement:EnsembleDisagreement",
        config_cls=DisagreementConfig,
        summary="deviation among base models or members of an ensemble",
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
