"""How a pass's calls compare with the annotation, gene by gene, read from parts without holding a gene's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.evaluate.metrics import Confusion, OffsetScan, best_offset, confusion_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.genome.genes import Gene
    from splicecore.plugins.protocols import Scores

__all__ = ["MAX_OFFSET", "THRESHOLD", "CallSummary", "count_calls", "sum_calls"]

THRESHOLD = 0.5
MAX_OFFSET = 3
_SPAN = 262_144
_CHANNELS = {"acceptor": 1, "donor": 2}


@attrs.define
class CallSummary:
    """Calls at ``THRESHOLD`` (exact positions) and mean scores around annotated sites.

    Attributes
    ----------
    calls
        Site type -> counts.
    offsets
        (strand, site type) -> means by offset in transcript orientation.
    """

    calls: dict[str, Confusion] = attrs.field(factory=dict)
    offsets: dict[tuple[str, str], OffsetScan] = attrs.field(factory=dict)

    def __iadd__(self, other: CallSummary) -> Self:
        for name, calls in other.calls.items():
            self.calls[name] = self.calls[name] + calls if name in self.calls else calls
        for key, scan in other.offsets.items():
            self.offsets[key] = self.offsets[key] + scan if key in self.offsets else scan
        return self

    def as_json(self) -> dict[str, Any]:
        """Return counts, precision, recall and offsets as JSON; a ratio of nothing is null."""
        return {
            "threshold": THRESHOLD,
            "calls": {
                name: {
                    "sites": calls.true_positives + calls.false_negatives,
                    "found": calls.true_positives,
                    "other_calls": calls.false_positives,
                    "recall": _rounded(calls.recall),
                    "precision": _rounded(calls.precision),
                }
                for name, calls in sorted(self.calls.items())
            },
            "offsets": {
                f"{strand} {name}": {
                    "sites": int(scan.counts[MAX_OFFSET]),
                    "best": scan.best,
                    "mean_score": {f"{k:+d}": _rounded(mean) for k, mean in zip(scan.offsets, scan.means, strict=True)},
                }
                for (strand, name), scan in sorted(self.offsets.items())
            },
        }

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a JSON value that loses nothing."""
        return {
            "calls": {name: attrs.asdict(calls) for name, calls in self.calls.items()},
            "offsets": [
                [strand, name, scan.sums.tolist(), scan.counts.tolist()]
                for (strand, name), scan in self.offsets.items()
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CallSummary:
        """Read what :meth:`to_json` made."""
        offsets = np.arange(-MAX_OFFSET, MAX_OFFSET + 1, dtype=np.int64)
        return cls(
            calls={name: Confusion(**calls) for name, calls in value["calls"].items()},
            offsets={
                (strand, name): OffsetScan(offsets, np.array(sums, np.float64), np.array(counts, np.int64))
                for strand, name, sums, counts in value["offsets"]
            },
        )


def sum_calls(calls: Mapping[str, CallSummary]) -> CallSummary:
    """Add up the summaries of genes, in their order."""
    total = CallSummary()
    for summary in calls.values():
        total += summary
    return total


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


class ScoreReader(Protocol):
    """Reads a gene's scores span by span."""

    def read(self, start: int, stop: int) -> Scores:
        """Scores of a half-open span in transcript orientation: float32, shape (stop - start, outputs)."""


def count_calls(
    gene: Gene,
    part: ScoreReader,
    acceptor: npt.NDArray[np.bool_],
    donor: npt.NDArray[np.bool_],
    thresholds: tuple[float, float] = (THRESHOLD, THRESHOLD),
) -> CallSummary:
    """Compare a gene's scores with its annotated sites.

    Parameters
    ----------
    gene, part
        The gene and its scores, rows in transcript orientation.
    acceptor, donor
        bool, shape (gene.length,): annotated sites, transcript orientation.
    thresholds
        Least probabilities of an acceptor and a donor that are called.
    """
    summary = CallSummary()
    for start in range(0, gene.length, _SPAN):
        stop = min(start + _SPAN, gene.length)
        first = max(0, start - MAX_OFFSET)
        scores = part.read(first, min(gene.length, stop + MAX_OFFSET))
        for (name, channel), labels, least in zip(_CHANNELS.items(), (acceptor, donor), thresholds, strict=True):
            truth = labels[start:stop]
            span = CallSummary(calls={name: confusion_at(truth, scores[start - first : stop - first, channel], least)})
            if truth.any():
                sites = np.flatnonzero(truth) + start - first
                span.offsets[gene.strand, name] = best_offset(sites, scores[:, channel], MAX_OFFSET)
            summary += span
    return summary
