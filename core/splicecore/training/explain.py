"""Why a meta-model scores positions as it does: shares of features and groups, position by position or on the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.dataset.dataset import Dataset
from splicecore.errors import ConfigError, GeneNotFoundError, InputError
from splicecore.features.matrix import to_matrix
from splicecore.genome.genes import Gene
from splicecore.training.feature_files import feature_files
from splicecore.training.importance import contributions_of, feature_groups, importance_table
from splicecore.training.scored_genes import ScoredGenes
from splicecore.training.train_config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from splicecore.inference.scorer import MetaScorer
    from splicecore.session import Session

__all__ = ["CLASSES", "Explanation", "explain_dataset", "explain_gene"]

CLASSES = ("neither", "acceptor", "donor")
_ROWS = 4096


@attrs.frozen(eq=False)
class Explanation:
    """Shares of features in the scores of positions.

    Attributes
    ----------
    positions
        int64, shape (k,): genomic, 0-based; -1 throughout for rows of a dataset.
    scores
        float32, shape (k, 3): calibrated probabilities.
    features
        float32, shape (k, columns).
    shares
        float32, shape (k, 3, columns + 1): of each feature in each class's margin, then the bias.
    columns
        Names of the features.
    groups
        Column -> group.
    gene
        The gene; None for a dataset.
    """

    positions: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    features: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]
    columns: tuple[str, ...]
    groups: dict[str, str]
    gene: Gene | None = None

    def table(self) -> pa.Table:
        """Table of a row for each position, class and feature; the strongest features of a position first.

        Returns
        -------
        Columns position, class, feature, group, value (NaN: missing), contribution; the bias is a row ``(bias)``.
        """
        import pyarrow as pa

        names = np.array([*self.columns, "(bias)"], dtype=object)
        groups = np.array([*(self.groups[name] for name in self.columns), ""], dtype=object)
        values = np.concatenate([self.features, np.full((len(self.features), 1), np.nan, np.float32)], axis=1)
        order = np.argsort(-np.abs(self.shares), axis=2, kind="stable")
        k, classes, count = self.shares.shape
        flat = order.reshape(-1)
        rows = np.repeat(np.arange(k), classes * count)
        kinds = np.tile(np.repeat(np.arange(classes), count), k)
        return pa.table(
            {
                "position": self.positions[rows],
                "class": pa.array(np.array(CLASSES, dtype=object)[kinds]),
                "feature": pa.array(names[flat]),
                "group": pa.array(groups[flat]),
                "value": values[rows, flat],
                "contribution": self.shares[rows, kinds, flat],
            }
        )

    def by_group(self) -> dict[str, npt.NDArray[np.float64]]:
        """Sum of the shares of each group's features: float64, shape (k, 3)."""
        return {
            group: self.shares[:, :, [i for i, name in enumerate(self.columns) if self.groups[name] == group]].sum(
                axis=2, dtype=np.float64
            )
            for group in dict.fromkeys(self.groups[name] for name in self.columns)
        }


def explain_gene(
    session: Session,
    model: str | Path,
    dataset: str | Path,
    gene: str,
    *,
    positions: tuple[int, ...] = (),
    threshold: float = 0.1,
    **places: Any,
) -> Explanation:
    """Explain positions of a gene.

    Parameters
    ----------
    session
        Has plugins and data root.
    model
        Folder of a trained meta-model.
    dataset
        Folder of the dataset that says where genome and base scores are.
    gene
        Name or id.
    positions
        Genomic, 0-based; empty for those that score at least ``threshold``.
    threshold
        Lowest calibrated acceptor or donor score that is explained.
    **places
        ``artifacts``, ``test_name``, ``source``, ``build``, ... in place of the dataset's, as in ``TrainConfig``.

    Raises
    ------
    GeneNotFoundError
        If there is no such gene.
    InputError
        If a position lies outside the gene, or none scores that high.
    ContractError
        If the base scores are not of the model's weights, or the shares do not add up to the model's scores.
    """
    opened = Dataset.open(dataset)
    with session.open_meta_model(model, feature_settings=feature_files(opened)) as scorer:
        scorer.contract.check(opened.contract)
        config = TrainConfig(dataset=str(dataset), out_dir="", **places)
        with ScoredGenes.find(session, opened, config) as scored:
            found = _gene(scored, gene)
            block, given = scored.block(found, scorer.pipeline)
            index = _index(found, positions)
            if index is None:
                high = scorer.score(block, given=given).calibrated[:, 1:].max(axis=1)
                index = np.flatnonzero(high >= np.float32(threshold))
                if not len(index):
                    raise InputError(
                        f"no position of {found.gene_name} scores at least {threshold:g}, the highest {high.max():.3g}",
                        hint="a lower --threshold, or --position",
                    )
            matrix = np.concatenate(list(scorer.matrices(block, index, given)))
            return _explain(scorer, matrix, found.to_genomic(index), found)


def explain_dataset(session: Session, model: str | Path, dataset: str | Path, *, rows: int = _ROWS) -> dict[str, Any]:
    """Measure the importance of features over rows of a dataset, the first ones of every file; JSON-able.

    Raises
    ------
    ContractError
        If the dataset's features are not the model's.
    """
    opened = Dataset.open(dataset)
    with session.open_meta_model(model, feature_settings=feature_files(opened)) as scorer:
        scorer.contract.check(opened.contract)
        each = -(-rows // max(1, len(opened.files)))
        parts = []
        for file in opened.files:
            batch = next(opened.batches(list(scorer.record.columns), rows=each, files=[file]), None)
            if batch is not None:
                parts.append(to_matrix(batch))
        return importance_table(scorer, np.concatenate(parts)[:rows])


def _explain(
    scorer: MetaScorer, matrix: npt.NDArray[np.float32], positions: npt.NDArray[np.int64], gene: Gene | None
) -> Explanation:
    return Explanation(
        positions=positions,
        scores=scorer.calibrate(scorer.predict(matrix)),
        features=matrix,
        shares=contributions_of(scorer, matrix),
        columns=scorer.record.columns,
        groups=feature_groups(scorer.contract, scorer.record.columns),
        gene=gene,
    )


def _gene(scored: ScoredGenes, name: str) -> Gene:
    found = [gene for gene in scored.genes.values() if name in (gene.gene_id, gene.gene_name)]
    if not found:
        raise GeneNotFoundError(f"the annotation has no gene {name}")
    if len(found) > 1:
        ids = ", ".join(sorted({gene.gene_id for gene in found})[:4])
        raise ConfigError(f"{len(found)} genes are called {name}: {ids}", hint="give the gene's id")
    return found[0]


def _index(gene: Gene, positions: tuple[int, ...]) -> npt.NDArray[np.int64] | None:
    if not positions:
        return None
    for position in positions:
        if not gene.start <= position < gene.end:
            raise InputError(
                f"position {position + 1:,} lies outside {gene.gene_name} "
                f"({gene.contig}:{gene.start + 1:,}-{gene.end:,})"
            )
    return gene.to_relative(np.array(positions, dtype=np.int64))
