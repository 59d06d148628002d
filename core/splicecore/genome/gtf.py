"""Reader of GTF: GENCODE, Ensembl, RefSeq and UCSC flavors, with or without rows of genes and transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.arrow import take
from splicecore.genome.feature_lines import misplaced, read_feature_lines, refuse_first
from splicecore.genome.gene_models import EXON, FEATURES, GENE, TRANSCRIPT

if TYPE_CHECKING:
    from splicecore.genome.text_source import TextSource

__all__ = ["read_gtf"]

_KINDS = {"gene": GENE, "transcript": TRANSCRIPT, "mRNA": TRANSCRIPT, "exon": EXON}
_TYPES = pa.array(list(_KINDS))
_ATTRIBUTES = {
    "gene_id": "gene_id",
    "transcript_id": "transcript_id",
    "gene_name": "gene_name",
    "gene_biotype": "gene_biotype|gene_type",
    "biotype": "transcript_biotype|transcript_type",
}
_TAG = r'(?:^|;)\s*tag\s+(?:"([^"]*)"|([^";\s]+))'
_OPEN, _CLOSE = "\x02", "\x03"


def read_gtf(source: TextSource) -> list[pa.RecordBatch]:
    """Read the genes, transcripts and exons of a GTF file.

    Parameters
    ----------
    source
        The file.

    Returns
    -------
    list of RecordBatch of the schema :data:`~splicecore.genome.gene_models.FEATURES`
        0-based half-open coordinates, in the order of the file.

    Raises
    ------
    AnnotationError
        If a line is malformed (with its 1-based number), the file is truncated or has no exon.
    """
    batches: list[pa.RecordBatch] = []
    tagged = EXON
    for lines in read_feature_lines(source, _is_wanted):
        if pc.any(pc.is_in(lines.column("feature"), value_set=_TYPES.slice(1, 2))).as_py():
            tagged = TRANSCRIPT
        batches.append(_features(source, lines, tagged))
    if not any(pc.any(pc.equal(batch.column("kind"), EXON), min_count=0).as_py() for batch in batches):
        raise AnnotationError(f"annotation file {source.path} has no exon", hint="is it a GTF file with 'exon' rows?")
    return batches


def _is_wanted(features: Any) -> Any:
    return pc.is_in(features, value_set=_TYPES)


def _features(source: TextSource, lines: pa.RecordBatch, tagged: int) -> pa.RecordBatch:
    """Rows of genes, transcripts and exons of a batch of lines; an error if any is not as it must be.

    Tags are taken from rows of the kind ``tagged``: transcripts, or exons as long as the file has no transcripts.
    """
    text = lines.column("attributes")
    kind = pa.array(list(_KINDS.values()), type=pa.int8()).take(pc.index_in(lines.column("feature"), value_set=_TYPES))
    columns: dict[str, Any] = {
        "kind": kind,
        "contig": lines.column("contig"),
        "strand": lines.column("strand"),
        "start": pc.subtract(lines.column("start"), 1),
        "end": lines.column("end"),
        **{name: _attribute(text, keys) for name, keys in _ATTRIBUTES.items()},
        "tags": _tags(text, pc.equal(kind, tagged)),
    }
    if columns["gene_name"].null_count:
        columns["gene_name"] = pc.coalesce(columns["gene_name"], _attribute(text, "gene"))
    _check(source, lines, columns)
    for field in FEATURES:
        if pa.types.is_dictionary(field.type):
            columns[field.name] = pc.dictionary_encode(columns[field.name])
    return pa.RecordBatch.from_arrays([columns[field.name] for field in FEATURES], schema=FEATURES)


def _check(source: TextSource, lines: pa.RecordBatch, columns: dict[str, Any]) -> None:
    """Refuse a row that is not as it must be, naming its line."""
    refuse_first(source, lines, misplaced(lines))
    refuse_first(source, lines, pc.is_null(columns["gene_id"]), "{feature} without gene_id")
    unnamed = pc.and_(pc.not_equal(columns["kind"], GENE), pc.is_null(columns["transcript_id"]))
    refuse_first(source, lines, unnamed, "{feature} without transcript_id")


def _pattern(keys: str) -> str:
    return rf'(?:^|;)\s*(?:{keys})\s+(?:"(?P<quoted>[^"]*)"|(?P<bare>[^";\s]+))'


def _attribute(text: Any, keys: str) -> Any:
    """Value of an attribute in each row; null where it is missing or empty."""
    match = pc.extract_regex(text, _pattern(keys))
    value = pc.binary_join_element_wise(pc.struct_field(match, 0), pc.struct_field(match, 1), "")
    return pc.if_else(pc.equal(value, ""), pa.scalar(None, pa.string()), value)


def _tags(text: Any, chosen: Any) -> Any:
    """All values of the repeated attribute ``tag`` of the chosen rows, joined by commas; null where there is none."""
    rows = np.flatnonzero(pc.and_(chosen, pc.match_substring(text, "tag ")).to_numpy(zero_copy_only=False))
    marked = pc.replace_substring_regex(text.take(pa.array(rows)), _TAG, rf"{_OPEN}\1\2{_CLOSE}")
    between = rf"(?:^|{_CLOSE})[^{_OPEN}{_CLOSE}]*(?:{_OPEN}|$)"
    joined = pc.utf8_trim(pc.replace_substring_regex(marked, between, ","), ",")
    joined = pc.replace_substring(joined, " ", "_")
    joined = pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined)
    place = np.full(len(text), -1)
    place[rows] = np.arange(len(rows))
    return take(joined, place)
