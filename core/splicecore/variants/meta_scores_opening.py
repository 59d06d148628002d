"""What a pass over variants knows of a meta-model: which base models it needs, and what its scores are known by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

import attrs

import splicecore
from splicecore.errors import ChecksumError, ConfigError, ContractError
from splicecore.inference.scorer import MetaScorer
from splicecore.inference.served_model import ServedModel
from splicecore.predict.gene_blocks import GeneBlocks
from splicecore.variants.meta_scores import MetaVariantScorer
from splicecore.variants.tables import META
from splicecore.variants.windows import TILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from splicecore.plugins.host import PluginHost
    from splicecore.plugins.protocols import BaseModel
    from splicecore.resources.inputs import Inputs
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.session import Session
    from splicecore.variants.alleles import Job
    from splicecore.variants.config import VariantsConfig
    from splicecore.variants.rules import VariantRules
    from splicecore.variants.scorer import AlleleResult
    from splicecore.variants.task import ModelTask

__all__ = ["MetaTask", "OpenedMeta", "make_meta_task", "with_base_models"]

META_SCORES_VERSION = 1
"""Of the way in which a meta-model's scores are computed; part of every key."""


@attrs.frozen(kw_only=True)
class MetaTask:
    """A meta-model as workers open it, JSON-able.

    Attributes
    ----------
    folder, fingerprint
        Where it is, and the digest that it must have.
    base_models
        Names, the primary one first.
    feature_settings
        Settings of feature sets that read files.
    about
        What it is, for headers.
    identity
        What decides its scores.
    """

    folder: str
    fingerprint: str
    base_models: tuple[str, ...]
    feature_settings: dict[str, dict[str, Any]]
    about: dict[str, Any]
    identity: dict[str, Any]
    name: str = META


_Config = TypeVar("_Config", bound="VariantsConfig")


def with_base_models(config: _Config) -> _Config:
    """Put the base models of the meta-model into a configuration; one without a meta-model stays.

    Raises
    ------
    ConfigError
        If other base models are asked for.
    ResourceNotFoundError, ChecksumError
        If the folder holds no whole meta-model.
    """
    if config.meta_model is None:
        return config
    served = ServedModel.open(config.meta_model)
    if config.base_model not in ((), served.base_models[:1], served.base_models):
        served.check_base_model(",".join(config.base_model))
    if META in served.base_models:
        raise ConfigError(f"a base model is called {META}, which is what the meta-model's own scores are called")
    if config.vep_compatible:
        raise ConfigError("VEP's plugin reads the scores of one base model", hint="leave --meta-model out")
    return attrs.evolve(config, base_model=served.base_models)


def make_meta_task(
    session: Session, config: VariantsConfig, inputs: Inputs, models: Sequence[ModelTask]
) -> MetaTask | None:
    """Hold a meta-model to what variants are scored with; None without one.

    Raises
    ------
    ContractError
        If it was trained on another flank mode, build, or other base models; says what to do.
    PluginError, ConfigError
        If the model or its features cannot be opened.
    """
    if config.meta_model is None:
        return None
    served = ServedModel.open(config.meta_model)
    flank, build = config.rules.flank, inputs.resources.build.name
    if served.contract.flank != flank:
        raise ContractError(
            f"the meta-model in {served.directory.path} was trained on scores with flank mode {served.contract.flank}, "
            f"but variants are scored with {flank}",
            hint=f"--flank {served.contract.flank}",
        )
    with session.open_meta_model(config.meta_model, feature_settings=config.feature_settings) as scorer:
        scorer.check(fingerprints={model.name: model.fingerprint for model in models}, flank=flank, build=build)
    about = served.about()
    identity = {
        "version": META_SCORES_VERSION,
        "meta_model": {name: value for name, value in about.items() if name != "folder"},
        "splicecore": splicecore.__version__,
        "base_models": [model.identity for model in models],
        "annotation": inputs.resources.annotation_sha256,
        "tile": TILE,
    }
    return MetaTask(
        folder=str(served.directory.path.absolute()),
        fingerprint=served.fingerprint,
        base_models=served.base_models,
        feature_settings=config.feature_settings,
        about=about,
        identity=identity,
    )


class OpenedMeta:
    """A meta-model as a worker has it. Make it by :meth:`open`."""

    def __init__(self, meta: MetaScorer, blocks: GeneBlocks, scorer: MetaVariantScorer) -> None:
        self._meta, self._blocks, self._scorer = meta, blocks, scorer

    @classmethod
    def open(
        cls,
        task: MetaTask,
        host: PluginHost,
        models: Mapping[str, BaseModel],
        *,
        resources: ResourceSet,
        rules: VariantRules,
        cache: Path,
    ) -> Self:
        """Open the model; the base models stay the caller's.

        Raises
        ------
        ChecksumError
            If the folder holds another model by now.
        """
        if ServedModel.open(task.folder).fingerprint != task.fingerprint:
            raise ChecksumError(
                f"the meta-model in {task.folder} changed while the run was starting", hint="run the command again"
            )
        meta = MetaScorer.open(task.folder, host, feature_settings=task.feature_settings, cache=cache)
        pipeline = meta.pipeline
        blocks = GeneBlocks(
            resources, task.base_models, rules.flank, halo=pipeline.halo, requires=pipeline.requires, cache=cache
        )
        return cls(meta, blocks, MetaVariantScorer(meta, models, blocks, rules))

    def score(self, jobs: Sequence[Job]) -> list[AlleleResult]:
        """Score alleles; see :meth:`splicecore.variants.scorer.VariantScorer.score`."""
        return self._scorer.score(jobs)

    def close(self) -> None:
        """Close the features and the genome."""
        self._scorer.close()
        self._meta.close()
        self._blocks.close()
