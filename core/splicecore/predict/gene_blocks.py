"""Genes with their base scores, from score parts on disk: what features are computed of."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from splicecore.errors import ChecksumError, ResourceNotFoundError
from splicecore.features.gene_record import GeneRecords
from splicecore.predict.blocks import Block, GeneSequence
from splicecore.predict.parts import PartReader

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from splicecore.config import FlankMode
    from splicecore.genome.genes import Gene
    from splicecore.plugins.protocols import Scores
    from splicecore.resources.resource_set import ResourceSet

__all__ = ["GeneBlocks"]


class GeneBlocks:
    """Makes the block of one gene after another; a context manager.

    Parameters
    ----------
    resources
        Genome and annotation.
    models
        Base models, the primary one first.
    flank
        What they saw beyond the genes' ends.
    halo
        Bases beyond the gene that blocks carry.
    requires
        Names of the resources that the features ask for.
    cache
        Folder for the index of a genome that lies where nothing can be written.
    """

    def __init__(
        self,
        resources: ResourceSet,
        models: Sequence[str],
        flank: FlankMode,
        *,
        halo: int,
        requires: Collection[str] = (),
        cache: Path,
    ) -> None:
        self.resources, self.models, self.flank = resources, tuple(models), flank
        self.halo, self.requires, self.cache = halo, tuple(requires), cache
        self.reference = resources.reference(cache)

    def block(self, gene: Gene, parts: Mapping[str, Path]) -> Block:
        """Read a gene's bases and scores.

        Parameters
        ----------
        gene
            The gene.
        parts
            Base model -> file of its scores.

        Raises
        ------
        ResourceNotFoundError
            If a base model has no file.
        ChecksumError
            If a file is gone, damaged, or holds another gene's scores.
        """
        for model in self.models:
            if model not in parts:
                raise ResourceNotFoundError(
                    f"gene {gene.gene_id} has no scores of {model}", hint="score it: `splicecore predict`"
                )
        sequence = GeneSequence(reference=self.reference, gene=gene, flank=self.flank)
        read = {model: _read(Path(parts[model]), gene) for model in self.models}
        return Block(
            gene=gene,
            build=self.resources.build.name,
            flank=self.flank,
            halo=self.halo,
            codes=sequence.codes(-self.halo, gene.length + self.halo),
            scores={model: scores for model, (scores, _) in read.items()},
            outputs={model: outputs for model, (_, outputs) in read.items()},
        )

    def given(self, gene: Gene) -> dict[str, Any]:
        """Resources that the features of a gene ask for."""
        given: dict[str, Any] = {"contigs": self.resources.contigs, "cache": self.cache}
        if "gene_features" in self.requires:
            given["gene_features"] = self._records.record(gene)
        return {name: given[name] for name in self.requires if name in given}

    @functools.cached_property
    def _records(self) -> GeneRecords:
        return GeneRecords(self.resources.table("gene_features"))

    def close(self) -> None:
        """Close the genome."""
        self.reference.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(path: Path, gene: Gene) -> tuple[Scores, tuple[str, ...]]:
    if not path.is_file():
        raise ChecksumError(f"the scores {path} of gene {gene.gene_id} are gone", hint="do the base-model pass again")
    with PartReader(path) as part:
        if part.key != path.stem or part.length != gene.length:
            raise ChecksumError(
                f"{path} does not hold the scores of gene {gene.gene_id}",
                hint="do the base-model pass that it belongs to again",
            )
        return part.read(0, gene.length), part.outputs
