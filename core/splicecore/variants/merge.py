"""Merging the files of shards: the one that the same command would have written without ``--shard``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splicecore.artifacts.store import file_sha256, make_folder, write_json
from splicecore.errors import ConfigError, InputError
from splicecore.variants.join import join_bytes, join_sorted, join_tables
from splicecore.variants.outputs import VariantsResult, index_outputs
from splicecore.variants.shard_part import ShardPart, form_of, form_of_part
from splicecore.variants.shard_summary import WHOLE, in_order, merged_counts, run_key, summary_beside
from splicecore.variants.vcf_output import drop_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["merge_variant_shards"]

logger = logging.getLogger(__name__)

_SUFFIXES = {"VCF": ".vcf.gz", "BCF": ".bcf", "TSV": ".tsv", "Parquet": ".parquet"}


def merge_variant_shards(parts: Sequence[str | Path], output: str | Path | None) -> VariantsResult:
    """Merge files that ``splicecore variants --shard i/n`` or ``splicecore saturate`` wrote.

    The result has the bytes that the same command would have written without ``--shard``, its index and summary too.

    Parameters
    ----------
    parts
        Files of all shards, in any order, of one form: VCF, BCF, TSV or Parquet. Each but Parquet has its summary
        beside it (``NAME.summary.json``), as the shard's command wrote it.
    output
        The merged file, of the same form; text may be compressed or not, whatever the parts are.

    Returns
    -------
    What was written, and the summary: of Parquet tables without theirs only what they say themselves.

    Raises
    ------
    ConfigError
        If there is no output, it is of another form, or it is one of the parts.
    InputError
        If a part is no file of a shard, lies without its summary, or they are not all shards of one pass; names them.
    ChecksumError
        If a part is damaged or was edited.
    """
    target = _target([Path(part) for part in parts], output)
    read = sorted((ShardPart.read(Path(part)) for part in parts), key=lambda one: one.index)
    _check(read)
    if read[0].for_vep and not target.name.endswith(".gz"):
        raise ConfigError(f"VEP reads bgzip with an index, not {target}", hint="-o NAME.vcf.gz")
    make_folder(target.parent)
    schema, rows = read[0].schema, 0
    if schema is not None:
        rows = join_tables(read, schema, target)
    elif read[0].for_vep and not _sorted(read):
        join_sorted(read, target)
    else:
        join_bytes(read, target)
    drop_indices(target)
    result = _finish(read, target, rows)
    logger.info("merged %d files", len(read))
    return result


def _target(parts: Sequence[Path], output: str | Path | None) -> Path:
    """Check what can be told by names."""
    if not parts:
        raise ConfigError("no shards given", hint="name the files of all of them")
    first = parts[0]
    forms = [form_of_part(part) for part in parts]
    for part, form in zip(parts, forms, strict=True):
        if form != forms[0]:
            raise InputError(
                f"{first} is {forms[0]} and {part} is {form}", hint="merge the files of one form at a time"
            )
    hint = f"-o NAME{_SUFFIXES[forms[0]]}"
    if output is None or str(output) == "-":
        raise ConfigError(f"{first} and the other shards are merged into a file", hint=hint)
    target = Path(output)
    if form_of(target) != forms[0]:
        raise ConfigError(f"the shards are {forms[0]}, {target} is {form_of(target)}", hint=hint)
    if target.resolve() in {part.resolve() for part in parts}:
        raise ConfigError(f"{target} is one of the parts", hint="choose another -o")
    return target


def _check(parts: list[ShardPart]) -> None:
    """Refuse parts that are not all shards of one pass."""
    first = parts[0]
    for part in parts[1:]:
        differences = first.differences(part)
        if differences:
            raise InputError(
                f"{first.path} and {part.path} are not shards of the same pass, they differ in "
                f"{'; '.join(differences[:4])}",
                hint="give the files of one command's shards",
            )
    found = [part.index for part in parts]
    missing = [f"{index}/{first.of}" for index in range(1, first.of + 1) if index not in found]
    if missing:
        raise InputError(f"shards are missing: {', '.join(missing)}", hint="run them, or name their files too")
    twice = next((index for index in found if found.count(index) > 1), None)
    if twice is not None:
        paths = [str(part.path) for part in parts if part.index == twice]
        raise InputError(
            f"shard {twice}/{first.of} is there twice: {' and '.join(paths)}", hint="name each shard's file once"
        )


def _sorted(parts: list[ShardPart]) -> bool:
    """Tell whether the records of all parts are sorted together."""
    own = all(part.summary is not None and part.summary["sorted"] for part in parts)
    return own and in_order([part.extent for part in parts])


def _finish(parts: list[ShardPart], target: Path, rows: int) -> VariantsResult:
    """Write index and summary."""
    known = [part.summary for part in parts if part.summary is not None]
    path = summary_beside(target)
    if len(known) < len(parts):
        path.unlink(missing_ok=True)
        logger.warning("%s gets no summary: not all shards have theirs", target)
        return VariantsResult(outputs=(target,), summary={"settings": parts[0].known["settings"], "rows": rows})
    ordered = _sorted(parts)
    plain = [str(target)] if parts[0].form in ("VCF", "BCF") else []
    end = max(part.end for part in parts)
    files = [target, *index_outputs(plain, end, ordered=ordered or parts[0].for_vep)]
    whole: dict[str, Any] = known[0][WHOLE]
    summary = {
        **{name: value for name, value in known[0].items() if name != WHOLE},
        **merged_counts(known),
        "run": run_key(whole["pass"], whole["forms"], [target.name]),
        "shard": None,
        "sorted": ordered,
        "files": {file.name: file_sha256(file) for file in files},
    }
    write_json(path, summary)
    return VariantsResult(outputs=tuple(files), summary=summary)
