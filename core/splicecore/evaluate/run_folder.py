"""Where in the folder of a run its scores are, and the thresholds that its meta-model stored."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import read_json
from splicecore.errors import ConfigError, InputError, SplicecoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BASE", "FINAL", "StoredThresholds", "find_table", "open_parquet", "reading", "stored_thresholds"]

BASE, FINAL = "*_score", "*_meta"
"""Score columns of the primary base model, and of what a meta-model made of them."""

_TABLES = ("complete_coverage", "base_model", "meta_model")
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
    folder = path / "predictions"
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
    """Thresholds that a meta-model's folder has for the scores of a run.

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
    """Look up the thresholds of best F1 on validation genes that the meta-model of a run stored.

    Parameters
    ----------
    path
        The run's table, in its folder ``predictions``.
    pattern
        Which of its scores: final ones have the thresholds of the run's inference mode, a base model's have its own.

    Returns
    -------
    None if no meta-model took part.
    """
    metadata = path.absolute().parent.parent / _METADATA
    if not metadata.is_file():
        return None
    try:
        facts = read_json(metadata)
        model = facts.get("meta_model")
        return None if not model else _of_model(metadata.parent.parent, model, str(facts["inference_mode"]), pattern)
    except SplicecoreError as error:
        return StoredThresholds(None, None, error.message)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return StoredThresholds(None, None, f"{metadata} is damaged: {error!r}")


def _of_model(run: Path, model: dict[str, Any], mode: str, pattern: str) -> StoredThresholds:
    from splicecore.training.model_directory import OPERATING_POINTS, ModelDirectory
    from splicecore.training.operating_points import OperatingPoints

    directory = ModelDirectory.open(run / str(model["path"]))
    if model.get("fingerprint") not in (None, directory.fingerprint):
        raise InputError(f"the meta-model in {directory.path.name} is not the one that scored")
    stored = directory.json(OPERATING_POINTS)
    base = pattern.removesuffix(f"__{BASE}")
    if base != pattern:
        values, what = stored["models"][base], f"of {base}"
    else:
        mode = mode if pattern == FINAL else "base_only"
        values, what = stored["modes"][mode], f"in the mode {mode}"
    points = OperatingPoints.from_json(values, where=f"the operating points of {directory.path.name}")
    pair = points.acceptor.best_f1.threshold, points.donor.best_f1.threshold
    name = model.get("name") or directory.record.choice.name
    return StoredThresholds(
        *pair, f"best F1 {what} on {stored['chosen_on']['genes']} validation genes of the meta-model {name}"
    )
