"""Derive genomic datasets from a genome and an annotation: the only module that writes them.

A dataset is found again by the key of what decides its rows, so that nothing is derived twice. The folder is locked while
datasets are written; the manifest is written after each, so an interrupted derivation goes on where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from splicecore.resources.keys import ResourceKey

from splicecore.resources.keys import DERIVED_KINDS

__all__ = ["DeriveResult", "derive_resources"]


@attrs.frozen(kw_only=True)
class DeriveResult:
    """What a derivation did.

    Attributes
    ----------
    folder
        Where the datasets are.
    derived, found
        Kinds that were written, and kinds that were there already.
    seconds
        Elapsed time by step: ``"annotation"`` (reading and binding it) and each kind that was derived.
    rows
        Number of rows by kind.
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
    """Derive datasets into a folder; those that are there already are found, not derived again."""
    raise NotImplementedError
