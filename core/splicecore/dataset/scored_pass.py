"""A finished base-model pass as a dataset uses it: which genes have scores, where they are, and how they did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.run_directory import RunDirectory
from splicecore.assess.config import AssessConfig
from splicecore.config import structure
from splicecore.errors import ChecksumError, InputError, OutputError
from splicecore.genome.arrow import compute as pc
from splicecore.predict.pass_tables import FILES, GENE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from splicecore.genome.genes import Gene

__all__ = ["GeneKey", "ScoredPass", "gene_key"]

GeneKey = tuple[str, str, int, int, str]
"""contig, strand, start, end, gene_id."""

_SCORES = ("schema", "base_model", "tiling", "flank", "fasta")
_ROWS = 65_536


def gene_key(gene: Gene) -> GeneKey:
    """Return what a gene is known by in the tables of a pass."""
    return gene.contig, gene.strand, gene.start, gene.end, gene.gene_id


@attrs.frozen(kw_only=True, eq=False)
class ScoredPass:
    """A finished pass of ``splicecore predict``.

    Attributes
    ----------
    folder
        Where it is.
    identity
        Everything that decides its bytes.
    parts
        Gene -> its file of scores, below the folder.
    failures
        Gene -> why the pass has no scores of it.
    """

    folder: Path
    identity: Mapping[str, Any]
    parts: Mapping[GeneKey, str]
    failures: Mapping[GeneKey, str]

    @classmethod
    def read(cls, folder: Path) -> ScoredPass:
        """Read the manifests of a pass.

        Raises
        ------
        InputError
            If the folder holds no finished pass.
        ChecksumError
            If a manifest is damaged.
        """
        run = RunDirectory(folder)
        if not run.manifest_path.is_file():
            what = "does not exist" if not folder.is_dir() else "holds no finished base-model pass"
            raise InputError(f"{folder} {what}", hint="name the folder that `splicecore predict` printed")
        try:
            identity = run.manifest()["identity"]
        except (OutputError, KeyError, TypeError) as error:
            raise ChecksumError(f"{run.manifest_path} is damaged: {error}", hint="do the pass again") from error
        if not (folder / GENE_MANIFEST).is_file() or "assess" not in identity:
            raise InputError(
                f"{folder} is the result of another command than `splicecore predict`",
                hint="its shards must be merged first" if "shard" in identity else "do the base-model pass",
            )
        rows = _read(folder / GENE_MANIFEST).to_pylist()
        known = [(_row_key(row), row) for row in rows if row["gene_id"] is not None]
        parts = {key: row["scores"] for key, row in known if row["scores"] is not None}
        failures = {key: str(row["reason"] or row["status"]) for key, row in known if row["scores"] is None}
        return cls(folder=folder, identity=identity, parts=parts, failures=failures)

    @property
    def base_model(self) -> str:
        """Name of the base model."""
        return str(self.identity["base_model"]["name"])

    @property
    def scores(self) -> dict[str, Any]:
        """Everything that decides its scores, but for the genes."""
        return {name: self.identity[name] for name in _SCORES}

    @property
    def annotation_sha256(self) -> str:
        """sha256 of the annotation that it was assessed with, hex."""
        return str(self.identity["inputs"]["annotation"])

    @property
    def assess(self) -> AssessConfig:
        """Settings of its labels and its sample of true negatives."""
        return structure(self.identity["assess"], AssessConfig, where=f"{self.folder / 'manifest.json'} assess")

    def part(self, gene: Gene) -> Path | None:
        """File of a gene's scores, or None."""
        name = self.parts.get(gene_key(gene))
        return None if name is None else self.folder / name

    def errors(self) -> dict[tuple[str, str, str], dict[str, int]]:
        """Return (contig, strand, gene_id) -> ``sites``, ``tp``, ``fp`` and ``fn`` of both classes together."""
        names = ["contig", "strand", "gene_id", "site_type", "sites", "tp", "fp", "fn"]
        table = _read(self.folder / FILES["performance"], names)
        rows = table.filter(pc.equal(table.column("site_type"), "both")).to_pylist()
        return {
            (row["contig"], row["strand"], row["gene_id"]): {name: row[name] for name in ("sites", "tp", "fp", "fn")}
            for row in rows
        }

    def hard_positions(self, margin: float) -> dict[tuple[str, str, str], int]:
        """Count each gene's rows that score near the threshold.

        A row of ``splice_positions_enhanced`` is near if the score that its call rests on (``window_score`` of TP and
        FN, ``score`` of FP and TN) is at most ``margin`` away from the pass's threshold.
        """
        threshold = self.assess.threshold
        counts: dict[tuple[str, str, str], int] = {}
        for batch in self._positions():
            sites = pc.is_in(batch.column("pred_type").cast(pa.string()), value_set=pa.array(["TP", "FN"]))
            score = pc.if_else(sites, batch.column("window_score"), batch.column("score"))
            near = pc.less_equal(pc.abs(pc.subtract(score.cast(pa.float64()), threshold)), margin)
            genes = pa.Table.from_batches([batch.select(["contig", "strand", "gene_id"])]).filter(near)
            names: list[Any] = genes.schema.names
            for row in genes.group_by(names).aggregate([([], "count_all")]).to_pylist():
                key = row["contig"], row["strand"], row["gene_id"]
                counts[key] = counts.get(key, 0) + row["count_all"]
        return counts

    def genes(self) -> list[dict[str, Any]]:
        """Return the genes that have scores, in the order of the manifest, with their counts."""
        errors = self.errors()
        nothing = dict.fromkeys(("sites", "tp", "fp", "fn"), 0)
        names = {_row_key(row): row["gene_name"] for row in _read(self.folder / GENE_MANIFEST).to_pylist()}
        return [
            {
                "gene_id": gene_id,
                "gene_name": names[key],
                "contig": contig,
                "strand": strand,
                "start": start,
                "end": end,
                **errors.get((contig, strand, gene_id), nothing),
            }
            for key in self.parts
            for contig, strand, start, end, gene_id in [key]
        ]

    def _positions(self) -> Iterator[pa.RecordBatch]:
        path = self.folder / FILES["positions"]
        columns = ["contig", "strand", "gene_id", "pred_type", "score", "window_score"]
        try:
            with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
                yield from file.iter_batches(_ROWS, columns=columns, use_threads=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise _damaged(path, error) from error


def _row_key(row: Mapping[str, Any]) -> GeneKey:
    return row["contig"], row["strand"], row["start"], row["end"], row["gene_id"]


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, page_checksum_verification=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ChecksumError:
    return ChecksumError(f"{path} cannot be read: {error}", hint="do the base-model pass that it belongs to again")
