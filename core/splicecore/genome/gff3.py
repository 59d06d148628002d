"""Reader of GFF3: RefSeq (MANE included), Ensembl, GENCODE and others, by their hierarchy of ID and Parent.

Types of features are only believed where they must be: an exon's parent is a transcript, whatever it is called, and its
gene is the nearest ancestor with the type of a gene, or else the topmost one. Exons directly below a gene make a
transcript with the gene's id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from splicecore.errors import AnnotationError
from splicecore.genome.arrow import compute as pc
from splicecore.genome.feature_lines import misplaced, read_feature_lines, refuse_first
from splicecore.genome.gff3_models import GENE_TYPE, TRANSCRIPT_TYPE, build_features
from splicecore.genome.hierarchy import decoded

if TYPE_CHECKING:
    from splicecore.genome.text_source import TextSource

__all__ = ["read_gff3"]

_EXONS = pa.array(["exon", "pseudogenic_exon"])
_LEAVES = (
    "^(CDS|UTR|five_prime_UTR|three_prime_UTR|start_codon|stop_codon|intron|polypeptide|protein|region|chromosome"
    "|.*match|match_part)$"
)
_ATTRIBUTES = {
    "id": "ID",
    "parent": "Parent",
    "name": "Name",
    "gene_id": "gene_id|geneID",
    "transcript_id": "transcript_id",
    "gene": "gene",
    "gene_name": "gene_name",
    "gene_biotype": "gene_biotype|gene_type",
    "transcript_biotype": "transcript_biotype|transcript_type",
    "biotype": "biotype",
    "tag": "tag",
    "part": "part",
}


def read_gff3(source: TextSource) -> list[pa.RecordBatch]:
    """Read the genes, transcripts and exons of a GFF3 file.

    Parameters
    ----------
    source
        The file.

    Returns
    -------
    list of RecordBatch of the schema :data:`~splicecore.genome.gene_models.FEATURES`
        0-based half-open coordinates: one batch of genes, one of transcripts, one of exons.

    Raises
    ------
    AnnotationError
        If a line is malformed, an exon has no parent, a Parent names no feature, or one ID is of several genes or
        transcripts (all with the 1-based line); if the file is truncated or has no exon.
    """
    nodes: list[pa.RecordBatch] = []
    exons: list[pa.RecordBatch] = []
    for lines in read_feature_lines(source, _is_wanted, stop_at_fasta=True):
        exon = pc.is_in(lines.column("feature"), value_set=_EXONS)
        exons.append(_exons(source, lines.filter(exon)))
        nodes.append(_nodes(source, lines.filter(pc.invert(exon))))
    if not sum(len(batch) for batch in exons):
        raise AnnotationError(
            f"annotation file {source.path} has no exon", hint="splice sites are read from 'exon' rows, not from CDS"
        )
    return build_features(source, nodes, exons)


def _is_wanted(features: Any) -> Any:
    return pc.invert(pc.match_substring_regex(features, _LEAVES))


def _attribute(text: Any, keys: str) -> Any:
    """Value of an attribute in each row, still percent-encoded; null where it is missing or empty."""
    value = pc.struct_field(pc.extract_regex(text, rf"(?:^|;)\s*(?:{keys})=(?P<value>[^;]+)"), 0)
    return pc.utf8_trim_whitespace(value)


def _exons(source: TextSource, lines: pa.RecordBatch) -> pa.RecordBatch:
    """Exons of a block, with their Parent as it stands."""
    refuse_first(source, lines, misplaced(lines))
    parent = _attribute(lines.column("attributes"), "Parent")
    refuse_first(source, lines, pc.is_null(parent), "{feature} without Parent")
    columns: dict[str, Any] = {
        "line": lines.column("line"),
        "contig": pc.dictionary_encode(decoded(lines.column("contig"))),
        "strand": pc.dictionary_encode(lines.column("strand")),
        "start": lines.column("start"),
        "end": lines.column("end"),
        "parent": pc.dictionary_encode(parent),
    }
    return pa.RecordBatch.from_pydict(columns)


def _nodes(source: TextSource, lines: pa.RecordBatch) -> pa.RecordBatch:
    """Features of a block that may have exons below them, with their attributes."""
    text = lines.column("attributes")
    named = pc.is_valid(_attribute(text, "ID"))
    typed = pc.match_substring_regex(lines.column("feature"), f"{GENE_TYPE}|{TRANSCRIPT_TYPE}")
    refuse_first(source, lines, pc.and_(typed, pc.invert(named)), "{feature} without ID")
    lines = lines.filter(named)
    text = lines.column("attributes")
    columns: dict[str, Any] = {name: lines.column(name) for name in ("line", "feature", "start", "end")}
    columns["contig"] = pc.dictionary_encode(decoded(lines.column("contig")))
    columns["strand"] = pc.dictionary_encode(lines.column("strand"))
    for name, keys in _ATTRIBUTES.items():
        value = _attribute(text, keys)
        columns[name] = value if name == "parent" else decoded(value)
    return pa.RecordBatch.from_pydict(columns)
