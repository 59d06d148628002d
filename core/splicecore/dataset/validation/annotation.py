"""Checks against the genome and the annotation that the dataset claims to be of: build, contigs, genes, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from splicecore.dataset.validation.check import DatasetCheck, Tally
from splicecore.genome.arrow import codes_of, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.dataset.validation.opened import OpenedDataset
    from splicecore.dataset.validation.row_batch import RowBatch
    from splicecore.resources.resource_set import ResourceSet

__all__ = ["AnnotationCheck", "check_inputs"]

_SHIFT = 40  # positions have fewer bits
_SHOWN = 5
_REMEDY = "give the genome and the annotation that the dataset was built of, or build it anew of these"

_Ints = npt.NDArray[np.int64]


def check_inputs(opened: OpenedDataset, resources: ResourceSet) -> DatasetCheck:
    """Check that genome and annotation are of the dataset's build, have its contigs, and are the very files."""
    name, build = "inputs", opened.dataset.contract.build
    if resources.build.name != build:
        text = f"the dataset is of {build}, {resources.fasta.name} is {resources.build.name}"
        return DatasetCheck(name=name, status="failed", details=text, remedy=_REMEDY)
    contigs = {str(key[1]) for key in opened.index.keys if key[1] is not None}
    if lacking := sorted(contigs - set(resources.contigs.names)):
        text = f"{resources.fasta.name} has no contig {', '.join(lacking[:_SHOWN])}"
        return DatasetCheck(name=name, status="failed", details=text, remedy=_REMEDY)
    identity = str(opened.dataset.manifest.identity)
    other = [
        path.name
        for path, sha256 in (
            (resources.fasta, resources.fasta_sha256),
            (resources.annotation_path, resources.annotation_sha256),
        )
        if sha256 not in identity
    ]
    if other:
        text = f"{' and '.join(other)}: not the content that the dataset was built of, but of its build"
        return DatasetCheck(name=name, status="warned", details=text, remedy=_REMEDY)
    text = f"{resources.fasta.name} and {resources.annotation_path.name} are what the dataset was built of"
    return DatasetCheck(name=name, status="passed", details=text)


class AnnotationCheck:
    """Whether genes lie where the annotation has them, and every label is what it has at the position.

    Parameters
    ----------
    opened
        The dataset.
    resources
        Genome and annotation of its build.
    """

    def __init__(self, opened: OpenedDataset, resources: ResourceSet) -> None:
        index = opened.index
        self._tally = Tally()
        self._genes = _annotated_genes(opened, resources)
        self._moved = [
            str(index.keys[row][0])
            for row in range(len(index))
            if index.keys[row][0] is not None and self._genes[row] < 0
        ]
        self._sites = _site_keys(resources)

    def add(self, rows: RowBatch) -> None:
        """Look at some rows."""
        gene = np.where(rows.gene >= 0, self._genes[rows.gene], -1)
        known = gene >= 0
        keys = (gene << _SHIFT) | rows.position
        acceptor, donor = (_among(keys, self._sites[code]) for code in (1, 2))
        expected = np.where(donor, 2, np.where(acceptor, 1, 0))
        note, label = self._tally.note, rows.label
        note("labeled as a site, but none is annotated there", known & (label > 0) & (expected == 0), rows)
        note("labeled 0, but a site is annotated there", known & (label == 0) & (expected > 0), rows)
        swapped = known & (label > 0) & (expected > 0) & (label != expected)
        note("acceptor and donor are exchanged: the annotation has the other type", swapped, rows)

    def checks(self) -> Iterator[DatasetCheck]:
        """Say what was found."""
        check = self._tally.check("annotation", "every label is what the annotation has there", _REMEDY)
        if self._moved:
            names = ", ".join(self._moved[:_SHOWN]) + (", ..." if len(self._moved) > _SHOWN else "")
            text = f"{len(self._moved):,} genes are not where the annotation has them: {names}"
            details = text if check.status == "passed" else f"{text}; {check.details}"
            check = DatasetCheck(name="annotation", status="failed", details=details, remedy=_REMEDY)
        yield check


def _annotated_genes(opened: OpenedDataset, resources: ResourceSet) -> _Ints:
    """Row in the annotation's table of genes of each gene of the dataset; -1 where it has none like it."""
    table = resources.annotation().genes
    columns: list[list[Any]] = [
        table.column(name).to_pylist() for name in ("gene_id", "contig", "strand", "start", "end")
    ]
    places = {key: row for row, key in enumerate(zip(*columns, strict=True))}
    index = opened.index
    spans = zip(index.start.tolist(), index.end.tolist(), strict=True)
    found = [places.get((*key, *span), -1) for key, span in zip(index.keys, spans, strict=True)]
    return np.array(found, dtype=np.int64)


def _site_keys(resources: ResourceSet) -> dict[int, _Ints]:
    """Genes and positions of all acceptors (1) and donors (2) as sorted keys."""
    sites = resources.sites().sites
    codes, names = codes_of(sites, "site_type")
    keys = (numbers(sites, "gene").astype(np.int64) << _SHIFT) | numbers(sites, "position")
    code = {name: number for number, name in enumerate(names)}
    return {label: np.unique(keys[codes == code.get(name, -9)]) for label, name in ((1, "acceptor"), (2, "donor"))}


def _among(keys: _Ints, known: _Ints) -> npt.NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(keys), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[places] == keys
    return found
