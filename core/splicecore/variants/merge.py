"""Merging the tables of shards: the one that the same command would have written without ``--shard``."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.config import parse_shard
from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.variants.tables import META_SCORES, SCORES, SETTINGS, SHARD, open_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["merge_variant_tables"]

logger = logging.getLogger(__name__)

_BATCH_ROWS = 1 << 16


def merge_variant_tables(parts: Sequence[str | Path], output: str | Path | None) -> int:
    """Merge the Parquet tables that ``splicecore variants --shard i/n`` or ``splicecore saturate`` wrote.

    Parameters
    ----------
    parts
        Tables of all shards, in any order.
    output
        The merged table, ``.parquet``.

    Returns
    -------
    Number of rows.

    Raises
    ------
    ConfigError
        If there is no output, it is no Parquet file, or it is one of the parts.
    InputError
        If a part is no table of a shard, or they are not all shards of one pass; names them.
    ChecksumError
        If a part is damaged.
    """
    if output is None or Path(output).suffix != ".parquet":
        raise ConfigError("the merged table is a Parquet file", hint="-o NAME.parquet")
    target = Path(output)
    if target.resolve() in {Path(part).resolve() for part in parts}:
        raise ConfigError(f"{target} is one of the parts", hint="choose another -o")
    read = sorted((_Part.read(Path(part)) for part in parts), key=lambda one: one.index)
    _check(read)
    rows = 0
    with open_table(target, read[0].settings, read[0].schema) as table:
        for part in read:
            for batch in part.batches():
                table.add(batch)
                rows += batch.num_rows
    logger.info("merged %d tables", len(read))
    return rows


@attrs.frozen(kw_only=True)
class _Part:
    """The table of one shard; ``run`` is the digest of what the whole pass is known by."""

    path: Path
    index: int
    of: int
    run: str
    settings: bytes
    schema: pa.Schema

    @classmethod
    def read(cls, path: Path) -> _Part:
        try:
            schema = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{path} cannot be read as Parquet: {error}") from error
        metadata = schema.metadata or {}
        plain = schema.remove_metadata()
        known = next((one for one in (SCORES, META_SCORES) if plain.equals(one)), None)
        if known is None or SETTINGS not in metadata:
            raise InputError(f"{path} is no table of variants")
        if SHARD not in metadata:
            raise InputError(f"{path} is no shard", hint="give the tables of `--shard 1/N` to `--shard N/N`")
        shard: dict[str, Any] = json.loads(metadata[SHARD])
        index, of = parse_shard(shard["shard"]) or (0, 0)
        return cls(path=path, index=index, of=of, run=shard["run"], settings=metadata[SETTINGS], schema=known)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        try:
            with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
                yield from file.iter_batches(_BATCH_ROWS)
        except (OSError, pa.ArrowInvalid) as error:
            raise ChecksumError(f"{self.path} is damaged: {error}", hint="make the shard again") from error


def _check(parts: list[_Part]) -> None:
    """Refuse parts that are not all shards of one pass."""
    first = parts[0]
    for part in parts[1:]:
        if (part.run, part.of, part.schema.names, part.settings) != (
            first.run, first.of, first.schema.names, first.settings,
        ):  # fmt: skip
            raise InputError(f"{first.path} and {part.path} are not shards of the same pass")
    found = [part.index for part in parts]
    missing = sorted(set(range(1, first.of + 1)) - set(found))
    if missing:
        raise InputError(f"shards are missing: {', '.join(f'{index}/{first.of}' for index in missing)}")
    twice = next((index for index in found if found.count(index) > 1), None)
    if twice is not None:
        paths = [str(part.path) for part in parts if part.index == twice]
        raise InputError(f"shard {twice}/{first.of} is there twice: {' and '.join(paths)}")
