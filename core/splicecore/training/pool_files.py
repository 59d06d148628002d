"""Gathered scores of tested genes in a file, so that folds can be put together without scoring again."""

from __future__ import annotations

import itertools
import json
import zipfile
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from splicecore.artifacts.store import atomic_path
from splicecore.errors import ChecksumError, InputError
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.pooled import CLASSES, ClassPool, Pool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["join_pools", "read_pools", "select_genes", "write_pools"]

_GENE = ("positions", "ambiguous", "log_loss", "brier")
_CLASS = ("sites", "site_gene", "others", "other_gene", "rest")


def write_pools(path: Path, pools: Mapping[str, Pool]) -> None:
    """Write what was gathered of each model's scores; the same pools give the same bytes."""
    first = next(iter(pools.values()))
    genes = [[*gene.key, gene.start, gene.end, gene.gene_name, gene.gene_type] for gene in first.genes]
    arrays: dict[str, Any] = {
        "facts": np.frombuffer(
            json.dumps({"models": list(pools), "floor": first.floor, "genes": genes}).encode(), dtype=np.uint8
        )
    }
    for number, pool in enumerate(pools.values()):
        arrays |= {f"{number}.{name}": getattr(pool, name) for name in _GENE}
        for kind in CLASSES:
            arrays |= {f"{number}.{kind}.{name}": getattr(pool.classes[kind], name) for name in _CLASS}
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, **arrays)


def read_pools(path: Path) -> dict[str, Pool]:
    """Read what :func:`write_pools` wrote.

    Raises
    ------
    ChecksumError
        If the file is damaged.
    """
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            genes = tuple(EvaluatedGene(GeneKey(*row[:3]), *row[3:]) for row in facts["genes"])
            return {
                model: Pool(
                    genes=genes,
                    floor=facts["floor"],
                    **{name: arrays[f"{number}.{name}"] for name in _GENE},
                    classes={
                        kind: ClassPool(**{name: arrays[f"{number}.{kind}.{name}"] for name in _CLASS})
                        for kind in CLASSES
                    },
                )
                for number, model in enumerate(facts["models"])
            }
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ChecksumError(f"{path} is damaged: {error!r}", hint="train again; finished folds stay") from error


def join_pools(pools: Sequence[Pool]) -> Pool:
    """Put the pools of one model over different genes together.

    Raises
    ------
    InputError
        If a gene is in two of them.
    """
    genes = [gene for pool in pools for gene in pool.genes]
    if len({gene.key for gene in genes}) < len(genes):
        raise InputError("a gene was tested in two folds; their scores cannot be pooled")
    order = sorted(range(len(genes)), key=lambda row: genes[row].order)
    place = np.empty(len(genes), dtype=np.int64)
    place[order] = np.arange(len(genes))
    start = np.concatenate([[0], np.cumsum([len(pool.genes) for pool in pools])])
    return Pool(
        genes=tuple(genes[row] for row in order),
        floor=pools[0].floor,
        **{name: np.concatenate([getattr(pool, name) for pool in pools])[order] for name in _GENE},
        classes={
            kind: _joined([pool.classes[kind] for pool in pools], [place[a:b] for a, b in itertools.pairwise(start)])
            for kind in CLASSES
        },
    )


def select_genes(pool: Pool, genes: npt.NDArray[np.bool_]) -> Pool:
    """Keep only some genes of a pool; ``genes`` is bool, shape (genes,)."""
    place = np.cumsum(genes) - 1
    classes = {}
    for kind, kept in pool.classes.items():
        sites, others = genes[kept.site_gene], genes[kept.other_gene]
        classes[kind] = ClassPool(
            sites=kept.sites[sites],
            site_gene=place[kept.site_gene[sites]],
            others=kept.others[others],
            other_gene=place[kept.other_gene[others]],
            rest=kept.rest[genes],
        )
    rows = {name: getattr(pool, name)[genes] for name in _GENE}
    chosen = tuple(pool.genes[row] for row in np.flatnonzero(genes).tolist())
    return attrs.evolve(pool, genes=chosen, **rows, classes=classes)


def _joined(parts: Sequence[ClassPool], places: Sequence[Any]) -> ClassPool:
    """Scores of one class with the genes' numbers in the whole; sorted by gene as they were."""
    values: dict[str, Any] = {}
    for scores, owner in (("sites", "site_gene"), ("others", "other_gene")):
        gene = np.concatenate([place[getattr(part, owner)] for part, place in zip(parts, places, strict=True)])
        order = np.argsort(gene, kind="stable")
        values[scores] = np.concatenate([getattr(part, scores) for part in parts])[order]
        values[owner] = gene[order]
    rest = np.concatenate([part.rest for part in parts])
    values["rest"] = np.empty_like(rest)
    values["rest"][np.concatenate(places)] = rest
    return attrs.evolve(parts[0], **values)
