"""Figures of every gene, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.evaluate.pooled import CLASSES, bin_edges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from splicecore.evaluate.config import OperatingPoint
    from splicecore.evaluate.pooled import ClassPool, Pool

__all__ = ["gene_average_precision", "gene_figures", "write_gene_figures"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]
_TOP = np.int64(0x7FFFFFFF)


def gene_figures(pool: Pool, thresholds: tuple[float, float]) -> pa.Table:
    """Tabulate a model's figures gene by gene.

    Parameters
    ----------
    pool
        What was kept of its scores.
    thresholds
        Lowest acceptor and donor score that is called.

    Returns
    -------
    Table, a row a gene
        Columns contig, strand, gene_id, gene_name, gene_type, start, end (genomic, 0-based, half-open), positions, and
        for acceptor and donor each ``*_sites``, ``*_true_positives``, ``*_false_positives``, ``*_false_negatives``
        (int64) and ``*_average_precision`` (float64, NaN without sites).
    """
    genes = pool.genes
    columns: dict[str, object] = {
        "contig": [gene.key.contig for gene in genes],
        "strand": [gene.key.strand for gene in genes],
        "gene_id": [gene.key.gene_id for gene in genes],
        "gene_name": [gene.gene_name for gene in genes],
        "gene_type": [gene.gene_type for gene in genes],
        "start": np.array([gene.start for gene in genes], dtype=np.int64),
        "end": np.array([gene.end for gene in genes], dtype=np.int64),
        "positions": pool.positions,
    }
    for k, name in enumerate(CLASSES):
        sites = pool.sites(name)
        true, false = pool.calls(name, thresholds[k])
        columns |= {
            f"{name}_sites": sites,
            f"{name}_true_positives": true,
            f"{name}_false_positives": false,
            f"{name}_false_negatives": sites - true,
            f"{name}_average_precision": gene_average_precision(pool, name),
        }
    table: pa.Table = pa.table(columns)
    return table


def write_gene_figures(path: Path, pools: Mapping[str, Pool], point: OperatingPoint) -> None:
    """Write the tables of several models, one below the other with the column ``model``, as Parquet."""
    parts = []
    for model, pool in pools.items():
        table = gene_figures(pool, point.thresholds[model])
        names = pa.array([model] * table.num_rows, type=pa.string())
        parts.append(table.add_column(0, "model", names))
    with atomic_path(path) as temporary:
        pq.write_table(pa.concat_tables(parts), temporary, compression="zstd", write_page_checksum=True)


def gene_average_precision(pool: Pool, name: str) -> _Floats:
    """Average precision of a class within each gene: float64, shape (genes,); NaN without sites.

    As for the whole, sites below the pool's floor are taken as equal to the other positions of their bin.
    """
    kept, count = pool.classes[name], len(pool.genes)
    scores, below = _binned(kept, pool.floor)
    true = _at_least(scores, kept.site_gene, scores, kept.site_gene)
    false = _at_least(kept.others, kept.other_gene, scores, kept.site_gene)
    rest = np.cumsum(kept.rest[:, ::-1], axis=1)[:, ::-1]
    low = below >= 0
    false[low] += rest[kept.site_gene[low], below[low]]
    total = np.bincount(kept.site_gene, weights=true / (true + false), minlength=count)
    sites = np.bincount(kept.site_gene, minlength=count)
    figures: _Floats = np.divide(total, sites, out=np.full(count, np.nan), where=sites > 0)
    return figures


def _binned(kept: ClassPool, floor: float) -> tuple[npt.NDArray[np.float32], _Ints]:
    """Scores of the sites, those below the floor as their bin's lower edge, and their bins (-1: not below)."""
    edges = bin_edges(floor)
    low = kept.sites < np.float32(floor)
    scores, bins = kept.sites.copy(), np.full(len(kept.sites), -1, dtype=np.int64)
    bins[low] = np.searchsorted(edges, scores[low], side="right") - 1
    scores[low] = edges[bins[low]]
    return scores, bins


def _at_least(scores: npt.NDArray[np.float32], owner: _Ints, limits: npt.NDArray[np.float32], gene: _Ints) -> _Ints:
    """For each limit, how many of its gene's scores reach it. Owners rise; scores are not negative."""

    def key(values: npt.NDArray[np.float32], genes: _Ints) -> _Ints:
        return genes << 32 | (_TOP - np.ascontiguousarray(values).view(np.int32))

    found: _Ints = np.searchsorted(np.sort(key(scores, owner)), key(limits, gene), side="right").astype(np.int64)
    return found - np.searchsorted(owner, gene, side="left")
