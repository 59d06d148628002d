"""Reader of GTF: GENCODE, Ensembl, RefSeq and UCSC flavors, with or without rows of genes and transcripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import pyarrow as pa
import pyarrow.csv as pcsv

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.gene_models import EXON, FEATURES, GENE, TRANSCRIPT

if TYPE_CHECKING:
    from splicecore.genome.text_source import TextSource

__all__ = ["read_gtf"]

_COLUMNS = ["contig", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]
_KINDS = {"gene": GENE, "transcript": TRANSCRIPT, "mRNA": TRANSCRIPT, "exon": EXON}
_BLOCK = 8 << 20
_ATTRIBUTES = {
    "gene_id": "gene_id",
    "transcript_id": "transcript_id",
    "gene_name": "gene_name",
    "gene_biotype": "gene_biotype|gene_type",
    "biotype": "transcript_biotype|transcript_type",
}


class _MalformedError(Exception):
    """Some line of the file is wrong; which one is found by a second, slow pass."""


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
    try:
        try:
            batches = _read(source, _leading_comments(source))
        except pa.ArrowInvalid:
            batches = _read(source, 0, comments_anywhere=True)
    except (_MalformedError, pa.ArrowInvalid) as error:
        _explain(source, error)
    except OSError as error:
        raise source.damaged(error) from error
    if not any(pc.any(pc.equal(batch.column("kind"), EXON), min_count=0).as_py() for batch in batches):
        raise AnnotationError(f"annotation file {source.path} has no exon", hint="is it a GTF file with 'exon' rows?")
    return batches


def _read(source: TextSource, skip: int, *, comments_anywhere: bool = False) -> list[pa.RecordBatch]:
    """Parse the lines after the first ``skip`` ones.

    Comments within the file need a Python function that Arrow's threads call, and such a thread can bring the process
    down if the interpreter ends meanwhile; so it is used only where there are any.
    """
    with source.open_arrow() as stream, _open_csv(stream, skip, _skip_comment if comments_anywhere else None) as reader:
        return [_features(batch) for batch in reader]


def _leading_comments(source: TextSource) -> int:
    """Count the lines before the first one that is neither empty nor a comment."""
    for number, line in source.lines():
        if line.strip() and not line.startswith("#"):
            return number - 1
    return 0


def _open_csv(stream: Any, skip: int, handler: Any) -> Any:
    return pcsv.open_csv(
        stream,
        read_options=pcsv.ReadOptions(column_names=_COLUMNS, block_size=_BLOCK, skip_rows=skip),
        parse_options=pcsv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=handler),
        convert_options=pcsv.ConvertOptions(
            include_columns=["contig", "feature", "start", "end", "strand", "attributes"],
            column_types={
                "contig": pa.string(),
                "feature": pa.string(),
                "start": pa.int64(),
                "end": pa.int64(),
                "strand": pa.string(),
                "attributes": pa.string(),
            },
        ),
    )


def _skip_comment(row: pcsv.InvalidRow) -> Literal["skip", "error"]:
    return "skip" if row.text.startswith("#") else "error"


def _features(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of genes, transcripts and exons of a batch of lines; raises _MalformedError if any is not as it must be."""
    kind = pc.index_in(batch.column("feature"), value_set=pa.array(list(_KINDS)))
    wanted = pc.and_(pc.is_valid(kind), pc.invert(pc.starts_with(batch.column("contig"), "#")))
    batch = batch.filter(wanted)
    text = batch.column("attributes")
    columns: dict[str, Any] = {
        "kind": pa.array(list(_KINDS.values()), type=pa.int8()).take(kind.filter(wanted)),
        "contig": batch.column("contig"),
        "strand": batch.column("strand"),
        "start": pc.subtract(batch.column("start"), 1),
        "end": batch.column("end"),
        **{name: _attribute(text, keys) for name, keys in _ATTRIBUTES.items()},
    }
    if columns["gene_name"].null_count:
        columns["gene_name"] = pc.coalesce(columns["gene_name"], _attribute(text, "gene"))
    if not _well_formed(columns):
        raise _MalformedError
    for field in FEATURES:
        if pa.types.is_dictionary(field.type):
            columns[field.name] = pc.dictionary_encode(columns[field.name])
    return pa.RecordBatch.from_arrays([columns[field.name] for field in FEATURES], schema=FEATURES)


def _well_formed(columns: dict[str, Any]) -> bool:
    conditions = (
        pc.greater_equal(columns["start"], 0),
        pc.less(columns["start"], columns["end"]),
        pc.is_in(columns["strand"], value_set=pa.array(["+", "-"])),
        pc.is_valid(columns["gene_id"]),
        pc.or_(pc.equal(columns["kind"], GENE), pc.is_valid(columns["transcript_id"])),
    )
    return all(pc.all(pc.fill_null(condition, False), min_count=0).as_py() for condition in conditions)


def _pattern(keys: str) -> str:
    return rf'(?:^|;)\s*(?:{keys})\s+(?:"(?P<quoted>[^"]*)"|(?P<bare>[^";\s]+))'


def _attribute(text: Any, keys: str) -> Any:
    """Value of an attribute in each row; null where it is missing or empty."""
    match = pc.extract_regex(text, _pattern(keys))
    value = pc.binary_join_element_wise(pc.struct_field(match, 0), pc.struct_field(match, 1), "")
    return pc.if_else(pc.equal(value, ""), pa.scalar(None, pa.string()), value)


def _explain(source: TextSource, cause: Exception) -> NoReturn:
    """Find the malformed line and raise the error that names it."""
    for number, line in source.lines():
        if not line or line.startswith("#"):
            continue
        problem = _problem(line.split("\t"))
        if problem is not None:
            raise AnnotationError(f"{source.path}, line {number}: {problem}")
    raise AnnotationError(f"annotation file {source.path} cannot be parsed: {cause}") from cause


def _problem(fields: list[str]) -> str | None:
    """Say what is wrong with a line, or None."""
    if len(fields) != len(_COLUMNS):
        return f"{len(fields)} columns separated by tabs instead of {len(_COLUMNS)}"
    row = dict(zip(_COLUMNS, fields, strict=True))
    for name in ("start", "end"):
        if not re.fullmatch(r"\d+", row[name]):
            return f"{name} {row[name]!r} is not a whole number"
    return _feature_problem(row) if row["feature"] in _KINDS else None


def _feature_problem(row: dict[str, str]) -> str | None:
    if int(row["start"]) < 1:
        return f"start {row['start']}; coordinates of GTF begin at 1"
    if int(row["start"]) > int(row["end"]):
        return f"start {row['start']} lies after end {row['end']}"
    if row["strand"] not in ("+", "-"):
        return f"strand {row['strand']!r} is neither '+' nor '-'"
    for name in ("gene_id", "transcript_id") if row["feature"] != "gene" else ("gene_id",):
        match = re.search(_pattern(name), row["attributes"])
        if match is None or not (match["quoted"] or match["bare"]):
            return f"{row['feature']} without {name}"
    return None
