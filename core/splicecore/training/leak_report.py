"""The alarms of a training, fold by fold, in one JSON value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.training.alarms import Alarm, overlap_alarm, sequence_alarm
from splicecore.training.feature_probe import probe_features
from splicecore.training.fold import TEST, TRAIN
from splicecore.training.permutation import feature_keys, permutation_alarm
from splicecore.training.position_scores import base_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.training.fold import Fold
    from splicecore.training.fold_training import FoldTrainer
    from splicecore.training.paralogs import Paralogs
    from splicecore.training.permutation import KeyedBatch
    from splicecore.training.splits import Splits

__all__ = ["leak_report"]

_ROWS = 100_000


def leak_report(trainer: FoldTrainer, splits: Splits, paralogs: Paralogs | None, *, full: bool) -> dict[str, Any]:
    """Look for leaks between the sides of every fold.

    Parameters
    ----------
    trainer
        Of the folds.
    splits
        The folds.
    paralogs
        Genes of similar sequence; None if they were not looked for.
    full
        Also probe every feature alone and train on permuted labels, both on the first fold and at most 100,000 rows.

    Returns
    -------
    ``folds`` -> name -> alarms; ``fired`` -> names of those that fired; ``not_run`` -> names
    """
    folds: dict[str, list[Alarm]] = {}
    for fold in splits.folds:
        folds[fold.name] = [overlap_alarm(splits.genes, fold, splits.config.margin)]
        if paralogs is not None:
            folds[fold.name].append(sequence_alarm(splits.genes, fold, paralogs))
    if full:
        first = splits.folds[0]
        folds[first.name] += [_probe(trainer, first), _permute(trainer, first)]
    fired = sorted({alarm.name for alarms in folds.values() for alarm in alarms if alarm.fired})
    run = {alarm.name for alarms in folds.values() for alarm in alarms}
    everything = ("gene_overlap", "sequence_similarity", "single_feature", "label_permutation")
    return {
        "fired": fired,
        "not_run": [name for name in everything if name not in run],
        "folds": {name: [alarm.to_json() for alarm in alarms] for name, alarms in folds.items()},
    }


def _probe(trainer: FoldTrainer, fold: Fold) -> Alarm:
    parts, count = [], 0
    for chunk in trainer.rows.select(fold.side == TRAIN):
        parts.append(chunk)
        count += len(chunk.labels)
        if count >= _ROWS:
            break
    names = trainer.contract.names
    probe = probe_features(
        names,
        np.concatenate([chunk.matrix for chunk in parts]),
        np.concatenate([chunk.labels for chunk in parts]),
        1 / np.concatenate([chunk.inclusion_prob for chunk in parts]),
    )
    models = tuple(model.name for model in trainer.contract.models)
    return probe.alarm([name for columns in base_columns(names, models).values() for name in columns])


def _permute(trainer: FoldTrainer, fold: Fold) -> Alarm:
    train, test = (_Keyed(trainer, fold, side) for side in (TRAIN, TEST))
    return permutation_alarm(lambda: trainer.choice.open(trainer.host), train, test, seed=trainer.config.seed)


class _Keyed:
    """Rows of a side with keys, at most some number; can be gone through again."""

    def __init__(self, trainer: FoldTrainer, fold: Fold, side: int) -> None:
        self._rows, self._chosen = trainer.rows, fold.side == side

    def __iter__(self) -> Iterator[KeyedBatch]:
        left = _ROWS
        for chunk in self._rows.select(self._chosen):
            matrix = chunk.matrix[:left]
            yield matrix, chunk.labels[:left], feature_keys(matrix)
            left -= len(matrix)
            if left <= 0:
                return
