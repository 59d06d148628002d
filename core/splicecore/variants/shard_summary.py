"""What the summary of a shard says, so that shards can be merged without the input, the genome or the models."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs

from splicecore.artifacts.store import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from splicecore.variants.config import VariantsConfig

__all__ = ["SCHEMA", "WHOLE", "Extent", "forms_of", "in_order", "merged_counts", "run_key", "summary_beside"]

SCHEMA = "splicecore-variants/1"
"""Of summaries: what their key ``schema`` says."""

WHOLE = "whole"
"""Key in the summary of a shard: what is known of the pass that it is a part of. Other summaries do not have it."""

_COUNTS = ("records", "alleles", "rows")
_META = "meta_model"


def summary_beside(path: Path) -> Path:
    """Path of the summary that lies beside a file."""
    return path.with_name(f"{path.name}.summary.json")


def forms_of(config: VariantsConfig) -> dict[str, Any]:
    """Return what decides how scores are written, but for the names of the outputs; JSON-able."""
    return {
        "precision": config.precision,
        "vep_compatible": config.vep_compatible,
        "reasons": config.reasons,
        "tags": list(config.tags),
    }


def run_key(whole: str, forms: Mapping[str, Any], outputs: Sequence[str]) -> str:
    """Digest of all that decides the bytes of the outputs.

    Parameters
    ----------
    whole
        Digest of what decides the results.
    forms
        As :func:`forms_of` gives it.
    outputs
        Names of the outputs, without folders.
    """
    return digest({"pass": whole, "forms": forms, "outputs": list(outputs)})


@attrs.define
class Extent:
    """Where the records of a shard lie, in the order of the input; tells whether shards are sorted together.

    Attributes
    ----------
    contigs
        Of the records, in order of appearance.
    first, last
        Position of the first and of the last record, 0-based; None without records.
    """

    contigs: list[str] = attrs.field(factory=list)
    first: int | None = None
    last: int | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at rows that follow those before, with the columns ``contig`` and ``position``."""
        if not batch.num_rows:
            return
        position = batch.column("position")
        found = [str(name) for name in batch.column("contig").unique().to_pylist()]
        self.contigs = list(dict.fromkeys([*self.contigs, *found]))
        self.first = position[0].as_py() if self.first is None else self.first
        self.last = position[-1].as_py()


def in_order(extents: Sequence[Extent]) -> bool:
    """Tell whether records are sorted, of shards whose own are: by position, each contig in one piece."""
    seen: list[str] = []
    last = -1
    for extent in extents:
        if extent.first is None or extent.last is None:
            continue
        further = extent.contigs
        if seen and further[0] == seen[-1]:
            if extent.first < last:
                return False
            further = further[1:]
        if not set(further).isdisjoint(seen):
            return False
        seen += further
        last = extent.last
    return True


def merged_counts(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up what the summaries of shards count."""
    first = summaries[0]
    counts: dict[str, Any] = {name: sum(one[name] for one in summaries) for name in _COUNTS}
    counts["base_models"] = {
        name: _sum([one["base_models"][name] for one in summaries]) for name in first["base_models"]
    }
    if _META in first:
        counts[_META] = _sum([one[_META] for one in summaries])
    return counts


def _sum(models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    for model in models:
        reasons.update(model["reasons"])
    return {
        "scored": sum(model["scored"] for model in models),
        "unscored": sum(model["unscored"] for model in models),
        "reasons": dict(sorted(reasons.items())),
    }
