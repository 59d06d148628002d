"""The rows of a gene: sites found and missed, false calls, and the true negatives that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from splicecore.assess.schemas import CONTEXT_OFFSETS, ERRORS, POSITIONS
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from splicecore.assess.labels import ClassLabels
    from splicecore.assess.negatives import NegativeSample
    from splicecore.assess.sites import OwnSites
    from splicecore.genome.genes import Gene

__all__ = ["GeneNames", "constant_text", "error_rows", "position_rows"]

_PRED_TYPES = pa.array(["TP", "FP", "FN", "TN"])
_TP, _FP, _FN, _TN = range(4)
_SITE_TYPES = pa.array(["acceptor", "donor"])
_ACCEPTOR, _DONOR, _NO_SITE = range(3)
_KINDS = {"acceptor": _ACCEPTOR, "donor": _DONOR}

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float32]


@attrs.frozen(kw_only=True)
class GeneNames:
    """What names a gene in every row of its tables."""

    build: str
    contig: str
    strand: str
    gene_id: str
    gene_name: str
    gene_biotype: str | None

    def columns(self, length: int) -> dict[str, pa.Array[Any]]:
        """Return the columns build, contig, strand, gene_id, gene_name, gene_biotype."""
        return {name: constant_text(value, length) for name, value in attrs.asdict(self).items()}


def constant_text(value: str | None, length: int) -> pa.Array[Any]:
    """Make a dictionary-encoded column of one value."""
    return _text(np.full(length, int(value is None)), pa.array([value or ""], type=pa.string()))


def _text(codes: npt.NDArray[Any], values: pa.Array[Any]) -> pa.Array[Any]:
    """Make a dictionary-encoded column; codes from ``len(values)`` on are null."""
    indices: Any = pa.array(codes.astype(np.int32), mask=codes >= len(values))
    return pa.DictionaryArray.from_arrays(indices, values)


@attrs.frozen(eq=False)
class _Rows:
    """Rows of one kind, before they are put in order; arrays of one length, transcript orientation."""

    rel_position: _Ints
    pred_type: npt.NDArray[np.int8]
    site_type: npt.NDArray[np.int8]
    predicted: _Ints  # -1 where null
    site: _Ints  # entry of OwnSites.transcript_ids
    inclusion_prob: npt.NDArray[np.float64]
    window_score: _Floats  # NaN where not yet known

    @classmethod
    def of(
        cls,
        rel_position: _Ints,
        pred_type: Any,
        site_type: int,
        *,
        predicted: _Ints | None = None,
        site: Any = -1,
        inclusion_prob: Any = 1.0,
        window_score: Any = np.nan,
    ) -> _Rows:
        def filled(value: Any, dtype: Any) -> Any:
            return np.broadcast_to(np.asarray(value, dtype=dtype), rel_position.shape)

        return cls(
            rel_position,
            filled(pred_type, np.int8),
            filled(site_type, np.int8),
            filled(-1 if predicted is None else predicted, np.int64),
            filled(site, np.int64),
            filled(inclusion_prob, np.float64),
            filled(window_score, np.float32),
        )


def position_rows(
    gene: Gene,
    names: GeneNames,
    scores: _Floats,
    labels: Mapping[str, ClassLabels],
    *,
    own: OwnSites,
    negatives: NegativeSample,
    window: int,
) -> pa.Table:
    """Make the table of a gene's positions.

    Parameters
    ----------
    gene, names
        The gene and its names.
    scores
        float32, shape (L, 3 or more): neither, acceptor, donor; transcript orientation.
    labels
        By class: ``"acceptor"``, ``"donor"``.
    own
        The gene's sites: first those of the acceptors in ``labels``, then those of the donors.
    negatives
        The true negatives to keep.
    window
        Bases to either side whose highest score is ``window_score``.

    Returns
    -------
    Table of the schema :data:`~splicecore.assess.schemas.POSITIONS`
        Sorted by position, then acceptor before donor, then pred_type.
    """
    rows = _ordered(gene, _gathered(labels, own, negatives))
    tracks = [np.ascontiguousarray(scores[:, channel]) for channel in (1, 2)]
    tracks.append(np.maximum(*tracks))
    rel, kind = rows.rel_position, rows.site_type
    score = _choose(tracks, kind, rel)
    highest = np.where(np.isnan(rows.window_score), _window_maximum(tracks, kind, rel, window), rows.window_score)
    entries: Any = pa.array(rows.site)
    transcripts: Any = own.transcript_ids.take(entries)
    columns = {
        **names.columns(len(rel)),
        "position": pa.array(gene.to_genomic(rel)),
        "rel_position": pa.array(rel),
        "pred_type": _text(rows.pred_type, _PRED_TYPES),
        "site_type": _text(kind, _SITE_TYPES),
        "score": pa.array(score),
        "window_score": pa.array(highest),
        "predicted_position": pa.array(gene.to_genomic(rows.predicted), mask=rows.predicted < 0),
        "neither_score": pa.array(scores[rel, 0]),
        "acceptor_score": pa.array(tracks[_ACCEPTOR][rel]),
        "donor_score": pa.array(tracks[_DONOR][rel]),
        "transcript_ids": transcripts,
        "n_transcripts": pc.list_value_length(transcripts),
        "inclusion_prob": pa.array(rows.inclusion_prob),
    }
    for name, code in _KINDS.items():
        for suffix, offset in CONTEXT_OFFSETS.items():
            columns[f"{name}_score_{suffix}"] = _shifted(tracks[code], rel + offset)
    return pa.Table.from_arrays([columns[name] for name in POSITIONS.names], schema=POSITIONS)


def error_rows(positions: pa.Table, gene: Gene, *, window: int) -> pa.Table:
    """Pick FP and FN out of a gene's positions and add the span ``window`` bases to either side, within the gene.

    Returns
    -------
    Table of the schema :data:`~splicecore.assess.schemas.ERRORS`, in the order of ``positions``
    """
    wrong = pc.is_in(positions.column("pred_type").cast(pa.string()), value_set=pa.array(["FP", "FN"]))
    rows = positions.filter(wrong)
    position = numbers(rows, "position")
    columns = {name: rows.column(name) for name in ERRORS.names if name in POSITIONS.names}
    columns["window_start"] = pa.chunked_array([np.maximum(position - window, gene.start)])
    columns["window_end"] = pa.chunked_array([np.minimum(position + window + 1, gene.end)])
    return pa.Table.from_arrays([columns[name] for name in ERRORS.names], schema=ERRORS)


def _gathered(labels: Mapping[str, ClassLabels], own: OwnSites, negatives: NegativeSample) -> _Rows:
    groups = []
    first = 0
    for name, found in labels.items():
        count = len(found.sites)
        groups.append(
            _Rows.of(
                found.sites,
                np.where(found.found, _TP, _FN),
                _KINDS[name],
                predicted=np.where(found.found, found.best, -1),
                site=np.arange(first, first + count),
                window_score=found.window_score,
            )
        )
        groups.append(
            _Rows.of(
                found.false_positives,
                _FP,
                _KINDS[name],
                predicted=found.false_positives,
                site=len(own.rel_position),
            )
        )
        first += count
    groups.append(
        _Rows.of(negatives.position, _TN, _NO_SITE, site=len(own.rel_position), inclusion_prob=negatives.inclusion_prob)
    )
    fields = [field.name for field in attrs.fields(_Rows)]
    return _Rows(*(np.concatenate([getattr(group, name) for group in groups]) for name in fields))


def _ordered(gene: Gene, rows: _Rows) -> _Rows:
    order = np.lexsort((rows.pred_type, rows.site_type, gene.to_genomic(rows.rel_position)))
    return _Rows(*(getattr(rows, field.name)[order] for field in attrs.fields(_Rows)))


def _choose(tracks: list[_Floats], kind: npt.NDArray[np.int8], positions: _Ints) -> _Floats:
    """Score at each position of the track that its row looks at."""
    result = np.empty(len(positions), dtype=np.float32)
    for code, track in enumerate(tracks):
        chosen = kind == code
        result[chosen] = track[positions[chosen]]
    return result


def _window_maximum(tracks: list[_Floats], kind: npt.NDArray[np.int8], positions: _Ints, window: int) -> _Floats:
    last = len(tracks[0]) - 1
    highest = np.full(len(positions), -np.inf, dtype=np.float32)
    for offset in range(-window, window + 1):
        np.maximum(highest, _choose(tracks, kind, np.clip(positions + offset, 0, last)), out=highest)
    return highest


def _shifted(track: _Floats, positions: _Ints) -> pa.Array[Any]:
    """Scores of positions, null for those outside the gene."""
    outside = (positions < 0) | (positions >= len(track))
    return pa.array(track[np.where(outside, 0, positions)], mask=outside)
