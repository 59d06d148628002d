"""What a data root holds: the folders of sources, builds and releases with genomes, annotations or derived datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.resources.genomic_finders import primary_files
from splicecore.resources.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SourceFolder", "find_sources"]

_NO_SOURCES = frozenset({"models"})
_RELEASE = "release-"


@attrs.frozen
class SourceFolder:
    """A folder of the data root that holds resources.

    Attributes
    ----------
    source, build, release
        As in :class:`~splicecore.resources.keys.ResourceKey`.
    folder
        Where they are.
    derived
        Whether datasets were derived there.
    """

    source: str
    build: str
    release: str | None
    folder: Path
    derived: bool

    @property
    def title(self) -> str:
        """Source, build and release, as messages write them."""
        return f"{self.source} {self.build}" + ("" if self.release is None else f", release {self.release}")

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return {**attrs.asdict(self), "folder": str(self.folder)}


def find_sources(data_root: Path) -> Iterator[SourceFolder]:
    """Yield the folders of a data root that hold resources, by source, build and release."""
    for source in _subfolders(data_root):
        if source.name in _NO_SOURCES:
            continue
        for build in _subfolders(source):
            yield from _source_folder(source.name, build.name, None, build)
            for release in _subfolders(build):
                if release.name.startswith(_RELEASE):
                    yield from _source_folder(source.name, build.name, release.name.removeprefix(_RELEASE), release)


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _source_folder(source: str, build: str, release: str | None, folder: Path) -> Iterator[SourceFolder]:
    derived = (folder / MANIFEST_NAME).exists()
    if derived or any(primary_files(kind, folder) for kind in ("fasta", "annotation")):
        yield SourceFolder(source, build, release, folder, derived)
