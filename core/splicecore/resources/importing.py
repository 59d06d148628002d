"""Place a genome and its annotation into the data root, as links or copies, whole or not at all."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from splicecore.artifacts.store import atomic_path, file_sha256, make_folder
from splicecore.errors import AnnotationError, FastaError, OutputError
from splicecore.genome.assemblies import ASSEMBLIES
from splicecore.resources.genomic_finders import has_primary_name, primary_files

if TYPE_CHECKING:
    from splicecore.resources.keys import ResourceKey

__all__ = ["ImportedFile", "import_files", "known_build"]

logger = logging.getLogger(__name__)

_NAMES = {"fasta": "genome.fa.gz", "annotation": "genes.gtf.gz"}


@attrs.frozen
class ImportedFile:
    """One file of the data root's folder.

    Attributes
    ----------
    kind
        ``"fasta"``, ``"fasta_index"`` or ``"annotation"``.
    path
        Where it is now.
    state
        ``"linked"``, ``"copied"`` or ``"indexed"``; ``"found"`` if the same content was there already.
    """

    kind: str
    path: Path
    state: Literal["linked", "copied", "indexed", "found"]

    def to_json(self) -> dict[str, str]:
        """Return everything as JSON-able values."""
        return {"kind": self.kind, "path": str(self.path), "state": self.state}


def import_files(
    key: ResourceKey,
    data_root: Path,
    *,
    fasta: Path | None = None,
    annotation: Path | None = None,
    link: bool = False,
    cache: Path | None = None,
) -> tuple[ImportedFile, ...]:
    """Place files into the key's folder under their own names. The indexes of a FASTA come along, or are made.

    Parameters
    ----------
    key
        Source, build and release; its kind does not matter.
    data_root
        The data root; made if need be.
    fasta, annotation
        The files; None to leave one out.
    link
        Make symbolic links in place of copies.
    cache
        Folder that remembers the hashes of big files, or None.

    Raises
    ------
    FastaError, ContigError
        If the genome is missing, damaged, not indexable or of another build than the key says.
    AnnotationError
        If the annotation is missing or its name tells no format.
    OutputError
        If the folder has other content already, or cannot be written.
    """
    folder = key.folder(data_root)
    if fasta is not None:
        _check_genome(fasta, key.build, cache)
    given = [(kind, path) for kind, path in (("fasta", fasta), ("annotation", annotation)) if path is not None]
    for kind, path in given:
        _check_source(kind, path)
        _check_place(kind, path, folder, cache)
    make_folder(folder)
    return tuple(file for kind, path in given for file in _place(kind, path, folder, link=link, cache=cache))


def known_build(build: str) -> str | None:
    """Return a build's name if its chromosomes' lengths are known, so that a genome can be checked; else None."""
    return build if any(build.lower() in assembly.synonyms for assembly in ASSEMBLIES) else None


def _check_genome(fasta: Path, build: str, cache: Path | None) -> None:
    from splicecore.genome.reference import Reference

    Reference.open(fasta, build=known_build(build), cache=cache).close()


def _check_source(kind: str, path: Path) -> None:
    error = FastaError if kind == "fasta" else AnnotationError
    if not path.is_file():
        raise error(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
    if not has_primary_name(kind, path):
        raise error(
            f"{path.name} would not be recognized as {'a genome' if kind == 'fasta' else 'an annotation'} by its name",
            hint=f"give it a name such as {_NAMES[kind]}",
        )


def _check_place(kind: str, path: Path, folder: Path, cache: Path | None) -> None:
    """Refuse to replace other content, and to make the folder ambiguous."""
    for present in primary_files(kind, folder):
        if present.name != path.name:
            raise OutputError(
                f"{folder} has {kind} {present.name} already",
                hint=f"remove it there to import {path.name} in its place",
            )
        if not _same_content(present, path, cache):
            raise OutputError(
                f"{present} exists and has other content than {path}",
                hint="remove it, or import under another --source or --release",
            )


def _same_content(one: Path, other: Path, cache: Path | None) -> bool:
    if not one.exists():
        return False
    if one.samefile(other):
        return True
    return one.stat().st_size == other.stat().st_size and file_sha256(one, cache) == file_sha256(other, cache)


def _place(kind: str, path: Path, folder: Path, *, link: bool, cache: Path | None) -> list[ImportedFile]:
    target = folder / path.name
    placed = [ImportedFile(kind, target, "found" if target.exists() else _put(path, target, link=link))]
    return placed if kind != "fasta" else placed + _place_indexes(path, target, link=link, cache=cache)


def _place_indexes(path: Path, target: Path, *, link: bool, cache: Path | None) -> list[ImportedFile]:
    from splicecore.genome.fasta_index import classify, ensure_index

    placed = []
    for suffix in (".fai", ".gzi"):
        source, index = path.with_name(path.name + suffix), target.with_name(target.name + suffix)
        if index.exists():
            placed.append(ImportedFile("fasta_index", index, "found"))
        elif source.exists():
            placed.append(ImportedFile("fasta_index", index, _put(source, index, link=link)))
    present = {file.path for file in placed}
    made = [index for index in ensure_index(target, classify(target), cache) if index is not None]
    return placed + [ImportedFile("fasta_index", index, "indexed") for index in made if index not in present]


def _put(path: Path, target: Path, *, link: bool) -> Literal["linked", "copied"]:
    logger.info("%s %s to %s", "linking" if link else "copying", path, target)
    if not link:
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
        return "copied"
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(path.resolve())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot link {target} to {path}: {error.strerror}", hint="try --copy") from error
    return "linked"
