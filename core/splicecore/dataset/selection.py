"""Which genes a dataset is built of: those that are named, and those that a policy chooses among the candidates."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import numpy as np

from splicecore.artifacts.store import digest
from splicecore.errors import ConfigError, GeneNotFoundError, InputError
from splicecore.genome.arrow import codes_of, labels
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.genome.suggestions import near_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.dataset.config import DatasetConfig, SubsetPolicy
    from splicecore.dataset.scored_pass import ScoredPass

__all__ = ["HARD_MARGIN", "RANKED", "ChosenGene", "GenePool", "RankCounts", "choose_genes", "rank_counts"]

logger = logging.getLogger(__name__)

HARD_MARGIN = 0.2
"""A position is hard if the score that its call rests on is at most this far from the threshold."""

RankCounts = dict[tuple[str, str, str], int]
"""(contig, strand, gene_id) -> what a policy ranks by."""

RANKED: tuple[SubsetPolicy, ...] = ("error_total", "error_fp", "error_fn", "hard")
"""Policies that rank genes by the tables of the primary model's pass."""


@attrs.frozen(kw_only=True)
class ChosenGene:
    """A gene that was chosen, or a name that cannot be.

    Attributes
    ----------
    gene
        The gene, or None for a name without one.
    requested
        The name that it was asked for by, or None.
    status
        ``"pending"``, or why it cannot be had: ``"not_in_annotation"``, ``"no_sequence"``, ``"excluded"``,
        ``"no_scores"``.
    reason
        Of any status but ``"pending"``.
    """

    gene: Gene | None
    requested: str | None = None
    status: str = "pending"
    reason: str | None = None


class GenePool:
    """The genes of an annotation that a configuration's gene types and chromosomes allow.

    Raises
    ------
    ConfigError
        If no gene of the annotation is of a gene type that is asked for.
    ContigError
        If the reference does not have a chromosome.
    InputError
        If no gene is left.
    """

    def __init__(self, catalog: GeneCatalog, config: DatasetConfig) -> None:
        self.catalog = catalog
        table = catalog.annotation.genes
        contigs = catalog.annotation.reference_contigs
        wanted = {contigs.require(name) for name in config.chromosomes}
        unwanted = {contigs.require(name) for name in config.exclude_chromosomes}
        places = np.array(labels(table, "contig"), dtype=object)
        types, names = codes_of(table, "gene_biotype")
        for kind in config.gene_types:
            if kind not in names:
                near = near_names(kind, names) or tuple(sorted(names))
                raise ConfigError(f"no gene is of type {kind!r}", hint=f"there is {', '.join(near)}")
        self._by_contig = np.array(
            [(not wanted or place in wanted) and place not in unwanted for place in places], dtype=np.bool_
        )
        kinds = [names.index(kind) for kind in config.gene_types]
        self._by_type = np.isin(types, kinds) if kinds else np.ones(len(types), dtype=np.bool_)
        self._types, self._names = types, names
        if not (self._by_contig & self._by_type).any():
            raise InputError("no gene is left by the choice of chromosomes and gene types")

    def genes(self) -> list[Gene]:
        """All of them, in genomic order."""
        return [self.catalog.gene(row) for row in np.flatnonzero(self._by_contig & self._by_type).tolist()]

    def excluded(self, gene: Gene) -> str | None:
        """Why a gene is not in the pool, or None."""
        if not self._by_contig[gene.index]:
            return f"gene {gene.gene_id} is on {gene.contig}, which is excluded"
        if not self._by_type[gene.index]:
            code = int(self._types[gene.index])
            return f"gene {gene.gene_id} is of type {self._names[code] if code >= 0 else 'unknown'}"
        return None

    def named(self, names: Sequence[str]) -> list[ChosenGene]:
        """Resolve names and ids; those that cannot be had keep their place with the reason.

        Raises
        ------
        GeneNotFoundError
            If none can be had.
        """
        missing = {item.name: item for item in self.catalog.select(names).missing}
        found = []
        for name in dict.fromkeys(names):
            if name in missing:
                item = missing[name]
                status = "not_in_annotation" if item.contig is None else "no_sequence"
                near = f"; near names: {', '.join(item.suggestions)}" if item.suggestions else ""
                found.append(ChosenGene(gene=None, requested=name, status=status, reason=item.reason + near))
                continue
            for gene in self.catalog.select([name]).genes:
                reason = self.excluded(gene)
                status = "pending" if reason is None else "excluded"
                found.append(ChosenGene(gene=gene, requested=name, status=status, reason=reason))
        if found and not any(item.status == "pending" for item in found):
            others = f"; {len(found) - 1} more cannot be had either" if len(found) > 1 else ""
            raise GeneNotFoundError(str(found[0].reason) + others)
        return found


def rank_counts(passes: Sequence[ScoredPass], policy: SubsetPolicy) -> RankCounts:
    """Count what a policy ranks by, from the tables of the primary model's passes.

    ``error_fp`` and ``error_fn`` count false calls and missed sites, ``error_total`` both; ``hard`` the positions whose
    call is decided by :data:`HARD_MARGIN` or less. A gene that several passes have is taken from the first.
    """
    counts: RankCounts = {}
    for scored in passes:
        if policy == "hard":
            found = scored.hard_positions(HARD_MARGIN)
        else:
            kinds = {"error_fp": ("fp",), "error_fn": ("fn",)}.get(policy, ("fp", "fn"))
            found = {key: sum(row[kind] for kind in kinds) for key, row in scored.errors().items()}
        counts = found | counts
    return counts


def choose_genes(
    config: DatasetConfig, candidates: Sequence[Gene], counts: Mapping[tuple[str, str, str], int]
) -> list[Gene]:
    """Choose genes among candidates by the configuration's policy.

    Those with most of what is counted come first, ties in genomic order; genes without any are never chosen.
    ``random`` takes the genes with the lowest digests of seed and gene, so that a gene's luck depends on no other.

    Parameters
    ----------
    config
        Policy, ``n_genes`` and ``seed``.
    candidates
        In genomic order.
    counts
        Of :func:`rank_counts`; not needed for ``random``, ``all`` and ``custom``.

    Returns
    -------
    The chosen genes, in genomic order.

    Raises
    ------
    InputError
        If there are fewer than ``n_genes``.
    """
    policy = config.policy
    if policy == "custom":
        return []
    ranked = list(candidates)
    if policy in RANKED:
        number = {gene.index: counts.get((gene.contig, gene.strand, gene.gene_id), 0) for gene in candidates}
        ranked = sorted((gene for gene in candidates if number[gene.index]), key=lambda gene: -number[gene.index])
    elif policy == "random":
        ranked.sort(
            key=lambda gene: digest([config.seed, gene.contig, gene.start, gene.end, gene.strand, gene.gene_id])
        )
    wanted = len(ranked) if config.n_genes is None else config.n_genes
    if wanted > len(ranked) or not ranked:
        raise _too_few(config, len(candidates), len(ranked))
    return sorted(ranked[:wanted], key=lambda gene: gene.index)


def _too_few(config: DatasetConfig, candidates: int, found: int) -> InputError:
    asked = "genes are" if config.n_genes is None else f"{config.n_genes} genes are"
    what = {"hard": " with a hard position", "random": "", "all": ""}.get(config.policy, " with such an error")
    return InputError(
        f"{asked} asked for, but of {candidates} candidates {found} are there{what} (subset policy {config.policy})",
        hint="ask for fewer, choose another --subset-policy, or score more genes: --run-workflow",
    )
