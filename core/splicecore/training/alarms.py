"""Alarms of leakage: what a model is told that it could not know of a new gene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt

from splicecore.genome.arrow import codes_of, labels, numbers
from splicecore.training.contig_codes import contig_codes
from splicecore.training.fold import SIDES, TEST, UNUSED
from splicecore.training.overlap_groups import links, overlap_pairs

if TYPE_CHECKING:
    import pyarrow as pa

    from splicecore.training.fold import Fold
    from splicecore.training.paralogs import Paralogs

__all__ = ["Alarm", "overlap_alarm", "position_alarm", "sequence_alarm"]

_SHOWN = 20


@attrs.frozen(kw_only=True)
class Alarm:
    """What a detector of leakage found.

    Attributes
    ----------
    name
        Of the detector.
    fired
        Whether there is a leak.
    message
        What was found, as one sentence.
    value, limit
        The number that was looked at, and the highest that is no leak.
    details
        The worst cases, at most 20, JSON-able.
    """

    name: str
    fired: bool
    message: str
    value: float
    limit: float
    details: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-able mapping."""
        return {**attrs.asdict(self), "details": [dict(detail) for detail in self.details]}


def overlap_alarm(genes: pa.Table, fold: Fold, margin: int = 0) -> Alarm:
    """Look for genes on different sides that overlap, on either strand, or have one gene_id.

    Parameters
    ----------
    genes
        Columns gene_id, contig, start, end (0-based, half-open).
    fold
        Sides of the genes.
    margin
        Genes with fewer than so many bases between them count as overlapping.
    """
    used = np.flatnonzero(fold.side != UNUSED)
    part = genes.take(used)
    contig, _ = contig_codes(part)
    overlap = overlap_pairs(contig, numbers(part, "start"), numbers(part, "end"), margin)
    first, second = _apart(fold.side[used], *overlap)
    one, other = _same_id(part, fold.side[used])
    keys = np.union1d(first * len(part) + second, one * len(part) + other)
    first, second = np.divmod(keys, max(1, len(part)))
    details = _describe(part, fold.side[used], first, second)
    found = f"{len(keys)} pairs of genes on different sides overlap or have one gene_id"
    message = found if len(keys) else "no gene and no pair of overlapping genes is on two sides"
    return Alarm(
        name="gene_overlap", fired=len(keys) > 0, message=message, value=float(len(keys)), limit=0.0, details=details
    )


def position_alarm(keys: npt.NDArray[np.uint64], sides: npt.NDArray[np.int8]) -> Alarm:
    """Look for tested rows at positions that rows of training or validation have too.

    Parameters
    ----------
    keys
        uint64, shape (k,): equal where contig, strand and position are; see
        :func:`splicecore.training.permutation.position_keys`. A sample serves if it takes all rows of a key or none.
    sides
        int8, shape (k,): side of each row's gene.
    """
    tested = keys[sides == TEST]
    known = np.unique(keys[(sides != TEST) & (sides != UNUSED)])
    shared = int(np.isin(tested, known).sum())
    found = f"{shared:,} of {len(tested):,} tested rows lie at positions of training or validation rows"
    return Alarm(
        name="shared_positions",
        fired=shared > 0,
        message=found if shared else f"none of {len(tested):,} tested rows lies at a position of another side",
        value=shared / max(1, len(tested)),
        limit=0.0,
    )


def sequence_alarm(genes: pa.Table, fold: Fold, paralogs: Paralogs, limit: float = 0.0) -> Alarm:
    """Look for tested genes with a gene of similar sequence in training or validation.

    Parameters
    ----------
    genes
        Columns gene_id, contig.
    fold
        Sides of the genes.
    paralogs
        Pairs of similar genes, by rows of ``genes``.
    limit
        Share of the tested genes that may have one.
    """
    side = fold.side
    test = (side[paralogs.first] == TEST) != (side[paralogs.second] == TEST)
    across = test & (side[paralogs.first] != UNUSED) & (side[paralogs.second] != UNUSED)
    first, second, identity = paralogs.first[across], paralogs.second[across], paralogs.identity[across]
    tested = np.union1d(first[side[first] == TEST], second[side[second] == TEST])
    share = len(tested) / max(1, len(fold.test))
    worst = np.argsort(-identity, kind="stable")
    details = _describe(genes, side, first[worst], second[worst])
    for detail, value in zip(details, identity[worst].tolist(), strict=False):
        detail["identity"] = round(value, 4)
    return Alarm(
        name="sequence_similarity",
        fired=share > limit,
        message=f"{len(tested)} of {len(fold.test)} tested genes resemble a gene of training or validation",
        value=share,
        limit=limit,
        details=details,
    )


def _same_id(genes: pa.Table, side: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of a gene_id's genes on different sides, each side's first gene for all."""
    codes, _ = codes_of(genes, "gene_id")
    _, heads = np.unique(codes * 4 + side, return_index=True)
    first, second = links(codes[heads])
    return _apart(side, np.minimum(heads[first], heads[second]), np.maximum(heads[first], heads[second]))


def _apart(
    side: npt.NDArray[np.int8], first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    different = side[first] != side[second]
    return first[different], second[different]


def _describe(
    genes: pa.Table, side: npt.NDArray[np.int8], first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> tuple[dict[str, Any], ...]:
    ids, contigs = (labels(genes.select([name]), name) for name in ("gene_id", "contig"))
    return tuple(
        {
            "gene_id_1": ids[one],
            "contig_1": contigs[one],
            "side_1": SIDES[side[one]],
            "gene_id_2": ids[other],
            "contig_2": contigs[other],
            "side_2": SIDES[side[other]],
        }
        for one, other in zip(first[:_SHOWN].tolist(), second[:_SHOWN].tolist(), strict=True)
    )
