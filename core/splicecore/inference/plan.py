"""The plan of a run with a meta-model: a plan for each base model, and what selects and recalibrates positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest
from splicecore.config import RunConfig
from splicecore.errors import ConfigError, ContractError
from splicecore.inference.record import GeneKeys
from splicecore.inference.served_model import ServedModel
from splicecore.isolation.environments import interpreters
from splicecore.predict.plan import ScorePlan, make_plan
from splicecore.resources.inputs import open_inputs
from splicecore.uncertainty.select import SelectionConfig, open_strategy

if TYPE_CHECKING:
    from splicecore.genome.genes import Gene
    from splicecore.plugins.host import PluginHost
    from splicecore.predict.record import PlanRecord
    from splicecore.session import Session

__all__ = ["InferencePlan", "make_inference_plan", "weights_of"]

_VERSION = "1"


@attrs.frozen(kw_only=True, eq=False)
class InferencePlan:
    """A run with a meta-model that is ready to be done.

    Attributes
    ----------
    base
        Plans of the base models' passes, the primary one first; its record has the whole run's identity.
    configs
        What each of them is told.
    model
        The meta-model.
    selection
        What selects positions.
    settings
        All settings of the strategy.
    threshold
        The one that was asked for, or the strategy's own; None if that has none.
    """

    base: tuple[ScorePlan, ...]
    configs: tuple[RunConfig, ...]
    model: ServedModel
    selection: SelectionConfig
    settings: Mapping[str, Any]
    threshold: float | None

    @property
    def primary(self) -> ScorePlan:
        """The primary base model's plan."""
        return self.base[0]

    @property
    def record(self) -> PlanRecord:
        """Record of the run."""
        return self.primary.record

    def keys(self, mode: str, threshold: float) -> dict[str, GeneKeys]:
        """Keys of the genes' parts beside those of the primary base model's scores, once the threshold is known."""
        identity = self.primary.record.identity
        base = digest([_VERSION, mode, threshold, identity["selection"], identity["calls"]])
        return {
            keys[0]: GeneKeys(meta=digest([base, raw]), others=keys[1:])
            for keys, raw in zip(self._base_keys, self.raw_keys(), strict=True)
        }

    def raw_keys(self) -> list[str]:
        """Key of everything that decides the meta-model's probabilities of a gene, gene by gene."""
        base = digest([_VERSION, self.primary.record.identity["meta_model"]])
        genes = self.primary.record.genes
        return [digest([base, keys, _place(gene)]) for keys, gene in zip(self._base_keys, genes, strict=True)]

    @property
    def _base_keys(self) -> list[tuple[str, ...]]:
        """Keys of each gene's scores, those of the primary base model first."""
        return list(zip(*(plan.record.keys for plan in self.base), strict=True))


def make_inference_plan(session: Session, config: RunConfig) -> InferencePlan:
    """Open what a run with a meta-model needs, once, and hold it to what the model was trained on.

    Raises
    ------
    SplicecoreError
        For everything that is wrong with the options, the inputs, the models or the choice of genes, before any work.
    """
    selection = SelectionConfig(
        strategy=config.uncertainty_strategy,
        settings=config.uncertainty_settings,
        low=config.uncertainty_low,
        high=config.uncertainty_high,
        target_rate=config.target_meta_rate,
    )
    selector = open_strategy(session.host, selection)
    model = ServedModel.open(str(config.meta_model), config.training_dataset)
    model.check_base_model(config.base_model)
    inputs = open_inputs(session, config)
    _check_place(model, inputs.resources.build.name, config.flank)
    configs = _of_base_models(config, model.base_models)
    plans = [make_plan(session, each, {}, inputs) for each in configs[1:]]
    threshold = selector.threshold if config.uncertainty_threshold is None else config.uncertainty_threshold
    own = {
        "inference_mode": config.inference_mode,
        **({} if config.min_score is None else {"min_score": config.min_score}),
        "meta_model": _identity(session.host, model, inputs.resources.manifest.datasets),
        "selection": {
            **attrs.asdict(selection),
            "settings": selector.settings,
            "threshold": threshold,
            "plugin": _provider(session.host, "uncertainty_strategies", selection.strategy),
        },
        "calls": [attrs.asdict(model.calls(mode)) for mode in ("base_only", config.inference_mode)],
        "genes_seen": digest(sorted(model.seen)),
        "other_base_models": [
            {name: plan.record.identity[name] for name in ("schema", "base_model", "tiling")} for plan in plans
        ],
    }
    base = (make_plan(session, configs[0], own, inputs), *plans)
    selector.check({plan.model.spec.name: plan.model.spec.outputs for plan in base})
    with session.open_meta_model(str(config.meta_model), feature_settings=config.feature_settings) as scorer:
        fingerprints = {plan.model.spec.name: plan.model.fingerprint for plan in base}
        scorer.check(fingerprints=fingerprints, flank=config.flank, build=inputs.resources.build.name)
    _ = model.calibrated_base
    return InferencePlan(
        base=base,
        configs=configs,
        model=model,
        selection=selection,
        settings=selector.settings,
        threshold=threshold,
    )


def _check_place(model: ServedModel, build: str, flank: str) -> None:
    """Refuse another build or flank mode before anything is opened that takes long."""
    contract = model.contract
    for what, found, wanted in (("build", build, contract.build), ("flank mode", flank, contract.flank)):
        if found != wanted:
            hint = f"--flank {wanted}" if what == "flank mode" else f"give a genome and annotation of {wanted}"
            raise ContractError(
                f"the meta-model in {model.directory.path} was trained on {what} {wanted}, but the {what} is {found}",
                hint=hint,
            )


def weights_of(models_dir: str | None, base_models: Sequence[str]) -> dict[str, str]:
    """Read where the base models' weights are.

    Parameters
    ----------
    models_dir
        A path, which is the primary model's; or ``NAME=PATH`` for one or, separated by commas, several of them.
    base_models
        Their names, the primary one first.

    Raises
    ------
    ConfigError
        If a path is empty, or a model's is given twice.
    """
    if models_dir is None:
        return {}
    if not any(models_dir.startswith(f"{name}=") for name in base_models):
        return {base_models[0]: models_dir}
    given: dict[str, str] = {}
    for text in models_dir.split(","):
        name, _, path = text.strip().partition("=")
        if name not in base_models or name in given or not path:
            raise ConfigError(
                f"models_dir {text.strip()!r} is not NAME=PATH of one of the base models, or not the only one of it",
                hint=f"NAME is one of {', '.join(base_models)}; several are separated by commas",
            )
        given[name] = path
    return given


def _of_base_models(config: RunConfig, names: Sequence[str]) -> tuple[RunConfig, ...]:
    """Return what the pass of each base model is told: an engine is chosen for the primary one only."""
    weights, environments = weights_of(config.models_dir, names), interpreters(config.base_model_env, names)
    return tuple(
        attrs.evolve(
            config,
            base_model=name,
            models_dir=weights.get(name),
            engine=None if number else config.engine,
            base_model_env=environments.get(name),
        )
        for number, name in enumerate(names)
    )


def _identity(host: PluginHost, model: ServedModel, datasets: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that decides the meta-model's probabilities but for genes and base scores."""
    requires = {name for used in model.contract.sets for name in host.feature_set(used.name).requires}
    contents = {kind: datasets[kind].content for kind in sorted(requires) if kind in datasets}
    return {
        "fingerprint": model.fingerprint,
        "model": _provider(host, "meta_models", model.directory.record.choice.name),
        "feature_sets": {used.name: _provider(host, "feature_sets", used.name) for used in model.contract.sets},
        "resources": contents,
    }


def _provider(host: PluginHost, kind: str, name: str) -> str:
    record = host.provider(kind, name)
    return f"{record.distribution or record.name} {record.version or ''}".strip()


def _place(gene: Gene) -> list[Any]:
    return [gene.gene_id, gene.contig, gene.start, gene.end, gene.strand]
