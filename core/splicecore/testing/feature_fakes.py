"""A tiny feature set that does everything right, and one with a single mistake for every conformance check."""

from __future__ import annotations

import os
import random
import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.genome.encoding import C, G, N
from splicecore.plugins.specs import FeatureSetSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from splicecore.predict.blocks import Block

__all__ = ["FEATURE_FAULTS", "MARGIN_SPEC", "Margin", "MarginSettings", "margin_schema", "open_margin"]

HALO = 5


@attrs.frozen(kw_only=True)
class MarginSettings:
    """Settings of the set; ``fault`` is a key of :data:`FEATURE_FAULTS`."""

    fault: str | None = None


class Margin:
    """By how much the primary model prefers its first choice, and the share of G and C among the bases around."""

    def __init__(self, config: MarginSettings | None = None) -> None:
        self.config = config or MarginSettings()

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> Any:  # noqa: ARG002
        """See :meth:`splicecore.api.FeatureSet.compute`."""
        return self._batch(self._margin(block)[index], self._gc(block)[index])

    def _batch(self, margin: npt.NDArray[Any], gc: npt.NDArray[Any]) -> pa.RecordBatch:
        arrays = [pa.array(margin.astype(np.float32)), pa.array(gc.astype(np.float32), mask=np.isnan(gc))]
        return pa.RecordBatch.from_arrays(arrays, schema=margin_schema(self.config))

    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        ranked = np.sort(next(iter(block.scores.values()))[:, :3], axis=1)
        margin: npt.NDArray[np.float32] = ranked[:, 2] - ranked[:, 1]
        return margin

    def _gc(self, block: Block) -> npt.NDArray[np.float64]:
        """Of 2 * HALO + 1 bases; NaN where all are N."""
        seen = block.codes[block.halo - HALO : block.halo + block.length + HALO]
        windows = np.lib.stride_tricks.sliding_window_view(seen, 2 * HALO + 1)
        known = (windows != N).sum(axis=1)
        strong = ((windows == G) | (windows == C)).sum(axis=1)
        return np.where(known, strong / np.maximum(known, 1), np.nan)


def margin_schema(config: MarginSettings | None) -> Any:
    """Return the schema of the good set, or of the faulty one that the settings name."""
    margin: Any = pa.field("margin", pa.float32(), nullable=False)
    if config is not None and config.fault == "column of text":
        margin = pa.field("margin", pa.string())
    if config is not None and config.fault == "column name":
        margin = margin.with_name("primary__margin")
    return pa.schema([margin, pa.field("gc", pa.float32())])


MARGIN_SPEC = FeatureSetSpec(
    name="fake-margin",
    factory="splicecore.testing.feature_fakes:open_margin",
    schema="splicecore.testing.feature_fakes:margin_schema",
    halo=HALO,
    config_cls=MarginSettings,
    summary="margin of the scores, G and C around: a stand-in for tests",
)
"""Descriptor of the good set."""

FEATURE_FAULTS: dict[str, Callable[[MarginSettings], Any]] = {}
"""Sets with one mistake each, by the mistake's name."""


def open_margin(config: MarginSettings | None) -> Any:
    """Make the good set, or the faulty one that the settings name."""
    settings = config or MarginSettings()
    return (Margin if settings.fault is None else FEATURE_FAULTS[settings.fault])(settings)


def _fault(name: str) -> Callable[[type], type]:
    def register(features: type) -> type:
        FEATURE_FAULTS[name] = features
        return features

    return register


@_fault("no compute")
class _NoCompute:
    def __init__(self, config: MarginSettings) -> None:
        self.config = config


@_fault("column name")
class _ColumnName(Margin):
    """The schema names a column as those of other models are named; the values are as they should be."""


@_fault("float64")
class _Float64(Margin):
    def _batch(self, margin: npt.NDArray[Any], gc: npt.NDArray[Any]) -> pa.RecordBatch:
        return pa.record_batch({"margin": margin.astype(np.float64), "gc": pa.array(gc, mask=np.isnan(gc))})


@_fault("null")
class _Null(Margin):
    """No margin where a model is sure."""

    def _batch(self, margin: npt.NDArray[Any], gc: npt.NDArray[Any]) -> pa.RecordBatch:
        arrays = [pa.array(margin, mask=margin == 1), pa.array(gc.astype(np.float32), mask=np.isnan(gc))]
        return pa.RecordBatch.from_arrays(arrays, names=["margin", "gc"])


@_fault("infinite")
class _Infinite(Margin):
    """Log odds."""

    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        margin = super()._margin(block)
        return np.where(margin == 1, np.float32(np.inf), margin) if (block.codes != N).any() else margin


@_fault("selection")
class _Selection(Margin):
    """Scaled by the largest of those that are asked for."""

    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> Any:  # noqa: ARG002
        margin = self._margin(block)[index]
        return self._batch(margin * (0.5 if 0 < len(index) < 20 < block.length else 1), self._gc(block)[index])


@_fault("empty")
class _Empty(Margin):
    def compute(self, block: Block, index: npt.NDArray[np.int64], resources: Mapping[str, Any]) -> Any:
        if not len(index):
            raise IndexError("no positions")
        return super().compute(block, index, resources)


@_fault("one base")
class _OneBase(Margin):
    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        if block.length == 1:
            raise IndexError("no neighbor")
        return super()._margin(block)


@_fault("unknown bases")
class _UnknownBases(Margin):
    def _batch(self, margin: npt.NDArray[Any], gc: npt.NDArray[Any]) -> pa.RecordBatch:
        arrays = [pa.array(margin.astype(np.float32)), pa.array(gc.astype(np.float32))]
        return pa.RecordBatch.from_arrays(arrays, schema=margin_schema(self.config))


@_fault("halo")
class _Halo(Margin):
    """Takes the block to begin HALO bases before the gene, whatever halo it has."""

    def _gc(self, block: Block) -> npt.NDArray[np.float64]:
        return super()._gc(attrs.evolve(block, halo=HALO, codes=block.codes[: block.length + 2 * HALO]))


@_fault("turns around")
class _TurnsAround(Margin):
    def _gc(self, block: Block) -> npt.NDArray[np.float64]:
        return super()._gc(block)[:: 1 if block.gene.strand == "+" else -1]


@_fault("last output")
class _LastOutput(Margin):
    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        last = next(iter(block.scores.values()))[:, -1]
        found: npt.NDArray[np.float32] = np.abs(last - np.float32(0.5))
        return found


@_fault("named model")
class _NamedModel(Margin):
    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        first = sorted(block.scores)[0]
        return super()._margin(block) * np.float32(1 if first.startswith("f") else 0.5)


@_fault("running mean")
class _RunningMean(Margin):
    seen = 0

    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        self.seen += 1
        return super()._margin(block) / np.float32(self.seen)


@_fault("process")
class _Process(Margin):
    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        return super()._margin(block) + np.float32(os.getpid() % 1000 * 1e-3)


@_fault("paths")
class _Paths(Margin):
    def contract_settings(self, cache: os.PathLike[str] | None) -> dict[str, Any]:
        """Name files by objects that JSON does not know."""
        return {"file": cache}


@_fault("closes once")
class _ClosesOnce(Margin):
    closed = False

    def close(self) -> None:
        """Fail the second time."""
        if self.closed:
            raise ValueError("closed already")
        self.closed = True


@_fault("writes input")
class _WritesInput(Margin):
    def _margin(self, block: Block) -> npt.NDArray[np.float32]:
        for scores in block.scores.values():
            if scores.flags.writeable:
                np.clip(scores, 1e-6, 1, out=scores)
        return super()._margin(block)


@_fault("read-only")
class _ReadOnly(Margin):
    def _gc(self, block: Block) -> npt.NDArray[np.float64]:
        block.codes[...] = block.codes.copy()
        return super()._gc(block)


@_fault("prints")
class _Prints(Margin):
    def _gc(self, block: Block) -> npt.NDArray[np.float64]:
        sys.stdout.write("[info] 1 of 1\n")
        return super()._gc(block)


@_fault("seeds")
class _Seeds(Margin):
    def _gc(self, block: Block) -> npt.NDArray[np.float64]:
        random.seed(1)
        return super()._gc(block)
