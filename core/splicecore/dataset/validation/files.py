"""Checks of the files themselves: that they are those of the manifest, and have the columns of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import file_sha256
from splicecore.dataset.validation.check import DatasetCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from splicecore.dataset.validation.opened import OpenedDataset

__all__ = ["check_files", "check_schema"]

_SHOWN = 6
_AGAIN = "run the command that built the dataset again: batches that are damaged or missing are made anew"


def check_files(opened: OpenedDataset) -> DatasetCheck:
    """Compare every file with its hash in the manifest, and find files that the manifest does not list."""
    dataset = opened.dataset
    missing, changed = [], []
    for batch, path in zip(dataset.manifest.batches, dataset.files, strict=True):
        if not path.is_file():
            missing.append(path.name)
        elif file_sha256(path) != batch.sha256:
            changed.append(f"{path.name}{_cut(path, batch.rows)}")
    listed = {path.name for path in dataset.files}
    folder = dataset.path / "master"
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    extra = sorted(name for name in found - listed if not name.startswith("."))
    problems = [
        text.format(_list(names))
        for text, names in (
            ("missing: {}", missing),
            ("not the content that was built: {}", changed),
            ("not in the manifest: {}", extra),
        )
        if names
    ]
    data = {"missing": missing, "changed": changed, "extra": extra}
    if problems:
        remedy = _AGAIN if missing or changed else "remove the files that do not belong there"
        return DatasetCheck(name="files", status="damaged", details="; ".join(problems), remedy=remedy, data=data)
    return DatasetCheck(name="files", status="passed", details=f"{len(listed)} files are as they were built")


def _cut(path: Path, rows: int) -> str:
    """Say whether a changed file is not even Parquet any more."""
    try:
        found = pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowInvalid):
        return " (truncated, or no Parquet at all)"
    return f" ({found:,} rows, not {rows:,})" if rows != found else ""


def check_schema(opened: OpenedDataset) -> DatasetCheck:
    """Compare the columns of every file with the contract: names, types, order, whether they may be null."""
    problems: dict[str, list[str]] = {}
    read = 0
    for path in opened.dataset.files:
        try:
            found = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid):
            continue
        read += 1
        if lines := list(_differences(opened.schema, found)):
            problems[path.name] = lines
    name = "schema"
    if not read:
        return DatasetCheck(name=name, status="skipped", details="no file can be read")
    if problems:
        first, lines = next(iter(problems.items()))
        others = f" (and {len(problems) - 1} more files)" if len(problems) > 1 else ""
        return DatasetCheck(
            name=name,
            status="failed",
            details=f"{first}{others}: {'; '.join(lines)}",
            remedy="build the dataset anew; files of another contract cannot be mixed in",
            data={"files": problems},
        )
    columns = len(opened.schema)
    return DatasetCheck(name=name, status="passed", details=f"{columns} columns in {read} files, as in the contract")


def _differences(wanted: pa.Schema, found: pa.Schema) -> Iterator[str]:
    names, present = set(wanted.names), set(found.names)
    if lacking := [name for name in wanted.names if name not in present]:
        yield f"missing columns {_list(lacking)}"
    if extra := [name for name in found.names if name not in names]:
        yield f"columns {_list(extra)} are not in the contract"
    if twice := sorted({name for name in found.names if found.names.count(name) > 1}):
        yield f"columns {_list(twice)} occur twice"
        return
    kept = [name for name in wanted.names if name in present]
    if kept != [name for name in found.names if name in names]:
        yield "columns are in another order"
    kinds = [
        f"{name} is {found.field(name).type}, not {wanted.field(name).type}"
        for name in kept
        if wanted.field(name).type != found.field(name).type
    ]
    if kinds:
        yield f"another type: {_list(kinds)}"
    loose = [name for name in kept if found.field(name).nullable and not wanted.field(name).nullable]
    if loose:
        yield f"may be null though the contract says never: {_list(loose)}"


def _list(names: Any) -> str:
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (f", ... ({len(names)} in all)" if len(names) > _SHOWN else "")
