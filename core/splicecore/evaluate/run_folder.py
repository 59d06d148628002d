"""Where in the folder of a run its scores are, and the thresholds that its meta-model stored."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import read_json
from splicecore.errors import ConfigError, InputError, SplicecoreError
from splicecore.evaluate.evaluated_gene import GeneKey
from splicecore.genome.contigs import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BASE",
    "FINAL",
    "StoredThresholds",
    "find_table",
    "open_parquet",
    "reading",
    "seen_genes",
    "stored_thresholds",
]

BASE, FINAL = "*_score", "*_meta"
"""Score columns of the primary base model, and of what a meta-model made of them."""

_TABLES = ("complete_coverage", "base_model", "meta_model")
_KEPT = {FINAL: "final", BASE: "base_model"}
_PREDICTIONS, _GENES = "predictions", "gene_manifest.json"
_SEEN = "1"
"""Scenario of a run's genes that its meta-model was trained on."""
_METADATA = Path("metadata", "inference_metadata.json")


def find_table(path: Path, pattern: str | None = None) -> tuple[Path, str]:
    """Find the table of a run's folder that has the wanted columns.

    Parameters
    ----------
    path
        A run's folder, or a Parquet file.
    pattern
        Names of the score columns; None for the final scores: a meta-model's where there are some.

    Returns
    -------
    The table, or the path itself if it is no folder; and the names of its score columns.

    Raises
    ------
    InputError
        If there is no table.
    ConfigError
        If none has the columns.
    """
    if not path.is_dir():
        return path, _final(path) if pattern is None else pattern
    folder = path / _PREDICTIONS
    tables = [table for name in _TABLES if (table := folder / f"{name}_predictions.parquet").is_file()]
    if not tables:
        if (path / "shard.json").is_file():
            raise InputError(f"{path} is one shard of a run", hint="put the shards together first: splicecore merge")
        raise InputError(
            f"{path} has no predictions/*_predictions.parquet",
            hint="give the output folder of a finished `splicecore run` or `splicecore predict`, or a Parquet table",
        )
    if pattern is None:
        return tables[0], _final(tables[0])
    for table in tables:
        if _has(table, pattern):
            return table, pattern
    raise ConfigError(f"no table in {folder} has the column {pattern.replace('*', 'donor')}", hint="see --columns")


def _final(table: Path) -> str:
    return FINAL if _has(table, FINAL) else BASE


def _has(table: Path, pattern: str) -> bool:
    with open_parquet(table) as file:
        return pattern.replace("*", "donor") in file.schema_arrow.names


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file whose checksums are verified.

    Raises
    ------
    InputError
        If there is none.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist")
    with reading(path):
        return pq.ParquetFile(path, page_checksum_verification=True)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what Arrow raises of a damaged file into an InputError."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}", hint="it is damaged or no table") from error


@attrs.frozen
class StoredThresholds:
    """Thresholds of a meta-model that its run kept.

    Attributes
    ----------
    acceptor, donor
        Lowest score that is called; None if they are not at hand.
    source
        Where they are from, or why they are not at hand.
    """

    acceptor: float | None
    donor: float | None
    source: str


def stored_thresholds(path: Path, pattern: str) -> StoredThresholds | None:
    """Look up the thresholds of best F1 on validation genes that a run took from its meta-model's folder.

    Parameters
    ----------
    path
        The run's table, in its folder ``predictions``.
    pattern
        Which of its scores: final ones have the thresholds of the run's inference mode, the primary base model's have
        its own.

    Returns
    -------
    None if no meta-model took part, or the scores are others.
    """
    run = _run_of(path)
    if run is None or pattern not in _KEPT or not (run / _METADATA).is_file():
        return None
    metadata = run / _METADATA
    try:
        facts = read_json(metadata)
        if not facts.get("meta_model"):
            return None
        kept = facts["thresholds"][_KEPT[pattern]]
        acceptor, donor = float(kept["acceptor"]), float(kept["donor"])
        model = facts["meta_model"].get("folder") or facts["meta_model"]["name"]
        scores = f"the mode {facts['mode']}" if pattern == FINAL else "the base model"
    except SplicecoreError as error:
        return StoredThresholds(None, None, error.message)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return StoredThresholds(None, None, f"{_METADATA} of {run} does not have them: {error!r}")
    if not (0 < acceptor <= 1 and 0 < donor <= 1):
        return StoredThresholds(None, None, f"{_METADATA} has {acceptor:g} and {donor:g}, which are no probabilities")
    return StoredThresholds(acceptor, donor, f"best F1 of {scores} on validation genes of the meta-model {model}")


def seen_genes(path: Path, pattern: str) -> frozenset[GeneKey]:
    """Look up the genes that the meta-model of a run was trained on, as the run's list of genes has them.

    Raises
    ------
    InputError
        If the list is damaged.
    """
    run = _run_of(path)
    if run is None or pattern != FINAL or not (run / _GENES).is_file():
        return frozenset()
    try:
        rows = [row for row in read_json(run / _GENES)["genes"] if row.get("scenario") == _SEEN]
        return frozenset(GeneKey(canonical_name(row["contig"]), row["strand"], row["gene_id"]) for row in rows)
    except (SplicecoreError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{run / _GENES} is damaged: {error}", hint="run the same command again") from error


def _run_of(table: Path) -> Path | None:
    folder = table.absolute().parent
    return folder.parent if folder.name == _PREDICTIONS else None
