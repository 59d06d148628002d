"""Derive the datasets of a source and build of the data root, from its own files or from those that a user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from splicecore.errors import ChecksumError
from splicecore.resources.derive import DeriveResult, derive_resources
from splicecore.resources.genomic_finders import primary_files
from splicecore.resources.importing import known_build
from splicecore.resources.keys import DERIVED_KINDS, ResourceKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from splicecore.resources.registry import Registry

__all__ = ["derive_source"]


def derive_source(
    registry: Registry,
    source: str,
    build: str,
    release: str | None = None,
    *,
    fasta: str | Path | None = None,
    annotation: str | Path | None = None,
    kinds: Sequence[str] = (),
    contigs: Sequence[str] = (),
    force: bool = False,
    materialize_sequences: bool = False,
    progress: Callable[[str], None] | None = None,
) -> DeriveResult:
    """Derive datasets; see :meth:`splicecore.resources.registry.Registry.derive`."""
    key = ResourceKey(kind="annotation", source=source, build=build, release=release)
    return derive_resources(
        key.folder(registry.data_root),
        fasta=_primary(registry, key, "fasta", fasta),
        annotation=_primary(registry, key, "annotation", annotation),
        key=key,
        build=known_build(build),
        kinds=tuple(kinds) or DERIVED_KINDS,
        contigs=tuple(contigs),
        force=force,
        materialize_sequences=materialize_sequences,
        cache=registry.cache,
        progress=progress,
    )


def _primary(registry: Registry, key: ResourceKey, kind: str, given: str | Path | None) -> Path:
    wanted = ResourceKey(kind=kind, source=key.source, build=key.build, release=key.release)
    try:
        return Path(registry.resolve(wanted, given).path)
    except ChecksumError:
        # A damaged manifest must not keep anyone from deriving anew, as its message tells them to.
        named = primary_files(kind, key.folder(registry.data_root))
        if len(named) != 1:
            raise
        return named[0]
