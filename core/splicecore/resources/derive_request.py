"""What a derivation is asked for, and what of it is there already."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from splicecore.artifacts.store import digest, file_sha256
from splicecore.resources.keys import ResourceKey
from splicecore.resources.manifest import InputFile, ResourceManifest
from splicecore.resources.schemas import SCHEMAS

if TYPE_CHECKING:
    from splicecore.genome.contigs import Contigs

__all__ = ["DeriveRequest", "DeriveState", "content_key"]

_LOG = logging.getLogger(__name__)

_COMPANIONS = {"gene_features": "unmatched_genes"}
"""Datasets that are written with another one, because the annotation is rebuilt from both."""


@attrs.frozen(kw_only=True)
class DeriveState:
    """What there is of a request, and what it lacks.

    Attributes
    ----------
    manifest
        Of before, with the inputs as they are now; None if there is none of inputs of this content.
    missing
        Kinds to derive, companions included.
    current
        Whether the manifest on disk says the same as ``manifest``.
    fasta, annotation
        The inputs as they are now.
    """

    manifest: ResourceManifest | None
    missing: tuple[str, ...]
    current: bool
    fasta: InputFile
    annotation: InputFile

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return not self.missing and self.current


@attrs.frozen(kw_only=True)
class DeriveRequest:
    """What was asked for; the fields are those of :func:`derive_resources`."""

    folder: Path
    fasta: Path
    annotation: Path
    key: ResourceKey | None
    build: str | None
    kinds: tuple[str, ...]
    contigs: tuple[str, ...]
    force: bool
    materialize: bool
    cache: Path | None
    progress: Callable[[str], None]

    def compare(self, known: ResourceManifest | None) -> DeriveState:
        """Find out what there is."""
        fasta = self._input(self.fasta, known.fasta if known else None)
        annotation = self._input(self.annotation, known.annotation if known else None)
        wanted = [kind for kind in SCHEMAS if kind in {*self.kinds, *(_COMPANIONS.get(kind) for kind in self.kinds)}]
        usable = known if known and self._same_content(known, fasta, annotation) else None
        if usable is None:
            return DeriveState(manifest=None, missing=tuple(wanted), current=False, fasta=fasta, annotation=annotation)
        manifest = attrs.evolve(usable, fasta=fasta, annotation=annotation, key=self.key or usable.key)
        missing = tuple(kind for kind in wanted if self.force or not self._intact(kind, manifest))
        return DeriveState(
            manifest=manifest, missing=missing, current=manifest == known, fasta=fasta, annotation=annotation
        )

    def only(self, contigs: Contigs) -> tuple[str, ...]:
        """Return the reference's names of the contigs to restrict to, in its order."""
        return tuple(sorted({contigs.require(name) for name in self.contigs}, key=contigs.order))

    def _input(self, path: Path, known: InputFile | None) -> InputFile:
        if known and not self.force and known.locate(self.folder) == path and known.unchanged(self.folder):
            return known
        return InputFile.of(path, self.folder, file_sha256(path, self.cache))

    def _same_content(self, known: ResourceManifest, fasta: InputFile, annotation: InputFile) -> bool:
        from splicecore.genome.build import check_build
        from splicecore.genome.contigs import Contigs

        if (known.fasta.sha256, known.annotation.sha256) != (fasta.sha256, annotation.sha256):
            return False
        contigs = Contigs(known.contigs.names, known.contigs.lengths)
        if self.build is not None:
            check_build(self.build, contigs)
        return self.only(contigs) == known.only_contigs

    def _intact(self, kind: str, manifest: ResourceManifest) -> bool:
        record = manifest.datasets.get(kind)
        if record is None or record.content != content_key(kind, manifest):
            return False
        if record.file is None:
            return not self.materialize
        for name, sha256 in record.checksums.items():
            path = self.folder / name
            if not path.is_file() or file_sha256(path, self.cache) != sha256:
                _LOG.warning("%s is missing or damaged; deriving it anew", path)
                return False
        return True


def content_key(kind: str, manifest: ResourceManifest) -> str:
    """Return the key of what decides a dataset's rows."""
    inputs = [manifest.fasta.sha256, manifest.annotation.sha256, list(manifest.only_contigs)]
    return digest([kind, SCHEMAS[kind].version, *inputs])
