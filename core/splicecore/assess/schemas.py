"""The tables of a base-model pass, every column with its type and its meaning.

A column's meaning is in its field's metadata (``description``) and goes into the Parquet file with it.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

__all__ = ["CONTEXT_OFFSETS", "ERRORS", "PERFORMANCE", "POSITIONS", "SEQUENCES", "describe"]

CONTEXT_OFFSETS: dict[str, int] = {"m2": -2, "m1": -1, "p1": 1, "p2": 2}
"""Suffix of a context column -> offset in bases, transcript orientation."""

_TEXT = pa.dictionary(pa.int32(), pa.string())
_COORDINATES = "0-based; position is genomic, rel_position the offset from the gene's 5' end; intervals are half-open"
_SITES = "donor = last base of the exon, acceptor = first base of the exon, on either strand"
_KEY = "build, contig, strand, position, gene_id, site_type, pred_type"


def _field(name: str, kind: Any, description: str, *, nullable: bool = False) -> pa.Field[Any]:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


def _schema(name: str, key: str, fields: list[pa.Field[Any]]) -> pa.Schema:
    metadata: dict[str | bytes, str | bytes] = {
        "splicecore.schema": name,
        "splicecore.coordinates": _COORDINATES,
        "splicecore.sites": _SITES,
        "splicecore.key": key,
    }
    return pa.schema(fields, metadata=metadata)


_LOCUS = [
    _field("build", _TEXT, "genome build"),
    _field("contig", _TEXT, "the reference's name of it"),
    _field("strand", _TEXT, "+ or -, of the gene"),
]
_PLACE = [
    *_LOCUS,
    _field("position", pa.int64(), "genomic; TP and FN: the annotated site's own"),
    _field("rel_position", pa.int64(), "the same as bases from the gene's 5' end"),
]
_GENE = [
    _field("gene_id", _TEXT, "as in the annotation"),
    _field("gene_name", _TEXT, "as in the annotation; the id where it has none"),
    _field("gene_biotype", _TEXT, "as in the annotation; null where it has none", nullable=True),
]
_CALL = [
    _field("pred_type", _TEXT, "TP, FP, FN or TN"),
    _field("site_type", _TEXT, "acceptor or donor: of the site (TP, FN) or of the call (FP); TN: null", nullable=True),
]
_SCORES = [
    _field("score", pa.float32(), "of site_type at position; TN: the higher of acceptor_score and donor_score"),
    _field("window_score", pa.float32(), "highest such score within the consensus window"),
]
_TRANSCRIPTS = [
    _field("transcript_ids", pa.list_(pa.string()), "the gene's transcripts that have the site, sorted; FP, TN: empty"),
    _field("n_transcripts", pa.int32(), "their number"),
]
_INCLUSION = _field("inclusion_prob", pa.float64(), "probability with which sampling kept the row; TP, FP and FN: 1")

POSITIONS: pa.Schema = _schema(
    "splice_positions/1",
    _KEY,
    [
        *_PLACE,
        *_GENE,
        *_CALL,
        *_SCORES,
        _field(
            "predicted_position",
            pa.int64(),
            "genomic, of the call: TP the highest score's in the window, FP the position; FN, TN: null",
            nullable=True,
        ),
        _field("neither_score", pa.float32(), "observed at position"),
        _field("acceptor_score", pa.float32(), "observed at position"),
        _field("donor_score", pa.float32(), "observed at position"),
        *(
            _field(
                f"{kind}_score_{suffix}",
                pa.float32(),
                f"{kind} score {abs(offset)} {'base' if abs(offset) == 1 else 'bases'} "
                f"{'5' if offset < 0 else '3'}' of position; null beyond the gene",
                nullable=True,
            )
            for kind in ("acceptor", "donor")
            for suffix, offset in CONTEXT_OFFSETS.items()
        ),
        *_TRANSCRIPTS,
        _INCLUSION,
    ],
)
"""One row for every annotated site and class (TP, FN), every false call (FP) and every true negative kept (TN)."""

ERRORS: pa.Schema = _schema(
    "splice_errors/1",
    _KEY,
    [
        *_PLACE,
        *_GENE[:2],
        *_CALL,
        *_SCORES,
        *_TRANSCRIPTS,
        _field("window_start", pa.int64(), "genomic, first base of the error window, within the gene"),
        _field("window_end", pa.int64(), "genomic, behind the last base of the error window, within the gene"),
    ],
)
"""The FP and FN rows of :data:`POSITIONS` with the span of their surroundings."""

SEQUENCES: pa.Schema = _schema(
    "analysis_sequences/1",
    _KEY,
    [
        *_PLACE,
        _GENE[0],
        *_CALL,
        _field("sequence", pa.string(), "the bases of the window, A C G T N, 5' to 3' on the gene's strand"),
        _field("window_start", pa.int64(), "first base of the window from the gene's 5' end; may be below 0"),
        _field("window_end", pa.int64(), "behind the last base of the window; may be beyond the gene"),
        _field("transcript_count", pa.int32(), "n_transcripts of the position's row"),
        _INCLUSION,
    ],
)
"""The sequence around every row of :data:`POSITIONS`, in its order."""

PERFORMANCE: pa.Schema = _schema(
    "splice_performance/1",
    "build, contig, strand, gene_id, site_type",
    [
        *_LOCUS,
        *_GENE,
        _field("site_type", _TEXT, "acceptor, donor, or both"),
        _field("positions", pa.int64(), "of the gene"),
        _field("sites", pa.int64(), "annotated, each once; TP + FN"),
        _field("tp", pa.int64(), "sites with a call in their window"),
        _field("fp", pa.int64(), "called positions in no window of the class"),
        _field("fn", pa.int64(), "sites without a call in their window"),
        _field("tn", pa.int64(), "positions in no window and not called, of the class; both: of either class"),
        _field("overlap_sites", pa.int64(), "sites of other genes on the strand that lie in this gene"),
        _field("overlap_calls", pa.int64(), "called positions in windows of such sites alone: neither TP nor FP"),
        _field("precision", pa.float64(), "TP / (TP + FP); null without calls", nullable=True),
        _field("recall", pa.float64(), "TP / (TP + FN); null without sites", nullable=True),
        _field("f1", pa.float64(), "2 TP / (2 TP + FP + FN); null without calls and sites", nullable=True),
        _field(
            "average_precision", pa.float64(), "exact positions, all of the gene; null without sites", nullable=True
        ),
        _field("top_k", pa.float64(), "top-k accuracy, likewise", nullable=True),
    ],
)
"""Counts and measures of a gene: a row for acceptors, one for donors, one for both."""


def describe(schema: pa.Schema) -> dict[str, str]:
    """Return name -> meaning of a schema's columns, in order."""
    return {field.name: (field.metadata or {}).get(b"description", b"").decode() for field in schema}
