"""The task that workers run: batch after batch of genes, from their scores to rows with features."""

from __future__ import annotations

import contextlib
import functools
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pyarrow as pa

from splicecore.artifacts.row_writer import RowWriter
from splicecore.artifacts.store import file_sha256, make_folder, write_json
from splicecore.assess.config import AssessConfig
from splicecore.assess.gene import assess_gene
from splicecore.assess.sites import TranscriptSites
from splicecore.config import FlankMode, structure
from splicecore.dataset.batch_counts import BatchCounts
from splicecore.dataset.config import SamplingConfig
from splicecore.dataset.gene_rows import gene_rows
from splicecore.dataset.schema import dataset_schema, feature_names
from splicecore.errors import OutputError
from splicecore.evaluate.mask import StrandSites, read_boundary_sites
from splicecore.features.configs import FeatureConfig
from splicecore.features.pipeline import CELLS, ROWS, FeaturePipeline
from splicecore.genome.arrow import numbers
from splicecore.genome.contigs import canonical_name
from splicecore.genome.genes import Gene
from splicecore.plugins.host import PluginHost, PluginSettings
from splicecore.predict.gene_blocks import GeneBlocks
from splicecore.predict.task import peak_memory
from splicecore.resources.resource_set import ResourceSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from splicecore.predict.blocks import Block

__all__ = ["BATCH", "RAW", "TRIM", "BatchTask", "TaskConfig", "batch_folder", "open_task"]

logger = logging.getLogger(__name__)

RAW, TRIM, BATCH = "raw.parquet", "trim.parquet", "batch.json"
"""Files of a batch."""


def batch_folder(output: Path, name: str) -> Path:
    """Return the folder of a batch in a dataset's folder."""
    return output / "batches" / name


@attrs.frozen(kw_only=True)
class TaskConfig:
    """What a worker needs to know; JSON-able through :func:`attrs.asdict`.

    Attributes
    ----------
    resources
        Folder of the derived resources.
    models
        Base models, the primary one first.
    boundary
        Table of transcripts at whose sites there are no negatives, or None.
    metadata
        Of the files, as :func:`~splicecore.dataset.schema.dataset_schema` takes it.
    """

    plugins: PluginSettings
    resources: str
    cache: str
    output: str
    flank: FlankMode
    models: tuple[str, ...]
    assess: AssessConfig
    sampling: SamplingConfig
    features: FeatureConfig
    batch_rows: int
    keep_raw: bool
    boundary: str | None
    metadata: dict[str, str]


def open_task(config: Mapping[str, Any]) -> BatchTask:
    """Open the task in a worker; the executors' entry."""
    return BatchTask(structure(config, TaskConfig, where="worker"))


class BatchTask:
    """Builds batches; genome, annotation and feature sets are opened once."""

    def __init__(self, config: TaskConfig) -> None:
        self.config = config
        self.resources = ResourceSet.open(Path(config.resources))
        host = PluginHost.discover(config.plugins)
        self.pipeline = FeaturePipeline.open(config.features, host, config.models)
        self.blocks = GeneBlocks(
            self.resources,
            config.models,
            config.flank,
            halo=self.pipeline.halo,
            requires=self.pipeline.requires,
            cache=Path(config.cache),
        )
        self.schema = dataset_schema(self.pipeline.schema, config.metadata)
        self._features = feature_names(self.schema)

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        """Build ``shard["batches"]``: {"name", "key", "genes": [{"gene", "parts": {model: path}}]} each."""
        return {"batches": [self._batch(batch) for batch in shard["batches"]], "peak_memory": peak_memory()}

    def close(self) -> None:
        """Close the feature sets and the genome."""
        self.pipeline.close()
        self.blocks.close()

    def _batch(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        folder = _empty_folder(batch_folder(Path(self.config.output), batch["name"]))
        counts = BatchCounts()
        with contextlib.ExitStack() as stack:
            trim = stack.enter_context(RowWriter(folder / TRIM, self.schema, self.config.batch_rows))
            raw = None
            if self.config.keep_raw:
                raw = stack.enter_context(RowWriter(folder / RAW, self.schema, self.config.batch_rows))
            for unit in batch["genes"]:
                before = trim.rows
                for rows in self._gene(Gene(**unit["gene"]), unit["parts"], raw, counts):
                    trim.add(rows)
                    counts.add(rows, self._features)
                counts.gene_rows.append(trim.rows - before)
        record = {
            "name": batch["name"],
            "key": batch["key"],
            "genes": len(batch["genes"]),
            "sha256": file_sha256(folder / TRIM),
            **counts.to_json(),
        }
        write_json(folder / BATCH, record)
        return {name: record[name] for name in ("name", "genes", "rows")}

    def _gene(
        self, gene: Gene, parts: Mapping[str, str], raw: RowWriter | None, counts: BatchCounts
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a gene that stay, with their features; all rows go to ``raw``."""
        block = self.blocks.block(gene, {model: Path(part) for model, part in parts.items()})
        assessment = assess_gene(
            block,
            self.resources.sites(),
            self._transcripts.of(gene),
            self.config.assess,
            gene_biotype=self._biotypes[gene.index].as_py(),
        )
        assessed = gene_rows(assessment.positions)
        rows = assessed.without(self._unknown(gene))
        counts.ambiguous += rows.ambiguous
        counts.masked += len(assessed.index) - len(rows.index)
        kept, facts = rows.sample(gene, self.config.sampling)
        if raw is None:
            yield from self._with_features(block, rows.index[kept], facts)
            return
        stays = np.zeros(len(rows.index), dtype=np.bool_)
        stays[kept] = True
        probability = np.ones(len(stays))
        probability[kept] = numbers(facts, "inclusion_prob")
        start = 0
        for batch in self._with_features(block, rows.index, rows.facts):
            raw.add(batch)
            chosen = slice(start, start + batch.num_rows)
            column = batch.schema.get_field_index("inclusion_prob")
            product: Any = pa.array(probability[chosen])
            mask: Any = pa.array(stays[chosen])
            yield batch.set_column(column, self.schema.field("inclusion_prob"), product).filter(mask)
            start += batch.num_rows

    def _with_features(self, block: Block, index: npt.NDArray[np.int64], facts: pa.Table) -> Iterator[pa.RecordBatch]:
        given = self.blocks.given(block.gene)
        size = max(1, min(ROWS, CELLS // len(self._features), self.config.batch_rows))
        whole = facts.combine_chunks().to_batches()
        start = 0
        for features in self.pipeline.batches(block, index, given, rows=size):
            columns = whole[0].slice(start, features.num_rows).columns
            start += features.num_rows
            yield pa.RecordBatch.from_arrays([*columns, *features.columns], schema=self.schema)

    def _unknown(self, gene: Gene) -> npt.NDArray[np.int64]:
        """Sites of boundary transcripts in a gene, genomic, rising."""
        sites = self._boundary.get((canonical_name(gene.contig), gene.strand), np.empty(0, dtype=np.int64))
        low, high = np.searchsorted(sites, (gene.start, gene.end))
        return sites[low:high]

    @functools.cached_property
    def _boundary(self) -> StrandSites:
        return {} if self.config.boundary is None else read_boundary_sites(self.config.boundary)

    @functools.cached_property
    def _transcripts(self) -> TranscriptSites:
        transcripts = self.resources.annotation().transcripts
        return TranscriptSites(self.resources.sites().sites, transcripts.column("transcript_id").combine_chunks())

    @functools.cached_property
    def _biotypes(self) -> Any:
        return self.resources.annotation().genes.column("gene_biotype")


def _empty_folder(folder: Path) -> Path:
    """Make a folder; what an interrupted attempt left in it is removed."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutputError(f"cannot clear {folder}: {error.strerror or error}") from error
    return make_folder(folder)
