"""The score table: one row per position and gene, assembled from parts in genomic order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.predict.gene_table import GeneTable
from splicecore.predict.parts import part_path

if TYPE_CHECKING:
    from splicecore.plugins.protocols import Scores

__all__ = ["SCORE_TABLE_VERSION", "ModelScores", "ScoreTable"]

SCORE_TABLE_VERSION = "1"
_SITES = slice(1, 3)  # the channels acceptor and donor


@attrs.frozen(kw_only=True)
class ModelScores:
    """Scores of a further base model.

    Attributes
    ----------
    name
        Of the model.
    keys
        The parts' keys, in the order of the table's genes.
    outputs
        Names of its channels.
    """

    name: str
    keys: Sequence[str]
    outputs: Sequence[str]


@attrs.frozen(kw_only=True)
class ScoreTable(GeneTable):
    """Scores of genes, sorted by contig (in the reference's order), position, strand and gene_id.

    Attributes
    ----------
    keys
        The parts' keys, in the order of ``genes``.
    parts
        Folder of the parts.
    outputs
        Names of the model's channels.
    others
        Further base models, whose columns begin with ``<model>__``.
    min_score
        Leave out rows whose acceptor and donor scores are both below this (compared in float32); None keeps all.
    """

    keys: Sequence[str]
    parts: Path
    outputs: Sequence[str]
    others: Sequence[ModelScores] = ()
    min_score: float | None = None

    @property
    def value_fields(self) -> list[pa.Field[Any]]:
        """One ``*_score`` column an output, the first model's without a prefix."""
        names = [f"{name}_score" for name in self.outputs]
        names += [f"{model.name}__{name}_score" for model in self.others for name in model.outputs]
        return [pa.field(name, pa.float32()) for name in names]

    @property
    def conventions(self) -> dict[str, str]:
        """Schema, coordinates, sites, scores and key."""
        said = {
            "splicecore.schema": f"scores/{SCORE_TABLE_VERSION}",
            "splicecore.coordinates": "0-based; position is genomic, rel_position the offset from the gene's 5' end",
            "splicecore.sites": "donor = last base of the exon, acceptor = first base of the exon, on either strand",
            "splicecore.scores": "probabilities (0-1) of " + ", ".join(self.outputs),
            "splicecore.key": "build, contig, strand, position, gene_id",
            **self.metadata,
        }
        return said if self.min_score is None else {**said, "splicecore.min_score": repr(self.min_score)}

    def part_paths(self, index: int) -> list[Path]:
        """Files of a gene's scores, a file a base model."""
        return [part_path(self.parts, keys[index]) for keys in (self.keys, *(model.keys for model in self.others))]

    def kept(self, values: Scores) -> npt.NDArray[np.int64] | None:
        """Rows that score at least :attr:`min_score`."""
        if self.min_score is None:
            return None
        return np.flatnonzero(values[:, _SITES].max(axis=1) >= np.float32(self.min_score))
