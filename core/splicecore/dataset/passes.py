"""Where the scores of a dataset's genes come from: passes that are named, those of the data root, and new ones."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.artifact_config import ArtifactConfig
from splicecore.artifacts.manager import ArtifactManager
from splicecore.artifacts.store import digest, json_differences
from splicecore.assess.config import AssessConfig
from splicecore.config import PredictConfig
from splicecore.dataset.scored_pass import ScoredPass, gene_key
from splicecore.errors import InputError, ResourceNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from splicecore.dataset.config import DatasetConfig
    from splicecore.genome.genes import Gene
    from splicecore.predict.runner import ProgressListener
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.session import Session

__all__ = ["assess_settings", "complete_passes", "find_passes", "score_file"]

logger = logging.getLogger(__name__)

PASSES = "base_model_pass"
"""Folder of the passes that a build does itself, in the dataset's folder."""

_LABELS = ("threshold", "consensus_window")


def find_passes(session: Session, config: DatasetConfig, resources: ResourceSet) -> dict[str, tuple[ScoredPass, ...]]:
    """Find the finished passes of every base model.

    Those in the folders that ``config.artifacts`` names come first; for a model that none of them is of, the data
    root's: the test ``config.test_name``, or the latest production version. Last come those that an earlier build left
    in the dataset's own folder.

    Raises
    ------
    InputError
        If a folder holds no finished pass, or one of another genome, flank mode or base model; or if two passes of a
        base model differ in what decides scores or labels.
    """
    passes: dict[str, list[ScoredPass]] = {model: [] for model in config.base_model}
    for folder in map(Path, config.artifacts):
        scored = ScoredPass.read(folder)
        if scored.base_model not in passes:
            raise InputError(
                f"{folder} is a pass of {scored.base_model}, not of {' or '.join(config.base_model)}",
                hint=f"--base-model {scored.base_model}, or leave the folder out",
            )
        passes[scored.base_model].append(scored)
    for model, found in passes.items():
        if not found and config.source is not None:
            found.extend(_of_data_root(session, config, config.build or resources.build.name, model))
        for scored in found:
            _check(scored, resources, config)
        _check_alike(found)
    return {model: (*found, *_own(config, model, found, resources)) for model, found in passes.items()}


def assess_settings(config: DatasetConfig, passes: Sequence[ScoredPass]) -> AssessConfig:
    """Return how a dataset's rows are labeled: as the primary model's first pass, but for what is configured.

    Passes that builds did themselves do not count, since they were labeled by this rule.
    """
    others = [scored for scored in passes if scored.folder.parent != _own_folder(config)]
    settings = others[0].assess if others else AssessConfig(seed=config.seed)
    given = {name: getattr(config, name) for name in (*_LABELS, "negatives", "negative_ratio", "negative_window")}
    return attrs.evolve(settings, **{name: value for name, value in given.items() if value is not None})


def score_file(passes: Iterable[ScoredPass], gene: Gene) -> Path | None:
    """File of a gene's scores in the first pass that has them, or None."""
    return next((path for scored in passes if (path := scored.part(gene)) is not None), None)


def complete_passes(
    session: Session,
    config: DatasetConfig,
    model: str,
    *,
    passes: tuple[ScoredPass, ...],
    genes: Sequence[Gene],
    settings: AssessConfig,
    progress: ProgressListener | None = None,
) -> tuple[ScoredPass, ...]:
    """Do the base-model pass for the genes that lack scores, if ``run_workflow`` asks for it.

    The pass goes into the dataset's folder; scores that the data root or the cache has are taken from there.

    Returns
    -------
    ``passes`` and the new one.
    """
    tried = {key for scored in passes for key in (*scored.parts, *scored.failures)}
    lacking = [gene for gene in genes if gene_key(gene) not in tried]
    if not lacking or not config.run_workflow:
        return passes
    names = list(dict.fromkeys(gene.gene_id for gene in lacking))
    folder = _own_folder(config) / f"{model}-{digest([names, attrs.asdict(settings)])[:12]}"
    logger.info("base-model pass of %s for %d genes into %s", model, len(lacking), folder)
    primary = model == config.base_model[0]
    shared = ("fasta", "annotation", "source", "release", "build", "flank", "device", "executor", "workers", "threads")
    session.predict_pass(
        PredictConfig(
            **{name: getattr(config, name) for name in shared},
            **attrs.asdict(settings),
            base_model=model,
            models_dir=config.weights.get(model),
            engine=config.engine if primary else None,
            genes=tuple(names),
            output_dir=str(folder),
        ),
        progress=progress,
    )
    return (*passes, ScoredPass.read(folder))


def _own_folder(config: DatasetConfig) -> Path:
    return Path(str(config.output_dir)) / PASSES


def _of_data_root(session: Session, config: DatasetConfig, build: str, model: str) -> list[ScoredPass]:
    artifacts = ArtifactConfig(
        mode="production" if config.test_name is None else "test",
        source=str(config.source),
        build=build,
        release=config.release,
        base_model=model,
        test_name=config.test_name,
        data_root=str(session.data_root),
    )
    try:
        record = ArtifactManager(artifacts).find().require_usable()
    except ResourceNotFoundError:
        return []
    return [ScoredPass.read(record.folder)] if record.finished else []


def _own(config: DatasetConfig, model: str, others: Sequence[ScoredPass], resources: ResourceSet) -> list[ScoredPass]:
    """Finished passes in the dataset's folder that fit; an unfinished one goes on when it is asked for again."""
    found: list[ScoredPass] = []
    for folder in sorted(_own_folder(config).glob(f"{model}-*")):
        if not (folder / "manifest.json").is_file():
            continue
        scored = ScoredPass.read(folder)
        fits = scored.base_model == model and not any(_problems(scored, resources, config))
        if fits and not any(_differences([*others, *found, scored])):
            found.append(scored)
    return found


def _problems(scored: ScoredPass, resources: ResourceSet, config: DatasetConfig) -> Iterable[tuple[str, str]]:
    """Yield what is wrong with a pass, and the remedy."""
    if scored.scores["fasta"] != resources.fasta_sha256:
        yield f"its genome is not {resources.fasta.name}", "give the genome that the pass was done with"
    if scored.scores["flank"] != config.flank:
        flank = scored.scores["flank"]
        yield f"its flank mode is {flank}, not {config.flank}", f"--flank {flank}"
    for name in _LABELS:
        given, own = getattr(config, name), getattr(scored.assess, name)
        if given is not None and given != own:
            yield f"its {name} is {own}, not {given}", "do the pass again with this setting"
    if scored.annotation_sha256 != resources.annotation_sha256:
        yield (
            f"its annotation is not {resources.annotation_path.name}",
            "give the annotation that the pass was done with, or do the pass again with this one",
        )


def _check(scored: ScoredPass, resources: ResourceSet, config: DatasetConfig) -> None:
    for problem, hint in _problems(scored, resources, config):
        raise InputError(f"the base-model pass in {scored.folder} does not fit: {problem}", hint=hint)


def _check_alike(passes: Sequence[ScoredPass]) -> None:
    for problem in _differences(passes):
        raise InputError(
            f"{passes[0].folder} and other passes of {passes[0].base_model} cannot be used together: {problem}",
            hint="leave one of the folders out",
        )


def _differences(passes: Sequence[ScoredPass]) -> Iterable[str]:
    """Yield what decides scores or labels and differs from the first of some passes."""
    for scored in passes[1:]:
        for where, first, other in json_differences(_decides(passes[0]), _decides(scored)):
            yield f"{where} is {first} and {other}"


def _decides(scored: ScoredPass) -> dict[str, Any]:
    labels = {name: getattr(scored.assess, name) for name in _LABELS}
    return {**scored.scores, "labels": labels}
