"""Scores of positions that thresholds and calibration are chosen on: of validation genes, all positions or rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from splicecore.genome.genes import Gene
    from splicecore.inference.scorer import MetaScorer
    from splicecore.plugins.protocols import Scores
    from splicecore.training.scored_genes import ScoredGenes
    from splicecore.training.training_rows import TrainingRows

__all__ = ["MEAN", "META", "PositionScores", "base_columns", "fallback", "gene_scores", "positions_of_genes",
           "positions_of_rows"]  # fmt: skip

META, MEAN = "meta", "mean"
"""Names of the meta-model and of the mean of several base models in figures."""

_FLOOR = 1e-3
_ONE_IN = 50
_CHANNELS = ("neither_score", "acceptor_score", "donor_score")


@attrs.frozen(eq=False)
class PositionScores:
    """Labeled positions.

    Attributes
    ----------
    raw
        float32, shape (k, 3): the meta-model's probabilities before calibration.
    base
        Base model, or :data:`MEAN`, -> float32, shape (k, 3).
    labels
        int8, shape (k,).
    weights
        float64, shape (k,): how many positions each one stands for.
    all_positions
        Whether they stand for all positions of genes because these were looked at, not for a dataset's sample.
    """

    raw: npt.NDArray[np.float32]
    base: dict[str, npt.NDArray[np.float32]]
    labels: npt.NDArray[np.int8]
    weights: npt.NDArray[np.float64]
    all_positions: bool


def gene_scores(scorer: MetaScorer, scored: ScoredGenes, gene: Gene) -> tuple[Scores, dict[str, Scores]]:
    """Score all positions of a gene: the meta-model's raw probabilities, and those of the base models and their mean.

    Returns
    -------
    float32 of shape (L, 3), and the same by name; transcript orientation
    """
    block, given = scored.block(gene, scorer.pipeline)
    raw = scorer.raw(block, given=given)
    return raw, with_mean({name: block.scores[name][:, :3] for name in scorer.base_models})


def with_mean(base: Mapping[str, Scores]) -> dict[str, Scores]:
    """Add the mean of the base models if there are several."""
    if len(base) < 2:
        return dict(base)
    mean: Scores = np.stack(list(base.values())).mean(axis=0, dtype=np.float64).astype(np.float32)
    return {**base, MEAN: mean}


def fallback(names: Collection[str], primary: str) -> str | None:
    """Return whose calibrated scores stand where a meta-model is not asked: the mean of several base models, else one.

    Parameters
    ----------
    names
        Base models, and :data:`MEAN`, whose calibrations are at hand.
    primary
        Name of the primary base model.
    """
    return next((name for name in (MEAN, primary) if name in names), None)


def positions_of_genes(scorer: MetaScorer, scored: ScoredGenes, genes: Iterable[Gene], seed: int) -> PositionScores:
    """Score all positions of genes; of those that no model thinks much of, one in fifty is kept and stands for fifty.

    Memory follows the positions that score at least 0.001 with any model.
    """
    raw: list[npt.NDArray[np.float32]] = []
    labels: list[npt.NDArray[np.int8]] = []
    weights: list[npt.NDArray[np.float64]] = []
    base: dict[str, list[npt.NDArray[np.float32]]] = {}
    for gene in genes:
        truth = scored.truth(gene)
        own, others = gene_scores(scorer, scored, gene)
        rows, weight = _kept(own, others, truth.labels, truth.counts, [seed, gene.contig, gene.strand, gene.gene_id])
        raw.append(own[rows])
        labels.append(truth.labels[rows])
        weights.append(weight)
        for name, scores in others.items():
            base.setdefault(name, []).append(scores[rows])
    return PositionScores(
        raw=np.concatenate(raw),
        base={name: np.concatenate(parts) for name, parts in base.items()},
        labels=np.concatenate(labels),
        weights=np.concatenate(weights),
        all_positions=True,
    )


def _kept(
    own: Scores, others: Mapping[str, Scores], labels: npt.NDArray[np.int8], counts: npt.NDArray[np.bool_], seed: object
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    high = labels > 0
    for scores in (own, *others.values()):
        high |= scores[:, 1:].max(axis=1) >= np.float32(_FLOOR)
    rng = np.random.Generator(np.random.PCG64(int(digest(["positions", seed])[:32], 16)))
    low = rng.random(len(labels)) < 1 / _ONE_IN
    rows = np.flatnonzero(counts & (high | low))
    return rows, np.where(high[rows], 1.0, float(_ONE_IN))


def positions_of_rows(scorer: MetaScorer, rows: TrainingRows, chosen: npt.NDArray[np.bool_]) -> PositionScores:
    """Score the rows of genes in a dataset; ``chosen`` is bool, shape (genes,). Base scores that are no column lack."""
    columns = base_columns(rows.names, scorer.base_models)
    wanted = tuple(dict.fromkeys((*scorer.record.columns, *(name for names in columns.values() for name in names))))
    place = {name: number for number, name in enumerate(wanted)}
    own = np.array([place[name] for name in scorer.record.columns], dtype=np.int64)
    chunks = [
        (
            scorer.predict(np.ascontiguousarray(chunk.matrix[:, own])),
            with_mean({name: chunk.matrix[:, [place[x] for x in names]] for name, names in columns.items()}),
            chunk.labels,
            1 / chunk.inclusion_prob,
        )
        for chunk in rows.select(chosen, wanted)
    ]
    names = chunks[0][1] if chunks else {}
    return PositionScores(
        raw=np.concatenate([chunk[0] for chunk in chunks]),
        base={name: np.concatenate([chunk[1][name] for chunk in chunks]) for name in names},
        labels=np.concatenate([chunk[2] for chunk in chunks]),
        weights=np.concatenate([chunk[3] for chunk in chunks]),
        all_positions=False,
    )


def base_columns(names: Iterable[str], models: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Find the columns with each base model's neither, acceptor and donor score; models without them are left out."""
    there = set(names)
    found = {
        model: tuple((f"{model}__" if number else "") + channel for channel in _CHANNELS)
        for number, model in enumerate(models)
    }
    return {model: columns for model, columns in found.items() if there.issuperset(columns)}
