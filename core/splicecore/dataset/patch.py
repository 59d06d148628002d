"""``splicecore dataset patch``: fill in, refresh or add columns that are not computed from scores."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa

from splicecore.config import PassConfig, structure
from splicecore.dataset.maintenance import changing, rewritten_key
from splicecore.dataset.patch_plan import make_patch_plan
from splicecore.dataset.patching import CellChanges, GeneSource, Patcher
from splicecore.dataset.rewriting import Rewriting, batch_counts, batch_rows, group_rows
from splicecore.dataset.schema import GENES
from splicecore.errors import InputError
from splicecore.resources.inputs import open_inputs

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from splicecore.dataset.dataset import Dataset
    from splicecore.dataset.manifest import DatasetManifest
    from splicecore.dataset.patch_plan import PatchPlan
    from splicecore.resources.resource_set import ResourceSet
    from splicecore.session import Session

__all__ = ["PatchResult", "patch_dataset"]

logger = logging.getLogger(__name__)

_RULE = "patch/1"
_FROM = ("fasta", "annotation", "source", "release", "build")


@attrs.frozen(kw_only=True)
class PatchResult:
    """What was done.

    Attributes
    ----------
    path
        Folder of the patched dataset.
    rows
        Its rows.
    features
        Feature sets that were computed.
    added
        Columns that the dataset did not have.
    cells
        Column -> cells that were ``filled`` (null before), ``changed`` and ``emptied`` (null now); only columns that
        changed.
    batches_written, batches_linked
        Batches that changed, and those that did not.
    """

    path: Path
    rows: int
    features: tuple[str, ...]
    added: tuple[str, ...]
    cells: dict[str, CellChanges]
    batches_written: int
    batches_linked: int

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {
            **attrs.asdict(self),
            "path": str(self.path),
            "features": list(self.features),
            "added": list(self.added),
        }


def patch_dataset(
    session: Session,
    folder: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None = None,
    *,
    config: PassConfig | None = None,
    features: Sequence[str] = ("structural",),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    inplace: bool = False,
    overwrite: bool = False,
) -> PatchResult:
    """Compute columns of a dataset anew from the genome, the annotation and the user's tracks.

    Names and biotypes of genes and the columns of ``features`` get what they would get if the dataset were built now:
    nulls are filled, older values replaced, sets that the dataset lacks are added. Rows, labels and everything that
    comes from scores stay. The caller must not hold the dataset's lock.

    Parameters
    ----------
    session
        Plugins and folders.
    folder
        The dataset.
    dst
        Folder of the result; None for the dataset's name with ``_patched``.
    config
        Where genome and annotation are; None for what the dataset was built from.
    features
        Names of feature sets that are not computed from scores.
    settings
        Settings of feature sets by name, as in a configuration file's ``[features.SET]``; a set that the dataset has
        keeps its own unless they are given.
    inplace
        Replace the dataset, in one step, when the result is complete.
    overwrite
        Replace a dataset that ``dst`` holds.

    Raises
    ------
    ConfigError
        If a feature set needs scores, a setting makes no sense, or nobody says where genome and annotation are.
    InputError
        If they are of another build, or lack genes of the dataset or have them elsewhere.
    ResourceNotFoundError, ChecksumError
        If there is no finished dataset, or its files are damaged.
    OutputError
        If the result cannot be written there.
    """
    with changing(folder, dst, inplace=inplace, overwrite=overwrite, suffix="_patched") as changes:
        dataset = changes.dataset
        resources = open_inputs(session, _inputs(dataset, config)).resources
        _check_build(dataset, resources)
        plan = make_patch_plan(dataset, session.host, features, settings or {}, session.cache_dir)
        genes = GeneSource.open(dataset, resources, session.cache_dir)
        with plan.pipeline, genes:
            patcher = Patcher(plan, genes)
            rewriting = Rewriting(changes.folder, plan.schema, group_rows(dataset))
            entry = _entry(plan, resources)
            _rewrite(dataset, plan, patcher, rewriting, entry)
        entry |= {"cells": {name: attrs.asdict(cells) for name, cells in patcher.cells.items()}}
        manifest = _finish(dataset, plan, genes, rewriting, changes.with_entry("patch", entry))
        if inplace and not rewriting.written and plan.contract == dataset.contract:
            changes.nothing_to_do()
    return PatchResult(
        path=changes.target,
        rows=manifest.rows,
        features=tuple(features),
        added=plan.added,
        cells=patcher.cells,
        batches_written=rewriting.written,
        batches_linked=rewriting.linked,
    )


def _inputs(dataset: Dataset, config: PassConfig | None) -> PassConfig:
    """Where genome and annotation are: as given, or as the dataset was built from."""
    if config is not None and any(getattr(config, name) is not None for name in _FROM):
        return config
    recorded = {name: value for name, value in dataset.manifest.config.items() if name in _FROM}
    return structure(recorded, PassConfig, where=f"config in {dataset.path / 'dataset.json'}")


def _check_build(dataset: Dataset, resources: ResourceSet) -> None:
    build = dataset.contract.build
    if resources.build.name != build:
        raise InputError(
            f"the dataset {dataset.path} is of build {build}, genome and annotation are of {resources.build.name}",
            hint=f"give genome and annotation of {build}",
        )
    built_from = dataset.manifest.identity.get("inputs", {}).get("annotation")
    if built_from != resources.annotation_sha256:
        logger.warning("%s is another annotation than the dataset was built from", resources.annotation_path)


def _entry(plan: PatchPlan, resources: ResourceSet) -> dict[str, Any]:
    """Say what decides the patch, for the manifest and the keys of batches."""
    computed = {column.feature_set for column in plan.contract.columns} & {spec.name for spec in plan.pipeline.specs}
    return {
        "annotation": resources.annotation_sha256,
        "fasta": resources.fasta_sha256,
        "features": {used.name: used.settings for used in plan.contract.sets if used.name in computed},
        "added": list(plan.added),
    }


def _rewrite(
    dataset: Dataset, plan: PatchPlan, patcher: Patcher, rewriting: Rewriting, entry: Mapping[str, Any]
) -> None:
    same_schema = plan.contract.schema_hash == dataset.contract.schema_hash
    for record in dataset.manifest.batches:
        counts = batch_counts(dataset, record)
        before = patcher.total
        rewriting.write(
            attrs.evolve(record, key=rewritten_key(_RULE, record.key, entry)),
            (patcher.patched(batch) for batch in batch_rows(dataset, record)),
            gene_rows=counts.gene_rows,
            ambiguous=counts.ambiguous,
            masked=counts.masked,
            source=dataset,
            unless=functools.partial(_untouched, patcher, before) if same_schema else None,
        )


def _untouched(patcher: Patcher, before: int) -> bool:
    return patcher.total == before


def _finish(
    dataset: Dataset, plan: PatchPlan, genes: GeneSource, rewriting: Rewriting, extra: dict[str, Any]
) -> DatasetManifest:
    table = dataset.genes()
    place = GENES.get_field_index("gene_name")
    names: Any = pa.array(genes.names(table), pa.string())
    return rewriting.finish(
        dataset.manifest,
        table.set_column(place, GENES.field("gene_name"), names),
        contract=plan.contract.to_json(),
        near_label=plan.contract.near_label,
        extra=extra,
    )
