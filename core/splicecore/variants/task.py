"""The task that workers run: score the alleles of block after block, by a cache where it has them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import atomic_path
from splicecore.config import structure
from splicecore.errors import ChecksumError, PluginError, SplicecoreError
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.plugins.specs import OpenRequest
from splicecore.predict.task import peak_memory
from splicecore.resources.resource_set import ResourceSet
from splicecore.variants.alleles import Job, Variant
from splicecore.variants.blocks import BlockFile
from splicecore.variants.cache import CachedScores, ScoreCache, allele_key, base_key
from splicecore.variants.delta import DeltaScores, RawScores
from splicecore.variants.meta_scores_opening import MetaTask, OpenedMeta
from splicecore.variants.rules import VariantRules
from splicecore.variants.scorer import AlleleResult, VariantScorer
from splicecore.variants.tables import ROWS, Place, result_rows
from splicecore.variants.transcripts import Choice, Transcript, Transcripts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from splicecore.plugins.protocols import BaseModel

__all__ = ["ModelTask", "TaskConfig", "VariantTask", "block_path", "open_task", "read_block"]

logger = logging.getLogger(__name__)

_KEY = b"splicecore.key"


@attrs.frozen(kw_only=True)
class ModelTask:
    """A base model as workers open it; ``identity`` is what decides its scores, JSON-able."""

    name: str
    request: OpenRequest
    fingerprint: str
    identity: dict[str, Any]


@attrs.frozen(kw_only=True)
class TaskConfig:
    """What a worker needs to know; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    plugins
        Which plugins to load.
    models
        Base models, in the order of the results.
    meta
        The meta-model, whose results come last; or None.
    resources
        Folder of the derived resources of genome and annotation.
    transcripts, rules
        Where and how alleles are scored.
    build
        Name of the genome's build.
    blocks, parts
        File of the records, and folder that the results end in.
    key
        What the pass is known by.
    cache
        Folder of indices and the like.
    score_cache
        Folder of scores that were computed before, or None.
    """

    plugins: PluginSettings
    models: tuple[ModelTask, ...]
    meta: MetaTask | None
    resources: str
    transcripts: Choice
    rules: VariantRules
    build: str
    blocks: str
    parts: str
    key: str
    cache: str
    score_cache: str | None = None


def block_path(parts: Path, block: int) -> Path:
    """Where the results of a block lie."""
    return parts / f"{block:07d}.parquet"


def read_block(parts: Path, block: int, key: str) -> pa.RecordBatch | None:
    """Return the results of a block, rows of :data:`~splicecore.variants.tables.ROWS`; None if there are none.

    Raises
    ------
    ChecksumError
        If the file is damaged or of another pass.
    """
    path = block_path(parts, block)
    if not path.exists():
        return None
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            found = (file.schema_arrow.metadata or {}).get(_KEY, b"").decode()
            table = file.read()
    except (OSError, pa.ArrowInvalid) as error:
        raise ChecksumError(f"{path} is damaged: {error}", hint="run the same command again") from error
    if found != f"{key}/{block}" or table.schema != ROWS:
        raise ChecksumError(f"{path} is of another run", hint="remove it, or --force")
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=ROWS)


def open_task(config: Mapping[str, Any]) -> VariantTask:
    """Open the task in a worker; the executors' entry."""
    return VariantTask(structure(config, TaskConfig, where="worker"))


class VariantTask:
    """Scores blocks of variants. Models are opened when the first allele needs them."""

    def __init__(self, config: TaskConfig) -> None:
        self.config = config
        self.resources = ResourceSet.open(Path(config.resources))
        self.reference = self.resources.reference(Path(config.cache))
        self.transcripts = Transcripts.of(self.resources.annotation(), config.transcripts)
        self._blocks = BlockFile(Path(config.blocks))
        self._cache = None if config.score_cache is None else ScoreCache(Path(config.score_cache))
        self._host: PluginHost | None = None
        self._models: dict[str, BaseModel] = {}
        self._meta: OpenedMeta | None = None
        self._keys: dict[tuple[str, tuple[Any, ...]], bytes] = {}

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do ``shard["units"]`` (numbers of blocks); returns {"units": a result each, "peak_memory"}."""
        return {"units": [self._block(block) for block in shard["units"]], "peak_memory": peak_memory()}

    def _block(self, block: int) -> dict[str, Any]:
        jobs = self._jobs(block)
        found = 0
        results: list[tuple[Place, AlleleResult]] = []
        models = (*self.config.models, *(() if self.config.meta is None else (self.config.meta,)))
        for model in models:
            scored, hits = self._score(model, [job for _, _, job in jobs])
            found += hits
            results += [
                (Place(record=record, allele=allele, base_model=model.name, build=self.config.build), result)
                for (record, allele, _), result in zip(jobs, scored, strict=True)
            ]
        place = {record: index for index, (record, _, _) in reversed(list(enumerate(jobs)))}
        results.sort(key=lambda item: place[item[0].record])  # stable: models and alleles stay in their order
        self._write(block, result_rows(results))
        return {"block": block, "jobs": len(jobs) * len(models), "found": found}

    def _jobs(self, block: int) -> list[tuple[int, int, Job]]:
        """Place of the record, place of the ALT in it, and the job, for every ALT and transcript of a block."""
        jobs: list[tuple[int, int, Job]] = []
        for record, contig, position, ref, alts in self._blocks.rows(block):
            transcripts: list[Transcript | None] = [*self.transcripts.at(contig, position)]
            for allele, alt in enumerate(alts) if alts else [(-1, ".")]:
                variant = Variant(contig, position, ref, alt)
                jobs += [(record, allele, Job(variant, transcript)) for transcript in transcripts or [None]]
        return jobs

    def _score(self, model: ModelTask | MetaTask, jobs: Sequence[Job]) -> tuple[list[AlleleResult], int]:
        """Score jobs; returns the results in their order, and how many came from the cache."""
        if self._cache is None:
            return self._compute(model, jobs), 0
        keys = [self._key(model, job) for job in jobs]
        found = self._cache.find([key for key in dict.fromkeys(keys) if key is not None])
        missing = [index for index, key in enumerate(keys) if key is None or key not in found]
        computed = dict(zip(missing, self._compute(model, [jobs[index] for index in missing]), strict=True))
        self._cache.keep(
            {
                key: _cached(result)
                for index, result in computed.items()
                if (key := keys[index]) is not None and result.unscored is None
            }
        )
        results = []
        for index, (job, key) in enumerate(zip(jobs, keys, strict=True)):
            results.append(computed[index] if index in computed else _result(job, found[key or b""]))
        return results, len(jobs) - len(missing)

    def _compute(self, model: ModelTask | MetaTask, jobs: Sequence[Job]) -> list[AlleleResult]:
        if not jobs:
            return []
        try:
            return self._scorer(model).score(jobs)
        except SplicecoreError:
            raise
        except Exception as error:
            logger.exception("%s failed", model.name)
            what = "the meta-model" if isinstance(model, MetaTask) else f"base model {model.name}"
            raise PluginError(
                f"{what} failed on a variant from {jobs[0].variant} to {jobs[-1].variant}: "
                f"{type(error).__name__}: {error}",
                hint="report this to the plugin's author; the same command goes on from here",
            ) from error

    def _scorer(self, model: ModelTask | MetaTask) -> VariantScorer | OpenedMeta:
        """Return what scores; a meta-model is opened at first use."""
        if isinstance(model, ModelTask):
            return VariantScorer(self._model(model), self.reference, self.config.rules)
        if self._meta is None:
            opened = {task.name: self._model(task) for task in self.config.models}
            self._host = self._host or PluginHost.discover(self.config.plugins)
            self._meta = OpenedMeta.open(
                model, self._host, opened,
                resources=self.resources, rules=self.config.rules, cache=Path(self.config.cache),
            )  # fmt: skip
        return self._meta

    def _model(self, model: ModelTask) -> BaseModel:
        """Return the base model, opened at first use."""
        if model.name not in self._models:
            self._host = self._host or PluginHost.discover(self.config.plugins)
            opened = self._host.open_named(model.name, model.request)
            self._models[model.name] = opened
            if opened.fingerprint != model.fingerprint:
                raise ChecksumError(
                    f"the weights of {model.name} changed while the run was starting", hint="run the command again"
                )
        return self._models[model.name]

    def _key(self, model: ModelTask | MetaTask, job: Job) -> bytes | None:
        transcript = job.transcript
        if transcript is None:
            return None
        exons = (transcript.exon_starts, transcript.exon_ends) if self.config.rules.mask else ()
        gene = (transcript.gene_id,) if isinstance(model, MetaTask) else ()
        decides = (*transcript.span, *exons, *gene)
        known = (model.name, decides)
        if known not in self._keys:
            self._keys[known] = base_key({"model": model.identity, "transcript": decides})
        return allele_key(self._keys[known], job.variant)

    def _write(self, block: int, rows: pa.RecordBatch) -> None:
        schema = ROWS.with_metadata({_KEY: f"{self.config.key}/{block}".encode()})
        with (
            atomic_path(block_path(Path(self.config.parts), block)) as temporary,
            pq.ParquetWriter(
                temporary, schema, compression="zstd", write_statistics=False, write_page_checksum=True
            ) as writer,
        ):
            writer.write_table(pa.Table.from_batches([rows], ROWS).cast(schema))

    def close(self) -> None:
        """Close models, genome and files."""
        if self._meta is not None:
            self._meta.close()
        for model in self._models.values():
            model.close()
        if self._cache is not None:
            self._cache.close()
        self._blocks.close()
        self.reference.close()


def _cached(result: AlleleResult) -> CachedScores:
    assert result.delta is not None
    assert result.raw is not None
    delta = attrs.astuple(result.delta)
    return CachedScores(delta[:4], delta[4:], attrs.astuple(result.raw), result.flags)


def _result(job: Job, scores: CachedScores) -> AlleleResult:
    ds_ag, ds_al, ds_dg, ds_dl = scores.deltas
    dp_ag, dp_al, dp_dg, dp_dl = scores.positions
    delta = DeltaScores(ds_ag, ds_al, ds_dg, ds_dl, dp_ag, dp_al, dp_dg, dp_dl)
    return AlleleResult(job=job, delta=delta, raw=RawScores(*scores.raw), flags=scores.flags)
