"""Computing columns of finished rows anew: gene by gene, from the genome and the annotation."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
import pyarrow as pa

from splicecore.dataset.patch_plan import NO_SCORES
from splicecore.dataset.rewriting import encoded_once
from splicecore.errors import ChecksumError, GeneNotFoundError, InputError
from splicecore.features.gene_record import GeneRecord, GeneRecords
from splicecore.genome.arrow import compute as pc
from splicecore.genome.genes import Gene
from splicecore.predict.blocks import Block, GeneSequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from splicecore.dataset.dataset import Dataset
    from splicecore.dataset.patch_plan import PatchPlan
    from splicecore.features.contract import FeatureContract
    from splicecore.genome.contigs import Contigs
    from splicecore.genome.reference import Reference
    from splicecore.resources.resource_set import ResourceSet

__all__ = ["CellChanges", "GeneSource", "Patcher"]

_SHOWN = 5
_FACTS = ("gene_name", "gene_biotype")
_Key = tuple[str, str, str]


@attrs.define
class CellChanges:
    """Cells of a column that were null and are not, have another value, or are null now."""

    filled: int = 0
    changed: int = 0
    emptied: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.filled + self.changed + self.emptied


class GeneSource:
    """The genes of a dataset in the annotation that is in use; a context manager. Make it by :meth:`open`.

    Attributes
    ----------
    given
        Resources for feature sets, but for ``gene_features``.
    """

    def __init__(
        self,
        genes: Mapping[_Key, Gene],
        records: Mapping[_Key, GeneRecord],
        reference: Reference,
        given: dict[str, Any],
    ) -> None:
        self._genes, self._records, self._reference = genes, records, reference
        self.given = given

    @classmethod
    def open(cls, dataset: Dataset, resources: ResourceSet, cache: Path) -> Self:
        """Find every gene of a dataset in the annotation.

        Raises
        ------
        InputError
            If the annotation lacks genes that have rows, or has them elsewhere.
        """
        records = GeneRecords(resources.table("gene_features"))
        genes: dict[_Key, Gene] = {}
        known: dict[_Key, GeneRecord] = {}
        wrong: list[str] = []
        for gene in _genes(dataset):
            key = gene.gene_id, gene.contig, gene.strand
            try:
                record = records.record(gene)
            except GeneNotFoundError:
                wrong.append(f"{gene.gene_id} is not there")
                continue
            if not record.describes(gene):
                wrong.append(f"{gene.gene_id} is at {record.contig}:{record.start + 1:,}-{record.end:,}")
            genes[key], known[key] = gene, record
        if wrong:
            more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
            raise InputError(
                f"{resources.annotation_path} does not have the dataset's genes: {'; '.join(wrong[:_SHOWN])}{more}",
                hint="give an annotation with the same genes in the same places, or build the dataset with this one",
            )
        contigs: Contigs = resources.contigs
        given = {"contigs": contigs, "cache": cache}
        return cls(genes, known, resources.reference(cache), given)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reference.close()

    def gene(self, key: _Key) -> Gene:
        """Gene by gene_id, contig and strand.

        Raises
        ------
        ChecksumError
            If the dataset's table of genes lacks it.
        """
        try:
            return self._genes[key]
        except KeyError as error:
            raise ChecksumError(
                f"there are rows of the gene {key[0]} ({key[1]}, {key[2]}), which the table of genes lacks",
                hint="build the dataset again",
            ) from error

    def record(self, key: _Key) -> GeneRecord:
        """Return what the annotation has on a gene."""
        return self._records[key]

    def block(self, gene: Gene, contract: FeatureContract, halo: int) -> Block:
        """Return a gene as feature sets see it, without scores."""
        sequence = GeneSequence(reference=self._reference, gene=gene, flank=contract.flank)
        return Block(
            gene=gene,
            build=contract.build,
            flank=contract.flank,
            halo=halo,
            codes=sequence.codes(-halo, gene.length + halo),
            scores={model.name: NO_SCORES for model in contract.models},
        )

    def names(self, table: pa.Table) -> list[str | None]:
        """Names of the genes of a dataset's table, as the annotation has them now."""
        columns: list[list[Any]] = [
            table.column(name).to_pylist() for name in ("gene_id", "contig", "strand", "gene_name")
        ]
        return [
            self._records[gene_id, contig, strand].gene_name if (gene_id, contig, strand) in self._records else name
            for gene_id, contig, strand, name in zip(*columns, strict=True)
        ]


def _genes(dataset: Dataset) -> Iterator[Gene]:
    names = ("gene_id", "gene_name", "contig", "strand", "start", "end")
    for row in dataset.genes().to_pylist():
        if row["batch"] is not None:
            yield Gene(**{name: row[name] for name in names}, index=0)


class Patcher:
    """Replaces columns of batches of rows, and counts what changes.

    Attributes
    ----------
    cells
        Column -> what changed; only columns that changed, and none that were added.
    total
        Number of cells that changed.
    """

    def __init__(self, plan: PatchPlan, genes: GeneSource) -> None:
        self._plan, self._genes = plan, genes
        self.cells: dict[str, CellChanges] = {}
        self.total = 0
        self._last: tuple[_Key, Block] | None = None

    def patched(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows in the plan's schema, with their columns computed anew."""
        rel_position: npt.NDArray[np.int64] = batch.column("rel_position").to_numpy()
        runs = list(_runs(batch))
        pieces = [self._features(key, rel_position[start:end], batch, start) for key, start, end in runs]
        fresh: dict[str, Any] = dict.fromkeys(_FACTS)
        for name in _FACTS:
            values = [getattr(self._genes.record(key), name) for key, _, _ in runs]
            lengths = [end - start for _, start, end in runs]
            fresh[name] = _repeated(values, lengths)
        features = pa.Table.from_batches(pieces, self._plan.pipeline.schema).combine_chunks()
        for name in features.schema.names:
            column: Any = features.column(name)
            fresh[name] = column.combine_chunks() if batch.num_rows else pa.array([], column.type)
        for name, values in fresh.items():
            if name in batch.schema.names:
                self._count(name, batch.column(name), values)
        columns = [fresh[name] if name in fresh else batch.column(name) for name in self._plan.schema.names]
        return encoded_once(pa.RecordBatch.from_arrays(columns, schema=self._plan.schema))

    def _features(
        self, key: _Key, rel_position: npt.NDArray[np.int64], batch: pa.RecordBatch, start: int
    ) -> pa.RecordBatch:
        gene = self._genes.gene(key)
        position = batch.column("position").slice(start, len(rel_position)).to_numpy()
        if not np.array_equal(gene.to_relative(position), rel_position):
            raise ChecksumError(
                f"rows of gene {gene.gene_id} have positions that do not fit the gene's place",
                hint="`splicecore dataset validate` says more",
            )
        if self._last is None or self._last[0] != key:
            self._last = key, self._genes.block(gene, self._plan.contract, self._plan.pipeline.halo)
        offered = {**self._genes.given, "gene_features": self._genes.record(key)}
        given = {name: offered[name] for name in self._plan.pipeline.requires if name in offered}
        return self._plan.pipeline.compute(self._last[1], rel_position, given)

    def _count(self, name: str, old: Any, new: Any) -> None:
        if pa.types.is_dictionary(old.type):
            old, new = old.cast(pa.string()), new.cast(pa.string())
        elif old.type != new.type:
            old = old.cast(new.type, safe=False)
        was, now = old.is_valid(), new.is_valid()
        differs = pc.sum(pc.not_equal(old, new)).as_py() or 0
        found = CellChanges(
            filled=pc.sum(pc.and_not(now, was)).as_py() or 0,
            changed=differs,
            emptied=pc.sum(pc.and_not(was, now)).as_py() or 0,
        )
        if found.total:
            seen = self.cells.setdefault(name, CellChanges())
            seen.filled += found.filled
            seen.changed += found.changed
            seen.emptied += found.emptied
            self.total += found.total


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[_Key, int, int]]:
    """Yield stretches of rows of one gene: its key, first row, end."""
    columns: list[Any] = [batch.column(name) for name in ("gene_id", "contig", "strand")]
    codes = [column.indices.to_numpy() for column in columns]
    values = [column.dictionary.to_pylist() for column in columns]
    changes = np.zeros(max(batch.num_rows - 1, 0), dtype=bool)
    for code in codes:
        changes |= np.diff(code) != 0
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), batch.num_rows]
    for start, end in itertools.pairwise(bounds):
        if end > start:
            gene_id, contig, strand = (value[code[start]] for value, code in zip(values, codes, strict=True))
            yield (gene_id, contig, strand), start, end


def _repeated(values: list[str | None], lengths: list[int]) -> pa.Array[Any]:
    """Column of text with each value so many times."""
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    place = {value: i for i, value in enumerate(distinct)}
    codes = np.repeat(np.array([-1 if x is None else place[x] for x in values], dtype=np.int32), lengths)
    indices: Any = pa.array(codes, mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, pa.string()))
