"""The folder of a finished run as its report reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs

from splicecore.artifacts.store import read_json
from splicecore.errors import InputError
from splicecore.report.gene_annotation import GENE_ANNOTATION, GeneAnnotation

__all__ = ["COMPLETE", "RunFolder", "Thresholds"]

BASE = "predictions/base_model_predictions.parquet"
COMPLETE = "predictions/complete_coverage_predictions.parquet"
METADATA = "metadata/inference_metadata.json"
DEFAULT_THRESHOLD = 0.5

Thresholds = tuple[float, float]
"""Lowest acceptor and donor probability that is called."""


@attrs.frozen(kw_only=True, eq=False)
class RunFolder:
    """What a finished run says of itself.

    Attributes
    ----------
    path
        The folder.
    manifest
        Content of ``manifest.json``.
    metadata
        Content of ``metadata/inference_metadata.json``; empty for a run of the base model alone.
    genes
        Rows of ``gene_manifest.json``.
    table
        The table with a row for every position.
    annotation
        Exons and splice sites that the run kept.
    """

    path: Path
    manifest: Mapping[str, Any]
    metadata: Mapping[str, Any]
    genes: tuple[Mapping[str, Any], ...]
    table: Path
    annotation: GeneAnnotation

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the folder of a run.

        Raises
        ------
        InputError
            If it holds no finished run, or one of its shards.
        """
        manifest_path = path / "manifest.json"
        if not manifest_path.is_file():
            raise InputError(
                f"{path} holds no finished run: it has no manifest.json",
                hint="give the output folder of `splicecore run`; the same command finishes an interrupted run",
            )
        manifest = read_json(manifest_path)
        tables = [path / name for name in (COMPLETE, BASE) if (path / name).is_file()]
        if not tables:
            shard = manifest.get("identity", {}).get("shard")
            what = f"shard {shard} of a run" if shard else "no predictions"
            hint = "put the shards together first: splicecore merge" if shard else "give the output folder of a run"
            raise InputError(f"{path} holds {what}", hint=hint)
        metadata = path / METADATA
        return cls(
            path=path,
            manifest=manifest,
            metadata=read_json(metadata) if metadata.is_file() else {},
            genes=tuple(read_json(path / "gene_manifest.json")["genes"]),
            table=tables[0],
            annotation=GeneAnnotation(path / GENE_ANNOTATION),
        )

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that decided the run's bytes."""
        identity: Mapping[str, Any] = self.manifest["identity"]
        return identity

    @property
    def mode(self) -> str:
        """``base_only``, ``hybrid`` or ``meta_only``."""
        return str(self.metadata.get("mode", self.identity.get("inference_mode", "base_only")))

    @property
    def has_meta(self) -> bool:
        """Whether a meta-model took part."""
        return self.table.name == COMPLETE.rpartition("/")[2]

    @property
    def thresholds(self) -> tuple[Thresholds, Thresholds]:
        """Lowest scores that are called: of the base model's raw scores, and of the final ones."""
        stored = self.metadata.get("thresholds", {})
        return _pair(stored.get("base_model")), _pair(stored.get("final"))

    @property
    def spans(self) -> dict[tuple[str, str, str], tuple[str, int, int]]:
        """Contig, strand and id of every gene -> its name, start and end."""
        return {
            (gene["contig"], gene["strand"], gene["gene_id"]): (gene["gene_name"], gene["start"], gene["end"])
            for gene in self.genes
            if "gene_id" in gene
        }


def _pair(stored: Mapping[str, Any] | None) -> Thresholds:
    """Read a class's threshold each; 0.5 where there is none."""
    values = [(stored or {}).get(name) for name in ("acceptor", "donor")]
    acceptor, donor = (DEFAULT_THRESHOLD if value is None else float(value) for value in values)
    return acceptor, donor
