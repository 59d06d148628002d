"""The folder of a base-model pass as evaluation reads it: one file of scores for each gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from splicecore.dataset.scored_pass import ScoredPass
from splicecore.errors import ConfigError, InputError
from splicecore.evaluate.evaluated_gene import GeneKey
from splicecore.evaluate.prediction_table import TableGene
from splicecore.evaluate.run_folder import BASE, reading
from splicecore.genome.contigs import canonical_name
from splicecore.predict.parts import PartReader
from splicecore.predict.pass_tables import GENE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["PassTable", "is_pass"]


def is_pass(path: Path) -> bool:
    """Whether a path is the folder of a base-model pass."""
    return (path / GENE_MANIFEST).is_file()


class PassTable:
    """The scores of a finished base-model pass, with what evaluation asks of a table. Make it by :meth:`open`.

    Attributes
    ----------
    name
        What the report calls the model.
    path
        The pass's table of genes, which has the keys of their scores.
    pattern
        Always ``"*_score"``.
    genes
        Its genes by key.
    builds
        Names of their builds.
    metadata
        ``base_model`` and ``flank``.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.path, self.pattern = name, folder / GENE_MANIFEST, BASE
        scored = ScoredPass.read(folder)
        self.metadata = {"base_model": scored.base_model, "flank": str(scored.scores["flank"])}
        with reading(self.path):
            rows = [row for row in pq.read_table(self.path).to_pylist() if row["scores"] is not None]
        self.builds = {str(row["build"]) for row in rows}
        self.genes: dict[GeneKey, TableGene] = {}
        self._files: list[tuple[GeneKey, Path]] = []
        for row in rows:
            self._note(row, folder)

    @classmethod
    def open(cls, name: str, path: Path, pattern: str | None = None) -> PassTable:
        """Open a pass.

        Raises
        ------
        InputError
            If the folder holds no finished pass, or one without genes.
        ConfigError
            If other columns than the base model's scores are asked for.
        ChecksumError
            If a file is damaged; also from :meth:`stream`.
        """
        if pattern not in (None, BASE):
            raise ConfigError(f"the base-model pass in {path} has no columns {pattern}", hint="leave --columns out")
        table = cls(name, path)
        if not table.genes:
            raise InputError(f"the base-model pass in {path} has scores of no gene")
        return table

    @property
    def rows(self) -> int:
        """Number of positions."""
        return sum(gene.rows for gene in self.genes.values())

    @property
    def n_groups(self) -> int:
        """Number of files."""
        return len(self._files)

    def stream(self, wanted: Collection[GeneKey]) -> Iterator[list[tuple[GeneKey, npt.NDArray[np.float32]]]]:
        """Yield the genes of each file in turn; see :meth:`PredictionTable.stream`."""
        for key, path in self._files:
            yield [(key, self._scores(key, path))] if key in wanted else []

    def close(self) -> None:
        """Nothing is held."""

    def _scores(self, key: GeneKey, path: Path) -> npt.NDArray[np.float32]:
        gene = self.genes[key]
        with PartReader(path) as reader:
            if reader.length != gene.rows:
                raise InputError(
                    f"{path} has {reader.length:,} positions, gene {key.gene_id} has {gene.rows:,}",
                    hint="do the base-model pass again",
                )
            scores = reader.read(0, gene.rows)[:, :3]
        return scores[::-1] if key.strand == "-" else scores

    def _note(self, row: dict[str, Any], folder: Path) -> None:
        key = GeneKey(canonical_name(row["contig"]), row["strand"], row["gene_id"])
        if key in self.genes:
            raise InputError(f"{self.path} has gene {key.gene_id} twice on {key.contig}")
        start, end = row["start"], row["end"]
        self.genes[key] = TableGene(key, row["gene_name"], start, end, end - start, len(self._files))
        self._files.append((key, folder / row["scores"]))
