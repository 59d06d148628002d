"""Derive genomic datasets from a genome and an annotation: the only module that writes them.

A dataset is found again by the key of what decides its rows, so nothing is derived twice. The folder is locked while
datasets are written; the manifest is written after each, so an interrupted derivation goes on where it was.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

import splicecore
from splicecore.artifacts.store import file_sha256, make_folder
from splicecore.errors import AnnotationError, ChecksumError, ConfigError, FastaError, ResourceNotFoundError
from splicecore.resources.derive_request import DeriveRequest, DeriveState, content_key
from splicecore.resources.folder_lock import folder_lock
from splicecore.resources.keys import DERIVED_KINDS, ResourceKey
from splicecore.resources.manifest import (
    MANIFEST_NAME,
    ContigTable,
    DatasetRecord,
    MotifCount,
    ResourceManifest,
    read_manifest,
    write_manifest,
)
from splicecore.resources.schemas import SCHEMAS, dataset_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.reference import Reference

__all__ = ["DeriveResult", "derive_resources"]

_LOG = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class DeriveResult:
    """What a derivation did.

    Attributes
    ----------
    folder
        Where the datasets are.
    derived, found
        Kinds of those asked for that were written, and that were there already.
    seconds
        Elapsed time by step: ``"annotation"`` (reading, binding), ``"motif_check"``, and each kind that was derived.
    rows
        Number of rows by kind, of all kinds asked for.
    """

    folder: Path
    derived: tuple[str, ...]
    found: tuple[str, ...]
    seconds: dict[str, float]
    rows: dict[str, int]


def derive_resources(
    folder: Path,
    *,
    fasta: Path,
    annotation: Path,
    key: ResourceKey | None = None,
    build: str | None = None,
    kinds: Sequence[str] = DERIVED_KINDS,
    contigs: Sequence[str] = (),
    force: bool = False,
    materialize_sequences: bool = False,
    cache: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> DeriveResult:
    """Derive datasets into a folder; those that are there already are found, not derived again.

    A dataset is found if it was derived from inputs of the same content, for the same contigs, by the same version of
    its schema, and its file is intact. Where all are found, nothing is written. Two processes that derive into one
    folder take turns.

    Parameters
    ----------
    folder
        Of the datasets and their manifest; made if it is missing.
    fasta, annotation
        Genome (plain or bgzip FASTA) and annotation (GTF, GFF3 or SpliceAI table).
    key
        What the manifest calls them; None to leave it as it is.
    build
        Build that the genome must be; None to take what it is.
    kinds
        Which datasets. ``gene_sequences`` are a view of the genome, without rows of their own.
    contigs
        Restrict to the genes of these contigs, by any of their names; empty for all.
    force
        Derive even what is there.
    materialize_sequences
        Write the genes' sequences too, one file a contig.
    cache
        Folder that remembers hashes of files and the index of a FASTA that lies where nothing can be written.
    progress
        Called with the name of each step (as in :class:`DeriveResult`) when it begins.

    Raises
    ------
    ConfigError
        If a kind does not exist.
    FastaError, AnnotationError, ContigError
        If an input is missing or malformed, the two do not belong together, the build is another one, or there is no
        gene on the contigs.
    OutputError
        If something has to be written and cannot be: the folder is read-only, the disk full.
    """
    wanted = _checked_kinds(kinds, materialize=materialize_sequences)
    request = DeriveRequest(
        folder=folder,
        fasta=_existing(fasta, FastaError),
        annotation=_existing(annotation, AnnotationError),
        key=key,
        build=build,
        kinds=wanted,
        contigs=tuple(contigs),
        force=force,
        materialize=materialize_sequences,
        cache=cache,
        progress=progress or (lambda _: None),
    )
    state = request.compare(_known(folder, quiet=True))
    if state.complete:
        return _result(request, state.manifest, (), {})
    with folder_lock(folder):
        _clear_leftovers(folder)
        return _derive(request, request.compare(_known(folder)))


def _checked_kinds(kinds: Sequence[str], *, materialize: bool) -> tuple[str, ...]:
    chosen = set(kinds) | ({"gene_sequences"} if materialize else set())
    for kind in chosen:
        dataset_schema(kind)
    if not chosen:
        raise ConfigError("no datasets to derive", hint=f"choose from {', '.join(DERIVED_KINDS)}")
    return tuple(kind for kind in SCHEMAS if kind in chosen)


def _existing(path: Path, error: type[FastaError | AnnotationError]) -> Path:
    if not path.is_file():
        raise error(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
    return Path(os.path.abspath(path))  # noqa: PTH100 - keeps links, which Path.resolve() follows


def _known(folder: Path, *, quiet: bool = False) -> ResourceManifest | None:
    """Return what was derived into the folder before; None if nothing was, or its manifest cannot be trusted."""
    try:
        return read_manifest(folder)
    except ResourceNotFoundError:
        return None
    except ChecksumError as error:
        if not quiet:
            _LOG.warning("%s; deriving anew", error.message)
        return None


def _clear_leftovers(folder: Path) -> None:
    """Remove what interrupted derivations left; whoever holds the lock is alone."""
    names = (MANIFEST_NAME, *(schema.file for schema in SCHEMAS.values()))
    patterns = [f".{name}.*.tmp" for name in names] + ["gene_sequences/.*.tmp"]
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        with contextlib.suppress(OSError):
            path.unlink()


def _result(
    request: DeriveRequest, manifest: ResourceManifest | None, derived: Sequence[str], seconds: dict[str, float]
) -> DeriveResult:
    datasets = manifest.datasets if manifest else {}
    return DeriveResult(
        folder=request.folder,
        derived=tuple(kind for kind in request.kinds if kind in derived),
        found=tuple(kind for kind in request.kinds if kind not in derived),
        seconds=seconds,
        rows={kind: datasets[kind].rows for kind in request.kinds},
    )


def _derive(request: DeriveRequest, state: DeriveState) -> DeriveResult:
    """Derive what is missing; the folder is locked."""
    from splicecore.genome.reference import Reference

    if state.manifest is not None and not state.missing:
        if not state.current:
            write_manifest(request.folder, state.manifest)
        return _result(request, state.manifest, (), {})
    before = state.manifest.datasets.get("gene_sequences") if state.manifest else None
    if before is not None and before.file is not None:
        request = attrs.evolve(
            request, materialize=True
        )  # what somebody had asked for stays, if it has to be made anew
    clock = _Clock(request.progress)
    with Reference.open(request.fasta, build=request.build, cache=request.cache) as reference:
        clock.step("annotation")
        annotation = _annotation(request, reference)
        clock.step("motif_check")
        _check(request, state, reference, annotation)
        manifest = _manifest(request, state, reference, annotation)
        tables = _Tables(reference, annotation)
        for kind in state.missing:
            clock.step(kind)
            manifest = _add(request, manifest, kind, tables)
            write_manifest(request.folder, manifest)
    clock.stop()
    return _result(request, manifest, state.missing, clock.seconds)


class _Clock:
    """Elapsed time by step."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._step = ""
        self._began = 0.0

    def step(self, name: str) -> None:
        """Begin a step, which ends the one before."""
        self.stop()
        self._progress(name)
        self._step, self._began = name, time.perf_counter()

    def stop(self) -> None:
        """End the step that lasts."""
        if self._step:
            self.seconds[self._step] = time.perf_counter() - self._began
            self._step = ""


def _annotation(request: DeriveRequest, reference: Reference) -> BoundAnnotation:
    """Read and bind the annotation, with the genes of the chosen contigs only."""
    import numpy as np

    from splicecore.genome.annotation import read_annotation
    from splicecore.genome.arrow import compute as pc

    whole = read_annotation(request.annotation)
    bound = whole.bind(reference.contigs, reference.build, reference_name=str(request.fasta))
    only = request.only(reference.contigs)
    if only:
        import pyarrow as pa

        chosen = pc.is_in(bound.genes.column("contig"), value_set=pa.array(only)).to_numpy()
        bound = bound.only(np.flatnonzero(chosen))
    if not len(bound.genes):
        raise AnnotationError(f"{request.annotation} has no gene on {', '.join(only)}")
    return bound


def _check(request: DeriveRequest, state: DeriveState, reference: Reference, annotation: BoundAnnotation) -> None:
    from splicecore.genome.motif_check import check_motifs

    check_motifs(reference, annotation)
    for path, item in ((request.fasta, state.fasta), (request.annotation, state.annotation)):
        if not item.unchanged(request.folder):
            raise ChecksumError(f"{path} changed while it was read", hint="run the same command again")


def _manifest(
    request: DeriveRequest, state: DeriveState, reference: Reference, annotation: BoundAnnotation
) -> ResourceManifest:
    """Return the manifest to begin with: datasets that stay, without those that are about to be derived."""
    fresh = ResourceManifest(
        key=request.key,
        build=reference.build.name,
        build_digest=reference.build.digest,
        contigs=ContigTable(names=reference.contigs.names, lengths=reference.contigs.lengths),
        only_contigs=request.only(reference.contigs),
        fasta=state.fasta,
        annotation=state.annotation,
        annotation_format=annotation.format,
        unmatched=dict(annotation.unmatched),
        datasets={},
        motifs=(),
        version=splicecore.__version__,
    )
    before = state.manifest
    if before is None:
        return fresh
    kept = {
        kind: record
        for kind, record in before.datasets.items()
        if kind not in state.missing and record.content == content_key(kind, before)
    }
    motifs = before.motifs if "splice_sites" in kept else ()
    return attrs.evolve(fresh, key=before.key, datasets=kept, motifs=motifs)


class _Tables:
    """The datasets' tables; what several of them need is computed once."""

    def __init__(self, reference: Reference, annotation: BoundAnnotation) -> None:
        self.reference = reference
        self.annotation = annotation
        self.motifs: tuple[MotifCount, ...] | None = None

    @functools.cached_property
    def sites(self) -> tuple[pa.Table, pa.Table]:
        """Table of splice sites and counts of motifs."""
        from splicecore.resources.feature_tables import splice_site_table

        return splice_site_table(self.annotation, self.reference)

    def table(self, kind: str) -> pa.Table:
        """Return the table of a kind."""
        from splicecore.resources import feature_tables, overlaps

        annotation = self.annotation
        if kind == "gene_features":
            return feature_tables.gene_features(annotation, self.sites[0])
        if kind == "splice_sites":
            self.motifs = tuple(MotifCount(**row) for row in self.sites[1].to_pylist())
            return self.sites[0]
        if kind == "overlapping_genes":
            return overlaps.overlapping_genes(annotation, overlaps.overlap_pairs(annotation))
        if kind == "unmatched_genes":
            return annotation.unmatched_genes
        make = {
            "transcript_features": feature_tables.transcript_features,
            "exon_features": feature_tables.exon_features,
            "junctions": feature_tables.junctions,
        }
        return make[kind](annotation)


def _add(request: DeriveRequest, manifest: ResourceManifest, kind: str, tables: _Tables) -> ResourceManifest:
    """Write a dataset; returns the manifest with it."""
    content = content_key(kind, manifest)
    if kind == "gene_sequences":
        record = _sequences(request, content, tables)
    else:
        record = _write(request.folder, kind, content, tables.table(kind))
    changed = attrs.evolve(manifest, datasets={**manifest.datasets, kind: record})
    return changed if kind != "splice_sites" else attrs.evolve(changed, motifs=tables.motifs or ())


def _write(folder: Path, kind: str, content: str, table: pa.Table) -> DatasetRecord:
    from splicecore.resources.dataset_files import write_dataset

    schema = SCHEMAS[kind]
    path = folder / schema.file
    write_dataset(path, table, schema, content)
    return DatasetRecord(
        file=schema.file, schema_version=schema.version, content=content, sha256=file_sha256(path), rows=len(table)
    )


def _sequences(request: DeriveRequest, content: str, tables: _Tables) -> DatasetRecord:
    from splicecore.genome.genes import GeneCatalog
    from splicecore.resources.sequences import GeneSequences, write_sequences

    catalog = GeneCatalog(tables.annotation)
    version = SCHEMAS["gene_sequences"].version
    if not request.materialize:
        return DatasetRecord(file=None, schema_version=version, content=content, sha256=None, rows=len(catalog))
    folder = make_folder(request.folder / "gene_sequences")
    rows = write_sequences(folder, GeneSequences(tables.reference, catalog), content)
    for path in [path for path in folder.glob("*.parquet") if path.name not in rows]:
        with contextlib.suppress(OSError):
            path.unlink()
    return DatasetRecord(
        file=folder.name,
        schema_version=version,
        content=content,
        sha256=None,
        rows=len(catalog),
        parts={name: file_sha256(folder / name) for name in rows},
    )
