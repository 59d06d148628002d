"""Bootstrap over genes: the unit that is drawn is a group of genes that overlap, never a position or a gene alone.

Positions of a gene, and genes that share bases, are not independent; drawing them one by one would make intervals too
narrow. All models are drawn alike (paired), so that differences have intervals of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from splicecore.artifacts.store import digest
from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from splicecore.evaluate.evaluated_gene import EvaluatedGene

__all__ = ["bootstrap_weights", "overlap_groups", "percentile_interval"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]


def overlap_groups(genes: Sequence[EvaluatedGene]) -> _Ints:
    """Group genes that share bases, directly or through others, on either strand.

    Returns
    -------
    int64, shape (genes,)
        Group of each gene, numbered from 0 by position; genes need not be sorted.
    """
    contigs = sorted({gene.key.contig for gene in genes})
    rank = {name: index for index, name in enumerate(contigs)}
    base = np.array([rank[gene.key.contig] for gene in genes], dtype=np.int64) << 40
    start = base + np.array([gene.start for gene in genes], dtype=np.int64)
    end = base + np.array([gene.end for gene in genes], dtype=np.int64)
    order = np.lexsort((end, start))
    reach = np.maximum.accumulate(end[order])
    new = np.concatenate([[True], start[order][1:] >= reach[:-1]])
    group = np.empty(len(genes), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    return group


def bootstrap_weights(n_groups: int, replicates: int, seed: int) -> _Floats:
    """Draw groups with replacement.

    Returns
    -------
    float64, shape (replicates, n_groups)
        How often each group was drawn; rows sum to ``n_groups``.

    Raises
    ------
    ConfigError
        If there are fewer than two groups.
    """
    if n_groups < 2:
        raise ConfigError(
            "a bootstrap over genes needs at least two that do not overlap",
            hint="evaluate more genes, or --bootstrap 0",
        )
    entropy = int(digest({"bootstrap": seed})[:32], 16)
    rng = np.random.Generator(np.random.PCG64(entropy))
    return rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=replicates).astype(np.float64)


def percentile_interval(values: _Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the percentiles that enclose ``level`` of the replicates; NaN ones are left out, NaN if all are."""
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
