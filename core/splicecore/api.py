"""The public interface: the only module that plugins and embedding tools import from.

Light: importing it imports neither an annotation or genome library nor a machine-learning framework. :class:`Session`,
:class:`Block` and the plugin host are imported when they are first used.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from splicecore.errors import (
    AnnotationError,
    ChecksumError,
    ConfigError,
    ContigError,
    ContractError,
    ExitCode,
    FastaError,
    GeneNotFoundError,
    InputError,
    MissingDependencyError,
    OutputError,
    PluginError,
    PluginLoadError,
    PluginNotFoundError,
    ResourceError,
    ResourceNotFoundError,
    SplicecoreError,
)
from splicecore.genome.encoding import A, C, Codes, G, N, T, decode, encode, reverse_complement
from splicecore.plugins.codes import check_codes
from splicecore.plugins.hookspecs import API_VERSION, ENTRY_POINT_GROUP, hookimpl
from splicecore.plugins.protocols import (
    BaseModel,
    Edit,
    EditScoring,
    Executor,
    FeatureSet,
    MetaModel,
    Scores,
    ShardTask,
    UncertaintyStrategy,
)
from splicecore.plugins.specs import (
    OUTPUTS,
    BaseModelSpec,
    ExecutorSpec,
    FeatureSetSpec,
    MetaModelSpec,
    OpenRequest,
    ResourceFinderSpec,
    ResourceLocation,
    ResourceRequest,
    UncertaintySpec,
    load_object,
)

if TYPE_CHECKING:
    from splicecore.artifacts.artifact_config import ArtifactConfig
    from splicecore.artifacts.manager import ArtifactManager
    from splicecore.artifacts.store import atomic_path, read_json, write_json
    from splicecore.dataset.config import DatasetConfig
    from splicecore.dataset.dataset import Dataset
    from splicecore.dataset.summary import summarize_dataset
    from splicecore.dataset.validation.validate import validate_dataset
    from splicecore.deprecation import Deprecation
    from splicecore.evaluate.config import EvaluateConfig
    from splicecore.evaluate.evaluation import evaluate_tables
    from splicecore.evaluate.task import EvaluateTask
    from splicecore.features.configs import FeatureConfig
    from splicecore.features.contract import FeatureContract
    from splicecore.features.gene_record import GeneRecord
    from splicecore.features.matrix import to_matrix
    from splicecore.features.pipeline import FeaturePipeline
    from splicecore.genome.annotation import Annotation, read_annotation
    from splicecore.genome.genes import Gene, GeneCatalog
    from splicecore.genome.reference import Reference
    from splicecore.genome.sites import SiteIndex
    from splicecore.inference.scorer import MetaScorer
    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.records import PluginRecord, PluginSettings, PluginState
    from splicecore.plugins.scaffold import NewPlugin, PluginKind, new_plugin
    from splicecore.predict.blocks import Block
    from splicecore.predict.merge import merge_shards
    from splicecore.resources.keys import ResourceKey
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.session import Session
    from splicecore.training.model_directory import ModelDirectory
    from splicecore.training.train_config import TrainConfig
    from splicecore.uncertainty.configs import SelectionConfig
    from splicecore.uncertainty.rate_histogram import RateHistogram
    from splicecore.uncertainty.select import Selector, open_strategy
    from splicecore.variants.alleles import Job, Unscored, Variant
    from splicecore.variants.average import AverageModel
    from splicecore.variants.haplotypes import SequenceReference
    from splicecore.variants.merge import merge_variant_shards
    from splicecore.variants.rules import VariantRules
    from splicecore.variants.scorer import AlleleResult, VariantScorer
    from splicecore.variants.transcripts import Transcript, Transcripts

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "OUTPUTS",
    "A",
    "AlleleResult",
    "Annotation",
    "AnnotationError",
    "ArtifactConfig",
    "ArtifactManager",
    "AverageModel",
    "BaseModel",
    "BaseModelSpec",
    "Block",
    "C",
    "ChecksumError",
    "Codes",
    "ConfigError",
    "ContigError",
    "ContractError",
    "Dataset",
    "DatasetConfig",
    "Edit",
    "EditScoring",
    "EvaluateConfig",
    "EvaluateTask",
    "Executor",
    "ExecutorSpec",
    "ExitCode",
    "FastaError",
    "FeatureConfig",
    "FeatureContract",
    "FeaturePipeline",
    "FeatureSet",
    "FeatureSetSpec",
    "G",
    "Gene",
    "GeneCatalog",
    "GeneNotFoundError",
    "GeneRecord",
    "InputError",
    "Job",
    "MetaModel",
    "MetaModelSpec",
    "MetaScorer",
    "MissingDependencyError",
    "ModelDirectory",
    "N",
    "NewPlugin",
    "OpenRequest",
    "OutputError",
    "PluginError",
    "PluginHost",
    "PluginKind",
    "PluginLoadError",
    "PluginNotFoundError",
    "PluginRecord",
    "PluginSettings",
    "PluginState",
    "RateHistogram",
    "Reference",
    "ResourceError",
    "ResourceFinderSpec",
    "ResourceKey",
    "ResourceLocation",
    "ResourceNotFoundError",
    "ResourceRequest",
    "ResourceSet",
    "Scores",
    "SelectionConfig",
    "Selector",
    "SequenceReference",
    "Session",
    "ShardTask",
    "SiteIndex",
    "SplicecoreError",
    "T",
    "TrainConfig",
    "Transcript",
    "Transcripts",
    "UncertaintySpec",
    "UncertaintyStrategy",
    "Unscored",
    "Variant",
    "VariantRules",
    "VariantScorer",
    "atomic_path",
    "check_codes",
    "decode",
    "encode",
    "evaluate_tables",
    "hookimpl",
    "load_object",
    "merge_shards",
    "merge_variant_shards",
    "new_plugin",
    "open_strategy",
    "read_annotation",
    "read_json",
    "reverse_complement",
    "summarize_dataset",
    "to_matrix",
    "validate_dataset",
    "write_json",
]

_LAZY = {
    "AlleleResult": "splicecore.variants.scorer",
    "Annotation": "splicecore.genome.annotation",
    "ArtifactConfig": "splicecore.artifacts.artifact_config",
    "ArtifactManager": "splicecore.artifacts.manager",
    "AverageModel": "splicecore.variants.average",
    "Block": "splicecore.predict.blocks",
    "Dataset": "splicecore.dataset.dataset",
    "DatasetConfig": "splicecore.dataset.config",
    "EvaluateConfig": "splicecore.evaluate.config",
    "EvaluateTask": "splicecore.evaluate.task",
    "FeatureConfig": "splicecore.features.configs",
    "FeatureContract": "splicecore.features.contract",
    "FeaturePipeline": "splicecore.features.pipeline",
    "Gene": "splicecore.genome.genes",
    "GeneCatalog": "splicecore.genome.genes",
    "GeneRecord": "splicecore.features.gene_record",
    "Job": "splicecore.variants.alleles",
    "MetaScorer": "splicecore.inference.scorer",
    "ModelDirectory": "splicecore.training.model_directory",
    "NewPlugin": "splicecore.plugins.scaffold",
    "PluginHost": "splicecore.plugins.host",
    "PluginKind": "splicecore.plugins.scaffold",
    "PluginRecord": "splicecore.plugins.records",
    "PluginSettings": "splicecore.plugins.records",
    "PluginState": "splicecore.plugins.records",
    "RateHistogram": "splicecore.uncertainty.rate_histogram",
    "Reference": "splicecore.genome.reference",
    "ResourceKey": "splicecore.resources.keys",
    "ResourceSet": "splicecore.resources.resource_set",
    "SelectionConfig": "splicecore.uncertainty.configs",
    "Selector": "splicecore.uncertainty.select",
    "SequenceReference": "splicecore.variants.haplotypes",
    "Session": "splicecore.session",
    "SiteIndex": "splicecore.genome.sites",
    "TrainConfig": "splicecore.training.train_config",
    "Transcript": "splicecore.variants.transcripts",
    "Transcripts": "splicecore.variants.transcripts",
    "Unscored": "splicecore.variants.alleles",
    "Variant": "splicecore.variants.alleles",
    "VariantRules": "splicecore.variants.rules",
    "VariantScorer": "splicecore.variants.scorer",
    "atomic_path": "splicecore.artifacts.store",
    "evaluate_tables": "splicecore.evaluate.evaluation",
    "merge_shards": "splicecore.predict.merge",
    "merge_variant_shards": "splicecore.variants.merge",
    "new_plugin": "splicecore.plugins.scaffold",
    "open_strategy": "splicecore.uncertainty.select",
    "read_annotation": "splicecore.genome.annotation",
    "read_json": "splicecore.artifacts.store",
    "summarize_dataset": "splicecore.dataset.summary",
    "to_matrix": "splicecore.features.matrix",
    "validate_dataset": "splicecore.dataset.validation.validate",
    "write_json": "splicecore.artifacts.store",
}


_DEPRECATED: dict[str, tuple[str, Deprecation]] = {}
"""Names on their way out -> the module that has them, and what those are told who use them."""


def __getattr__(name: str) -> Any:
    """Import what is not light at its first use (PEP 562)."""
    if name in _DEPRECATED:
        module, deprecation = _DEPRECATED[name]
        warnings.warn(deprecation.warning(), stacklevel=2)
        return getattr(importlib.import_module(module), name)
    try:
        module = _LAZY[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
