"""The genes of a dataset with base scores and labels at all positions, found where the dataset's own came from."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.dataset.config import DatasetConfig, dataset_config
from splicecore.dataset.passes import find_passes, score_file
from splicecore.errors import ContractError, InputError, ResourceNotFoundError
from splicecore.evaluate.evaluated_gene import EvaluatedGene, GeneKey
from splicecore.evaluate.mask import SiteMask, read_boundary_sites
from splicecore.evaluate.site_labels import SiteLabels
from splicecore.genome.contigs import canonical_name
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.predict.gene_blocks import GeneBlocks
from splicecore.resources.inputs import open_inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from splicecore.dataset.dataset import Dataset
    from splicecore.dataset.scored_pass import ScoredPass
    from splicecore.evaluate.site_labels import Kind
    from splicecore.features.contract import FeatureContract
    from splicecore.features.pipeline import FeaturePipeline
    from splicecore.predict.blocks import Block
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.session import Session
    from splicecore.training.train_config import TrainConfig

__all__ = ["GeneTruth", "ScoredGenes"]

_PLACES = ("artifacts", "test_name", "source", "build", "release", "fasta", "annotation")


@attrs.frozen(eq=False)
class GeneTruth:
    """What is annotated in a gene; transcript orientation.

    Attributes
    ----------
    gene
        For the evaluation.
    sites
        bool, shape (L, 2): acceptors, donors.
    counts
        bool, shape (L,): positions that count; sites of other genes on the strand do not.
    """

    gene: EvaluatedGene
    sites: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.bool_]

    @property
    def labels(self) -> npt.NDArray[np.int8]:
        """Class of every position: int8, shape (L,); both: a donor."""
        return np.where(self.sites[:, 1], 2, self.sites[:, 0].astype(np.int64)).astype(np.int8)


class ScoredGenes:
    """Hands out genes with scores and labels; a context manager. Make it by :meth:`find`, for those of a dataset.

    Parameters
    ----------
    resources
        Genome and annotation.
    passes
        Base model -> its finished passes.
    contract
        Has the flank mode that blocks are made with.
    labels
        Sites of all transcripts, or of one canonical transcript a gene, whose other sites then do not count.
    cache
        Folder for the index of a genome that lies where nothing can be written.
    boundary
        Table of transcripts that are cut by the edge of the known sequence: their sites do not count.

    Attributes
    ----------
    resources
        Genome and annotation.
    mask
        Decides which positions do not count, and counts them.
    """

    def __init__(
        self,
        resources: ResourceSet,
        passes: Mapping[str, tuple[ScoredPass, ...]],
        contract: FeatureContract,
        labels: Kind,
        cache: Path,
        *,
        boundary: str | Path | None = None,
    ) -> None:
        self.resources, self.contract = resources, contract
        self._passes, self._kind, self._cache = passes, labels, cache
        self._boundary = boundary
        self._blocks: dict[tuple[tuple[str, ...], int, tuple[str, ...]], GeneBlocks] = {}

    @classmethod
    def find(cls, session: Session, dataset: Dataset, config: TrainConfig) -> ScoredGenes:
        """Find genome, annotation and base scores.

        Raises
        ------
        SplicecoreError
            If something is not where the dataset had it from; what the options name comes first.
        ContractError
            If the scores are of other weights, or genome or annotation are others.
        """
        known = {field.name for field in attrs.fields(DatasetConfig)}
        typed = {name: value for name, value in dataset.manifest.config.items() if name in known}
        given = {name: getattr(config, name) for name in _PLACES if getattr(config, name) not in (None, ())}
        models = [model.name for model in dataset.contract.models]
        values = {**typed, **given, "base_model": models, "flank": dataset.contract.flank}
        built = dataset_config(**{**values, "output_dir": dataset.path, "run_workflow": False})
        resources = open_inputs(session, built.inputs()).resources
        _check_inputs(dataset, resources)
        passes = find_passes(session, built, resources)
        _check_scores(dataset.contract, passes)
        return cls(resources, passes, dataset.contract, config.labels, session.cache_dir, boundary=config.mask_boundary)

    @functools.cached_property
    def genes(self) -> dict[tuple[str, str, str], Gene]:
        """(contig, strand, gene_id) -> gene of the annotation."""
        catalog = GeneCatalog(self.resources.annotation())
        return {(gene.contig, gene.strand, gene.gene_id): gene for gene in catalog.all()}

    @functools.cached_property
    def mask(self) -> SiteMask:
        """Which positions do not count."""
        boundary = {} if self._boundary is None else read_boundary_sites(self._boundary)
        return SiteMask(self._labels, boundary=boundary, other_transcripts=self._kind == "canonical")

    @functools.cached_property
    def _labels(self) -> SiteLabels:
        return SiteLabels(self.resources.annotation(), self._kind, "gene")

    def require(self, table: pa.Table) -> list[Gene]:
        """Return the genes of a table's rows (contig, strand, gene_id), all of which must have scores.

        Raises
        ------
        ResourceNotFoundError
            If one has none.
        """
        columns: list[list[Any]] = [table.column(name).to_pylist() for name in ("contig", "strand", "gene_id")]
        found: list[Gene] = []
        missing: list[str] = []
        for key in zip(*columns, strict=True):
            gene = self.genes.get(key)
            if gene is None or any(score_file(scored, gene) is None for scored in self._passes.values()):
                missing.append(key[2])
            else:
                found.append(gene)
        if missing:
            raise ResourceNotFoundError(
                f"{len(missing)} of {len(columns[0])} genes have no base scores at hand, first {missing[0]}",
                hint="name the folders of `splicecore predict` by --artifacts, or evaluate the dataset's rows: "
                "--evaluate-on sampled --calibrate-on sampled",
            )
        return found

    def block(self, gene: Gene, pipeline: FeaturePipeline) -> tuple[Block, dict[str, Any]]:
        """Read a gene's scores and bases; returns the block and the resources that the features ask for."""
        key = (pipeline.models, pipeline.halo, pipeline.requires)
        if key not in self._blocks:
            self._blocks[key] = GeneBlocks(
                self.resources,
                pipeline.models,
                self.contract.flank,
                halo=pipeline.halo,
                requires=pipeline.requires,
                cache=self._cache,
            )
        blocks = self._blocks[key]
        parts = {
            model: path for model in pipeline.models if (path := score_file(self._passes[model], gene)) is not None
        }
        return blocks.block(gene, parts), blocks.given(gene)

    def truth(self, gene: Gene) -> GeneTruth:
        """Look up what is annotated in a gene."""
        key = GeneKey(canonical_name(gene.contig), gene.strand, gene.gene_id)
        sites = self._labels.sites(key, gene.start, gene.end)
        counts = ~self.mask.unknown(key, gene.start, gene.end, sites)
        if gene.strand == "-":
            sites, counts = sites[::-1], counts[::-1]
        kind = self._labels.gene_types.get(key, "unknown")
        return GeneTruth(EvaluatedGene(key, gene.start, gene.end, gene.gene_name, kind), sites, counts)

    def close(self) -> None:
        """Close the genome."""
        while self._blocks:
            self._blocks.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _check_inputs(dataset: Dataset, resources: ResourceSet) -> None:
    inputs = dataset.manifest.identity.get("inputs", {})
    found = {
        "fasta": resources.fasta_sha256,
        "annotation": resources.annotation_sha256,
        "build": resources.build.name,
        "build_digest": resources.build.digest,
    }
    for name, value in found.items():
        if name in inputs and inputs[name] != value:
            raise ContractError(
                f"the {name} is not that of the dataset in {dataset.path}: {value}, not {inputs[name]}",
                hint="give the genome and annotation that the dataset was built with",
            )


def _check_scores(contract: FeatureContract, passes: Mapping[str, Sequence[ScoredPass]]) -> None:
    for model in contract.models:
        if not passes.get(model.name):
            raise InputError(
                f"there are no scores of base model {model.name}", hint="--artifacts FOLDER, or --test-name"
            )
        for scored in passes[model.name]:
            fingerprint = str(scored.scores["base_model"]["fingerprint"])
            if fingerprint != model.fingerprint:
                raise ContractError(
                    f"the pass in {scored.folder} is of {model.name} with the fingerprint {fingerprint}; the dataset's "
                    f"is {model.fingerprint}",
                    hint="name the passes that the dataset was built from: --artifacts",
                )
