"""The file that a shard of ``splicecore variants`` or ``splicecore saturate`` wrote, and what it is a part of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from splicecore.artifacts.store import file_sha256, json_differences
from splicecore.config import parse_shard
from splicecore.errors import ChecksumError, ConfigError, InputError
from splicecore.variants.config import output_kind
from splicecore.variants.shard_summary import SCHEMA, WHOLE, Extent, summary_beside
from splicecore.variants.tables import META_SCORES, SCORES, SETTINGS, SHARD

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Form", "ShardPart", "form_of", "form_of_part"]

Form = Literal["VCF", "BCF", "TSV", "Parquet"]

_KEY = "pass"
_OTHER = {"input": "the input", "columns": "the columns"}
_ELSE = "what headers do not name, such as the engine or the device"
_AGAIN = "run the shard's command again"
_ALL = "give the files of `--shard 1/N` to `--shard N/N`"


def form_of(path: Path) -> Form:
    """Tell a file's form by its suffix; compression makes no difference.

    Raises
    ------
    ConfigError
        If it is none that variants are written in.
    """
    kind = output_kind(path.name)
    if kind == "vcf":
        return "BCF" if path.suffix == ".bcf" else "VCF"
    return "TSV" if kind == "tsv" else "Parquet"


def form_of_part(path: Path) -> Form:
    """Tell the form of a shard's file, as :func:`form_of` does.

    Raises
    ------
    InputError
        If it is a folder, is not there, or has none by its suffix.
    """
    try:
        form = form_of(path)
    except ConfigError as error:
        raise InputError(f"{path} is no file of a shard of variants", hint=_ALL) from error
    if not path.is_file():
        raise InputError(f"{path} is a folder" if path.is_dir() else f"{path} does not exist", hint=_ALL)
    return form


@attrs.frozen(kw_only=True)
class ShardPart:
    """One file of one shard.

    Attributes
    ----------
    path, form
        The file.
    index, of
        Which shard it is, from 1, of how many.
    known
        What shards of one pass have in common; JSON-able.
    summary
        What the shard's command counted; None for a Parquet table that lies without it.
    schema
        Of a Parquet table's rows; None for other forms.
    """

    path: Path
    form: Form
    index: int
    of: int
    known: dict[str, Any]
    summary: dict[str, Any] | None
    schema: pa.Schema | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Look at a file, its summary and, where there is one, its hash.

        Raises
        ------
        InputError
            If there is no such file, it is none of a shard, or it lies without the summary that says so.
        ChecksumError
            If it changed since it was written.
        """
        form = form_of_part(path)
        summary = _read_summary(path)
        if form == "Parquet":
            return cls._of_table(path, summary)
        if summary is None:
            raise InputError(
                f"{path} lies without {summary_beside(path).name}, which says what shard it is",
                hint=f"put the summary that its command wrote beside it, or {_AGAIN}",
            )
        index, of = parse_shard(summary["shard"]) or (0, 0)
        known = {"settings": summary["settings"], "shards": of, **_in_common(summary)}
        return cls(path=path, form=form, index=index, of=of, known=known, summary=summary)

    @classmethod
    def _of_table(cls, path: Path, summary: dict[str, Any] | None) -> Self:
        try:
            schema = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{path} cannot be read as Parquet: {error}", hint=_AGAIN) from error
        metadata = schema.metadata or {}
        plain = schema.remove_metadata()
        rows = next((one for one in (SCORES, META_SCORES) if plain.equals(one)), None)
        if rows is None or SETTINGS not in metadata:
            raise InputError(f"{path} is no table of variants", hint=_ALL)
        if SHARD not in metadata:
            raise InputError(f"{path} is no shard", hint=_ALL)
        shard = json.loads(metadata[SHARD])
        index, of = parse_shard(shard["shard"]) or (0, 0)
        known = {"settings": json.loads(metadata[SETTINGS]), "shards": of, "columns": rows.names}
        known |= {**_in_common(summary), _KEY: shard["run"]}
        return cls(path=path, form="Parquet", index=index, of=of, known=known, summary=summary, schema=rows)

    @property
    def extent(self) -> Extent:
        """Where its records lie; of parts with a summary."""
        return Extent(**self._whole["extent"])

    @property
    def end(self) -> int:
        """Largest end of a REF, in bases from the start of its contig; of parts with a summary."""
        return int(self._whole["end"])

    @property
    def for_vep(self) -> bool:
        """Whether it is a VCF whose records are those for VEP's plugin, sorted."""
        return self.form == "VCF" and bool(self._whole["forms"]["vep_compatible"])

    @property
    def _whole(self) -> dict[str, Any]:
        whole: dict[str, Any] = {} if self.summary is None else self.summary[WHOLE]
        return whole

    def differences(self, other: ShardPart) -> list[str]:
        """Say what is not as in another part that should be of the same pass."""
        differences = [
            _OTHER.get(name, f"{where} {mine} and {its}")
            for name in self.known
            if name in other.known and name != _KEY
            for where, mine, its in json_differences(self.known[name], other.known[name], name)
        ]
        return differences or ([] if self.known[_KEY] == other.known[_KEY] else [_ELSE])


def _in_common(summary: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the summaries of shards of one pass agree in."""
    return {} if summary is None else {name: summary[WHOLE][name] for name in (_KEY, "input", "forms")}


def _read_summary(path: Path) -> dict[str, Any] | None:
    """Read the summary beside a part, and compare the part with the hash there; None if there is none."""
    beside = summary_beside(path)
    if not beside.exists():
        return None
    try:
        summary = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{beside} cannot be read: {error}", hint=_AGAIN) from error
    if not isinstance(summary, dict) or summary.get("schema") != SCHEMA:
        raise InputError(f"{beside} is no summary of variants", hint=_AGAIN)
    if WHOLE not in summary:
        raise InputError(f"{path} is no shard", hint=_ALL)
    if file_sha256(path) not in summary["files"].values():
        raise ChecksumError(f"{path} changed since it was written, {beside.name} says", hint=_AGAIN)
    return summary
