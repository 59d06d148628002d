"""``resources.json``: what a folder of genomic resources holds, of which inputs, and whether somebody changed it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import attrs
import cattrs

from splicecore.artifacts.store import digest, write_json
from splicecore.errors import ChecksumError, ResourceNotFoundError
from splicecore.resources.keys import ResourceKey

__all__ = [
    "MANIFEST_NAME",
    "MANIFEST_SCHEMA",
    "ContigTable",
    "DatasetRecord",
    "InputFile",
    "MotifCount",
    "ResourceManifest",
    "read_manifest",
    "write_manifest",
]

MANIFEST_NAME = "resources.json"
MANIFEST_SCHEMA = "splicecore-resources/1"

_REMEDY = "derive the resources anew: splicecore resources derive --force"


@attrs.frozen(kw_only=True)
class InputFile:
    """A file that datasets were derived from.

    Attributes
    ----------
    path
        Relative to the folder of the manifest if it lies in it (with ``/``), else absolute.
    size
        In bytes.
    mtime_ns
        Time of its last change in nanoseconds, by which a changed file is noticed without reading it.
    sha256
        Of its content, hex.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path, folder: Path, sha256: str) -> InputFile:
        """Describe a file as it is now, beside or in ``folder``."""
        status = path.stat()
        absolute, home = _absolute(path), _absolute(folder)
        name = absolute.relative_to(home).as_posix() if absolute.is_relative_to(home) else str(absolute)
        return cls(path=name, size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=sha256)

    def locate(self, folder: Path) -> Path:
        """Return the absolute path, for a manifest in ``folder``."""
        return _absolute(folder / self.path)

    def unchanged(self, folder: Path) -> bool:
        """Whether the file is there with the size and time of change that were recorded."""
        try:
            status = self.locate(folder).stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.mtime_ns)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - keeps links, which Path.resolve() follows


@attrs.frozen(kw_only=True)
class ContigTable:
    """Names and lengths in bases of the reference's contigs, in its order."""

    names: tuple[str, ...]
    lengths: tuple[int, ...]


@attrs.frozen(kw_only=True)
class DatasetRecord:
    """One derived dataset.

    Attributes
    ----------
    file
        Name in the folder: a file, or a folder of one file a contig; None for a view that has no file of its own.
    schema_version
        Version of its schema.
    content
        Key of what decides its rows: inputs, restriction to contigs, schema version.
    sha256
        Of the file, hex; None without a single file.
    rows
        Number of rows.
    parts
        For a folder: sha256 of each file by its name.
    """

    file: str | None
    schema_version: int
    content: str
    sha256: str | None
    rows: int
    parts: dict[str, str] = attrs.field(factory=dict)

    @property
    def checksums(self) -> dict[str, str]:
        """sha256 of each of its files by the path relative to the manifest's folder."""
        if self.file is not None and self.sha256 is not None:
            return {self.file: self.sha256}
        return {f"{self.file}/{name}": sha256 for name, sha256 in self.parts.items()}


@attrs.frozen(kw_only=True)
class MotifCount:
    """How many distinct splice sites of a strand and type have a motif.

    Attributes
    ----------
    strand, site_type
        Of the sites.
    motif
        First two bases of the intron for donors, last two for acceptors; may hold N.
    count
        Number of distinct sites.
    share
        Of the sites of that strand and type, 0-1.
    """

    strand: str
    site_type: str
    motif: str
    count: int
    share: float


@attrs.frozen(kw_only=True)
class ResourceManifest:
    """Content of ``resources.json``.

    Attributes
    ----------
    key
        Source, build and release; None for resources of explicit files. Its kind is ``"annotation"``.
    build, build_digest
        The build as recognized from the contigs' lengths.
    contigs
        Of the reference.
    only_contigs
        Contigs that the datasets are restricted to; empty for all.
    fasta, annotation
        The inputs.
    annotation_format
        ``"gtf"``, ``"gff3"`` or ``"spliceai"``.
    unmatched
        Number of genes on each contig (the annotation's name) that the reference does not have.
    datasets
        Derived datasets by kind.
    motifs
        Dinucleotides beside all distinct splice sites; empty until splice_sites are derived.
    version
        Of splicecore.
    """

    key: ResourceKey | None
    build: str
    build_digest: str
    contigs: ContigTable
    only_contigs: tuple[str, ...]
    fasta: InputFile
    annotation: InputFile
    annotation_format: str
    unmatched: dict[str, int]
    datasets: dict[str, DatasetRecord]
    motifs: tuple[MotifCount, ...]
    version: str

    @property
    def content(self) -> str:
        """Digest of the inputs' content, the datasets' hashes and their schema versions; no path is part of it."""
        datasets = {
            kind: [record.schema_version, record.content, record.checksums] for kind, record in self.datasets.items()
        }
        inputs = [self.fasta.sha256, self.annotation.sha256, self.build_digest, list(self.only_contigs)]
        return digest([MANIFEST_SCHEMA, inputs, datasets])

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values, with the schema's name and a checksum of all of them."""
        values: dict[str, Any] = {"schema": MANIFEST_SCHEMA, **cattrs.Converter().unstructure(self)}
        return {**values, "checksum": _checksum(values)}


def _checksum(values: dict[str, Any]) -> str:
    return digest({name: value for name, value in values.items() if name != "checksum"})


def write_manifest(folder: Path, manifest: ResourceManifest) -> None:
    """Write ``resources.json`` into a folder, atomically; raises ``OutputError`` if it cannot be written."""
    write_json(folder / MANIFEST_NAME, manifest.to_json())


def read_manifest(folder: Path) -> ResourceManifest:
    """Read ``resources.json`` of a folder.

    Raises
    ------
    ResourceNotFoundError
        If there is none.
    ChecksumError
        If it is damaged, was edited, or is of another version of splicecore.
    """
    path = folder / MANIFEST_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ResourceNotFoundError(
            f"{folder} has no {MANIFEST_NAME}: no resources were derived there",
            hint="derive them: splicecore resources derive",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ChecksumError(f"{path} cannot be read: {error}", hint=_REMEDY) from error
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ChecksumError(f"{path} is damaged: {error}", hint=_REMEDY) from error
    return _structure(path, values)


def _structure(path: Path, values: Any) -> ResourceManifest:
    if not isinstance(values, dict) or "schema" not in values:
        raise ChecksumError(f"{path} is damaged: it names no schema", hint=_REMEDY)
    if values["schema"] != MANIFEST_SCHEMA:
        raise ChecksumError(f"{path} is of schema {values['schema']}, not {MANIFEST_SCHEMA}", hint=_REMEDY)
    if values.get("checksum") != _checksum(values):
        raise ChecksumError(f"{path} was edited or damaged: its checksum does not fit its content", hint=_REMEDY)
    fields = {name: value for name, value in values.items() if name not in ("schema", "checksum")}
    try:
        return cattrs.Converter(forbid_extra_keys=True).structure(fields, ResourceManifest)
    except cattrs.BaseValidationError as error:
        problem = "; ".join(cattrs.transform_error(error))
        raise ChecksumError(f"{path} does not follow {MANIFEST_SCHEMA}: {problem}", hint=_REMEDY) from error
