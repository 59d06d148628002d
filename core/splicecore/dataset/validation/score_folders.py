"""The base models' scores of genes, from the folders of base-model passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import read_json
from splicecore.errors import ChecksumError, InputError, OutputError
from splicecore.predict.parts import PartReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from splicecore.features.contract import FeatureContract
    from splicecore.genome.genes import Gene
    from splicecore.plugins.protocols import Scores

__all__ = ["ScoreFolders"]

_HINT = "name folders that `splicecore predict` wrote, one for each base model at least"

_Key = tuple[Any, Any, Any, Any, Any]


class ScoreFolders:
    """Scores by base model and gene.

    Parameters
    ----------
    folders
        Of finished passes.

    Raises
    ------
    InputError
        If one holds no finished pass.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._files: dict[str, dict[_Key, Path]] = {}
        self._made: dict[str, list[tuple[Path, str, str, str]]] = {}
        for folder in folders:
            self._read(folder)

    def problem(self, contract: FeatureContract) -> str | None:
        """Say why these are not the scores that the features were computed from; None if they are."""
        for model in contract.models:
            if model.name not in self._made:
                return f"no folder has scores of base model {model.name}"
            for folder, fingerprint, flank, build in self._made[model.name]:
                wanted = (model.fingerprint, contract.flank, contract.build)
                for what, a, b in zip(
                    ("fingerprint", "flank mode", "build"), (fingerprint, flank, build), wanted, strict=True
                ):
                    if a != b:
                        return f"the scores of {model.name} in {folder} have {what} {a}, those of the dataset {b}"
        self._models = [model.name for model in contract.models]
        return None

    def read(self, gene: Gene) -> dict[str, Scores] | None:
        """Scores of a gene by every base model of the contract; None if one of them has none."""
        key = (gene.gene_id, gene.contig, gene.strand, gene.start, gene.end)
        scores: dict[str, Scores] = {}
        for model in self._models:
            path = self._files[model].get(key)
            if path is None or not path.is_file():
                return None
            with PartReader(path) as part:
                if part.length != gene.length:
                    return None
                scores[model] = part.read(0, gene.length)
        return scores

    def _read(self, folder: Path) -> None:
        try:
            identity = read_json(folder / "manifest.json")["identity"]
            model, inputs = identity["base_model"], identity["inputs"]
            table = pq.read_table(folder / "gene_manifest.parquet")
            rows = table.select(["gene_id", "contig", "strand", "start", "end", "scores"]).to_pylist()
        except (OutputError, KeyError, TypeError, OSError, pa.ArrowInvalid) as error:
            if isinstance(error, ChecksumError):
                raise
            raise InputError(f"{folder} holds no finished base-model pass: {error}", hint=_HINT) from error
        name = str(model["name"])
        made = (folder, str(model["fingerprint"]), str(identity["flank"]), str(inputs["build"]))
        self._made.setdefault(name, []).append(made)
        files = self._files.setdefault(name, {})
        for row in rows:
            if row["scores"] is not None:
                files[row["gene_id"], row["contig"], row["strand"], row["start"], row["end"]] = folder / row["scores"]
