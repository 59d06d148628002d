"""What a build is going to do: its genes with their scores, its features, its batches and their keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

import splicecore
from splicecore.artifacts.store import digest, file_sha256
from splicecore.dataset.gene_list import read_gene_list
from splicecore.dataset.passes import assess_settings, complete_passes, find_passes, score_file
from splicecore.dataset.schema import VERSION
from splicecore.dataset.scored_pass import gene_key
from splicecore.dataset.selection import RANKED, ChosenGene, GenePool, choose_genes, rank_counts
from splicecore.dataset.task import TaskConfig
from splicecore.errors import ConfigError, InputError
from splicecore.features.configs import FeatureConfig
from splicecore.features.contract import FeatureContract
from splicecore.features.pipeline import FeaturePipeline
from splicecore.features.presets import feature_preset
from splicecore.genome.genes import Gene, GeneCatalog
from splicecore.resources.inputs import open_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from splicecore.dataset.config import DatasetConfig
    from splicecore.dataset.scored_pass import ScoredPass
    from splicecore.predict.runner import ProgressListener
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.session import Session

__all__ = ["BatchPlan", "DatasetPlan", "feature_config", "genes_digest", "make_plan"]

_KINDS = ("gene_features", "transcript_features", "exon_features", "splice_sites")


@attrs.frozen(kw_only=True, eq=False)
class BatchPlan:
    """A batch to build.

    Attributes
    ----------
    name
        ``"batch_00000"`` and so on.
    key
        Digest of everything that decides its bytes.
    genes
        In genomic order.
    parts
        For each gene: base model -> file of its scores.
    """

    name: str
    key: str
    genes: tuple[Gene, ...]
    parts: tuple[dict[str, str], ...]

    @property
    def bases(self) -> int:
        """Length of its genes together."""
        return sum(gene.length for gene in self.genes)

    def to_json(self) -> dict[str, Any]:
        """Return what a worker is sent."""
        units = [
            {"gene": attrs.asdict(gene), "parts": parts} for gene, parts in zip(self.genes, self.parts, strict=True)
        ]
        return {"name": self.name, "key": self.key, "genes": units}


@attrs.frozen(kw_only=True, eq=False)
class DatasetPlan:
    """A build that is ready to be done.

    Attributes
    ----------
    identity
        JSON value of everything that decides the dataset's bytes.
    contract
        Of its features.
    chosen
        Genes and names that were asked for or chosen, in genomic order, then the names without a gene.
    batches
        In order.
    task
        What workers are sent.
    """

    identity: dict[str, Any]
    contract: FeatureContract
    chosen: tuple[ChosenGene, ...]
    batches: tuple[BatchPlan, ...]
    task: TaskConfig

    @property
    def genes(self) -> int:
        """Number of genes that have rows."""
        return sum(len(batch.genes) for batch in self.batches)


def feature_config(config: DatasetConfig, known: Collection[str]) -> FeatureConfig:
    """Resolve which feature sets a configuration asks for.

    Settings of a set that a preset lacks add the set; those of a set that is not in a list of sets are an error.

    Parameters
    ----------
    known
        Names of the feature sets that there are.

    Raises
    ------
    ConfigError
        If there is no such preset or set, or a setting makes no sense.
    """
    names = tuple(name.strip() for name in config.features.split(",") if name.strip())
    if len(names) == 1 and names[0] not in known:
        chosen = feature_preset(names[0]).with_sets(config.feature_settings)
    else:
        chosen = FeatureConfig(sets=names)
    for name, settings in config.feature_settings.items():
        if name not in chosen.sets:
            raise ConfigError(
                f"settings for the feature set {name!r}, which is not among the features",
                hint=f"the sets are: {', '.join(chosen.sets)}",
            )
        chosen = chosen.with_settings(name, **settings)
    if config.kmer_sizes is not None:
        if "sequence" not in chosen.sets:
            raise ConfigError("kmer_sizes are given, but the feature set sequence is not among the features")
        chosen = chosen.with_settings("sequence", kmer_sizes=list(config.kmer_sizes))
    return chosen.with_sets(("structural",)) if config.patch_dataset else chosen


def make_plan(
    session: Session,
    config: DatasetConfig,
    progress: ProgressListener | None = None,
    check: Callable[[dict[str, Any]], None] | None = None,
) -> DatasetPlan:
    """Resolve what was asked for, and do the base-model passes that it needs if ``run_workflow`` says so.

    Parameters
    ----------
    check
        Called with a part of the plan's identity as soon as it is known, before a pass is done for it.

    Raises
    ------
    SplicecoreError
        For everything that is wrong with the configuration, the inputs, the passes or the choice of genes.
    """
    return _Planner(session, config, progress).plan(check or (lambda _: None))


class _Planner:
    """Makes a plan; holds what its steps share."""

    def __init__(self, session: Session, config: DatasetConfig, progress: ProgressListener | None) -> None:
        self.session, self.config, self.progress = session, config, progress
        self.features = feature_config(config, session.host.feature_sets())
        self.pipeline = FeaturePipeline.open(self.features, session.host, config.base_model)
        self.resources: ResourceSet = open_inputs(session, config.inputs()).resources
        self.catalog = GeneCatalog(self.resources.annotation())
        self.passes = find_passes(session, config, self.resources)
        self.assess = assess_settings(config, self._primary)

    @property
    def _primary(self) -> tuple[ScoredPass, ...]:
        return self.passes[self.config.base_model[0]]

    def plan(self, check: Callable[[dict[str, Any]], None]) -> DatasetPlan:
        """Make the plan."""
        with self.pipeline:
            contract = self._contract(dict.fromkeys(self.config.base_model, ""))
            check(self._settings(contract))
            self._require_passes()
            asked = self._choose()
            check({"genes": {"chosen": _count(_pending(asked))}})
            chosen = self._with_scores(asked)
            scores = {model: self.passes[model][0].scores for model in self.config.base_model}
            contract = self._contract({model: each["base_model"]["fingerprint"] for model, each in scores.items()})
        genes = _pending(chosen)
        if not genes:
            raise InputError(
                f"none of the {len(chosen)} chosen genes has scores of {' and '.join(self.config.base_model)}",
                hint="score them: --run-workflow, or `splicecore predict`",
            )
        common = {**self._settings(contract), "base_models": scores}
        return DatasetPlan(
            identity={
                **common,
                "genes": {**_count(genes), "chosen": _count(_pending(asked))},
                "batch_size": self.config.batch_size,
            },
            contract=contract,
            chosen=chosen,
            batches=tuple(self._batches(genes, common)),
            task=self._task(contract),
        )

    def _contract(self, fingerprints: Mapping[str, str]) -> FeatureContract:
        return self.pipeline.contract(
            fingerprints=fingerprints,
            flank=self.config.flank,
            build=self.resources.build.name,
            cache=self.session.cache_dir,
        )

    def _choose(self) -> list[ChosenGene]:
        """Choose the genes, scoring candidates with the primary model first where the policy depends on that."""
        config = self.config
        pool = GenePool(self.catalog, config)
        names = [*config.genes]
        if config.genes_file is not None:
            names += read_gene_list(Path(config.genes_file), config.gene_col)
        named = pool.named(names)
        if config.policy == "custom":
            return named
        candidates = pool.genes()
        if config.policy in RANKED:
            self._complete(config.base_model[0], candidates)
        if config.policy in RANKED or not config.run_workflow:
            candidates = [gene for gene in candidates if score_file(self._primary, gene) is not None]
        counts = rank_counts(self._primary, config.policy) if config.policy in RANKED else {}
        taken = {item.gene for item in named}
        return [*named, *(ChosenGene(gene=x) for x in choose_genes(config, candidates, counts) if x not in taken)]

    def _complete(self, model: str, genes: Sequence[Gene]) -> None:
        self.passes[model] = complete_passes(
            self.session,
            self.config,
            model,
            passes=self.passes[model],
            genes=genes,
            settings=self.assess,
            progress=self.progress,
        )

    def _require_passes(self) -> None:
        """Refuse to begin without any scores of a base model, unless they are to be made."""
        for model, passes in self.passes.items():
            if not (passes or self.config.run_workflow):
                raise InputError(
                    f"there are no scores of base model {model}",
                    hint="--artifacts FOLDER of `splicecore predict`, or --run-workflow to score the genes now",
                )

    def _with_scores(self, chosen: Sequence[ChosenGene]) -> tuple[ChosenGene, ...]:
        """Score what lacks scores, and note which genes have none in the end; in genomic order."""
        genes = _pending(chosen)
        missing: dict[Gene, str] = {}
        for model in self.config.base_model:
            self._complete(model, genes)
            missing = {gene: reason for gene in genes if (reason := self._missing(model, gene))} | missing
        marked = [
            item
            if item.status != "pending" or item.gene not in missing
            else attrs.evolve(item, status="no_scores", reason=missing[item.gene])
            for item in chosen
        ]
        return tuple(sorted(marked, key=lambda item: (item.gene is None, item.gene.index if item.gene else 0)))

    def _missing(self, model: str, gene: Gene) -> str | None:
        """Say why a gene has no scores of a model; None if it has."""
        if score_file(self.passes[model], gene) is not None:
            return None
        reasons = [reason for scored in self.passes[model] if (reason := scored.failures.get(gene_key(gene)))]
        return f"no scores of {model}" + (f": {reasons[0]}" if reasons else "")

    def _settings(self, contract: FeatureContract) -> dict[str, Any]:
        """Everything that decides the bytes of a batch, but for its genes and their scores."""
        resources, contents = self.resources, self.resources.manifest.datasets
        return {
            "schema": VERSION,
            "splicecore": splicecore.__version__,
            "inputs": {
                "fasta": resources.fasta_sha256,
                "annotation": resources.annotation_sha256,
                "build": resources.build.name,
                "build_digest": resources.build.digest,
                "resources": {kind: contents[kind].content for kind in _KINDS if kind in contents},
            },
            "models": ", ".join(self.config.base_model),
            "flank": self.config.flank,
            "assess": attrs.asdict(self.assess),
            "sampling": attrs.asdict(self.config.sampling),
            "features": {
                "columns": contract.schema_hash,
                "sets": ", ".join(used.name for used in contract.sets),
                "settings": {used.name: used.settings for used in contract.sets},
                "plugins": {used.name: self._provider(used.name) for used in contract.sets},
            },
            "batch_rows": self.config.batch_rows,
            **self._masked(),
        }

    def _masked(self) -> dict[str, str]:
        """Tell the table of boundary transcripts from others; empty without one."""
        if self.config.mask_boundary is None:
            return {}
        try:
            return {"boundary": file_sha256(Path(self.config.mask_boundary), self.session.cache_dir)}
        except OSError as error:
            raise InputError(f"cannot read {self.config.mask_boundary}: {error.strerror}") from error

    def _provider(self, name: str) -> str:
        record = self.session.host.provider("feature_sets", name)
        return f"{record.distribution or record.name} {record.version or ''}".strip()

    def _batches(self, genes: Sequence[Gene], common: Mapping[str, Any]) -> Iterator[BatchPlan]:
        size, base = self.config.batch_size, digest(common)
        for number, start in enumerate(range(0, len(genes), size)):
            mine = tuple(genes[start : start + size])
            parts = tuple(
                {model: str(score_file(self.passes[model], gene)) for model in self.config.base_model} for gene in mine
            )
            key = digest([base, [_place(gene) for gene in mine], [[Path(p).stem for p in x.values()] for x in parts]])
            yield BatchPlan(name=f"batch_{number:05d}", key=key, genes=mine, parts=parts)

    def _task(self, contract: FeatureContract) -> TaskConfig:
        return TaskConfig(
            plugins=self.session.host.settings,
            resources=str(self.resources.folder),
            cache=str(self.session.cache_dir),
            output=str(self.config.output_dir),
            flank=self.config.flank,
            models=self.config.base_model,
            assess=self.assess,
            sampling=self.config.sampling,
            features=self.features,
            batch_rows=self.config.batch_rows,
            keep_raw=self.config.keep_raw,
            boundary=self.config.mask_boundary,
            metadata={"contract": contract.schema_hash, "build_digest": self.resources.build.digest},
        )


def _pending(chosen: Sequence[ChosenGene]) -> list[Gene]:
    """Genes that can be had so far, each once, in genomic order."""
    genes = {item.gene.index: item.gene for item in chosen if item.gene is not None and item.status == "pending"}
    return [genes[index] for index in sorted(genes)]


def _count(genes: Sequence[Gene]) -> dict[str, Any]:
    """Count genes and tell them from others."""
    return {"count": len(genes), "digest": genes_digest([_place(gene) for gene in genes])}


def genes_digest(places: Sequence[Sequence[Any]]) -> str:
    """Digest of the genes of a dataset: gene_id, gene_name, contig, start, end and strand of each, in order."""
    return digest([list(place) for place in places])


def _place(gene: Gene) -> list[Any]:
    return [gene.gene_id, gene.gene_name, gene.contig, gene.start, gene.end, gene.strand]
