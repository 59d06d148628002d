"""The tables of a finished base-model pass as TSV, with the names and conventions of older pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from splicecore.artifacts.store import make_folder
from splicecore.assess import tsv
from splicecore.predict.pass_tables import FILES, GENE_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from splicecore.artifacts.run_directory import RunDirectory

__all__ = ["add_tsv"]

_NAME = "tsv"


def add_tsv(directory: RunDirectory) -> list[Path]:
    """Write the TSV files of a finished pass into ``exports`` unless they are there, and record them."""
    recorded = directory.manifest().get("exports", {}).get(_NAME)
    if recorded is not None:
        return [directory.path / name for name in recorded["files"]]
    folder, target = directory.path, make_folder(directory.exports)
    files: dict[str, Callable[[Path], int]] = {
        "full_splice_positions_enhanced.tsv": lambda path: tsv.write_positions_tsv(folder / FILES["positions"], path),
        "full_splice_errors.tsv": lambda path: tsv.write_errors_tsv(folder / FILES["errors"], path),
        "full_splice_performance.tsv": lambda path: tsv.write_performance_tsv(folder / FILES["performance"], path),
        "gene_manifest.tsv": lambda path: tsv.write_gene_manifest_tsv(pq.read_table(folder / GENE_MANIFEST), path),
    }
    for name, write in files.items():
        write(target / name)
    sequences = tsv.write_sequences_tsv(folder / FILES["positions"], folder / FILES["sequences"], target)
    made = [*(target / name for name in files), *sequences]
    directory.record_export(_NAME, {}, made)
    return made
