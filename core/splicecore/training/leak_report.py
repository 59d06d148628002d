"""The alarms of a training, fold by fold, in one JSON value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from splicecore.training.alarms import Alarm, overlap_alarm, position_alarm, sequence_alarm
from splicecore.training.feature_probe import probe_features
from splicecore.training.fold import TEST, TRAIN
from splicecore.training.permutation import feature_keys, kept_by_key, permutation_alarm
from splicecore.training.position_scores import base_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.training.fold import Fold
    from splicecore.training.fold_training import FoldTrainer
    from splicecore.training.paralogs import Paralogs
    from splicecore.training.splits import Splits
    from splicecore.training.training_rows import RowChunk

__all__ = ["leak_report"]

_ROWS = 100_000
_POSITIONS = 5_000_000
"""Positions that are compared: all, or a sample by their keys that takes a position on all sides or on none."""


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
        Also probe every feature alone and train on permuted labels, both on the first fold and some 100,000 rows of a
        side, drawn from the whole dataset.

    Returns
    -------
    ``folds`` -> name -> alarms; ``fired`` -> names of those that fired; ``not_run`` -> names
    """
    folds: dict[str, list[Alarm]] = {}
    for fold, positions in zip(splits.folds, _positions(trainer, splits.folds), strict=True):
        folds[fold.name] = [overlap_alarm(splits.genes, fold, splits.config.margin), positions]
        if paralogs is not None:
            folds[fold.name].append(sequence_alarm(splits.genes, fold, paralogs))
    if full:
        first = splits.folds[0]
        train, test = (trainer.rows.spread_sample(first.side == side, _ROWS) for side in (TRAIN, TEST))
        folds[first.name] += [_probe(trainer, train), _permute(trainer, train, test)]
    fired = sorted({alarm.name for alarms in folds.values() for alarm in alarms if alarm.fired})
    run = {alarm.name for alarms in folds.values() for alarm in alarms}
    everything = ("gene_overlap", "shared_positions", "sequence_similarity", "single_feature", "label_permutation")
    return {
        "fired": fired,
        "not_run": [name for name in everything if name not in run],
        "folds": {name: [alarm.to_json() for alarm in alarms] for name, alarms in folds.items()},
    }


def _positions(trainer: FoldTrainer, folds: Sequence[Fold]) -> list[Alarm]:
    """Compare the positions of every fold's sides, by one pass over the dataset."""
    total = int(trainer.rows.dataset.manifest.rows)
    genes, keys = [], []
    for gene, key in trainer.rows.position_keys():
        chosen = (gene >= 0) & kept_by_key(key, min(1.0, _POSITIONS / max(total, 1)), trainer.config.seed)
        genes.append(gene[chosen])
        keys.append(key[chosen])
    gene, key = np.concatenate(genes), np.concatenate(keys)
    return [position_alarm(key, fold.side[gene]) for fold in folds]


def _probe(trainer: FoldTrainer, train: Sequence[RowChunk]) -> Alarm:
    names = trainer.contract.names
    probe = probe_features(
        names,
        np.concatenate([chunk.matrix for chunk in train]),
        np.concatenate([chunk.labels for chunk in train]),
        1 / np.concatenate([chunk.inclusion_prob for chunk in train]),
    )
    models = tuple(model.name for model in trainer.contract.models)
    return probe.alarm([name for columns in base_columns(names, models).values() for name in columns])


def _permute(trainer: FoldTrainer, train: Sequence[RowChunk], test: Sequence[RowChunk]) -> Alarm:
    sides = [[(chunk.matrix, chunk.labels, feature_keys(chunk.matrix)) for chunk in side] for side in (train, test)]
    return permutation_alarm(lambda: trainer.choice.open(trainer.host), *sides, seed=trainer.config.seed)
