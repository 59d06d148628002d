"""What each group of features is worth: the first fold trained again without it."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import digest, read_json, write_json
from splicecore.errors import ConfigError, SplicecoreError
from splicecore.genome.suggestions import near_names
from splicecore.training.fold_training import METRICS
from splicecore.training.importance import feature_groups
from splicecore.training.model_directory import ModelDirectory
from splicecore.training.position_scores import META

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from splicecore.features.contract import FeatureContract
    from splicecore.training.fold import Fold
    from splicecore.training.fold_training import FoldTrainer

__all__ = ["ABLATION", "ablate", "ablation_groups"]

ABLATION = "ablation.json"
logger = logging.getLogger(__name__)


def ablation_groups(contract: FeatureContract, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Find the columns of groups: feature sets, base models where there are several, or ``all`` of these.

    ``SET (MODEL)`` is the part of a set that is computed from a base model other than the primary one.

    Raises
    ------
    ConfigError
        If there is no such group.
    """
    known = {used.name: tuple(c.name for c in contract.columns if c.feature_set == used.name) for used in contract.sets}
    if len(contract.models) > 1:
        for model in contract.models:
            known.setdefault(model.name, tuple(c.name for c in contract.columns if c.model == model.name))
    everything = tuple(known)
    grouped = feature_groups(contract, contract.names)
    for group in dict.fromkeys(grouped.values()):
        known.setdefault(group, tuple(name for name in contract.names if grouped[name] == group))
    wanted: list[str] = []
    for name in names:
        if name != "all" and not known.get(name):
            near = near_names(name, known)
            hint = f"did you mean {near[0]}?" if near else f"all, {', '.join(known)}"
            raise ConfigError(f"there is no group of features {name!r} to leave out", hint=hint)
        wanted += everything if name == "all" else [name]
    return {name: known[name] for name in dict.fromkeys(wanted) if len(known[name]) < len(contract.names)}


def ablate(trainer: FoldTrainer, fold: Fold, folder: Path, names: Sequence[str], key: str) -> dict[str, Any]:
    """Train a fold without each group, test it as the fold was, and write ``ablation.json``; goes on where it ended.

    Returns
    -------
    ``whole`` and ``without`` -> group -> figures of the meta-model, with the number of columns left out
    """
    groups = ablation_groups(trainer.contract, names)
    without: dict[str, Any] = {}
    for number, (name, columns) in enumerate(groups.items()):
        target = folder / "ablation" / f"{number:02d}"
        own = digest([key, fold.name, list(columns)])
        if not _is_done(target, own):
            logger.info("%s without %s (%d columns)", fold.name, name, len(columns))
            trainer.train(fold, target, facts={"key": own, "without": name}, without=columns)
        figures = read_json(target / METRICS)["models"][META]["figures"]
        without[name] = {"columns": len(columns), "figures": figures}
    whole = read_json(folder / "folds" / fold.name / METRICS)["models"][META]["figures"]
    result = {"fold": fold.name, "whole": whole, "without": without}
    write_json(folder / ABLATION, result)
    shutil.rmtree(folder / "ablation", ignore_errors=True)
    return result


def _is_done(folder: Path, key: str) -> bool:
    try:
        return ModelDirectory.open(folder).manifest.get("key") == key
    except SplicecoreError:
        return False
