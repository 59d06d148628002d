"""The derived resources of one annotation and genome, opened for reading.

A :class:`ResourceSet` is read-only by construction: no method of it writes, creates a folder or makes an index.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from splicecore.artifacts.store import file_sha256
from splicecore.errors import ChecksumError, ResourceNotFoundError
from splicecore.resources.manifest import InputFile, ResourceManifest, read_manifest
from splicecore.resources.schemas import dataset_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from splicecore.genome.annotation import BoundAnnotation
    from splicecore.genome.build import Build
    from splicecore.genome.contigs import Contigs
    from splicecore.genome.reference import Reference
    from splicecore.genome.sites import SiteIndex
    from splicecore.resources.keys import ResourceKey
    from splicecore.resources.manifest import DatasetRecord
    from splicecore.resources.sequences import GeneSequences

__all__ = ["ResourceSet"]

_DERIVE = "splicecore resources derive"


class ResourceSet:
    """Derived resources in a folder. Make it by :meth:`open`; cheap until a table is asked for.

    Attributes
    ----------
    folder
        Where they are.
    manifest
        What they are.
    """

    folder: Path
    manifest: ResourceManifest

    def __init__(self, folder: Path, manifest: ResourceManifest) -> None:
        self.folder = folder
        self.manifest = manifest

    @classmethod
    def open(cls, folder: Path) -> ResourceSet:
        """Open the resources that were derived into a folder; reads its manifest, nothing else.

        Raises
        ------
        ResourceNotFoundError
            If there are none.
        ChecksumError
            If the manifest is damaged or was edited.
        """
        return cls(folder, read_manifest(folder))

    @property
    def key(self) -> ResourceKey | None:
        """Source, build and release; None for resources of explicit files."""
        return self.manifest.key

    @functools.cached_property
    def build(self) -> Build:
        """The genome build."""
        from splicecore.genome.build import Build

        return Build(self.manifest.build, self.manifest.build_digest)

    @functools.cached_property
    def contigs(self) -> Contigs:
        """All contigs of the reference."""
        from splicecore.genome.contigs import Contigs

        return Contigs(self.manifest.contigs.names, self.manifest.contigs.lengths)

    @property
    def fasta(self) -> Path:
        """The genome."""
        return self.manifest.fasta.locate(self.folder)

    @property
    def annotation_path(self) -> Path:
        """The annotation that everything was derived from."""
        return self.manifest.annotation.locate(self.folder)

    @property
    def fasta_sha256(self) -> str:
        """sha256 of the genome's file when the resources were derived, hex."""
        return self.manifest.fasta.sha256

    @property
    def annotation_sha256(self) -> str:
        """sha256 of the annotation's file when the resources were derived, hex."""
        return self.manifest.annotation.sha256

    @functools.cached_property
    def content(self) -> str:
        """Digest of the inputs' content, the datasets' hashes and their schema versions, hex; no path is part of it."""
        return self.manifest.content

    def path(self, kind: str) -> Path:
        """Return the path of a dataset: a file, or a folder of one file a contig.

        ``gene_sequences`` that were not materialized are a view of the genome: the path is the FASTA's.

        Raises
        ------
        ResourceNotFoundError
            If it was not derived.
        """
        record = self._record(kind)
        return self.fasta if record.file is None else self.folder / record.file

    def table(self, kind: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a dataset.

        Parameters
        ----------
        kind
            Of the dataset.
        columns
            Names of the columns to read; None for all.

        Returns
        -------
        Table of the kind's schema in :mod:`splicecore.resources.schemas`.

        Raises
        ------
        ResourceNotFoundError
            If it was not derived, or is a view without rows of its own.
        ChecksumError
            If the file is damaged, of another schema, or not the one that the manifest knows.
        """
        from splicecore.resources.dataset_files import read_dataset

        record = self._record(kind)
        if record.file is None:
            raise ResourceNotFoundError(
                f"{kind} in {self.folder} is a view of {self.fasta}, not a table",
                hint=f"read it through sequences(), or write it: {_DERIVE} --materialize-sequences",
            )
        files = [self.folder / name for name in record.checksums]
        chosen = None if columns is None else tuple(columns)
        return read_dataset(files, dataset_schema(kind), record.content, chosen)

    def annotation(self) -> BoundAnnotation:
        """Return the annotation, bound to the reference, as reading and binding its file would give it; cached.

        Where the resources are restricted to some contigs, it has the genes of these only.
        """
        return self._annotation

    def sites(self) -> SiteIndex:
        """Return the index of the annotated splice sites; cached."""
        return self._sites

    def reference(self, cache: Path | None = None) -> Reference:
        """Open the genome.

        Parameters
        ----------
        cache
            Folder that has the index of a FASTA that lies where nothing can be written.

        Raises
        ------
        ResourceNotFoundError
            If the FASTA or its index is missing; an index is never made beside it.
        FastaError
            If it cannot be read.
        """
        from splicecore.genome.reference import Reference

        self._require_index()
        return Reference.open(self.fasta, cache=cache)

    def sequences(self, cache: Path | None = None) -> GeneSequences:
        """Open the genes' sequences, read from the genome as they are asked for; ``cache`` as for :meth:`reference`."""
        from splicecore.genome.genes import GeneCatalog
        from splicecore.resources.sequences import GeneSequences

        return GeneSequences(self.reference(cache), GeneCatalog(self.annotation()))

    def check_inputs(self, cache: Path | None = None) -> None:
        """Check that the genome and the annotation are still the files that everything was derived from.

        Size and time of change are compared; where they differ, the content is.

        Parameters
        ----------
        cache
            Folder that remembers hashes of files.

        Raises
        ------
        ChecksumError
            If one of them is gone or has another content.
        """
        for what, item in (("genome", self.manifest.fasta), ("annotation", self.manifest.annotation)):
            if not item.unchanged(self.folder):
                self._compare(what, item, cache)

    def verify(self) -> list[str]:
        """Compare every file of every dataset with the manifest, byte for byte.

        Returns
        -------
        A sentence for each problem; empty if there is none.
        """
        problems = []
        for record in self.manifest.datasets.values():
            for name, sha256 in record.checksums.items():
                path = self.folder / name
                try:
                    if file_sha256(path) != sha256:
                        problems.append(f"{path} changed since it was derived")
                except FileNotFoundError:
                    problems.append(f"{path} is missing")
                except OSError as error:
                    problems.append(f"{path} cannot be read: {error.strerror}")
        return problems

    def __repr__(self) -> str:
        return f"ResourceSet({str(self.folder)!r}, build={self.manifest.build!r})"

    def _record(self, kind: str) -> DatasetRecord:
        record = self.manifest.datasets.get(kind)
        if record is None:
            dataset_schema(kind)
            raise ResourceNotFoundError(f"{self.folder} has no {kind}", hint=f"derive it: {_DERIVE}")
        return record

    @functools.cached_property
    def _annotation(self) -> BoundAnnotation:
        from splicecore.resources.rebuild import rebuild_annotation

        return rebuild_annotation(self)

    @functools.cached_property
    def _sites(self) -> SiteIndex:
        from splicecore.genome.sites import SITES, SiteIndex

        return SiteIndex.of_table(self.table("splice_sites", SITES.names))

    def _require_index(self) -> None:
        """Refuse to open a FASTA where opening would make an index beside it."""
        from splicecore.genome.fasta_index import classify

        fasta = self.fasta
        if not fasta.is_file():
            raise ResourceNotFoundError(
                f"the genome {fasta} of {self.folder} does not exist", hint=f"put it back, or derive anew: {_DERIVE}"
            )
        endings = (".fai", ".gzi") if classify(fasta) == "bgzip" else (".fai",)
        missing = [fasta.name + ending for ending in endings if not fasta.with_name(fasta.name + ending).is_file()]
        if missing and os.access(fasta.parent, os.W_OK):
            raise ResourceNotFoundError(
                f"the index {fasta.with_name(missing[0])} is missing", hint=f"make it: {_DERIVE} --force"
            )

    def _compare(self, what: str, item: InputFile, cache: Path | None) -> None:
        path = item.locate(self.folder)
        try:
            found = file_sha256(path, cache)
        except OSError as error:
            raise ChecksumError(
                f"the {what} {path}, which {self.folder} was derived from, cannot be read: {error.strerror}",
                hint=f"put it back, or derive anew: {_DERIVE}",
            ) from error
        if found != item.sha256:
            raise ChecksumError(
                f"the {what} {path} changed since {self.folder} was derived from it",
                hint=f"put the former file back, or derive anew: {_DERIVE}",
            )
