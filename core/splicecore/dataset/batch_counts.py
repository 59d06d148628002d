"""What is known of a batch's rows: their number by gene, class and call, and what was seen of each feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import pyarrow as pa

from splicecore.dataset.schema import CLASSES, PRED_TYPES
from splicecore.genome.arrow import compute as pc
from splicecore.tracks.monitor import ChannelMonitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["BatchCounts", "dead_channels"]


_WATCHED = 4096


def _no_classes() -> dict[str, int]:
    return dict.fromkeys(CLASSES, 0)


def _no_pred_types() -> dict[str, int]:
    return dict.fromkeys(PRED_TYPES, 0)


@attrs.define
class BatchCounts:
    """Counts of a batch; the entries of its ``batch.json`` beside name, key and hash.

    Attributes
    ----------
    rows
        Number of rows.
    classes, pred_types
        Rows by label's name, and by TP, FP, FN, TN.
    ambiguous
        Positions that are annotated as acceptor and as donor.
    masked
        Rows that were left out because they are at sites of boundary transcripts.
    gene_rows
        Rows of each gene, in the genes' order.
    """

    rows: int = 0
    classes: dict[str, int] = attrs.field(factory=_no_classes)
    pred_types: dict[str, int] = attrs.field(factory=_no_pred_types)
    ambiguous: int = 0
    masked: int = 0
    gene_rows: list[int] = attrs.field(factory=list)
    _monitor: ChannelMonitor = attrs.field(factory=ChannelMonitor)
    _unseen: list[pa.RecordBatch] = attrs.field(factory=list, init=False)

    @property
    def channels(self) -> ChannelMonitor:
        """What was seen of the features."""
        if self._unseen:
            self._monitor.add(pa.Table.from_batches(self._unseen))
            self._unseen = []
        return self._monitor

    def add(self, rows: pa.RecordBatch, features: Sequence[str]) -> None:
        """Take rows into account, but for ``gene_rows``, ``ambiguous`` and ``masked``."""
        if not rows.num_rows:
            return
        self.rows += rows.num_rows
        labels = np.bincount(rows.column("label").to_numpy(), minlength=len(CLASSES))
        for name, count in zip(CLASSES, labels.tolist(), strict=True):
            self.classes[name] += count
        for found in pc.value_counts(rows.column("pred_type").cast(pa.string())).to_pylist():
            self.pred_types[found["values"]] += found["counts"]
        self._unseen.append(rows.select(list(features)))  # seen together, for every column costs a while each time
        if sum(batch.num_rows for batch in self._unseen) >= _WATCHED:
            _ = self.channels

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {
            "rows": self.rows,
            "classes": self.classes,
            "pred_types": self.pred_types,
            "ambiguous": self.ambiguous,
            "masked": self.masked,
            "gene_rows": self.gene_rows,
            "channels": self.channels.to_dict(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BatchCounts:
        """Read the content of a ``batch.json``; KeyError or TypeError if it lacks something."""
        return cls(
            rows=values["rows"],
            classes=dict(values["classes"]),
            pred_types=dict(values["pred_types"]),
            ambiguous=values["ambiguous"],
            masked=values.get("masked", 0),
            gene_rows=list(values["gene_rows"]),
            monitor=ChannelMonitor.from_dict(values["channels"]),
        )


def dead_channels(batches: Iterable[BatchCounts], names: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Return the features that are constant or missing throughout, as in manifests, in the order of ``names``."""
    whole = ChannelMonitor()
    for batch in batches:
        seen = batch.channels.to_dict()
        whole.merge(ChannelMonitor.from_dict({name: seen[name] for name in names if name in seen}))
    return tuple(attrs.asdict(channel) for channel in whole.dead())
