"""The key of a genomic resource: what it is, whose, of which build and release; and where a data root keeps it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DERIVED_KINDS", "GENOMIC_KINDS", "PRIMARY_KINDS", "ResourceKey"]

PRIMARY_KINDS = ("fasta", "fasta_index", "annotation")
"""Kinds that are files of others: the genome, its index and the gene annotation."""

DERIVED_KINDS = (
    "gene_features",
    "transcript_features",
    "exon_features",
    "splice_sites",
    "junctions",
    "overlapping_genes",
    "gene_sequences",
)
"""Kinds that are derived from the primary ones."""

GENOMIC_KINDS = (*PRIMARY_KINDS, *DERIVED_KINDS)
"""All kinds of the core; plugins may add others."""

_PART = re.compile(r"[A-Za-z0-9][\w.+-]*")


def _check_part(_: object, attribute: attrs.Attribute[Any], value: str | None) -> None:
    if value is not None and not _PART.fullmatch(value):
        raise ConfigError(
            f"{attribute.name} {value!r} cannot be the name of a folder",
            hint="letters, digits, '.', '_', '+' and '-', beginning with a letter or digit",
        )


def _check_source(_: object, __: attrs.Attribute[Any], value: str) -> None:
    if value == "models":
        raise ConfigError("source 'models' is the data root's folder of weights", hint="give the source another name")


@attrs.frozen(kw_only=True)
class ResourceKey:
    """Key of a genomic resource.

    Attributes
    ----------
    kind
        One of :data:`GENOMIC_KINDS`, or a kind that a plugin adds.
    source
        Who made the annotation: ``"ensembl"``, ``"gencode"``, ``"refseq"``, ``"mane"``, or any name.
    build
        Genome build, such as ``"GRCh38"``.
    release
        Release of the annotation, such as ``"112"``; None where there is but one.
    """

    kind: str
    source: str = attrs.field(validator=[_check_part, _check_source])
    build: str = attrs.field(validator=_check_part)
    release: str | None = attrs.field(default=None, validator=_check_part)

    def folder(self, data_root: Path) -> Path:
        """Return ``<data_root>/<source>/<build>``, with ``/release-<release>`` where there is one."""
        folder = data_root / self.source / self.build
        return folder if self.release is None else folder / f"release-{self.release}"

    def __str__(self) -> str:
        release = "" if self.release is None else f", release {self.release}"
        return f"{self.kind} of {self.source} {self.build}{release}"
