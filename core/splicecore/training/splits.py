"""Division of genes into training, validation and test, so that nothing of a tested gene is seen before.

Genes that overlap, on either strand, stay on one side, and so do genes with one value of the group column. Where a
method's chromosomes put such genes on different sides, the tested ones stay, and the others are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.artifacts.store import digest
from splicecore.errors import ConfigError, ContigError, InputError
from splicecore.genome.arrow import codes_of, compute, numbers
from splicecore.genome.contigs import canonical_name, describe_names
from splicecore.genome.suggestions import near_names
from splicecore.training.contig_codes import contig_codes
from splicecore.training.fold import SIDES, TEST, TRAIN, UNUSED, VALID, Fold
from splicecore.training.overlap_groups import connected_groups, links, overlap_groups
from splicecore.training.split_config import SplitConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from splicecore.training.paralogs import Paralogs

__all__ = ["Splits", "split_genes"]

_Ints = npt.NDArray[np.int64]
_Sides = npt.NDArray[np.int8]


@attrs.frozen(eq=False)
class Splits:
    """What :func:`split_genes` made.

    Attributes
    ----------
    config
        How.
    genes
        The table of genes, as given.
    groups
        int64, shape (genes,): smallest row of each gene's group.
    folds
        One or several.
    """

    config: SplitConfig
    genes: pa.Table
    groups: _Ints
    folds: tuple[Fold, ...]

    def to_json(self) -> dict[str, Any]:
        """Describe settings and folds."""
        return {
            "config": attrs.asdict(self.config),
            "genes": len(self.genes),
            "groups": len(np.unique(self.groups)),
            "folds": [fold.to_json(self.genes) for fold in self.folds],
        }


@attrs.frozen(eq=False)
class _Genes:
    """What dividing needs of the genes: contig code and name, weight, and group number from 0 in canonical order."""

    contig: _Ints
    contigs: tuple[str, ...]
    weight: npt.NDArray[np.float64]
    group: _Ints

    @property
    def group_weight(self) -> npt.NDArray[np.float64]:
        return np.bincount(self.group, weights=self.weight).astype(np.float64)


def split_genes(genes: pa.Table, config: SplitConfig, paralogs: Paralogs | None = None) -> Splits:
    """Divide genes.

    Parameters
    ----------
    genes
        Columns gene_id, contig, strand, start, end (0-based, half-open), those that the settings name, in any order of
        rows. The result depends on the genes and the settings, not on the order.
    config
        How.
    paralogs
        Pairs of genes of similar sequence, by rows of ``genes``.

    Raises
    ------
    InputError
        If a column is missing, or a side would be empty.
    ContigError
        If no gene lies on a chromosome that is named, or its name is ambiguous.
    ConfigError
        If a chromosome is on two lists, or paralogs are to be kept apart but not given.
    """
    if paralogs is None and config.paralogs != "report":
        raise ConfigError(f"paralogs are to be treated by {config.paralogs!r}, but none were searched for")
    _check_columns(genes, config)
    own, groups = _describe(genes, config, paralogs)
    folds = []
    for name, side in _divide(own, config):
        one_side = _on_one_side(side, own.group)
        fold = _with_paralogs(Fold(name, one_side), config, paralogs)
        _check_sides(fold)
        folds.append(fold)
    return Splits(config, genes, groups, tuple(folds))


def _check_columns(genes: pa.Table, config: SplitConfig) -> None:
    needed = ["gene_id", "contig", "strand", "start", "end", config.group_col]
    needed += ["rows"] if config.balance == "rows" else []
    for name in needed:
        if name not in genes.schema.names:
            there = ", ".join(genes.schema.names)
            raise InputError(f"the table of genes has no column {name!r}", hint=f"its columns are {there}")
    if not len(genes):
        raise InputError("there are no genes to divide")


def _describe(genes: pa.Table, config: SplitConfig, paralogs: Paralogs | None) -> tuple[_Genes, _Ints]:
    contig, contigs = contig_codes(genes)
    start, end = numbers(genes, "start"), numbers(genes, "end")
    edges = [links(overlap_groups(contig, start, end, config.margin)), links(_values(genes, config.group_col))]
    if paralogs is not None and config.paralogs == "group":
        edges.append((paralogs.first, paralogs.second))
    first, second = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    groups = connected_groups(len(genes), first, second)
    rank = _canonical_rank(genes, contig, start, end)
    lowest = np.full(len(genes), len(genes), dtype=np.int64)
    np.minimum.at(lowest, groups, rank)
    _, number = np.unique(lowest[groups], return_inverse=True)
    weight = np.ones(len(genes))
    if config.balance != "genes":
        weight = (end - start if config.balance == "bases" else numbers(genes, "rows")).astype(np.float64)
    return _Genes(contig, contigs, weight, number.astype(np.int64)), groups


def _values(genes: pa.Table, column: str) -> _Ints:
    """Codes of the values of a column of any type; -1: null."""
    values: Any = genes.column(column)
    if not (pa.types.is_string(values.type) or pa.types.is_dictionary(values.type)):
        genes = pa.table({column: compute.cast(values, pa.string())})
    return codes_of(genes, column)[0]


def _canonical_rank(genes: pa.Table, contig: _Ints, start: _Ints, end: _Ints) -> _Ints:
    """Place of each gene in an order that does not depend on that of the rows."""
    identifier, words = codes_of(genes, "gene_id")
    strand, signs = codes_of(genes, "strand")
    order = np.lexsort((_alphabetic(words)[identifier], _alphabetic(signs)[strand], end, start, contig))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _alphabetic(words: Sequence[str]) -> _Ints:
    rank = np.empty(len(words), dtype=np.int64)
    rank[np.argsort(np.array(words, dtype=object), kind="stable")] = np.arange(len(words))
    return rank


def _divide(genes: _Genes, config: SplitConfig) -> Iterator[tuple[str, _Sides]]:
    """Yield name and sides of every fold, before genes of one group are brought together."""
    if config.method == "chromosome":
        yield "chromosome", _by_lists(genes, config)
    elif config.method == "leave-one-chromosome-out":
        if len(genes.contigs) < 2:
            raise InputError(f"all genes are on {genes.contigs[0]}; leaving it out leaves nothing to train on")
        for code, name in enumerate(genes.contigs):
            yield name, _take_valid(genes, np.where(genes.contig == code, TEST, TRAIN), config, name)
    else:
        kfold = config.method == "group-kfold"
        shares = [1 / config.folds] * config.folds if kfold else [1 - config.test_share, config.test_share]
        groups = np.arange(len(genes.group_weight))
        part = _deal(genes.group_weight, groups, shares, [config.seed, config.method])[genes.group]
        for fold in range(config.folds) if kfold else (1,):
            name = f"fold_{fold if kfold else 0}"
            yield name, _take_valid(genes, np.where(part == fold, TEST, TRAIN), config, name)


def _by_lists(genes: _Genes, config: SplitConfig) -> _Sides:
    listed = np.full(len(genes.contigs), UNUSED if config.train else TRAIN, dtype=np.int8)
    taken: dict[int, str] = {}
    for number, list_name in enumerate(SIDES):
        for name in getattr(config, list_name):
            code = _contig_code(name, genes.contigs)
            if taken.setdefault(code, list_name) != list_name:
                raise ConfigError(f"chromosome {name} is on two lists: {taken[code]} and {list_name}")
            listed[code] = number
    side: _Sides = listed[genes.contig]
    return side if config.valid else _take_valid(genes, side, config, "chromosome")


def _contig_code(name: str, contigs: tuple[str, ...]) -> int:
    if name in contigs:
        return contigs.index(name)
    found = [code for code, own in enumerate(contigs) if canonical_name(own) == canonical_name(name)]
    if not found:
        near = near_names(name, contigs)
        hint = f"did you mean {near[0]}?" if near else f"there are genes on {describe_names(contigs, count=8)}"
        raise ContigError(f"no gene lies on {name}", hint=hint)
    return found[0]


def _take_valid(genes: _Genes, side: npt.NDArray[Any], config: SplitConfig, name: str) -> _Sides:
    """Take a share of the training groups for validation; groups that are also tested are none of them."""
    free = np.setdiff1d(genes.group[side == TRAIN], genes.group[side == TEST])
    if len(free) < 2:
        raise InputError(
            f"{name}: {len(free)} groups of overlapping genes are left, too few to train and validate on",
            hint="take more genes, fewer folds, or other chromosomes",
        )
    shares = [1 - config.valid_share, config.valid_share]
    chosen = _deal(genes.group_weight, free, shares, [config.seed, "valid", name])
    sides = side.astype(np.int8)
    sides[(sides == TRAIN) & (chosen[genes.group] == 1)] = VALID
    return sides


def _deal(weight: npt.NDArray[np.float64], groups: _Ints, shares: list[float], seed: list[Any]) -> _Ints:
    """Deal groups to parts whose weights are to have these shares; -1 for groups that are not dealt.

    Heavy groups go first, each to the part that is then least filled for its share; groups of about the same weight
    come in random order. The last groups go to parts that would else stay empty.
    """
    if len(groups) < len(shares):
        raise InputError(
            f"{len(groups)} groups of overlapping genes cannot be divided into {len(shares)} parts",
            hint="take more genes or fewer folds",
        )
    random = np.random.Generator(np.random.PCG64(int(digest(["split", *seed]), 16)))
    order = np.sort(groups)[random.permutation(len(groups))]
    order = order[np.argsort(-np.floor(np.log2(np.maximum(weight[order], 1))), kind="stable")]
    part = np.full(len(weight), -1, dtype=np.int64)
    filled, members = [0.0] * len(shares), [0] * len(shares)
    for left, group in zip(range(len(order), 0, -1), order.tolist(), strict=True):
        empty = [i for i, count in enumerate(members) if count == 0]
        open_parts = empty if left <= len(empty) else range(len(shares))
        mass = float(weight[group])
        chosen = min(open_parts, key=lambda i: (filled[i] + mass) / shares[i])
        part[group], filled[chosen], members[chosen] = chosen, filled[chosen] + mass, members[chosen] + 1
    return part


def _on_one_side(side: _Sides, group: _Ints) -> _Sides:
    """Keep of every group only the genes on its last side (test after valid after train); the others are not used."""
    last = np.full(int(group.max()) + 1, UNUSED, dtype=np.int8)
    np.maximum.at(last, group, side)
    return np.where(side == last[group], side, np.int8(UNUSED)).astype(np.int8)


def _with_paralogs(fold: Fold, config: SplitConfig, paralogs: Paralogs | None) -> Fold:
    if paralogs is None:
        return fold
    found = paralogs.across(fold.test, np.flatnonzero((fold.side == TRAIN) | (fold.side == VALID)))
    if config.paralogs != "exclude":
        return attrs.evolve(fold, paralogs=found)
    side = fold.side.copy()
    side[found] = UNUSED
    return Fold(fold.name, side)


def _check_sides(fold: Fold) -> None:
    for side, name in enumerate(SIDES):
        if not (fold.side == side).any():
            raise InputError(
                f"{fold.name}: no gene is left for {name}", hint="take more genes, or divide them in another way"
            )
