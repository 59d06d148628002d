"""Checks of the structural columns: the same on all rows of a gene, the position's own, and those of the resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.dataset.validation.check import DatasetCheck, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch
    from splicecore.resources.resource_set import ResourceSet

__all__ = ["StructureCheck"]

_OF_POSITION = ("absolute_position", "distance_to_start", "distance_to_end")
_SET = "structural"
_REMEDY = "build the dataset anew, or refresh the columns: splicecore dataset patch"


class StructureCheck:
    """Whether what describes a gene is the same on all its rows, and what the table of gene features says.

    Parameters
    ----------
    opened
        The dataset.
    resources
        Its genome and annotation; None to compare the rows with each other only.
    """

    def __init__(self, opened: OpenedDataset, resources: ResourceSet | None) -> None:
        contract = opened.dataset.contract
        self._opened = opened
        names = [column.name for column in contract.columns if column.feature_set == _SET]
        self._of_gene = [name for name in names if name not in _OF_POSITION]
        self._of_position = [name for name in names if name in _OF_POSITION]
        self._values = np.full((len(opened.index), len(self._of_gene)), np.nan, dtype=np.float64)
        self._seen = np.zeros(len(opened.index), dtype=np.bool_)
        self._tally = Tally()
        self._wrong: set[str] = set()
        self._resources = resources
        if resources is not None and self._of_gene:
            self._values, self._seen = _expected(opened, resources, self._of_gene)
        self._known = int(np.count_nonzero(self._seen))

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        known = rows.gene >= 0
        if not known.any() or not (self._of_gene or self._of_position):
            return
        genes, first = np.unique(rows.gene[known], return_index=True)
        fresh = ~self._seen[genes]
        for number, name in enumerate(self._of_gene):
            values = rows.numbers(name)
            self._values[genes[fresh], number] = values[known][first[fresh]]
            expected = self._values[rows.gene, number]
            other = known & ~((values == expected) | (np.isnan(values) & np.isnan(expected)))
            if other.any():
                self._wrong.add(name)
                self._tally.note(self._complaint(name), other, rows)
        self._seen[genes] = True
        self._positions(rows, known)

    def _complaint(self, name: str) -> str:
        if self._known:
            return f"{name} is not what the table of gene features says"
        return f"{name} is not the same on all rows of the gene"

    def _positions(self, rows: RowBatch, known: npt.NDArray[np.bool_]) -> None:
        length = rows.index.end[rows.gene] - rows.index.start[rows.gene]
        expected = {
            "absolute_position": rows.position,
            "distance_to_start": rows.rel_position,
            "distance_to_end": length - 1 - rows.rel_position,
        }
        for name in self._of_position:
            other = known & (rows.numbers(name) != expected[name])
            if other.any():
                self._wrong.add(name)
                self._tally.note(f"{name} is not that of the position", other, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        if not self._of_gene and not self._of_position:
            text = "the dataset has no structural columns"
            yield DatasetCheck(name="structure", status="skipped", details=text)
            return
        columns = len(self._of_gene) + len(self._of_position)
        how = "as in the table of gene features" if self._known else "the same on all rows of a gene"
        yield self._tally.check("structure", f"{columns} columns are {how}", _REMEDY)


def _expected(
    opened: OpenedDataset, resources: ResourceSet, names: list[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Values of each gene by the table of gene features, shape (genes, columns), and which genes that has."""
    from splicecore.errors import GeneNotFoundError
    from splicecore.features.configs import StructuralConfig
    from splicecore.features.gene_record import GeneRecords
    from splicecore.features.structural import Structural
    from splicecore.genome.genes import Gene
    from splicecore.predict.blocks import Block

    index, contract = opened.index, opened.dataset.contract
    features = Structural(StructuralConfig(columns=tuple(names)))
    records = GeneRecords(resources.table("gene_features"))
    values = np.full((len(index), len(names)), np.nan, dtype=np.float64)
    seen = np.zeros(len(index), dtype=np.bool_)
    position = np.zeros(1, dtype=np.int64)
    for row, (gene_id, contig, strand) in enumerate(index.keys):
        if gene_id is None or index.start[row] < 0:
            continue
        gene = Gene(gene_id, gene_id, contig, strand, int(index.start[row]), int(index.end[row]), row)
        block = Block(
            gene=gene, build=contract.build, flank=contract.flank, halo=0, codes=position.astype(np.uint8), scores={}
        )
        try:
            record = records.record(gene)
        except GeneNotFoundError:
            continue
        if record.describes(gene):
            batch: Any = features.compute(block, position, {"gene_features": record})
            one = [column[0].as_py() for column in batch.columns]
            values[row] = [np.nan if value is None else value for value in one]
            seen[row] = True
    return values, seen
