"""The record of a pass: everything that its results need to know of it, without anything open, JSON-able.

A shard leaves its record behind, so that shards can be merged on a machine that has neither genome nor weights.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest
from splicecore.config import FlankMode
from splicecore.genome.genes import Gene
from splicecore.predict.selection import GeneEntry
from splicecore.predict.table import ScoreTable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PlanRecord", "entries_digest"]


@attrs.frozen(kw_only=True, eq=False)
class PlanRecord:
    """Everything that decides a pass's bytes, and what its manifests say.

    Attributes
    ----------
    identity
        JSON value of everything that decides the output's bytes; for a shard that of the whole pass.
    base_model
        Name, engine, fingerprint, outputs, summary, licence, commercial_use and citation.
    build
        Name of the genome build.
    flank
        What the model saw beyond the genes' ends.
    contigs
        Names and lengths of the reference's contigs, in its order.
    inputs
        File names of genome and annotation.
    environment
        Versions of plugins and packages.
    entries
        What was asked for, one entry a gene or unresolved name; for a shard its share of them.
    genes
        The genes to score, without repetition, in genomic order.
    keys
        Key of each gene's scores: hash of model, geometry, flank mode, genome content and coordinates; no two alike.
    min_score
        What a row must score at least to be kept, or None.
    shard
        (i, n) for the i-th of n parts, or None for the whole.
    """

    identity: Mapping[str, Any]
    base_model: Mapping[str, Any]
    build: str
    flank: FlankMode
    contigs: tuple[tuple[str, int], ...]
    inputs: Mapping[str, str]
    environment: Mapping[str, Any]
    entries: tuple[GeneEntry, ...]
    genes: tuple[Gene, ...]
    keys: tuple[str, ...]
    min_score: float | None = None
    shard: tuple[int, int] | None = None
    _index: dict[str, int] = attrs.field(init=False)

    @_index.default
    def _index_of_keys(self) -> dict[str, int]:
        return {key: index for index, key in enumerate(self.keys)}

    @property
    def positions(self) -> int:
        """Rows that a complete pass has."""
        return sum(gene.length for gene in self.genes)

    @property
    def own_identity(self) -> dict[str, Any]:
        """Identity of what one output folder holds: that of the pass, and which shard of it."""
        shard = {} if self.shard is None else {"shard": "{}/{}".format(*self.shard)}
        return {**self.identity, **shard}

    @property
    def facts(self) -> dict[str, Any]:
        """What observers are told of the run: its identity, and that one's digest as ``id``."""
        return {"id": digest(self.own_identity), **self.own_identity}

    def gene(self, key: str) -> Gene:
        """Return the gene whose scores have this key."""
        return self.genes[self._index[key]]

    def scored(self, keys: set[str]) -> tuple[Gene, ...]:
        """Return the genes whose keys are in ``keys``, in their order."""
        return tuple(gene for gene, key in zip(self.genes, self.keys, strict=True) if key in keys)

    def table(self, parts: Path, keys: set[str]) -> ScoreTable:
        """Return the table of the genes whose keys are in ``keys``."""
        kept = [index for index, key in enumerate(self.keys) if key in keys]
        return ScoreTable(
            genes=[self.genes[index] for index in kept],
            keys=[self.keys[index] for index in kept],
            parts=parts,
            build=self.build,
            contigs=[name for name, _ in self.contigs],
            outputs=tuple(self.base_model["outputs"]),
            metadata={
                "splicecore.base_model": str(self.base_model["name"]),
                "splicecore.fingerprint": str(self.base_model["fingerprint"]),
                "splicecore.flank": self.flank,
                "splicecore.build_digest": str(self.identity["inputs"]["build_digest"]),
                "splicecore.version": str(self.identity["splicecore"]),
            },
            min_score=self.min_score,
        )

    def only(self, shard: tuple[int, int]) -> PlanRecord:
        """Return the record of one shard: its genes, balanced by bases, and the entries that belong to them.

        Names that are no gene belong to the first shard.
        """
        index, of = shard
        mine = _share([gene.length for gene in self.genes], index, of)
        genes = tuple(self.genes[row] for row in mine)
        chosen = set(genes)
        entries = tuple(
            entry
            for entry in self.entries
            if (entry.gene in chosen if entry.status == "pending" and entry.gene is not None else index == 1)
        )
        keys = tuple(self.keys[row] for row in mine)
        return attrs.evolve(self, entries=entries, genes=genes, keys=keys, shard=shard)

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON value."""
        return attrs.asdict(self, filter=lambda attribute, _: attribute.name != "_index")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PlanRecord:
        """Read what :meth:`to_json` made; KeyError, TypeError or ValueError if it did not make it."""
        fields = dict(value)
        fields["contigs"] = tuple((str(name), int(length)) for name, length in fields["contigs"])
        fields["genes"] = tuple(Gene(**gene) for gene in fields["genes"])
        fields["keys"] = tuple(fields["keys"])
        fields["entries"] = tuple(
            GeneEntry(**{**entry, "gene": None if entry["gene"] is None else Gene(**entry["gene"])})
            for entry in fields["entries"]
        )
        fields["shard"] = None if fields["shard"] is None else tuple(fields["shard"])
        return cls(**fields)


def entries_digest(entries: Sequence[GeneEntry]) -> str:
    """Return the digest of what was asked for."""
    return digest([attrs.asdict(entry) for entry in entries])


def _share(sizes: Sequence[int], index: int, of: int) -> list[int]:
    """Rows of the ``index``-th of ``of`` shares: each row in turn, largest first, to the share that has least yet."""
    loads = [(0, share) for share in range(1, of + 1)]
    mine = []
    for row in sorted(range(len(sizes)), key=lambda row: (-sizes[row], row)):
        load, share = loads[0]
        heapq.heapreplace(loads, (load + sizes[row], share))
        if share == index:
            mine.append(row)
    return sorted(mine)
